/** How the papers' plot scripts turned repeats into points. */
import { mean, standardDeviation } from "reprise/analysis";
import type { Measured, ResultRow } from "./results-csv.ts";

/** Commands per second that 10 % of the requests saw exceeded in a rolling second: "throughput" in nearly all figures. */
export const throughputOf = (measured: Measured | undefined): number => measured?.startThroughputPerSec?.p90 ?? NaN;

export const latencyOf = (measured: Measured | undefined): number => measured?.latencyMs.median ?? NaN;

/** Writes where they are told apart from reads, else everything. */
export const writes = ({ outputs }: ResultRow): Measured | undefined => outputs.write ?? outputs.all;

/** Reads and writes together; what is absent counts as 0. */
export const totalThroughputOf = ({ outputs }: ResultRow): number =>
  positiveSum(Object.values(outputs).map(throughputOf));

/** The *sum* of the medians of reads and writes, as the plot scripts have it. */
export const totalLatencyOf = ({ outputs }: ResultRow): number => positiveSum(Object.values(outputs).map(latencyOf));

const positiveSum = (values: readonly number[]): number =>
  values.reduce((total, value) => (value > 0 ? total + value : total), 0);

/** A point's value over its repeats. */
export interface Repeats {
  readonly value: number;
  /** Sample standard deviation (n - 1) of the repeats that were kept; 0 for one. */
  readonly deviation: number;
  readonly trialCount: number;
  readonly keptCount: number;
}

/** Which repeats of a point the plot scripts kept: all; rates of at least half the best; times of at most 5 times the least. */
export type OutlierRule = "none" | "halfOfBest" | "fiveTimesLeast";

/** @returns undefined when no repeat has a value */
export function overRepeats(values: readonly number[], rule: OutlierRule = "none"): Repeats | undefined {
  const measured = values.filter(Number.isFinite);
  const best = Math.max(...measured);
  const least = Math.min(...measured);
  const kept =
    rule === "none"
      ? measured
      : measured.filter((value) => (rule === "halfOfBest" ? value >= best / 2 : value <= least * 5));
  if (kept.length === 0) return undefined;
  return {
    value: mean(kept),
    deviation: kept.length > 1 ? standardDeviation(kept) : 0,
    trialCount: values.length,
    keptCount: kept.length,
  };
}

/** Throughput over repeats, as the columns that rows of figures have for it: commands a second. */
export const throughputColumns = ({ value, deviation }: Repeats) => ({
  throughputPerSec: value,
  throughputDeviationPerSec: deviation,
  throughputLowPerSec: value - deviation,
  throughputHighPerSec: value + deviation,
});

/** Groups by a number, ascending. */
export function groupByNumber<Row>(rows: readonly Row[], key: (row: Row) => number): [number, Row[]][] {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const at = key(row);
    const group = groups.get(at);
    if (group) group.push(row);
    else groups.set(at, [row]);
  }
  return [...groups].sort(([a], [b]) => a - b);
}
