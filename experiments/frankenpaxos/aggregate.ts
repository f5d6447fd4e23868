/** The harness' own summary of a recording: what `results.csv` holds of a point. */
import { interpolatedOfSorted, mean, rollingRates, sum } from "reprise/analysis";
import type { FirstWindowRule } from "reprise/analysis";
import type { Recording } from "./recorder-csv.ts";
import type { Measured, Statistics } from "./results-csv.ts";

/** The rule of the harness' last commit for each format. */
export const currentRule: Readonly<Record<Recording["kind"], FirstWindowRule>> = {
  plain: "rampCorrected",
  labelled: "firstWindowDropped",
};

/**
 * Latency and throughput of one label, or of all rows together. Groups aren't weighted by their count in latencies, as
 * the harness doesn't; rates count requests.
 *
 * @returns undefined when no row has the label
 * @see section 1.9 of the FrankenPaxos description
 */
export function aggregate(
  recording: Recording,
  { label, rule = currentRule[recording.kind] }: { readonly label?: string; readonly rule?: FirstWindowRule } = {},
): Measured | undefined {
  const code = label === undefined ? undefined : recording.labels.indexOf(label);
  const isMine = (_: number, index: number): boolean => code === undefined || recording.labelCodes[index] === code;
  const latencies = recording.latencyMs.filter(isMine);
  if (latencies.length === 0) return undefined;
  const { ratesPerSec } = rollingRates(recording.startMs.filter(isMine), {
    rule,
    counts: recording.counts.filter(isMine),
  });
  return {
    latencyMs: statisticsOf(latencies),
    startThroughputPerSec: ratesPerSec.length === 0 ? undefined : statisticsOf(ratesPerSec),
  };
}

/** Quantiles interpolated at (n - 1)q, as pandas does. */
function statisticsOf(values: Float64Array): Statistics {
  const sorted = values.slice().sort();
  const at = (p: number): number => interpolatedOfSorted(sorted, p);
  return {
    mean: mean(sorted),
    median: at(0.5),
    min: at(0),
    max: at(1),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
  };
}

/** Requests over the time from the first start to the last stop: what the rolling rates hide of an outage. */
export function overallThroughputPerSec({ startMs, stopMs, counts }: Recording): number {
  const lastStopMs = stopMs.reduce((last, stop) => Math.max(last, stop), -Infinity);
  return (sum(counts) * 1_000) / (lastStopMs - (startMs[0] ?? NaN));
}
