import { summarize } from "./descriptive.ts";
import type { Summary } from "./descriptive.ts";
import { SampleError, toFloat64 } from "./samples.ts";
import type { Samples } from "./samples.ts";

// Every index below is proved by its loop's bound, so `as number` only tells the compiler what it can't see.

/**
 * What happens to the first window of a rolling rate, when it isn't filled yet.
 *
 * `untrimmed`: nothing, counts climb from 1/w (FrankenPaxos' generation A, until February 2020).
 * `rampCorrected`: from the 100th event on, within the first window, events so far over time so far; the first 100 rows are
 * dropped (generation B, plain files).
 * `firstWindowDropped`: rows before first + w are dropped (generation C, labelled files).
 *
 * @see section 1.9 of the FrankenPaxos description
 */
export type FirstWindowRule = "untrimmed" | "rampCorrected" | "firstWindowDropped";

/** Rows that the ramp rule drops, and after which it corrects. */
const rampRows = 100;

export interface RollingRates {
  /** Times of the rows that are kept, in milliseconds. */
  readonly timesMs: Float64Array;
  /** Events per second in the window that ends at that row. */
  readonly ratesPerSec: Float64Array;
}

export interface RollingRateOptions {
  readonly rule: FirstWindowRule;
  /** @default 1,000 */
  readonly windowMs?: number;
  /** Events a row stands for. @default 1 each */
  readonly counts?: Samples;
}

/**
 * One rate a row: the events in (t − w, t], t the row's own time, over w. Rows of one time count in their order, so each
 * sees only itself and earlier rows. The series is weighted by events: a silent stretch contributes nothing; see
 * `binnedRates` for one weighted by time.
 *
 * @param timesMs ascending
 * @throws {SampleError} when times descend
 */
export function rollingRates(timesMs: Samples, { rule, windowMs = 1_000, counts }: RollingRateOptions): RollingRates {
  const times = toAscending(timesMs);
  const weights = counts === undefined ? new Float64Array(times.length).fill(1) : toFloat64(counts, "counts", 0);
  if (weights.length !== times.length) throw new SampleError(`${times.length} times but ${weights.length} counts`);
  const n = times.length;
  const rates = new Float64Array(n);
  const perSec = 1_000 / windowMs;
  let oldest = 0;
  let inWindow = 0;
  for (let i = 0; i < n; i++) {
    inWindow += weights[i] as number;
    const edge = (times[i] as number) - windowMs;
    while ((times[oldest] as number) <= edge) inWindow -= weights[oldest++] as number;
    rates[i] = inWindow * perSec;
  }
  switch (rule) {
    case "untrimmed":
      return { timesMs: times, ratesPerSec: rates };
    case "rampCorrected":
      correctRamp(times, rates, windowMs);
      return { timesMs: times.subarray(rampRows), ratesPerSec: rates.subarray(rampRows) };
    case "firstWindowDropped": {
      let from = 0;
      while (from < n && (times[from] as number) < (times[0] as number) + windowMs) from++;
      return { timesMs: times.subarray(from), ratesPerSec: rates.subarray(from) };
    }
    default:
      return rule satisfies never;
  }
}

/** Within the first window: rows so far (of one time, all of them) over time so far. */
function correctRamp(times: Float64Array, rates: Float64Array, windowMs: number): void {
  const first = times[0] ?? 0;
  for (let end = times.length; end > 0;) {
    const time = times[end - 1] as number;
    let start = end - 1;
    while (start > 0 && times[start - 1] === time) start--;
    if (time <= first + windowMs && time > first) {
      const value = (end * 1_000) / (time - first);
      for (let i = Math.max(start, rampRows - 1); i < end; i++) rates[i] = value;
    }
    end = start;
  }
}

function toAscending(timesMs: Samples): Float64Array {
  const times = toFloat64(timesMs, "times", 0);
  for (let i = 1; i < times.length; i++) {
    if ((times[i] as number) < (times[i - 1] as number)) {
      throw new SampleError(`time ${i} lies before time ${i - 1}`, { hint: "sort rows by time first" });
    }
  }
  return times;
}

export interface RollingQuantileOptions {
  /** @default 1,000 */
  readonly windowMs?: number;
  /** A value for every how many-th row, from the first on: what won't be drawn needs no quantile. @default 1 */
  readonly everyRows?: number;
}

/** A quantile of the values in (t − w, t]: see `rollingQuantiles`. */
export function rollingQuantile(
  timesMs: Samples,
  values: Samples,
  { p, ...options }: RollingQuantileOptions & { readonly p: number },
): Float64Array {
  return rollingQuantiles(timesMs, values, { ps: [p], ...options })[0] as Float64Array;
}

/**
 * Quantiles of the values in (t − w, t], interpolated; rows of one time count in their order.
 *
 * @param timesMs ascending
 * @param values one a row, any unit
 * @returns for each of `ps` one value a row, or one for every `everyRows`-th; n·log n by counting over ranks
 */
export function rollingQuantiles(
  timesMs: Samples,
  values: Samples,
  { ps, windowMs = 1_000, everyRows = 1 }: RollingQuantileOptions & { readonly ps: readonly number[] },
): Float64Array[] {
  const times = toAscending(timesMs);
  const data = toFloat64(values, "a rolling quantile", 0);
  if (data.length !== times.length) throw new SampleError(`${times.length} times but ${data.length} values`);
  if (!Number.isInteger(everyRows) || everyRows < 1) throw new SampleError(`a value every ${everyRows} rows`);
  const n = data.length;
  // Equal values share a rank, so that sorting numbers is enough: sorting rows takes ten times as long.
  const distinct = distinctSorted(data);
  const tree = new RankTree(distinct.length);
  const ranks = new Uint32Array(n);
  for (let i = 0; i < n; i++) ranks[i] = rankIn(distinct, data[i] as number);
  const results = ps.map(() => new Float64Array(Math.ceil(n / everyRows)));
  let oldest = 0;
  for (let i = 0; i < n; i++) {
    tree.add(ranks[i] as number, 1);
    const edge = (times[i] as number) - windowMs;
    while ((times[oldest] as number) <= edge) tree.add(ranks[oldest++] as number, -1);
    if (i % everyRows !== 0) continue;
    for (const [index, result] of results.entries()) {
      const position = (i - oldest) * (ps[index] as number); // the window holds i − oldest + 1 values
      const below = Math.floor(position);
      const low = distinct[tree.find(below)] as number;
      const share = position - below;
      result[i / everyRows] = share === 0 ? low : low + ((distinct[tree.find(below + 1)] as number) - low) * share;
    }
  }
  return results;
}

function distinctSorted(data: Float64Array): Float64Array {
  const sorted = data.slice().sort();
  let count = 0;
  for (let i = 0; i < sorted.length; i++)
    if (i === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i] as number;
  return sorted.subarray(0, count);
}

/** Where a value that is there stands. */
function rankIn(distinct: Float64Array, value: number): number {
  let [low, high] = [0, distinct.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((distinct[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts by rank with the k-th present rank in log n (P. M. Fenwick 1994). */
class RankTree {
  readonly #counts: Int32Array;
  readonly #top: number;
  constructor(size: number) {
    this.#counts = new Int32Array(size + 1);
    this.#top = size === 0 ? 0 : 2 ** Math.floor(Math.log2(size));
  }
  add(rank: number, change: number): void {
    for (let i = rank + 1; i < this.#counts.length; i += i & -i) this.#counts[i] = (this.#counts[i] as number) + change;
  }
  /** The rank that has `index` present ranks before it. */
  find(index: number): number {
    let at = 0;
    let left = index;
    for (let step = this.#top; step > 0; step >>>= 1) {
      const next = at + step;
      if (next < this.#counts.length && (this.#counts[next] as number) <= left) {
        at = next;
        left -= this.#counts[next] as number;
      }
    }
    return at;
  }
}

/** A stretch of time, in milliseconds on the events' clock: closed at the start, open at the end. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One bin of time. */
export interface RateBin {
  readonly fromMs: number;
  readonly ratePerSec: number;
}

/**
 * Events per second in equal bins of time over a range: silent bins are 0, and count. A last, partial bin is left out.
 *
 * @param range @default from the first event to just behind the last
 */
export function binnedRates(
  timesMs: Samples,
  options: { readonly binMs?: number; readonly range?: TimeRange; readonly counts?: Samples } = {},
): RateBin[] {
  const { binMs = 1_000, counts } = options;
  const times = toAscending(timesMs);
  const range = options.range ?? { fromMs: times[0] ?? 0, toMs: (times[times.length - 1] ?? 0) + 1e-6 };
  const bins = Math.floor((range.toMs - range.fromMs) / binMs + 1e-9);
  const totals = new Float64Array(Math.max(0, bins));
  for (let i = 0; i < times.length; i++) {
    const bin = Math.floor(((times[i] as number) - range.fromMs) / binMs);
    if (bin >= 0 && bin < bins)
      totals[bin] = (totals[bin] as number) + (counts === undefined ? 1 : (counts[i] as number));
  }
  return Array.from(totals, (total, bin) => ({
    fromMs: range.fromMs + bin * binMs,
    ratePerSec: (total * 1_000) / binMs,
  }));
}

/** Throughput over a range, weighted by time: `mean` is exactly events over seconds, the rest are of bins. */
export interface Throughput {
  readonly events: number;
  readonly durationSec: number;
  readonly meanPerSec: number;
  /** Of the bins' rates; undefined when no whole bin fits. */
  readonly bins: Summary | undefined;
}

/** @throws {SampleError} for a range without length */
export function timeWeightedThroughput(
  timesMs: Samples,
  range: TimeRange,
  options: { readonly binMs?: number; readonly counts?: Samples } = {},
): Throughput {
  const durationSec = (range.toMs - range.fromMs) / 1_000;
  if (!(durationSec > 0))
    throw new SampleError(`a range of ${durationSec} s`, { hint: "a throughput needs a stretch of time" });
  let events = 0;
  const times = toAscending(timesMs);
  for (let i = 0; i < times.length; i++) {
    const time = times[i] as number;
    if (time >= range.fromMs && time < range.toMs)
      events += options.counts === undefined ? 1 : (options.counts[i] as number);
  }
  const rates = binnedRates(times, { ...options, range }).map(({ ratePerSec }) => ratePerSec);
  return {
    events,
    durationSec,
    meanPerSec: events / durationSec,
    bins: rates.length === 0 ? undefined : summarize(rates),
  };
}

/** A stretch without events. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Stretches between neighbouring events that are longer than a limit; with a range, also from its start and to its end. */
export function gaps(
  timesMs: Samples,
  { longerThanMs, range }: { readonly longerThanMs: number; readonly range?: TimeRange },
): Gap[] {
  const times = toAscending(timesMs);
  const inside = range === undefined ? times : times.filter((time) => time >= range.fromMs && time < range.toMs);
  const marks = range === undefined ? [...inside] : [range.fromMs, ...inside, range.toMs];
  const found: Gap[] = [];
  for (let i = 1; i < marks.length; i++) {
    const [fromMs, toMs] = [marks[i - 1] as number, marks[i] as number];
    if (toMs - fromMs > longerThanMs) found.push({ fromMs, toMs });
  }
  return found;
}

/** How much of a stretch of time had commits. */
export interface Availability {
  /** Share of the bins with at least one event, in [0, 1]. */
  readonly share: number;
  readonly bins: number;
  readonly longestGapMs: number;
}

/**
 * Share of time with commits, in bins over a range.
 *
 * @param binMs how long a silence may be before it counts as an outage. @default 1,000
 */
export function availability(timesMs: Samples, range: TimeRange, binMs = 1_000): Availability {
  const bins = binnedRates(timesMs, { binMs, range });
  if (bins.length === 0) throw new SampleError(`no bin of ${binMs} ms fits into ${range.toMs - range.fromMs} ms`);
  const longestGapMs = gaps(timesMs, { longerThanMs: 0, range }).reduce(
    (longest, { fromMs, toMs }) => Math.max(longest, toMs - fromMs),
    0,
  );
  return {
    share: bins.filter(({ ratePerSec }) => ratePerSec > 0).length / bins.length,
    bins: bins.length,
    longestGapMs,
  };
}

/** What FrankenPaxos' result rows hold of a rate series: quantiles interpolated. NaN-free: undefined for an empty series. */
export function summarizeRates({ ratesPerSec }: RollingRates): Summary | undefined {
  return ratesPerSec.length === 0 ? undefined : summarize(ratesPerSec);
}
