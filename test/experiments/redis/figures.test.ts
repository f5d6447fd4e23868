import { readFileSync } from "node:fs";
import { latencyByClients, loadCurve, throughputByPayload } from "../../../experiments/redis/figures.ts";
import type { Trial } from "../../../analysis/trials.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/redis/${name}`, import.meta.url), "utf8");

/** A trial whose hosts left the captured CSV. */
const trialFixture = (over: Readonly<Record<string, number>> = {}, trialIndex = 0): Trial => ({
  runId: "run-1",
  experiment: "redis",
  sweep: "clients",
  pointKey: JSON.stringify(over),
  parameters: { payloadBytes: 256, pipeline: 1, clients: 8, ...over },
  trialIndex,
  trialKey: "a".repeat(64),
  attempt: 1,
  summary: {},
  artifacts: ["set", "get"].flatMap((command) =>
    [0, 1].map((host) => {
      const text = fixture(`set-client-${host}.csv`).replace("SET", command.toUpperCase());
      return {
        key: `client-${host}/${command}-${host}/${command}.csv`,
        host: `client-${host}`,
        path: `${command}-${host}/${command}.csv`,
        bytes: text.length,
        sha256: "b".repeat(64),
        open: async function* () {
          yield await Promise.resolve(new TextEncoder().encode(text));
        },
      };
    }),
  ),
});

describe("redis figures", () => {
  it("give one row a command and point, over trials and client hosts", async () => {
    const trials = [trialFixture(), trialFixture({}, 1), trialFixture({ clients: 32 })];
    const rows = (await loadCurve.rows?.(trials)) ?? [];
    expect(rows.map(({ command, clients, trialCount }) => [command, clients, trialCount])).toEqual([
      ["SET", 8, 2],
      ["GET", 8, 2],
      ["SET", 32, 1],
      ["GET", 32, 1],
    ]);
    expect(rows[0]).toMatchObject({
      throughputPerSec: 2 * 113912.25,
      p99Ms: 4.207,
      p99MsLow: 4.207,
      clientsLabel: "8",
    });
  });

  it("splits percentiles into rows of their own", async () => {
    const rows = (await latencyByClients.rows?.([trialFixture()])) ?? [];
    expect(rows.map(({ command, percentile, latencyMs }) => [command, percentile, latencyMs])).toEqual([
      ["SET", "p50", 0.255],
      ["SET", "p99", 4.207],
      ["GET", "p50", 0.255],
      ["GET", "p99", 4.207],
    ]);
  });

  it("need just the points that they show", () => {
    expect([1, 16].map((pipeline) => latencyByClients.needs?.points?.({ pipeline }))).toEqual([true, false]);
    expect(throughputByPayload.needs).toEqual({ sweeps: ["payload"] });
  });

  it("draw one panel a command", async () => {
    const rows = (await throughputByPayload.rows?.([trialFixture(), trialFixture({ payloadBytes: 2048 })])) ?? [];
    expect(throughputByPayload.spec(rows)).toMatchObject({
      concat: [{ title: { text: "SET" } }, { title: { text: "GET" } }],
    });
  });

  it("name labels by panel, or Vega-Lite would draw one panel's in both", async () => {
    const rows = (await loadCurve.rows?.([trialFixture()])) ?? [];
    const names = [...JSON.stringify(loadCurve.spec(rows)).matchAll(/"name":"(movableLabels\w*)"/g)].map(
      ([, name]) => name,
    );
    expect(names).toEqual(["movableLabelsPanel0", "movableLabelsPanel1"]);
  });

  it("name the file that isn't redis-benchmark's", async () => {
    const trial = trialFixture();
    const [first, ...rest] = trial.artifacts;
    if (!first) throw new Error("the fixture has artifacts");
    const broken = {
      ...first,
      open: async function* () {
        yield await Promise.resolve(new TextEncoder().encode("Could not connect\n"));
      },
    };
    await expect(loadCurve.rows?.([{ ...trial, artifacts: [broken, ...rest] }])).rejects.toThrow(
      "client-0/set-0/set.csv:1: not redis-benchmark's header",
    );
  });
});
