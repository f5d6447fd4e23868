import { nearestRankOfSorted } from "./descriptive.ts";
import { binomial } from "./distributions.ts";
import { requireProbability, toSorted } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";

/**
 * Distribution-free interval of a quantile of independent values, between two measured values: for percentiles of latency
 * within one trial whose requests are independent. Covers at least the confidence, whatever the distribution; an end is
 * infinite where the sample is too small to bound the quantile (a p99 of 100 values has no upper end).
 *
 * @see H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed., 7.1
 */
export function quantileInterval(samples: Samples, p: number, confidence = 0.95): Estimate {
  requireProbability(p, "the quantile");
  requireProbability(confidence, "the confidence");
  const sorted = toSorted(samples, "a quantile interval");
  const n = sorted.length;
  const tail = (1 - confidence) / 2;
  // The true quantile lies below the k-th smallest value when at least n − k + 1 … that is, when fewer than k values are below it.
  const lowRank = binomial.quantile(tail, n, p); // P(X < lowRank) < tail, X the number of values below the quantile
  const highRank = binomial.quantile(1 - tail, n, p) + 1; // P(X ≥ highRank) ≤ tail
  return {
    estimate: nearestRankOfSorted(sorted, p),
    low: lowRank < 1 ? -Infinity : (sorted[lowRank - 1] as number), // ranks are at most n
    high: highRank > n ? Infinity : (sorted[highRank - 1] as number),
    confidence,
  };
}
