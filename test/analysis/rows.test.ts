import { ValueDigest } from "../../analysis/digest/index.ts";
import {
  acrossTrials,
  RequestRow,
  summarizeBy,
  summarizeDigest,
  summarizeLatencies,
  toTrialSummaryRows,
} from "../../analysis/rows.ts";
import { trialFixture } from "./trial-fixture.ts";

const requests = Array.from({ length: 1000 }, (_, i) => ({ latencyMs: 1000 - i, ok: true }));

describe("summarizeLatencies", () => {
  it("takes nearest-rank percentiles of the requests that succeeded", () => {
    const summary = summarizeLatencies([...requests, { latencyMs: 1e9, ok: false }]);
    expect(summary).toEqual({
      okCount: 1000,
      failedCount: 1,
      meanMs: 500.5,
      p50Ms: 500,
      p90Ms: 900,
      p95Ms: 950,
      p99Ms: 990,
      p999Ms: 999,
      maxMs: 1000,
    });
  });
  it("shows an empty trial as NaN, never as zero", () => {
    expect(summarizeLatencies([])).toMatchObject({ okCount: 0, p50Ms: NaN, meanMs: NaN, maxMs: NaN });
  });
});

describe("summarizeDigest", () => {
  it("agrees with the exact summary within the digest's error", () => {
    const digest = new ValueDigest();
    for (const { latencyMs } of requests) digest.add(latencyMs);
    const { p50Ms, p999Ms, maxMs, okCount } = summarizeDigest(digest);
    expect(Math.abs(p50Ms - 500) / 500).toBeLessThanOrEqual(digest.relativeError);
    expect(Math.abs(p999Ms - 999) / 999).toBeLessThanOrEqual(digest.relativeError);
    expect([maxMs, okCount]).toEqual([1000, 1000]);
  });
});

describe("RequestRow", () => {
  it("takes a request for one that succeeded unless told, and refuses a negative latency", () => {
    expect(RequestRow.parse({ startMs: 1, latencyMs: 2 }).ok).toBe(true);
    expect(RequestRow.safeParse({ startMs: 1, latencyMs: -2 }).success).toBe(false);
  });
});

describe("toTrialSummaryRows", () => {
  it("lays parameters and metrics flat, nested ones by their path", () => {
    expect(toTrialSummaryRows([trialFixture()])).toEqual([
      {
        clients: 4,
        mode: "group",
        "server.cpus": 2,
        p50Ms: 1.5,
        runId: "demo-260101-0000-abcd",
        pointKey: "clients=4",
        trialIndex: 0,
      },
    ]);
  });
});

describe("acrossTrials", () => {
  const rows = [
    { clients: 1, p50Ms: 3 },
    { clients: 2, p50Ms: 10 },
    { clients: 1, p50Ms: 1 },
    { clients: 1, p50Ms: 2 },
    { clients: 1, p50Ms: NaN },
  ];
  const point = (interval: "range" | "quartiles" | "t" | "bootstrap") =>
    acrossTrials(rows, { by: ["clients"], values: ["p50Ms"], interval });

  it("gives the median and the range of each point, in order of appearance", () => {
    expect(point("range")).toEqual([
      { clients: 1, trialCount: 4, p50Ms: 2, p50MsLow: 1, p50MsHigh: 3 },
      { clients: 2, trialCount: 1, p50Ms: 10, p50MsLow: 10, p50MsHigh: 10 },
    ]);
  });

  it("gives Student's interval around the mean", () => {
    // t(0.975, 2) = 4.30265; s = 1, n = 3.
    const first = point("t")[0]!;
    expect([first.p50MsLow, first.p50MsHigh].map((v) => v.toFixed(4))).toEqual(["-0.4841", "4.4841"]);
  });

  it.each(["quartiles", "bootstrap"] as const)("gives %s inside the range, the same each time", (interval) => {
    const first = point(interval)[0]!;
    expect(first.p50MsLow).toBeGreaterThanOrEqual(1);
    expect(first.p50MsHigh).toBeLessThanOrEqual(3);
    expect(point(interval)).toEqual(point(interval));
  });

  it("gives NaN where no trial had a number", () => {
    expect(acrossTrials([{ a: 1, v: NaN }], { by: ["a"], values: ["v"] })[0]).toMatchObject({ v: NaN, vLow: NaN });
  });
});

describe("summarizeBy", () => {
  it("tells 1 from the text 1, and several keys apart", () => {
    const rows: { a: string | number; b: string }[] = [
      { a: 1, b: "x" },
      { a: "1", b: "x" },
      { a: 1, b: "x" },
    ];
    expect(summarizeBy(rows, ["a", "b"], (group) => ({ n: group.length }))).toEqual([
      { a: 1, b: "x", n: 2 },
      { a: "1", b: "x", n: 1 },
    ]);
  });
});
