import { landedMetrics } from "../../../core/monitoring/landed.ts";

const prefix = "main.n=1/trial-0/attempt-2";
const sha256 = "a".repeat(64);
const artifact = (
  path: string,
  over: { complete?: boolean; parts?: { key: string; bytes: number; sha256: string }[] } = {},
) => ({
  ...{ key: `${prefix}/${path}`, bytes: 7, sha256, complete: true },
  ...over,
});
const landed = (...artifacts: ReturnType<typeof artifact>[]) =>
  landedMetrics({ runId: "r", pointKey: "main.n=1", trialIndex: 0, attempt: 2, artifacts });

describe("landedMetrics", () => {
  it("finds the archive, whole or in parts", () => {
    const parts = [0, 1].map((n) => ({ key: `${prefix}/h/prometheus-0/tsdb.tar.gz.part000${n}`, bytes: 4, sha256 }));
    expect(landed(artifact("h/prometheus-0/tsdb.tar.gz"))).toEqual({
      ...{ kind: "kept", bytes: 7, sha256 },
      keys: [`runs/r/${prefix}/h/prometheus-0/tsdb.tar.gz`],
    });
    expect(landed(artifact("h/prometheus-0/tsdb.tar.gz", { parts }))).toMatchObject({
      keys: parts.map(({ key }) => `runs/r/${key}`),
    });
  });

  it("tells metrics that were too large from none, and takes no half of them", () => {
    expect(landed(artifact("h/prometheus-0/tsdb.too-large"))).toEqual({ kind: "tooLarge" });
    expect(landed(artifact("h/other-0/tsdb.tar.gz"))).toEqual({ kind: "none" });
    expect(landed(artifact("h/prometheus-0/tsdb.tar.gz", { complete: false }))).toEqual({ kind: "none" });
  });
});
