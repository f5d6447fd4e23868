/** Rolling latency and throughput of one run, as the papers' time series figures show them. */
import { gaps, interpolatedOfSorted, mean, rollingQuantiles, rollingRates } from "reprise/analysis";
import type { FirstWindowRule } from "reprise/analysis";
import type { Recording } from "./recorder-csv.ts";

/** What of a run is drawn. */
export interface Cut {
  /** Left out from the first start on; where it ends is second 0 of the axis. */
  readonly headSec: number;
  /** Left out before the last start. */
  readonly tailSec: number;
}

/** The requests that are drawn, their starts in ms from the axis' origin. */
export interface Requests {
  readonly elapsedMs: Float64Array;
  readonly latencyMs: Float64Array;
  readonly counts: Float64Array;
}

export function cutRequests({ startMs, latencyMs, counts }: Recording, { headSec, tailSec }: Cut): Requests {
  const origin = (startMs[0] ?? NaN) + headSec * 1_000;
  const end = (startMs.at(-1) ?? NaN) - tailSec * 1_000;
  return rowsWhere({ elapsedMs: startMs.map((start) => start - origin), latencyMs, counts }, 0, end - origin);
}

/** Requests with both ends of a range of the axis included. */
export function rowsWhere({ elapsedMs, latencyMs, counts }: Requests, fromMs: number, toMs: number): Requests {
  let [from, to] = [0, elapsedMs.length];
  while (from < to && (elapsedMs[from] ?? 0) < fromMs) from++;
  while (to > from && (elapsedMs[to - 1] ?? 0) > toMs) to--;
  return {
    elapsedMs: elapsedMs.subarray(from, to),
    latencyMs: latencyMs.subarray(from, to),
    counts: counts.subarray(from, to),
  };
}

/** The requests before and after the first silence that is longer than a limit; all in one where there is none. */
export function splitAtOutage(requests: Requests, longerThanMs = 1_000): Requests[] {
  const outage = gaps(requests.elapsedMs, { longerThanMs })[0];
  if (!outage) return [requests];
  return [rowsWhere(requests, -Infinity, outage.fromMs), rowsWhere(requests, outage.toMs, Infinity)];
}

/** Rolling values over the window that ends at a request's start, for every how many-th request was asked for. */
export interface RollingSeries {
  readonly latency: {
    readonly elapsedMs: Float64Array;
    readonly medianMs: Float64Array;
    readonly p95Ms: Float64Array;
  };
  readonly throughput: { readonly elapsedMs: Float64Array; readonly perSec: Float64Array };
}

/** @see section 4.3 of the FrankenPaxos description */
export function rollingSeries(
  requests: Requests,
  rule: FirstWindowRule,
  { windowMs = 1_000, everyRows = 1 } = {},
): RollingSeries {
  const { elapsedMs, latencyMs, counts } = requests;
  const { timesMs, ratesPerSec } = rollingRates(elapsedMs, { rule, windowMs, counts });
  const [medianMs = empty, p95Ms = empty] = rollingQuantiles(elapsedMs, latencyMs, {
    ps: [0.5, 0.95],
    windowMs,
    everyRows,
  });
  const thinned = (values: Float64Array): Float64Array => everyNth(values, everyRows);
  return {
    latency: { elapsedMs: thinned(elapsedMs), medianMs, p95Ms },
    throughput: { elapsedMs: thinned(timesMs), perSec: thinned(ratesPerSec) },
  };
}

const empty = new Float64Array(0);

function everyNth(values: Float64Array, step: number): Float64Array {
  if (step === 1) return values;
  const kept = new Float64Array(Math.ceil(values.length / step));
  for (let i = 0; i < kept.length; i++) kept[i] = values[i * step] ?? NaN;
  return kept;
}

/** What the papers state of a window of a run. */
export interface WindowSummary {
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  /** Of the population (n). */
  readonly deviation: number;
  readonly count: number;
}

/** Rolling throughput, its first second dropped, and latencies of some requests, each in ascending order. */
export function windowValues({ elapsedMs, latencyMs, counts }: Requests): {
  readonly throughputPerSec: Float64Array;
  readonly latencyMs: Float64Array;
} {
  if (elapsedMs.length === 0) return { throughputPerSec: empty, latencyMs: empty };
  const { ratesPerSec } = rollingRates(elapsedMs, { rule: "firstWindowDropped", counts });
  return { throughputPerSec: ratesPerSec.slice().sort(), latencyMs: latencyMs.slice().sort() };
}

/** The same as the papers' statistics files have them. */
export function summarizeWindow(requests: Requests): {
  readonly throughputPerSec: WindowSummary | undefined;
  readonly latencyMs: WindowSummary | undefined;
} {
  const { throughputPerSec, latencyMs } = windowValues(requests);
  return { throughputPerSec: summaryOf(throughputPerSec), latencyMs: summaryOf(latencyMs) };
}

function summaryOf(sorted: Float64Array): WindowSummary | undefined {
  if (sorted.length === 0) return undefined;
  const at = (p: number): number => interpolatedOfSorted(sorted, p);
  const centre = mean(sorted);
  const deviation = Math.sqrt(mean(sorted.map((value) => (value - centre) ** 2)));
  return { p25: at(0.25), p50: at(0.5), p75: at(0.75), deviation, count: sorted.length };
}
