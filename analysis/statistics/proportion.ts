import { beta, binomial, normal } from "./distributions.ts";
import { requireProbability, SampleError } from "./samples.ts";
import type { Estimate, Interval } from "./samples.ts";

/**
 * Wilson's score interval for a share: good for small counts and shares near 0 or 1, where the usual ± is not.
 *
 * @see E. B. Wilson, JASA 22, 1927; Brown, Cai and DasGupta, Statistical Science 16(2), 2001
 */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Estimate {
  checkCounts(successes, trials);
  requireProbability(confidence, "the confidence");
  const z = normal.survivalQuantile((1 - confidence) / 2);
  const share = successes / trials;
  const shrink = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  return {
    estimate: share,
    // At the ends rounding would leave 1e-17 instead of the exact 0 or 1.
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
    confidence,
  };
}

/** Clopper and Pearson's exact interval for a share: never covers less than promised, often more. */
export function exactBinomialInterval(successes: number, trials: number, confidence = 0.95): Estimate {
  checkCounts(successes, trials);
  requireProbability(confidence, "the confidence");
  const tail = (1 - confidence) / 2;
  return {
    estimate: successes / trials,
    low: successes === 0 ? 0 : beta.quantile(tail, successes, trials - successes + 1),
    high: successes === trials ? 1 : beta.quantile(1 - tail, successes + 1, trials - successes),
    confidence,
  };
}

/** The counts that a true share would give with this probability: what a simulation's tally is compared with. */
export function binomialLimits(trials: number, share: number, confidence: number): Interval {
  const tail = (1 - confidence) / 2;
  return { low: binomial.quantile(tail, trials, share), high: binomial.quantile(1 - tail, trials, share) };
}

function checkCounts(successes: number, trials: number): void {
  if (!Number.isInteger(trials) || trials < 1 || !Number.isInteger(successes) || successes < 0 || successes > trials) {
    throw new SampleError(`${successes} of ${trials}`, { hint: "counts are whole, and at least one trial is needed" });
  }
}
