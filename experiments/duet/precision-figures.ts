/** What the thesis left open: precision against the number of results, from the serverless data. */
import { defineFigure, lineChart, logarithms, precisionCurve, smallMultiples } from "reprise/analysis";
import { z } from "zod";
import { groupBy, publishedFigure } from "./published-data.ts";
import type { PublishedFigure, TableRow } from "./published-data.ts";

const PrecisionRow = z.object({
  panel: z.string(),
  method: z.enum(["duet", "interleaved", "apart"]),
  results: z.int(),
  widthPercent: z.number(),
  p90Percent: z.number(),
});
type PrecisionRow = z.infer<typeof PrecisionRow>;

const counts = [10, 20, 50, 100, 200, 400, 700];
const functions: Readonly<Record<string, string>> = { cpu: "genetic (CPU)", mem: "sieve (memory)" };

/** ln(B/A) of each warm invocation that timed both sides at once. */
const duetRatios = (rows: readonly TableRow[]): number[] =>
  ratios(
    rows.filter((row) => row.text("cold") === "False"),
    "a_ms",
    "b_ms",
  );
/** The same of interleaved timings, which an invocation made one after the other. */
const interleavedRatios = (rows: readonly TableRow[]): number[] =>
  ratios(
    rows.filter((row) => row.text("mode") === "modeA" && row.text("cold") === "False" && row.number("rep") === 0),
    "f1_ms",
    "f2_ms",
  );
/** Deployments of their own: paired in order, for lack of anything that belongs together. */
function separateRatios(rows: readonly TableRow[]): number[] {
  const warm = rows.filter((row) => row.text("cold") === "False");
  const [a, b] = [
    warm.filter((row) => row.text("mode") === "modeB").map((row) => row.number("f1_ms")),
    warm.filter((row) => row.text("mode") === "modeC").map((row) => row.number("f2_ms")),
  ];
  return a.slice(0, b.length).flatMap((value, i) => logRatio(value, b[i] ?? NaN));
}

const ratios = (rows: readonly TableRow[], a: string, b: string): number[] =>
  rows.flatMap((row) => logRatio(row.number(a), row.number(b)));
function logRatio(a: number, b: number): number[] {
  if (!(a > 0 && b > 0)) return [];
  const [logA = NaN, logB = NaN] = logarithms([a, b], "a pair of invocations");
  return [logB - logA];
}

function curve(panel: string, method: PrecisionRow["method"], logRatios: readonly number[]): PrecisionRow[] {
  const reachable = counts.filter((count) => count <= logRatios.length);
  if (reachable.length === 0) return [];
  return precisionCurve(logRatios, { counts: reachable, margin: 0.01 }).map(({ runs, medianWidth, p90Width }) => ({
    panel,
    method,
    results: runs,
    widthPercent: 100 * medianWidth,
    p90Percent: 100 * p90Width,
  }));
}

/** Of the first series of each function and regression. */
const seriesOf = (rows: readonly TableRow[]): Map<string, TableRow[]> => {
  const found = new Map<string, TableRow[]>();
  for (const [key, group] of groupBy(rows, (row) => `${row.text("function")}/${row.text("regression_pct")}`)) {
    const first = group[0]?.text("experiment");
    found.set(
      key,
      group.filter((row) => row.text("experiment") === first),
    );
  }
  return found;
};

export const precisionFigures: readonly PublishedFigure[] = [
  publishedFigure<PrecisionRow>(
    defineFigure<PrecisionRow>({
      name: "precision-by-results",
      title: "Precision against the number of results, serverless",
      caption:
        "Width of the 95 % interval of B's change by number of results, on AWS Lambda: both sides in one invocation at once, one after the other, and in deployments of their own. Lines are medians of 200 subsamples, bands reach to the 90th percentile. Invocations are taken for independent, which few instances make too good. T. Rese et al., DuetFaaS, 2024, published data.",
      estimator: "Student's t interval of ln(B/A) of warm invocations; 200 subsamples without replacement",
      row: PrecisionRow,
      spec: (rows) =>
        smallMultiples(rows, {
          by: "panel",
          columns: 2,
          aspect: 0.42 * Math.ceil(new Set(rows.map(({ panel }) => panel)).size / 2),
          chart: (panel, all) =>
            lineChart(panel, {
              axesFrom: all,
              x: { field: "results", title: "results", scale: "log" },
              y: { field: "widthPercent", title: "width of the interval (points)", scale: "log" },
              series: { field: "method", order: ["duet", "interleaved", "apart"] },
              interval: { low: "widthPercent", high: "p90Percent", as: "band" },
            }),
        }),
    }),
    ["duetfaas/duet.csv", "duetfaas/rmit.csv"],
    (duetRows, rmitRows = []) => {
      const [duet, rmit] = [seriesOf(duetRows), seriesOf(rmitRows)];
      return [...duet].flatMap(([key, rows]) => {
        const [name = "", percent = ""] = key.split("/");
        const panel = `${functions[name] ?? name}, B ${percent === "0" ? "the same" : `+ ${percent} %`}`;
        const others = rmit.get(key) ?? [];
        return [
          ...curve(panel, "duet", duetRatios(rows)),
          ...curve(panel, "interleaved", interleavedRatios(others)),
          ...curve(panel, "apart", separateRatios(others)),
        ];
      });
    },
  ),
];
