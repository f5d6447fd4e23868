import {
  correlation,
  coefficientOfVariation,
  interpolatedQuantile,
  geometricMean,
  median,
  summarize,
} from "../../../analysis/statistics/descriptive.ts";
import { bootstrapInterval } from "../../../analysis/statistics/bootstrap.ts";
import { hierarchicalBootstrap } from "../../../analysis/statistics/hierarchical.ts";
import { completeJoin, filterByOverlap, relativeOverlapTime, walkJoin } from "../../../analysis/statistics/overlap.ts";
import type { OverlapPair, Span } from "../../../analysis/statistics/overlap.ts";
import { gaps, rollingQuantile, rollingRates, summarizeRates } from "../../../analysis/statistics/rates.ts";
import type { FirstWindowRule } from "../../../analysis/statistics/rates.ts";
import { synchronousLogRatio } from "../../../analysis/statistics/run-ratio.ts";
import { varianceBudget } from "../../../analysis/statistics/variance-budget.ts";
import { describeShared, hasShared, readShared, readSharedCsv } from "./shared-data.ts";

/** The parts of the reference files that are used here. */
interface DuetReference {
  readonly test_vectors: {
    readonly overlap: readonly {
      readonly note: string;
      readonly A: readonly (readonly [number, number])[];
      readonly B: readonly (readonly [number, number])[];
      readonly pairs_original_sweep: readonly (readonly [number, number])[];
      readonly pairs_complete: readonly (readonly [number, number])[];
      readonly overlap_times_complete: readonly number[];
      readonly overlap_rates_complete: readonly number[];
    }[];
  };
  readonly dacapo_timeline_published_split?: Readonly<
    Record<string, Readonly<Record<"raw" | "second_half", TimelineValues>>>
  >;
  readonly duetfaas_published_split?: Readonly<Record<string, FunctionValues>>;
}
interface FunctionValues {
  readonly n: number;
  readonly machines: number;
  readonly median_ratio_change_pct: number;
  readonly ci99_percentile_of_median_pct: readonly [number, number];
  readonly geomean_ratio_change_pct: number;
  readonly ci95_percentile_of_geomean_pct: readonly [number, number];
  readonly ci95_machine_cluster_bootstrap_of_median_pct: readonly [number, number];
  readonly pearson_r_a_b: number;
  readonly cv_a: number;
  readonly cv_ratio: number;
}
type TimelineValues = Readonly<Record<string, number | ThresholdValues>> & {
  readonly n_A: number;
  readonly n_B: number;
};
interface ThresholdValues {
  readonly sweep: number;
  readonly full: number;
  readonly relative_overlap_time_full: number;
  readonly mean_diff_ms_full: number | null;
  readonly mean_log_ratio_B_over_A_full: number | null;
}

const duet = (
  hasShared ? JSON.parse(readShared("systems/duet.reference.json")) : { test_vectors: { overlap: [] } }
) as DuetReference; // read once; the fields above are in it
const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describeShared("overlap vectors of the duet description", () => {
  const toSpans = (list: readonly (readonly [number, number])[]): Span[] =>
    list.map(([start, end]) => ({ start, end }));
  const indices = (pairs: readonly OverlapPair[]) => pairs.map(({ a, b }) => [a, b]);
  it.each(duet.test_vectors.overlap)("$note", (vector) => {
    const [a, b] = [toSpans(vector.A), toSpans(vector.B)];
    const complete = completeJoin(a, b);
    expect(indices(walkJoin(a, b))).toEqual(vector.pairs_original_sweep);
    expect(indices(complete)).toEqual(vector.pairs_complete);
    expect(complete.map(({ overlap }) => overlap)).toEqual(vector.overlap_times_complete);
    const rates = complete.map(
      (pair) => pair.overlap / Math.max(a[pair.a]!.end - a[pair.a]!.start, b[pair.b]!.end - b[pair.b]!.start),
    );
    expect(rates).toEqual(vector.overlap_rates_complete.map((rate) => expect.closeTo(rate, 6) as number));
  });
});

describeShared("dacapo-timeline.csv", () => {
  const rows = hasShared ? readSharedCsv("published/duet/dacapo-timeline.csv") : [];
  const origin = Math.min(...rows.map((row) => Number(row["start_ms"])));
  const spansOf = (key: string, pair: string, half: boolean) => {
    const [benchmark, type, runid] = key.split("/");
    const run = rows.filter((row) => row["benchmark"] === benchmark && row["type"] === type && row["runid"] === runid);
    const last = Math.max(...run.map((row) => Number(row["iteration"])));
    return run
      .filter((row) => row["pair"] === pair && (!half || Number(row["iteration"]) >= last / 2))
      .map((row) => {
        const start = Number(row["start_ms"]) - origin;
        return { start, end: start + Number(row["duration_ms"]) };
      });
  };
  const cases = Object.entries(duet.dacapo_timeline_published_split ?? {}).flatMap(([key, parts]) =>
    (["raw", "second_half"] as const).map((part) => ({ key, part, values: parts[part] })),
  );

  it.each(cases.filter(({ key }) => key.includes("/duet/")))(
    "joins $key ($part) as the reference does",
    ({ key, part, values }) => {
      const [a, b] = [spansOf(key, "A", part === "second_half"), spansOf(key, "B", part === "second_half")];
      expect([a.length, b.length]).toEqual([values.n_A, values.n_B]);
      const [walked, complete] = [walkJoin(a, b), completeJoin(a, b)];
      expect([walked.length, complete.length]).toEqual([values["overlaps_sweep"], values["overlaps_full"]]);
      for (const p of [0.1, 0.3, 0.4, 0.5, 0.7, 0.9]) {
        const expected = values[`p${p}`] as ThresholdValues; // the p fields are such objects
        const kept = filterByOverlap(complete, a, b, p);
        expect([filterByOverlap(walked, a, b, p).length, kept.length]).toEqual([expected.sweep, expected.full]);
        expect(relativeOverlapTime(kept, a, b)).toBeCloseTo(expected.relative_overlap_time_full, 6);
        if (kept.length === 0) continue;
        const times = kept.map(
          (pair) => [a[pair.a]!.end - a[pair.a]!.start, b[pair.b]!.end - b[pair.b]!.start] as const,
        );
        expect(average(times.map(([x, y]) => x - y))).toBeCloseTo(expected.mean_diff_ms_full!, 6);
        expect(average(times.map(([x, y]) => Math.log(y / x)))).toBeCloseTo(expected.mean_log_ratio_B_over_A_full!, 8);
      }
    },
  );
  it.each(cases.filter(({ key }) => key.includes("/syncduet/")))(
    "pairs $key ($part) by index, in step",
    ({ key, part, values }) => {
      const ratio = synchronousLogRatio(
        spansOf(key, "A", part === "second_half"),
        spansOf(key, "B", part === "second_half"),
      );
      expect(ratio.pairs).toBe(values["pairs"]);
      expect(ratio.maximumStartSkew).toBe(values["max_start_skew_ms"]);
      expect(ratio.logRatio).toBeCloseTo(values["mean_log_ratio_B_over_A"] as number, 8);
      expect(ratio.relativeStartSkew).toBeLessThan(0.05);
    },
  );
});

describeShared("duetfaas/duet.csv", () => {
  const rows = hasShared
    ? readSharedCsv("published/duet/duetfaas/duet.csv").filter((row) => row["cold"] === "False")
    : [];
  it.each(Object.keys(duet.duetfaas_published_split ?? {}))(
    "%s: ratios, correlation and intervals as recomputed",
    (key) => {
      const expected = duet.duetfaas_published_split![key]!;
      const [, experiment = "", fn = "", regression = ""] = /^(.+)\/(\w+)\/(\d+)$/.exec(key) ?? [];
      const series = rows.filter(
        (row) => row["experiment"] === experiment && row["function"] === fn && row["regression_pct"] === regression,
      );
      const a = series.map((row) => Number(row["a_ms"]));
      const b = series.map((row) => Number(row["b_ms"]));
      const ratios = a.map((value, i) => b[i]! / value);
      const percent = (ratio: number) => (ratio - 1) * 100;
      expect(series).toHaveLength(expected.n);
      expect(percent(median(ratios))).toBeCloseTo(expected.median_ratio_change_pct, 3);
      expect(percent(geometricMean(ratios))).toBeCloseTo(expected.geomean_ratio_change_pct, 3);
      expect(correlation(a, b)).toBeCloseTo(expected.pearson_r_a_b, 3);
      expect(coefficientOfVariation(a)).toBeCloseTo(expected.cv_a, 4);
      expect(varianceBudget(a, b)).toMatchObject({
        cvRatio: expect.closeTo(expected.cv_ratio, 4) as number,
        pairs: expected.n,
      });
      const ofMedian = bootstrapInterval(ratios, { statistic: "median", method: "percentile", confidence: 0.99 });
      const ofGeomean = bootstrapInterval(ratios, { statistic: "geometricMean", method: "percentile" });
      const near = (actual: number, wanted: number) => expect(Math.abs(percent(actual) - wanted)).toBeLessThan(0.05);
      near(ofMedian.low, expected.ci99_percentile_of_median_pct[0]);
      near(ofMedian.high, expected.ci99_percentile_of_median_pct[1]);
      near(ofGeomean.low, expected.ci95_percentile_of_geomean_pct[0]);
      near(ofGeomean.high, expected.ci95_percentile_of_geomean_pct[1]);
      // Machines drawn, and calls within them. With three machines one of two calls decides an end by chance.
      const machines = new Map<string, number[]>();
      for (const [i, row] of series.entries())
        machines.set(row["machine"]!, [...(machines.get(row["machine"]!) ?? []), ratios[i]!]);
      expect(machines.size).toBe(expected.machines);
      if (machines.size < 4) return;
      const clusters = hierarchicalBootstrap([...machines.values()], { statistic: median, resamples: 1_000 });
      const [clusterLow, clusterHigh] = expected.ci95_machine_cluster_bootstrap_of_median_pct;
      const reach = 0.35 * (clusterHigh - clusterLow);
      expect(Math.abs(percent(clusters.low) - clusterLow)).toBeLessThan(reach);
      expect(Math.abs(percent(clusters.high) - clusterHigh)).toBeLessThan(reach);
    },
  );
});

interface AggregatorGolden {
  readonly rows: number;
  readonly latency: Readonly<Record<string, number>>;
  readonly start_throughput_1s: Readonly<Record<string, number>>;
  readonly start_throughput_1s_untrimmed: Readonly<Record<string, number>>;
}

describeShared("FrankenPaxos' rolling rates on published logs", () => {
  const golden = hasShared
    ? (
        JSON.parse(readShared("systems/frankenpaxos.reference.json")) as {
          aggregator_golden: Record<string, AggregatorGolden>;
        }
      ).aggregator_golden
    : {}; // the field is in it
  const load = (path: string) => {
    const rows = readSharedCsv(`published/frankenpaxos/${path}`);
    return {
      timesMs: Float64Array.from(rows, (row) => Date.parse(row["start"]!.replace(" ", "T"))),
      counts: Float64Array.from(rows, (row) => Number(row["count"] ?? 1)),
      latencyMs: Float64Array.from(rows, (row) => Number(row["latency_nanos"]) / 1e6),
    };
  };
  /** Golden values carry seven digits. */
  const digits = (expected: number) =>
    expect.closeTo(expected, 6 - Math.ceil(Math.log10(Math.abs(expected)))) as number;
  const columns = {
    mean: "mean",
    median: "median",
    min: "min",
    max: "max",
    p90: "p90",
    p95: "p95",
    p99: "p99",
  } as const;

  it.each([
    ["vldb20_matchmaker/leader_reconfiguration/f1n1.csv.gz", "rampCorrected"],
    ["vldb20_matchmaker/leader_failure/n1.csv.gz", "rampCorrected"],
    ["vldb20_matchmaker/horizontal_leader_reconfiguration/f=1_n=1.csv.gz", "firstWindowDropped"],
  ] as const)("%s by rule %s and untrimmed", (path, rule: FirstWindowRule) => {
    const expected = golden[path]!;
    const { timesMs, counts, latencyMs } = load(path);
    expect(timesMs).toHaveLength(expected.rows);
    const trimmed = summarizeRates(rollingRates(timesMs, { rule, counts }))!;
    const untrimmed = summarizeRates(rollingRates(timesMs, { rule: "untrimmed", counts }))!;
    const latency = summarize(latencyMs);
    for (const column of Object.values(columns)) {
      expect(trimmed[column]).toEqual(digits(expected.start_throughput_1s[column]!));
      expect(untrimmed[column]).toEqual(digits(expected.start_throughput_1s_untrimmed[column]!));
      expect(latency[column]).toEqual(digits(expected.latency[`${column}_ms`]!));
    }
  });

  /** Rows from head after the first start to tail before the last, and times since that origin. */
  const cut = (path: string, headSec: number, tailSec: number) => {
    const { timesMs, latencyMs } = load(path);
    const origin = timesMs[0]! + headSec * 1_000;
    const end = timesMs.at(-1)! - tailSec * 1_000;
    const kept = Array.from(timesMs.keys()).filter((i) => timesMs[i]! >= origin && timesMs[i]! <= end);
    return {
      sinceMs: Float64Array.from(kept, (i) => timesMs[i]! - origin),
      latencyMs: Float64Array.from(kept, (i) => latencyMs[i]!),
    };
  };
  const firstAtOrAfter = (times: Float64Array, seconds: number) => times.findIndex((time) => time >= seconds * 1_000);

  it("leader_reconfiguration/f1n1, plotted: throughput and the rolling 95 % quantile (check 6)", () => {
    const { sinceMs, latencyMs } = cut("vldb20_matchmaker/leader_reconfiguration/f1n1.csv.gz", 10, 10);
    const { timesMs, ratesPerSec } = rollingRates(sinceMs, { rule: "firstWindowDropped" });
    const at = [1, 5, 10, 15, 20, 25, 30, 34];
    expect(at.map((second) => ratesPerSec[firstAtOrAfter(timesMs, second)])).toEqual([
      2979, 3277, 2968, 3144, 2902, 2440, 1222, 3178,
    ]);
    const p95 = rollingQuantile(sinceMs, latencyMs, { p: 0.95 });
    const expected = [0.4906, 0.3757, 0.4854, 0.4304, 0.5616, 0.9644, 1.7245, 0.4063];
    expect(at.map((second) => p95[firstAtOrAfter(sinceMs, second)])).toEqual(
      expected.map((value) => expect.closeTo(value, 4) as number),
    );
  });

  it("leader_failure/n1, plotted: one gap, and the ramp after it (check 5)", () => {
    const { sinceMs, latencyMs } = cut("vldb20_matchmaker/leader_failure/n1.csv.gz", 12, 3);
    const [gap, ...others] = gaps(sinceMs, { longerThanMs: 1_000 });
    expect(others).toEqual([]);
    expect([gap!.fromMs, gap!.toMs]).toEqual([7_887, 11_976]);
    const split = firstAtOrAfter(sinceMs, gap!.toMs / 1_000);
    const before = rollingRates(sinceMs.subarray(0, split), { rule: "firstWindowDropped" });
    const after = rollingRates(sinceMs.subarray(split), { rule: "rampCorrected" });
    expect(before.ratesPerSec[firstAtOrAfter(before.timesMs, 3)]).toBe(3905);
    expect(after.ratesPerSec[firstAtOrAfter(after.timesMs, 12.5)]).toBeCloseTo(3723.28, 2);
    expect(after.ratesPerSec[firstAtOrAfter(after.timesMs, 15)]).toBe(4178);
    const medians = [sinceMs.subarray(0, split), sinceMs.subarray(split)].map((times, part) =>
      rollingQuantile(times, part === 0 ? latencyMs.subarray(0, split) : latencyMs.subarray(split), { p: 0.5 }),
    );
    expect(medians[0]![firstAtOrAfter(sinceMs.subarray(0, split), 3)]).toBeCloseTo(0.2377, 4);
    expect(medians[1]![firstAtOrAfter(sinceMs.subarray(split), 12.5)]).toBeCloseTo(0.2366, 4);
    expect(medians[1]![firstAtOrAfter(sinceMs.subarray(split), 15)]).toBeCloseTo(0.2174, 4);
  });
});

it("p90 of 1 to 10 is 9.1 by the convention of the published results", () => {
  expect(interpolatedQuantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9)).toBeCloseTo(9.1, 12);
});
