/** Figures of runs of `experiment.yaml`, by the papers' estimators. Those of the papers' own data are in `published.ts`. */
import { defineFigure, lineChart } from "reprise/analysis";
import { bySeries, measuredCurve, readResults, throughputEstimator } from "./measured-figures.ts";
import type { Inputs } from "./measured-figures.ts";
import { scalingRows, ScalingRow } from "./scaling-figures.ts";

export { trialMetrics } from "./trial-results.ts";

const curveName = (inputs: Inputs): string =>
  `${inputs["protocol"] === "unreplicated" ? "Unreplicated" : "Compartmentalized MultiPaxos"} (${String(inputs["valueBytes"])} bytes)`;
const ablationName = (inputs: Inputs): string =>
  `${String(inputs["replicas"])} replicas, ${String(inputs["acceptorGroups"])}×${String(inputs["acceptorsPerGroup"])} acceptors`;
const readsName = (inputs: Inputs): string => `${Math.round(Number(inputs["readFraction"]) * 100)}% reads`;
export const latencyThroughputCurve = measuredCurve({
  name: "latency-throughput",
  title: "Latency and throughput as clients are added",
  sweeps: ["unreplicated-lt", "compartmentalized-lt"],
  series: curveName,
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
