import { checkRows } from "../../../analysis/figure.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";
import { collectPublished } from "../../../experiments/frankenpaxos/published.ts";
import { readRecording } from "../../../experiments/frankenpaxos/recorder-csv.ts";
import type { Recording } from "../../../experiments/frankenpaxos/recorder-csv.ts";
import { timelineRows } from "../../../experiments/frankenpaxos/timeline-figures.ts";
import type { TimelineRow } from "../../../experiments/frankenpaxos/timeline-figures.ts";
import {
  cutRequests,
  rollingSeries,
  rowsWhere,
  splitAtOutage,
  summarizeWindow,
} from "../../../experiments/frankenpaxos/timelines.ts";
import type { Cut, Requests, RollingSeries, WindowSummary } from "../../../experiments/frankenpaxos/timelines.ts";
import { describeShared, deviation, hasPublished, readPublishedFile, readReference } from "./shared-data.ts";

const requests = (elapsedMs: readonly number[]): Requests => ({
  elapsedMs: Float64Array.from(elapsedMs),
  latencyMs: new Float64Array(elapsedMs.length).fill(1),
  counts: new Float64Array(elapsedMs.length).fill(1),
});

describe("splitAtOutage", () => {
  it("splits at the first silence of over a second only", () => {
    const parts = splitAtOutage(requests([0, 500, 1_500, 2_501, 2_600, 9_000]));
    expect(parts.map(({ elapsedMs }) => [...elapsedMs])).toEqual([
      [0, 500, 1_500],
      [2_501, 2_600, 9_000],
    ]);
  });

  it("leaves a run without outage whole", () => {
    expect(splitAtOutage(requests([0, 1_000, 2_000]))).toHaveLength(1);
  });
});

describe("timelineRows", () => {
  it("breaks both lines at an outage", () => {
    const steady = Array.from({ length: 300 }, (_, i) => i * 10);
    const rows = timelineRows("1 client", requests([...steady, ...steady.map((at) => at + 8_000)]), { isSplit: true });
    const breaks = rows.filter((row) => row.latencyMs === null && row.throughputPerSec === null);
    expect(breaks.map(({ panel, elapsedSec }) => [panel, elapsedSec])).toEqual([
      ["latency", 8],
      ["throughput", 8],
    ]);
    // 100 requests a second: whole windows before, the ramp behind.
    const rates = rows.filter(({ panel }) => panel === "throughput").map((row) => row.throughputPerSec);
    expect(rates[0]).toBe(100);
    expect(rates.at(-1)).toBe(100);
  });
});

const reference = readReference();
const matchmaker = "vldb20_matchmaker";

const recordings = new Map<string, Promise<Recording>>();
const recordingOf = (path: string): Promise<Recording> => {
  const known = recordings.get(path);
  if (known) return known;
  const reading = (async () => {
    const bytes = await readPublishedFile(path);
    return readRecording(
      (async function* () {
        yield await Promise.resolve(bytes ?? new Uint8Array());
      })(),
      path,
    );
  })();
  recordings.set(path, reading);
  return reading;
};
const cutOf = async (path: string, cut: Cut): Promise<Requests> => cutRequests(await recordingOf(path), cut);

/** The value at the first row at or after a second of the axis. */
function valueAt(elapsedMs: Float64Array, values: Float64Array, sec: number): number {
  const index = elapsedMs.findIndex((at) => at >= sec * 1_000);
  return values[index] ?? NaN;
}

interface Samples {
  readonly throughput_1s: Readonly<Record<string, number>>;
  readonly latency_median_1s_ms: Readonly<Record<string, number>>;
  readonly latency_p95_1s_ms: Readonly<Record<string, number>>;
}

function compareSamples({ latency, throughput }: RollingSeries, samples: Samples): number {
  let compared = 0;
  const compare = (
    elapsedMs: Float64Array,
    values: Float64Array,
    expected: Readonly<Record<string, number>>,
    digits: number,
  ): void => {
    for (const [sec, value] of Object.entries(expected)) {
      expect([sec, Math.abs(valueAt(elapsedMs, values, Number(sec)) - value) <= 0.501 * 10 ** -digits]).toEqual([
        sec,
        true,
      ]);
      compared++;
    }
  };
  compare(throughput.elapsedMs, throughput.perSec, samples.throughput_1s, 3);
  compare(latency.elapsedMs, latency.medianMs, samples.latency_median_1s_ms, 4);
  compare(latency.elapsedMs, latency.p95Ms, samples.latency_p95_1s_ms, 4);
  return compared;
}

/** Seven significant digits, of which a quarter of a thousandth may be a half. */
const tolerance = 5.1e-7;

function compareSummary(
  ours: WindowSummary | undefined,
  expected: { p25: number; p50: number; p75: number; std: number; n?: number } | undefined,
): void {
  if (!ours || !expected) throw new Error("nothing to compare");
  for (const [own, theirs] of [
    [ours.p25, expected.p25],
    [ours.p50, expected.p50],
    [ours.p75, expected.p75],
    [ours.deviation, expected.std],
    [ours.count, expected.n ?? ours.count],
  ] as const)
    expect(deviation(own, theirs)).toBeLessThan(tolerance);
}

const reconfigurations = [
  ["leader_reconfiguration", "f1n1", 10, 10],
  ["leader_reconfiguration", "f1n4", 10, 15],
  ["leader_reconfiguration", "f2n1", 10, 10],
  ["leader_reconfiguration", "f2n4", 10, 11],
  ["leader_reconfiguration", "f2n8", 10, 11],
  ["matchmaker_reconfiguration", "f1n1", 15, 15],
  ["matchmaker_reconfiguration", "f2n1", 15, 15],
  ["non_thrifty_leader_reconfiguration", "f1n1", 10, 10],
  ["horizontal_leader_reconfiguration", "n1", 10, 5],
] as const;
const outages = [
  ["leader_failure", "n1", 12, 3],
  ["leader_failure", "n4", 12.35, 3],
  ["leader_failure", "n8", 12.45, 3],
  ["horizontal_leader_failure", "n1", 12, 3],
  ["horizontal_leader_failure", "n4", 12.25, 3],
  ["horizontal_leader_failure", "n8", 12.25, 3],
  ["chaos", "n1", 10, 10],
] as const;
const pathOf = (figure: string, run: string): string =>
  `${matchmaker}/${figure}/${figure.startsWith("horizontal") ? `f=1_n=${run.slice(1)}` : run}.csv.gz`;

describeShared("time series against the reference", () => {
  for (const [figure, run, headSec, tailSec] of reconfigurations) {
    const test = hasPublished(pathOf(figure, run)) ? it : it.skip;
    test(`${figure} ${run}: quartiles before and during the reconfigurations agree`, async () => {
      const all = await cutOf(pathOf(figure, run), { headSec, tailSec });
      const expected = reference?.time_series[`matchmaker.${figure}`]?.configurations[run];
      const before = summarizeWindow(rowsWhere(all, 0, 10_000));
      const during = summarizeWindow(rowsWhere(all, 10_000, 20_000));
      compareSummary(before.throughputPerSec, expected?.["throughput_before"]);
      compareSummary(during.throughputPerSec, expected?.["throughput_during"]);
      compareSummary(before.latencyMs, expected?.["latency_before"]);
      compareSummary(during.latencyMs, expected?.["latency_during"]);
    });
  }

  for (const [figure, run, headSec, tailSec] of outages) {
    const test = hasPublished(pathOf(figure, run)) ? it : it.skip;
    test(`${figure} ${run}: the gap and the quartiles around it agree`, async () => {
      const [before, after] = splitAtOutage(await cutOf(pathOf(figure, run), { headSec, tailSec }));
      if (!before || !after) throw new Error("no outage");
      const expected = reference?.time_series[`matchmaker.${figure}`]?.configurations[run];
      // Stated to the millisecond, as recorded.
      const [fromMs, toMs] = [before.elapsedMs.at(-1) ?? NaN, after.elapsedMs[0] ?? NaN];
      expect(fromMs).toBeCloseTo((expected?.["gap_start"]?.value ?? NaN) * 1_000, 6);
      expect(toMs).toBeCloseTo((expected?.["gap_end"]?.value ?? NaN) * 1_000, 6);
      expect(toMs - fromMs).toBeCloseTo(expected?.["gap"]?.value ?? NaN, 6);
      compareSummary(summarizeWindow(before).throughputPerSec, expected?.["throughput_before"]);
      compareSummary(summarizeWindow(after).throughputPerSec, expected?.["throughput_after_first_second_dropped"]);
      compareSummary(summarizeWindow(before).latencyMs, expected?.["latency_before"]);
      compareSummary(summarizeWindow(after).latencyMs, expected?.["latency_after"]);
    });
  }

  const samples = reference?.time_series_samples ?? {};
  it("leader reconfiguration, one client: the rolling series agree at the sampled seconds", async () => {
    const all = await cutOf(pathOf("leader_reconfiguration", "f1n1"), { headSec: 10, tailSec: 10 });
    const expected = samples["matchmaker.leader_reconfiguration.f1n1"] as Samples; // As the reference has it.
    expect(compareSamples(rollingSeries(all, "firstWindowDropped"), expected)).toBe(24);
  });

  it("horizontal leader reconfiguration, one client: the rolling series agree at the sampled seconds", async () => {
    const all = await cutOf(pathOf("horizontal_leader_reconfiguration", "n1"), { headSec: 10, tailSec: 5 });
    const expected = samples["matchmaker.horizontal_leader_reconfiguration.n1"] as Samples; // As the reference has it.
    expect(compareSamples(rollingSeries(all, "firstWindowDropped"), expected)).toBe(24);
  });

  it("leader failure, one client: the rolling series agree on both sides of the outage", async () => {
    const [before, after] = splitAtOutage(await cutOf(pathOf("leader_failure", "n1"), { headSec: 12, tailSec: 3 }));
    if (!before || !after) throw new Error("no outage");
    const expected = samples["matchmaker.leader_failure.n1"] as { before: Samples; after: Samples }; // As the reference has it.
    expect(compareSamples(rollingSeries(before, "firstWindowDropped"), expected.before)).toBe(12);
    expect(compareSamples(rollingSeries(after, "rampCorrected"), expected.after)).toBe(15);
  });

  it("draws the leader's failure, and otherwise once a request is gone", async () => {
    const path = pathOf("leader_failure", "n1");
    const rowsFrom = async (bytes: Uint8Array | undefined): Promise<readonly TimelineRow[]> => {
      const read = (each: string) => Promise.resolve(each === path ? bytes : undefined);
      for await (const { figure, rows } of collectPublished(read, { names: ["matchmaker-leader-failure"] })) {
        const checked = checkRows(figure, rows) as TimelineRow[]; // The figure's own schema has checked them.
        const { svg, warnings } = await renderFigure(figure.spec(checked), { formats: ["svg"] });
        expect(svg).toContain("new leader");
        expect(warnings).toEqual([]);
        return checked;
      }
      throw new Error("no figure");
    };
    const bytes = Buffer.from((await readPublishedFile(path)) ?? []);
    const { gunzipSync } = await import("node:zlib");
    const lines = gunzipSync(bytes).toString("utf8").split("\n");
    const before = await rowsFrom(bytes);
    const after = await rowsFrom(Buffer.from(lines.toSpliced(60_000, 1).join("\n")));
    expect(before.length).toBeGreaterThan(1_000);
    expect(after).not.toEqual(before);
  });
});
