/** Figures of runs of ours, by the papers' estimators. Those of the papers' own data are in `published.ts`. */
import { defineFigure, latencyThroughput, lineChart } from "reprise/analysis";
import type { Trial } from "reprise/analysis";
import { curveRows, CurveRow } from "./curve-figures.ts";
import type { ResultRow } from "./results-csv.ts";
import { scalingRows, ScalingRow } from "./scaling-figures.ts";
import { toResultRow } from "./trial-results.ts";

export { trialMetrics } from "./trial-results.ts";

/** One recording at a time is held. */
async function readResults(trials: readonly Trial[]): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for (const trial of trials) rows.push(await toResultRow(trial));
  return rows;
}

/** Rows by series, in order of first appearance. */
function bySeries(rows: readonly ResultRow[], name: (row: ResultRow) => string): [string, ResultRow[]][] {
  const series = new Map<string, ResultRow[]>();
  for (const row of rows) series.set(name(row), [...(series.get(name(row)) ?? []), row]);
  return [...series];
}

/** Names that rows have as well as trials, so that a mark finds its trials. */
type Inputs = Readonly<Record<string, unknown>>;
const curveName = (inputs: Inputs): string =>
  `${inputs["protocol"] === "unreplicated" ? "Unreplicated" : "Compartmentalized MultiPaxos"} (${String(inputs["valueBytes"])} bytes)`;
const ablationName = (inputs: Inputs): string =>
  `${String(inputs["replicas"])} replicas, ${String(inputs["acceptorGroups"])}×${String(inputs["acceptorsPerGroup"])} acceptors`;
const readsName = (inputs: Inputs): string => `${Math.round(Number(inputs["readFraction"]) * 100)}% reads`;
const clientsOf = (inputs: Inputs): number => Number(inputs["clientProcesses"]) * Number(inputs["clientsPerProcess"]);

const throughputEstimator =
  "throughput: 90th percentile of the event-weighted rolling one-second rate of starts, the first second left out";

export const latencyThroughputCurve = defineFigure<CurveRow>({
  name: "latency-throughput",
  title: "Latency and throughput as clients are added",
  caption:
    "Each point is a number of clients, added along the line; its place is the mean over trials, bars are one sample standard deviation of the throughput.",
  estimator: `${throughputEstimator}; latency: median over recorded rows; mean over trials`,
  row: CurveRow,
  needs: { sweeps: ["unreplicated-lt", "compartmentalized-lt"] },
  rows: async (trials) =>
    bySeries(await readResults(trials), ({ inputs }) => curveName(inputs)).flatMap(([label, rows]) =>
      curveRows(label, rows),
    ),
  isFrom: (row, { parameters }) => curveName(parameters) === row.series && clientsOf(parameters) === row.clients,
  spec: (rows) =>
    latencyThroughput(rows, {
      throughput: {
        field: "throughputPerSec",
        title: "throughput (commands/s)",
        interval: { low: "throughputLowPerSec", high: "throughputHighPerSec" },
      },
      latency: { field: "latencyMs", title: "median latency (ms)" },
      load: "clients",
      aspect: 0.8,
      series: { field: "series" },
    }),
});

export const ablation = defineFigure<ScalingRow>({
  name: "ablation",
  title: "Throughput by proxy leaders, replicas and acceptors",
  caption: "Means over the trials that reach half of the best, bands one sample standard deviation.",
  estimator: `${throughputEstimator}; mean over the trials of at least half of the best`,
  row: ScalingRow,
  needs: { sweeps: ["ablation"] },
  rows: async (trials) =>
    bySeries(await readResults(trials), ({ inputs }) => ablationName(inputs)).flatMap(([label, rows]) =>
      scalingRows(label, rows, { column: "proxyLeaders" }),
    ),
  isFrom: (row, { parameters }) => ablationName(parameters) === row.series && parameters["proxyLeaders"] === row.x,
  spec: (rows) =>
    lineChart(rows, {
      aspect: 0.8,
      x: { field: "x", title: "number of proxy leaders", zero: false },
      y: { field: "throughputPerSec", title: "throughput (commands/s)" },
      series: { field: "series" },
      interval: { low: "throughputLowPerSec", high: "throughputHighPerSec", as: "band" },
    }),
});

export const readScale = defineFigure<ScalingRow>({
  name: "read-scale",
  title: "Linearizable reads scale with replicas",
  caption: "Means over the trials that reach half of the best, bands one sample standard deviation.",
  estimator: `${throughputEstimator}, summed over reads and writes; mean over the trials of at least half of the best`,
  row: ScalingRow,
  needs: { sweeps: ["read-scale"] },
  rows: async (trials) =>
    bySeries(await readResults(trials), ({ inputs }) => readsName(inputs))
      .sort(([a], [b]) => parseInt(a, 10) - parseInt(b, 10))
      .flatMap(([label, rows]) => scalingRows(label, rows, { column: "replicas" })),
  isFrom: (row, { parameters }) => readsName(parameters) === row.series && parameters["replicas"] === row.x,
  spec: (rows) =>
    lineChart(rows, {
      x: { field: "x", title: "number of replicas", zero: false, ticks: [2, 3, 4, 5, 6], domain: [2, 6] },
      y: { field: "throughputPerSec", title: "throughput (commands/s)" },
      series: { field: "series" },
      interval: { low: "throughputLowPerSec", high: "throughputHighPerSec", as: "band" },
    }),
});
