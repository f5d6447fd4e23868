import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { captionOf, checkRows } from "../../../analysis/figure.ts";
import type { Figure } from "../../../analysis/figure.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";
import type { Trial, TrialArtifact } from "../../../analysis/trials.ts";
import { collectResults } from "../../../experiments/frankenpaxos/import-results.ts";
import * as matchmaker from "../../../experiments/frankenpaxos/matchmaker-figures.ts";
import * as mencius from "../../../experiments/frankenpaxos/mencius-figures.ts";
import * as nsdi from "../../../experiments/frankenpaxos/nsdi-figures.ts";
import { collectPublished, publishedFigures } from "../../../experiments/frankenpaxos/published.ts";
import { toResultRow } from "../../../experiments/frankenpaxos/trial-results.ts";
import { describeShared, hasPublished, readPublishedFile } from "./shared-data.ts";

const artifact = (path: string, body: string | Uint8Array): TrialArtifact => ({
  key: `runs/r/${path}`,
  host: "client-0",
  path,
  bytes: body.length,
  sha256: "0".repeat(64),
  open: async function* () {
    yield await Promise.resolve(Buffer.from(body));
  },
});

const trialOf = (over: Partial<Trial>): Trial => ({
  ...{ runId: "r", experiment: "e", sweep: "s", pointKey: "p", trialIndex: 0, trialKey: "k", attempt: 1 },
  ...{ parameters: {}, summary: {}, artifacts: [] },
  ...over,
});

const startMs = Date.parse("2026-11-21T12:21:10Z");

/** Requests each so many ms, as a plain recorder writes them; `silent` leaves some out. */
function recorder(
  seconds: number,
  {
    everyMs = 20,
    latencyMs = () => 2,
    silent = () => false,
  }: { everyMs?: number; latencyMs?: (ms: number) => number; silent?: (ms: number) => boolean } = {},
): string {
  const lines = Array.from({ length: (seconds * 1_000) / everyMs }, (_, i) => i * everyMs)
    .filter((ms) => !silent(ms))
    .map((ms) => {
      const [start, stop] = [startMs + ms, startMs + ms + latencyMs(ms)].map((at) => new Date(at).toISOString());
      return `${start ?? ""},${stop ?? ""},${latencyMs(ms) * 1e6},127.0.0.1,10000`;
    });
  return ["start,stop,latency_nanos,host,port", ...lines, ""].join("\n");
}

const rowsOf = async <Row extends object>(figure: Figure<Row>, trials: readonly Trial[]): Promise<Row[]> =>
  checkRows(figure, (await figure.rows?.(trials)) ?? []);

describe("figures of nsdi.yaml", () => {
  const trial = (parameters: Trial["parameters"], seconds = 4): Trial =>
    trialOf({
      parameters: { f: 1, clientProcesses: 6, clientsPerProcess: 100, ...parameters },
      artifacts: [artifact("client-0/client_0_data.csv", recorder(seconds))],
    });

  it("name series by protocol and share of conflicts", async () => {
    const trials = [
      trial({ protocol: "fastmultipaxos", conflictRate: 0 }),
      trial({ protocol: "simplebpaxos", conflictRate: 0 }),
      trial({ protocol: "simplebpaxos", conflictRate: 0.02 }),
    ];
    const rows = await rowsOf(nsdi.latencyThroughputF1, trials);
    expect(rows.map(({ series, clients, throughputPerSec }) => [series, clients, throughputPerSec])).toEqual([
      ["MultiPaxos", 600, 50],
      ["BPaxos (0.0)", 600, 50],
      ["BPaxos (0.02)", 600, 50],
    ]);
    expect(nsdi.latencyThroughputF2.needs?.points?.({ f: 1 })).toBe(false);
  });

  it("leave out the warm-up that EPaxos' clients record", async () => {
    const epaxos = trialOf({
      parameters: { protocol: "epaxos", warmupSec: 5, warmupSleepSec: 5, clientProcesses: 1, clientsPerProcess: 1 },
      artifacts: [
        artifact(
          "client_0_data.csv",
          recorder(14, { latencyMs: (ms) => (ms < 5_000 ? 50 : 2), silent: (ms) => ms >= 5_000 && ms < 10_000 }),
        ),
      ],
    });
    const row = await toResultRow(epaxos);
    expect(row.outputs.write?.latencyMs.max).toBe(2);
    expect((await nsdi.trialMetrics(epaxos))["latencyMs"]).toBe(2);
  });

  it("put coupled BPaxos before the numbers of leaders, in their order", async () => {
    const trials = [
      trial({ protocol: "simplebpaxos", leaders: 10 }),
      trial({ protocol: "simplebpaxos", leaders: 3 }),
      trial({ protocol: "superbpaxos", leaders: 3 }),
    ];
    const rows = await rowsOf(nsdi.leadersHighLoadThroughput, trials);
    expect(rows.map(({ configuration }) => configuration)).toEqual(["coupled", "3 leaders", "10 leaders"]);
    const { svg } = await renderFigure(nsdi.leadersHighLoadThroughput.spec(rows), { formats: ["svg"] });
    expect(svg).toContain("10 leaders");
  });
});

describe("figures of mencius.yaml", () => {
  it("have coupled and compartmentalized Mencius", async () => {
    const trials = ["mencius", "supermencius"].map((protocol) =>
      trialOf({
        parameters: { protocol, clientProcesses: 1, clientsPerProcess: 10 },
        artifacts: [artifact("client_0_data.csv", recorder(4))],
      }),
    );
    const rows = await rowsOf(mencius.latencyThroughput, trials);
    expect(rows.map(({ series }) => series)).toEqual(["Compartmentalized Mencius", "Mencius"]);
  });
});

describe("figures of matchmaker.yaml", () => {
  const driver = readFileSync(new URL("../../fixtures/frankenpaxos/driver-chaos.out", import.meta.url), "utf8");
  const trial = (sweep: string, over: Partial<Trial> = {}, silent = (_ms: number) => false): Trial =>
    trialOf({
      sweep,
      parameters: { protocol: "matchmakermultipaxos", f: 1, clientProcesses: 1, clientsPerProcess: 1 },
      artifacts: [artifact("client-0/client_0_data.csv", recorder(50, { silent })), artifact("driver-0.out", driver)],
      ...over,
    });
  const chaos = matchmaker.timelineFigures.find(({ name }) => name === "chaos");

  it("draw what the driver's log says was done, with times from the axis' origin", async () => {
    if (!chaos) throw new Error("no figure of chaos");
    const more = { ...trial("chaos").parameters, clientProcesses: 4 };
    const trials = [trial("chaos", { parameters: more, trialIndex: 1 }), trial("chaos", { trialIndex: 2 })];
    const rows = await rowsOf(chaos, [...trials, trial("chaos", { trialIndex: 3 })]);
    // The axis begins ten seconds after the first request.
    expect(rows.filter(({ panel }) => panel === "event").map(({ event, elapsedSec }) => [event, elapsedSec])).toEqual([
      ["leader failure", 5.651],
      ["acceptor failure", 5.95],
      ["matchmaker failure", 6.897],
      ["acceptor recover", 15.529],
      ["matchmaker recover", 20.528],
    ]);
    expect([...new Set(rows.map(({ series }) => series))]).toEqual(["1 client", "4 clients"]);
    const throughput = rows.filter(({ panel, series }) => panel === "throughput" && series === "1 client");
    expect(throughput.every(({ throughputPerSec }) => throughputPerSec === 50)).toBe(true);
    const { svg } = await renderFigure(chaos.spec(rows), { formats: ["svg"] });
    expect(svg).toContain("acceptor recover");
    const first = rows[0];
    expect(first && trials.map((one) => chaos.isFrom?.(first, one))).toEqual([false, true]);
  });

  it("draw an imported run, which has no log, without events", async () => {
    if (!chaos) throw new Error("no figure of chaos");
    const imported = trial("chaos", { artifacts: [artifact("data.csv.gz", gzipSync(recorder(40)))] });
    const rows = await rowsOf(chaos, [imported]);
    expect(rows.some(({ panel }) => panel === "event")).toBe(false);
    expect(captionOf(chaos, rows)).not.toContain("Dashed");
  });

  it("measure what reconfigurations leave, and the longest silence", async () => {
    const slower = (ms: number): boolean => ms >= 20_000 && ms < 30_000 && (ms / 20) % 2 === 1;
    expect(await matchmaker.trialMetrics(trial("leader-reconfiguration", {}, slower))).toEqual({
      longestSilenceSec: 0.04,
      throughputKept: 0.5,
      latencyKept: 1,
    });
    const outage = (ms: number): boolean => ms > 20_000 && ms < 24_000;
    expect(await matchmaker.trialMetrics(trial("leader-failure", {}, outage))).toEqual({ longestSilenceSec: 4 });
    expect(Object.keys(await matchmaker.trialMetrics(trial("matchmaker-lt")))).toContain("throughputPerSec");
  });
});

describeShared("marks of the papers' figures", () => {
  it("lead to the imported trials that they are drawn from", async () => {
    const paths = [...new Set(publishedFigures.flatMap(({ inputs }) => inputs))].filter(hasPublished);
    const { trials: found } = await collectResults(
      { paths, read: async (path) => (await readPublishedFile(path)) ?? new Uint8Array() },
      { includesTuning: true },
    );
    const trials = found.map(({ sweep, parameters, summary }, index) =>
      trialOf({ sweep, parameters, summary, trialIndex: index }),
    );
    const unled: string[] = [];
    let figureCount = 0;
    for await (const { figure, rows } of collectPublished(readPublishedFile)) {
      if (rows.length === 0) continue;
      const { isFrom, name } = figure;
      figureCount++;
      // Formulas and constants of plot scripts are nobody's measurement.
      const measured = (rows as readonly { trialCount?: number }[]).filter(({ trialCount }) => trialCount !== 0);
      for (const row of measured.filter((_, index) => index % 97 === 0 || measured.length < 500)) {
        const own = trials.filter((trial) => isFrom?.(row, trial) === true);
        const expected = row.trialCount;
        if (own.length === 0 || (expected !== undefined && own.length !== expected))
          unled.push(`${name}: ${own.length} trials behind ${JSON.stringify(row).slice(0, 200)}`);
      }
    }
    expect(unled).toEqual([]);
    expect(figureCount).toBeGreaterThan(20);
  });
});
