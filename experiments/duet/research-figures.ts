/** The thesis' figures: RQ1 cost, RQ2 overlap, RQ3 accuracy in A/A experiments, RQ4 minimal detectable slow-down. */
import {
  barChart,
  boxChart,
  defineFigure,
  intervalChart,
  lineChart,
  originalSpeedup,
  smallMultiples,
  toBox,
} from "reprise/analysis";
import type { RunTime } from "reprise/analysis";
import { z } from "zod";
import { environments, groupBy, methodLabels, methods, publishedFigure, suites } from "./published-data.ts";
import type { PublishedFigure, TableRow } from "./published-data.ts";

const thesis = "T. Drozdik, Asynchronous Duet Benchmarking, Charles University 2023, published data.";
const boxes =
  "Boxes are quartiles, whiskers reach the furthest value within 1.5 times their distance, points lie beyond.";

const box = {
  low: z.number().optional(),
  q1: z.number().optional(),
  median: z.number().optional(),
  q3: z.number().optional(),
  high: z.number().optional(),
  outlier: z.number().optional(),
};
const cell = { environment: z.string(), suite: z.string() };
const method = { ...cell, method: z.enum(methods) };
const methodSeries = { field: "method", order: methods, labels: methodLabels } as const;
const suiteSeries = { field: "suite", order: suites } as const;
const panels = { by: "environment", order: environments, columns: 3, aspect: 0.38 } as const;

const BoxBySuite = z.object({ ...cell, ...box });
type BoxBySuite = z.infer<typeof BoxBySuite>;
const BoxByMethod = z.object({ ...method, ...box });
type BoxByMethod = z.infer<typeof BoxByMethod>;
const BoxByOverlap = z.object({ ...cell, minimumOverlap: z.number(), ...box });
type BoxByOverlap = z.infer<typeof BoxByOverlap>;

/** Boxes of a column of a table by suite, method and environment; rows without the value are left out. */
const boxesByMethod = (rows: readonly TableRow[], column: string): BoxByMethod[] =>
  [...groupBy(rows, (row) => [row.text("environment"), row.text("suite"), row.text("type")].join("/"))].flatMap(
    ([key, group]) => {
      const [environment = "", suite = "", type = ""] = key.split("/");
      return toBox(group.map((row) => row.number(column))).map((values) => ({
        environment,
        suite,
        method: methodOf(type),
        ...values,
      }));
    },
  );

function methodOf(type: string): (typeof methods)[number] {
  const found = methods.find((known) => known === type);
  if (found === undefined) throw new Error(`no such way of running: ${type}`);
  return found;
}

/** RQ1's speed-ups from the runs themselves, benchmark by benchmark. */
export function speedups(
  runs: readonly TableRow[],
): { environment: string; suite: string; benchmark: string; speedup: number }[] {
  return [
    ...groupBy(runs, (row) => [row.text("environment"), row.text("suite"), row.text("benchmark")].join("/")),
  ].flatMap(([key, group]) => {
    const [environment = "", suite = "", benchmark = ""] = key.split("/");
    const speedup = originalSpeedup(
      group.map((row): RunTime => ({
        type: methodOf(row.text("type")),
        runTimeSec: row.number("run_time_s"),
        iterations: row.number("iterations_ab"),
      })),
    );
    return speedup === undefined ? [] : [{ environment, suite, benchmark, speedup }];
  });
}

const rq1 = publishedFigure<BoxBySuite>(
  defineFigure<BoxBySuite>({
    name: "rq1-speedup",
    title: "RQ1: machine time saved by running both sides at once",
    caption: `Speed-up per iteration of asynchronous duets over sequential runs, by benchmark; 1 would be perfect. ${boxes} ${thesis}`,
    estimator: "mean time per iteration of sequential runs over that of asynchronous duets, minus 1, of whole runs",
    row: BoxBySuite,
    spec: (rows) =>
      boxChart(rows, {
        width: "double",
        aspect: 0.42,
        x: { field: "environment", title: "", order: environments },
        y: { title: "speed-up", zero: false },
        series: suiteSeries,
        rules: [{ at: 0, axis: "y", color: "@ink" }],
      }),
  }),
  ["rq1-runs.csv"],
  (runs) =>
    [...groupBy(speedups(runs), ({ environment, suite }) => `${environment}/${suite}`)].flatMap(([key, group]) => {
      const [environment = "", suite = ""] = key.split("/");
      return toBox(group.map(({ speedup }) => speedup)).map((values) => ({ environment, suite, ...values }));
    }),
);

const SuiteSpeedup = z.object({ ...cell, speedupPercent: z.number() });
type SuiteSpeedup = z.infer<typeof SuiteSpeedup>;
const rq1Suites = publishedFigure<SuiteSpeedup>(
  defineFigure<SuiteSpeedup>({
    name: "rq1-suite-speedup",
    title: "RQ1: machine time saved, whole suites",
    caption: `Speed-up of a suite's time per iteration, asynchronous duets over sequential runs. ${thesis}`,
    estimator: "sum of run times over sum of iterations, sequential over asynchronous, minus 1",
    row: SuiteSpeedup,
    spec: (rows) =>
      barChart(rows, {
        width: "double",
        aspect: 0.4,
        x: { field: "suite", title: "", order: suites },
        y: { field: "speedupPercent", title: "speed-up (%)" },
        series: { field: "environment", order: environments },
        valueLabels: "across",
        valueFormat: ".0f",
      }),
  }),
  ["rq1-suite-speedup.csv"],
  (table) =>
    table.map((row) => ({
      environment: row.text("environment"),
      suite: row.text("suite"),
      speedupPercent: 100 * row.number("runtime_speedup"),
    })),
);

const rq2 = publishedFigure<BoxByOverlap>(
  defineFigure<BoxByOverlap>({
    name: "rq2-overlap",
    title: "RQ2: how much of the time A and B overlap",
    caption: `Overlap of kept pairs over half of all iteration times, by the smallest overlap that keeps a pair. ${boxes} ${thesis}`,
    estimator: "quartiles over benchmarks, read from the thesis' figure",
    row: BoxByOverlap,
    spec: (rows) =>
      smallMultiples(rows, {
        ...panels,
        chart: (panel, all) =>
          boxChart(panel, {
            axesFrom: all,
            x: { field: "minimumOverlap", title: "smallest overlap kept" },
            y: { title: "relative overlap time" },
            series: suiteSeries,
          }),
      }),
  }),
  ["rq2-overlap-boxes.csv"],
  (table) =>
    table.flatMap((row) => {
      const place = {
        environment: row.text("environment"),
        suite: row.text("suite"),
        minimumOverlap: row.number("min_overlap_ratio"),
      };
      const outliers = row.text("outliers").split(";").filter(Boolean).map(Number);
      return [
        {
          ...place,
          low: row.number("whisker_low"),
          q1: row.number("q1"),
          median: row.number("median"),
          q3: row.number("q3"),
          high: row.number("whisker_high"),
        },
        ...outliers.map((outlier) => ({ ...place, outlier })),
      ];
    }),
);

const boxesOf = (
  name: string,
  title: string,
  column: string,
  y: string,
  caption: string,
  estimator: string,
): PublishedFigure =>
  publishedFigure<BoxByMethod>(
    defineFigure<BoxByMethod>({
      name,
      title,
      caption: `${caption} ${boxes} ${thesis}`,
      estimator,
      row: BoxByMethod,
      spec: (rows) =>
        smallMultiples(rows, {
          ...panels,
          chart: (panel, all) =>
            boxChart(panel, {
              axesFrom: all,
              x: { field: "suite", title: "", order: suites },
              y: { title: y, scale: "log" },
              series: methodSeries,
            }),
        }),
    }),
    ["rq3-ci.csv"],
    (table) => boxesByMethod(table, column),
  );

const MatchBars = z.object({ ...method, matchRatio: z.number() });
type MatchBars = z.infer<typeof MatchBars>;
const matchBars = (name: string, title: string, test: string, file: string, column: string): PublishedFigure =>
  publishedFigure<MatchBars>(
    defineFigure<MatchBars>({
      name,
      title,
      caption: `Share of benchmarks whose sides, the same program twice, are judged equal by ${test}. ${thesis}`,
      estimator: `share of benchmarks; ${test}`,
      row: MatchBars,
      spec: (rows) =>
        smallMultiples(rows, {
          ...panels,
          chart: (panel, all) =>
            barChart(panel, {
              axesFrom: all,
              x: { field: "suite", title: "", order: suites },
              y: { field: "matchRatio", title: "judged equal" },
              series: methodSeries,
            }),
        }),
    }),
    [file],
    (table) =>
      table
        // Of the slow-downs only none is an A/A experiment.
        .filter((row) => file !== "rq4-mds.csv" || row.number("slowdown") === 0)
        .map((row) => ({
          environment: row.text("environment"),
          suite: row.text("suite"),
          method: methodOf(row.text("type")),
          matchRatio: row.number(column),
        })),
  );

const MatchByOverlap = z.object({ ...cell, minimumOverlap: z.number(), matchRatio: z.number() });
type MatchByOverlap = z.infer<typeof MatchByOverlap>;
const rq3ByOverlap = publishedFigure<MatchByOverlap>(
  defineFigure<MatchByOverlap>({
    name: "rq3-match-by-overlap",
    title: "RQ3: accuracy by the smallest overlap that keeps a pair",
    caption: `Share of benchmarks whose asynchronous duets of the same program are judged equal by the interval. ${thesis}`,
    estimator: "share of benchmarks whose BCa interval of the mean difference holds zero",
    row: MatchByOverlap,
    spec: (rows) =>
      smallMultiples(rows, {
        ...panels,
        chart: (panel, all) =>
          lineChart(panel, {
            axesFrom: all,
            x: { field: "minimumOverlap", title: "smallest overlap kept", ticks: [0.1, 0.3, 0.5, 0.7, 0.9] },
            y: { field: "matchRatio", title: "judged equal", zero: false },
            series: suiteSeries,
          }),
      }),
  }),
  ["rq3-aa-by-overlap.csv"],
  (table) =>
    table.map((row) => ({
      environment: row.text("environment"),
      suite: row.text("suite"),
      minimumOverlap: row.number("min_overlap_ratio"),
      matchRatio: row.number("aa_match_ratio"),
    })),
);

const Interval = z.object({
  environment: z.string(),
  benchmark: z.string(),
  method: z.enum(methods),
  differencePercent: z.number(),
  lowPercent: z.number(),
  highPercent: z.number(),
});
type Interval = z.infer<typeof Interval>;

/** Differences in nanoseconds become shares of the benchmark's mean iteration time: else no two could stand on one axis. */
export function relativeIntervals(rows: readonly TableRow[], means: readonly TableRow[], suite: string): Interval[] {
  const keyOf = (row: TableRow): string =>
    ["suite", "benchmark", "environment", "type"].map((name) => row.text(name)).join("/");
  const meanOf = new Map(means.map((row) => [keyOf(row), row.number("grand_mean_ns")]));
  return rows.flatMap((row) => {
    const mean = meanOf.get(keyOf(row)) ?? NaN;
    const [middle, half] = [row.number("ci_mid_ns"), row.number("ci_half_width_ns")];
    if (row.text("suite") !== suite || !Number.isFinite(mean) || !Number.isFinite(middle)) return [];
    return [
      {
        environment: row.text("environment"),
        benchmark: row.text("benchmark"),
        method: methodOf(row.text("type")),
        differencePercent: (100 * middle) / mean,
        lowPercent: (100 * (middle - half)) / mean,
        highPercent: (100 * (middle + half)) / mean,
      },
    ];
  });
}

const intervalsOf = (
  name: string,
  title: string,
  caption: string,
  file: string,
  suite: string,
  truePercent = 0,
): PublishedFigure =>
  publishedFigure<Interval>(
    defineFigure<Interval>({
      name: `${name}-${suite}`,
      title: `${title}, ${suite}`,
      caption: `${caption} ${thesis}`,
      estimator: "mean of run means of a − b over the mean iteration time; 95 % BCa interval over runs, as published",
      row: Interval,
      spec: (rows) =>
        smallMultiples(rows, {
          ...panels,
          aspect: Math.min(1.5, 0.3 + 0.045 * new Set(rows.map(({ benchmark }) => benchmark)).size),
          chart: (panel, all) =>
            intervalChart(panel, {
              axesFrom: all,
              item: { field: "benchmark" },
              value: { field: "differencePercent", title: "difference A − B (% of mean)" },
              interval: { low: "lowPercent", high: "highPercent" },
              series: methodSeries,
              rules: [
                { at: 0, axis: "x", color: "@ink" },
                ...(truePercent === 0 ? [] : [{ at: truePercent, axis: "x" } as const]),
              ],
            }),
        }),
    }),
    // The means by which differences become shares stand in the A/A table alone.
    [...new Set([file, "rq3-ci.csv"])],
    (table, means = table) => relativeIntervals(table, means, suite),
  );

const Slowdown = z.object({ ...method, panel: z.string(), slowdownPercent: z.number(), matchRatio: z.number() });
type Slowdown = z.infer<typeof Slowdown>;
const slowdownOf = (name: string, test: string, column: string): PublishedFigure =>
  publishedFigure<Slowdown>(
    defineFigure<Slowdown>({
      name,
      title: `RQ4: slow-downs that are missed, by ${test}`,
      caption: `Share of benchmarks still judged equal when B is slowed down artificially. Below the line at most 5 % are missed. ${thesis}`,
      estimator: `share of benchmarks; ${test}; B's iterations made longer in A/A data`,
      row: Slowdown,
      spec: (rows) =>
        smallMultiples(rows, {
          by: "panel",
          columns: 3,
          aspect: 1.05,
          chart: (panel, all) =>
            lineChart(panel, {
              axesFrom: all,
              x: { field: "slowdownPercent", title: "slow-down of B (%)" },
              y: { field: "matchRatio", title: "judged equal" },
              series: methodSeries,
              points: false,
              rules: [{ at: 0.05, axis: "y" }],
            }),
        }),
    }),
    ["rq4-mds.csv"],
    (table) =>
      table
        .map((row) => {
          const [environment, suite] = [row.text("environment"), row.text("suite")];
          return {
            environment,
            suite,
            panel: `${suite}, ${environment}`,
            method: methodOf(row.text("type")),
            slowdownPercent: 100 * row.number("slowdown"),
            matchRatio: row.number(column),
          };
        })
        .sort(
          (a, b) =>
            suites.findIndex((suite) => suite === a.suite) - suites.findIndex((suite) => suite === b.suite) ||
            environments.findIndex((name) => name === a.environment) -
              environments.findIndex((name) => name === b.environment) ||
            a.slowdownPercent - b.slowdownPercent,
        ),
  );

/** In the thesis' order. */
export const researchFigures: readonly PublishedFigure[] = [
  rq1,
  rq1Suites,
  rq2,
  boxesOf(
    "rq3-variation",
    "RQ3: coefficient of variation",
    "cv",
    "coefficient of variation",
    "Standard deviation over mean of all iteration times of a benchmark, after warm-up.",
    "sample standard deviation over mean, A and B together",
  ),
  rq3ByOverlap,
  matchBars(
    "rq3-match-interval",
    "RQ3: accuracy by interval",
    "a 95 % BCa interval that holds zero",
    "rq3-aa.csv",
    "aa_match_ratio",
  ),
  matchBars(
    "rq3-match-utest",
    "RQ3: accuracy by rank test",
    "a Mann–Whitney test above 0.05",
    "rq4-mds.csv",
    "match_ratio_utest",
  ),
  ...suites.map((suite) =>
    intervalsOf(
      "rq3-intervals",
      "RQ3: differences of the same program",
      "Mean difference of A and B, which are the same program, with its interval.",
      "rq3-ci.csv",
      suite,
    ),
  ),
  boxesOf(
    "rq3-width",
    "RQ3: width of the intervals",
    "relative_ci_width",
    "width over mean",
    "Width of the interval of the difference over the mean iteration time.",
    "95 % BCa interval of the mean of run means; width over mean iteration time",
  ),
  slowdownOf("rq4-missed-interval", "the interval", "match_ratio_ci"),
  slowdownOf("rq4-missed-utest", "the rank test", "match_ratio_utest"),
  ...suites.map((suite) =>
    intervalsOf(
      "rq4-slowdown10",
      "RQ4: differences with B slowed by 10 %",
      "Mean difference of A and B with B slowed by 10 %, the grey line. Intervals over the black one miss it.",
      "rq4-ci-slowdown10.csv",
      suite,
      -10,
    ),
  ),
];
