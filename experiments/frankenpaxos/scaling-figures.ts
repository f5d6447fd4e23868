/** Throughput as replicas are added, as keys get skewed, and what a formula says of it. */
import { defineFigure, lineChart } from "reprise/analysis";
import { z } from "zod";
import { groupByNumber, overRepeats, totalThroughputOf } from "./estimators.ts";
import { importedRow, isTrialOf, papers, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { inputNumber } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";

/** One point of a line. */
export const ScalingRow = z.object({
  series: z.string(),
  /** Replicas, skew, or whatever the figure's x axis is. */
  x: z.number(),
  throughputPerSec: z.number(),
  throughputDeviationPerSec: z.number(),
  throughputLowPerSec: z.number(),
  throughputHighPerSec: z.number(),
  /** 0 for what wasn't measured. */
  trialCount: z.int(),
  keptCount: z.int(),
});
export type ScalingRow = z.infer<typeof ScalingRow>;

export interface ScalingSeries {
  readonly label: string;
  readonly path: string;
  readonly pick?: (row: ResultRow) => boolean;
}

interface ScalingDefinition {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly x: {
    readonly title: string;
    /** Of the inputs, or `clients`. */
    readonly column: string;
    readonly values: readonly number[];
    readonly ticks?: readonly number[];
    readonly format?: string;
  };
  readonly series: readonly ScalingSeries[];
  /** What a command stands for. @default 1 */
  readonly perCommand?: (row: ResultRow) => number;
  readonly unit?: "commands" | "operations";
  /** A line that the plot script draws without having measured it. */
  readonly constant?: { readonly label: string; readonly throughputPerSec: number };
  readonly note?: string;
  /** Points that not every line has aren't missed. @default false */
  readonly isSparse?: boolean;
  /** Height over width, where the legend is tall. @default the theme's */
  readonly aspect?: number;
}

const constantRow = (series: string, x: number, throughputPerSec: number): ScalingRow => ({
  series,
  x,
  throughputPerSec,
  throughputDeviationPerSec: 0,
  throughputLowPerSec: throughputPerSec,
  throughputHighPerSec: throughputPerSec,
  trialCount: 0,
  keptCount: 0,
});

const xOf = (column: string): ((row: ResultRow) => number) =>
  column === "clients" ? ({ clients }) => clients : (row) => inputNumber(row, column);

/** One row a value of x, ascending: repeats under half of the best are left out, and counted. */
export function scalingRows(
  series: string,
  rows: readonly ResultRow[],
  { column, perCommand = () => 1 }: { readonly column: string; readonly perCommand?: (row: ResultRow) => number },
): ScalingRow[] {
  return groupByNumber(rows, xOf(column)).flatMap(([x, repeats]) => {
    const point = overRepeats(
      repeats.map((row) => totalThroughputOf(row) * perCommand(row)),
      "halfOfBest",
    );
    if (!point) return [];
    const { value, deviation, trialCount, keptCount } = point;
    return {
      series,
      x,
      throughputPerSec: value,
      throughputDeviationPerSec: deviation,
      throughputLowPerSec: value - deviation,
      throughputHighPerSec: value + deviation,
      trialCount,
      keptCount,
    };
  });
}

/** A figure of lines over some input column, or over the number of clients. */
export function scalingFigure(definition: ScalingDefinition): PublishedFigure {
  const { name, title, paper, x, series, perCommand, unit = "commands", constant, note } = definition;
  const order = [...series.map(({ label }) => label), ...(constant ? [constant.label] : [])];
  const figure = defineFigure<ScalingRow>({
    name,
    title,
    caption: [
      `${title}. Points are means of the repeats that reach half of the best, bands one sample standard deviation.`,
      constant && `The line of ${constant.label} is a constant of the authors' plot script, not a measurement.`,
      note,
      `${paper}, published data.`,
    ]
      .filter(Boolean)
      .join(" "),
    estimator:
      "reads plus writes, each the 90th percentile of its event-weighted rolling one-second rate of starts; mean over the repeats of at least half of the best",
    row: ScalingRow,
    isFrom: (row, trial) =>
      series.some((one) => one.label === row.series && isTrialOf(one, trial)) &&
      xOf(x.column)(importedRow(trial)) === row.x,
    spec: (rows) =>
      lineChart(rows, {
        ...(definition.aspect !== undefined && { aspect: definition.aspect }),
        x: {
          field: "x",
          title: x.title,
          zero: false,
          domain: [x.values[0] ?? 0, x.values.at(-1) ?? 1],
          ticks: x.ticks ?? x.values,
          ...(x.format !== undefined && { format: x.format }),
        },
        y: { field: "throughputPerSec", title: `throughput (${unit}/s)` },
        series: { field: "series", order },
        interval: { low: "throughputLowPerSec", high: "throughputHighPerSec", as: "band" },
      }),
  });
  return publishedFigure({
    figure,
    inputs: series.map(({ path }) => path),
    collect: async (inputs) => {
      const rows: ScalingRow[] = [];
      for (const { label, path, pick = () => true } of series) {
        const results = await inputs.results(path);
        if (!results) continue;
        const own = scalingRows(label, results.filter(pick), {
          column: x.column,
          ...(perCommand && { perCommand }),
        });
        for (const value of definition.isSparse === true ? [] : x.values)
          if (!own.some((row) => row.x === value)) inputs.lacks(`${label}, ${x.column} ${value}: no row in ${path}`);
        rows.push(...own);
      }
      if (constant && rows.length > 0)
        rows.push(...x.values.map((value) => constantRow(constant.label, value, constant.throughputPerSec)));
      return rows;
    },
  });
}

const input = (name: string) => (row: ResultRow) => inputNumber(row, name);
const readFraction = input("workload.read_fraction");
const replicas = { title: "number of replicas", column: "num_replicas", values: [2, 3, 4, 5, 6] };

const byReads = (path: string): ScalingSeries[] =>
  [0, 0.6, 0.9, 1].map((share) => ({
    label: `${Math.round(share * 100)}% reads`,
    path,
    pick: (row) => readFraction(row) === share,
  }));

const vldb21 = "vldb21_compartmentalized";

const readScale = scalingFigure({
  name: "vldb21-read-scale",
  title: "Linearizable reads scale with replicas",
  paper: papers.compartmentalized,
  x: replicas,
  series: byReads(`${vldb21}/read_scale/results.csv`),
  constant: { label: "MultiPaxos", throughputPerSec: 25_000 },
});

const weakReadScale = (consistency: "eventual" | "sequential"): PublishedFigure =>
  scalingFigure({
    name: `vldb21-weak-read-scale-${consistency}`,
    title: `Reads with ${consistency} consistency scale with replicas`,
    paper: papers.compartmentalized,
    x: replicas,
    series: byReads(`${vldb21}/weak_read_scale/${consistency}_results.csv`),
  });

const batchedReadScale = scalingFigure({
  name: "vldb21-batched-read-scale",
  title: "Batched linearizable reads scale with replicas",
  paper: papers.compartmentalized,
  x: replicas,
  series: byReads(`${vldb21}/batched_read_scale/results.csv`),
  perCommand: input("workload.num_operations"),
  unit: "operations",
  constant: { label: "MultiPaxos", throughputPerSec: 200_000 },
  note: "A command carries 50 operations.",
});

const skew = scalingFigure({
  name: "vldb21-compartmentalized-skew",
  title: "Compartmentalized MultiPaxos and CRAQ as more operations touch one key",
  paper: papers.compartmentalized,
  x: {
    title: "share of operations on one key",
    column: "workload.point_fraction",
    values: [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1],
    ticks: [0, 0.25, 0.5, 0.75, 1],
    format: ".2~f",
  },
  series: [
    { label: "Compartmentalized MultiPaxos", path: `${vldb21}/compartmentalized_skew/results.csv` },
    { label: "CRAQ", path: `${vldb21}/craq_skew/results.csv` },
  ],
});

/** Of one replica, for the formula. */
const replicaPerSec = 100_000;

/**
 * Peak throughput of n replicas that all execute writes and share reads, a commands per second each.
 *
 * @see the papers' model: n·a / (n·w + 1 − w), w the share of writes
 */
export const peakOfReplicas = (n: number, writeShare: number, perReplica = replicaPerSec): number =>
  (n * perReplica) / (n * writeShare + 1 - writeShare);

const theoryOrder = [0, 0.01, 0.02, 0.05, 0.1, 0.25, 1].map((writeShare) => ({
  writeShare,
  label: `${Math.round((1 - writeShare) * 100)}% reads`,
}));

const theory = publishedFigure({
  figure: defineFigure<ScalingRow>({
    name: "vldb21-theory",
    title: "Peak throughput by replicas and share of reads, by the papers' model",
    caption: `A formula, not a measurement: n·a / (n·w + 1 − w) for n replicas of a = 100,000 commands/s and a share w of writes. ${papers.compartmentalized}.`,
    estimator: "none: the formula's values at each number of replicas",
    row: ScalingRow,
    spec: (rows) =>
      lineChart(rows, {
        x: { field: "x", title: "number of replicas", zero: false, domain: [2, 30], ticks: [2, 5, 10, 15, 20, 25, 30] },
        y: { field: "throughputPerSec", title: "throughput (commands/s)" },
        series: { field: "series", order: theoryOrder.map(({ label }) => label) },
        points: false,
        legend: "right",
      }),
  }),
  inputs: [],
  collect: () =>
    Promise.resolve(
      theoryOrder.flatMap(({ writeShare, label }) =>
        Array.from({ length: 29 }, (_, index) => constantRow(label, index + 2, peakOfReplicas(index + 2, writeShare))),
      ),
    ),
});

const evelynReplicas = (
  name: string,
  {
    title,
    path,
    labels,
  }: { title: string; path: string; labels: readonly (readonly [value: number, label: string])[] },
): PublishedFigure =>
  scalingFigure({
    name,
    title,
    paper: papers.evelyn,
    x: replicas,
    series: labels.map(([value, label]) => ({
      label,
      path,
      pick: (row) => inputNumber(row, "workload_label") === value,
    })),
  });

const evelynByReplicas = (
  name: string,
  { title, path, x, counts }: { title: string; path: string; x: ScalingDefinition["x"]; counts: readonly number[] },
): PublishedFigure =>
  scalingFigure({
    name,
    title,
    paper: papers.evelyn,
    x,
    series: counts.map((count) => ({
      label: `${count} replicas`,
      path,
      pick: (row) => inputNumber(row, "num_replicas") === count,
    })),
  });

export const scalingFigures: readonly PublishedFigure[] = [
  readScale,
  weakReadScale("eventual"),
  weakReadScale("sequential"),
  batchedReadScale,
  skew,
  theory,
  evelynByReplicas("evelyn-no-scale-fraction", {
    title: "Replicas help only as far as operations are reads",
    path: "vldb21_evelyn/no_scale_fraction/results.csv",
    x: {
      title: "share of reads",
      column: "workload_label",
      values: [0, 0.125, 0.25, 0.375, 0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8125, 0.875, 0.9375, 1],
      ticks: [0, 0.25, 0.5, 0.75, 1],
      format: ".2~f",
    },
    counts: [2, 4, 6],
  }),
  evelynReplicas("evelyn-no-scale-replica", {
    title: "A share of writes bounds what replicas bring",
    path: "vldb21_evelyn/no_scale_replica/results.csv",
    labels: [
      [0, "100% writes"],
      [0.4, "60% writes"],
      [0.8, "20% writes"],
      [0.933, "6.7% writes"],
      [1, "0% writes"],
    ],
  }),
  evelynByReplicas("evelyn-scale-load", {
    title: "Throughput by the intended load of writes",
    path: "vldb21_evelyn/scale_load/results.csv",
    x: {
      title: "intended writes/s",
      column: "workload_label",
      values: [0, 25_000, 50_000, 75_000, 100_000],
    },
    counts: [2, 3, 4, 5, 6],
  }),
  evelynReplicas("evelyn-scale-replica", {
    title: "With a fixed load of writes, replicas bring reads",
    path: "vldb21_evelyn/scale_replica/results.csv",
    labels: [
      [100_000, "100,000 writes/s"],
      [75_000, "75,000 writes/s"],
      [50_000, "50,000 writes/s"],
      [25_000, "25,000 writes/s"],
      [0, "0 writes/s"],
    ],
  }),
];
