import { logarithms, mean, median } from "./descriptive.ts";
import { SampleError, toFloat64 } from "./samples.ts";
import type { Samples } from "./samples.ts";

// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { abs, exp, floor, log, log1p, max, min, sqrt } = Math;

// Every index below is proved by its loop's bound, so `as number` only tells the compiler what it can't see.

/**
 * Changepoints of a mean shift: PELT with squared error. Exactly minimises Σ(within-segment squares) + penalty·(number of
 * changepoints), in about linear time.
 *
 * @param minimumLength of a segment. @default 2
 * @returns the segments' first indices, ascending, the first being 0
 * @see R. Killick, P. Fearnhead and I. Eckley, "Optimal detection of changepoints with a linear computational cost", JASA 107, 2012
 */
export function changepoints(samples: Samples, penalty: number, minimumLength = 2): number[] {
  if (!(penalty >= 0) || !Number.isInteger(minimumLength) || minimumLength < 1) {
    throw new SampleError(`changepoints with penalty ${penalty} and segments of at least ${minimumLength}`);
  }
  const values = toFloat64(samples, "changepoints");
  const n = values.length;
  const centre = mean(values);
  const sums = new Float64Array(n + 1);
  const squares = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    const value = (values[i] as number) - centre;
    sums[i + 1] = (sums[i] as number) + value;
    squares[i + 1] = (squares[i] as number) + value * value;
  }
  const cost = (start: number, end: number) => {
    const total = (sums[end] as number) - (sums[start] as number);
    return max(0, (squares[end] as number) - (squares[start] as number) - (total * total) / (end - start));
  };
  const best = new Float64Array(n + 1).fill(Infinity);
  best[0] = -penalty;
  const previous = new Int32Array(n + 1);
  // A start that is worse than a new changepoint at `end` can't win once that changepoint's segment is long enough:
  // `until` is the first end at which it may be forgotten.
  let candidates: { readonly start: number; until: number }[] = [{ start: 0, until: Infinity }];
  for (let end = minimumLength; end <= n; end++) {
    candidates = candidates.filter(({ until }) => until > end);
    for (const { start } of candidates) {
      const total = (best[start] as number) + cost(start, end) + penalty;
      if (total < (best[end] as number)) {
        best[end] = total;
        previous[end] = start;
      }
    }
    for (const candidate of candidates) {
      if (
        candidate.until === Infinity &&
        (best[candidate.start] as number) + cost(candidate.start, end) > (best[end] as number)
      ) {
        candidate.until = end + minimumLength;
      }
    }
    const youngest = end - minimumLength + 1;
    if (youngest >= minimumLength) candidates.push({ start: youngest, until: Infinity });
  }
  const starts: number[] = [];
  for (let end = n; end > 0; end = previous[end] as number) starts.push(previous[end] as number);
  return starts.length === 0 ? [0] : starts.reverse();
}

/** How a process behaved over its iterations (E. Barrett et al., "Virtual machine warmup blows hot and cold", OOPSLA 2017). */
export type SteadyStateClass = "flat" | "warm-up" | "slowdown" | "no steady state";

export interface SteadySegment {
  /** First iteration, from 0. */
  readonly from: number;
  /** Behind the last iteration. */
  readonly to: number;
  /** Geometric mean of the iteration times, in their unit. */
  readonly level: number;
}

export interface SteadyState {
  readonly class: SteadyStateClass;
  readonly segments: readonly SteadySegment[];
  /** The first iteration to evaluate. */
  readonly steadyFrom: number;
  /** True where no steady state was found and the second half stands in for it: say so in the report. */
  readonly isFallback: boolean;
}

export interface SteadyStateOptions {
  /** The penalty is this times ln n times the noise variance. @default 15 */
  readonly penaltyFactor?: number;
  /** The last segment counts as steady when it covers at least this share of all iterations. @default 1/3 */
  readonly steadyShare?: number;
  /** Segments whose level is within this share of the last one's count as the same state. @default 0 */
  readonly tolerance?: number;
}

/** Fewer can't show a steady state: the second half is taken. */
const fewestIterations = 4;

/**
 * Finds the steady state of one process: section 7.1.2 of the duet description. Changepoints are sought on log times, with
 * a penalty of 15·ln n × a noise variance from differences of neighbours, which a trend or step doesn't inflate. Single
 * far outliers (a collection pause) are pulled in for the search, or each would become a segment of its own; they stay in
 * the data.
 *
 * flat: no change. warm-up: the last segment is the fastest. slowdown: an earlier one was faster. no steady state: the last
 * segment is shorter than a third.
 *
 * @param times iteration times of one process in order, any unit
 * @throws {SampleError} without iterations, or when one isn't positive
 */
export function steadyState(times: Samples, options: SteadyStateOptions = {}): SteadyState {
  const { penaltyFactor = 15, steadyShare = 1 / 3, tolerance = 0 } = options;
  const logs = logarithms(toFloat64(times, "a steady state"), "a steady state");
  const n = logs.length;
  const half = floor(n / 2);
  if (n < fewestIterations) {
    return { class: "no steady state", segments: [segmentOf(logs, 0, n)], steadyFrom: half, isFallback: true };
  }
  const noise = noiseVariance(logs);
  const starts = changepoints(pullInOutliers(logs, sqrt(noise)), penaltyFactor * log(n) * noise);
  const segments = starts.map((from, i) => segmentOf(logs, from, starts[i + 1] ?? n));
  const last = segments[segments.length - 1] as SteadySegment; // there is at least one segment
  const reach = log1p(tolerance);
  const isLikeLast = ({ level }: SteadySegment) => abs(log(level / last.level)) <= reach;
  let first = segments.length - 1;
  while (first > 0 && tolerance > 0 && isLikeLast(segments[first - 1] as SteadySegment)) first--;
  const { from } = segments[first] as SteadySegment; // from 0 to the last
  if (first === 0) return { class: "flat", segments, steadyFrom: 0, isFallback: false };
  if (n - from < steadyShare * n) return { class: "no steady state", segments, steadyFrom: half, isFallback: true };
  const wasFaster = segments
    .slice(0, first)
    .some((segment) => segment.level < last.level && !(tolerance > 0 && isLikeLast(segment)));
  return { class: wasFaster ? "slowdown" : "warm-up", segments, steadyFrom: from, isFallback: false };
}

const segmentOf = (logs: Float64Array, from: number, to: number): SteadySegment => ({
  from,
  to,
  level: exp(mean(logs.subarray(from, to))),
});

/**
 * Variance of the noise from differences of neighbours: their median absolute size, scaled for normal noise. Where more
 * than half of the neighbours are equal (times in whole milliseconds) their mean square.
 */
export function noiseVariance(samples: Samples): number {
  const values = toFloat64(samples, "a noise variance", 2);
  const differences = Float64Array.from({ length: values.length - 1 }, (_, i) =>
    abs((values[i + 1] as number) - (values[i] as number)),
  );
  const robust = (1.482602218505602 * median(differences)) ** 2 / 2;
  return robust > 0 ? robust : mean(differences.map((difference) => difference * difference)) / 2;
}

/** Values inside the series that lie over 10 deviations from the median of their five neighbours are moved to that distance. */
function pullInOutliers(values: Float64Array, deviation: number): Float64Array {
  const pulled = values.slice();
  const reach = 10 * deviation;
  for (let i = 2; i + 2 < values.length; i++) {
    const local = median(values.subarray(i - 2, i + 3));
    pulled[i] = max(local - reach, min(local + reach, values[i] as number));
  }
  return pulled;
}
