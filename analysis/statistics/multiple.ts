import { bootstrapInterval } from "./bootstrap.ts";
import type { BootstrapMethod } from "./bootstrap.ts";
import { mean } from "./descriptive.ts";
import { SampleError, toFloat64 } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";
import { tInterval } from "./t-interval.ts";

/** One hypothesis of many: shown raw and adjusted. */
export interface AdjustedP {
  readonly p: number;
  /** Compare this one with the level. */
  readonly adjusted: number;
  readonly rejected: boolean;
}

/**
 * Benjamini and Hochberg's control of the false discovery rate: of what is called a change, at most a share `level` is
 * wrong on average. For independent or positively dependent tests.
 *
 * @returns one entry a p value, in the given order
 * @see Y. Benjamini and Y. Hochberg, J. Royal Statistical Society B 57(1), 1995
 */
export function benjaminiHochberg(ps: readonly number[], level = 0.05): AdjustedP[] {
  const order = ascending(ps);
  const adjusted = new Float64Array(ps.length);
  let lowest = 1;
  for (let rank = ps.length; rank >= 1; rank--) {
    const index = order[rank - 1] as number; // rank is at most the length
    lowest = Math.min(lowest, ((ps[index] as number) * ps.length) / rank);
    adjusted[index] = lowest;
  }
  return toAdjusted(ps, adjusted, level);
}

/**
 * Holm's control of the family-wise error: the probability of any wrong rejection is at most `level`, whatever the
 * dependence.
 *
 * @see S. Holm, Scandinavian J. Statistics 6, 1979
 */
export function holm(ps: readonly number[], level = 0.05): AdjustedP[] {
  const adjusted = new Float64Array(ps.length);
  let highest = 0;
  for (const [rank, index] of ascending(ps).entries()) {
    highest = Math.max(highest, Math.min(1, (ps[index] as number) * (ps.length - rank))); // an index of ps
    adjusted[index] = highest;
  }
  return toAdjusted(ps, adjusted, level);
}

function ascending(ps: readonly number[]): number[] {
  for (const [i, p] of ps.entries()) if (!(p >= 0 && p <= 1)) throw new SampleError(`p value ${i} is ${p}`);
  return Array.from(ps.keys()).sort((i, j) => (ps[i] as number) - (ps[j] as number)); // indices of ps
}

const toAdjusted = (ps: readonly number[], adjusted: Float64Array, level: number): AdjustedP[] =>
  ps.map((p, i) => {
    const value = adjusted[i] as number; // one entry a p value
    return { p, adjusted: value, rejected: value <= level };
  });

export interface SuiteOptions {
  /** `t` is Student's interval of the log ratios over benchmarks. @default "bca" */
  readonly method?: Exclude<BootstrapMethod, "studentized"> | "t";
  /** @default 10,000 */
  readonly resamples?: number;
  /** @default 0.95 */
  readonly confidence?: number;
  /** @default 1 */
  readonly seed?: number;
}

/**
 * A suite in one number: the geometric mean of its benchmarks' ratios B/A, with an interval over benchmarks, so that it
 * speaks of suites like this one.
 *
 * @param logRatios one a benchmark: the mean log ratio of its runs
 * @returns a ratio: 1.02 says that B's measure is 2 % higher
 * @see P. Fleming and J. Wallace, CACM 29(3), 1986, for the geometric mean
 */
export function suiteRatio(logRatios: Samples, options: SuiteOptions = {}): Estimate {
  const { method = "bca", confidence = 0.95, resamples = 10_000, seed = 1 } = options;
  const values = toFloat64(logRatios, "a suite's ratio", 2);
  const { low, high } =
    method === "t" ? tInterval(values, confidence) : bootstrapInterval(values, { method, confidence, resamples, seed });
  return { estimate: Math.exp(mean(values)), low: Math.exp(low), high: Math.exp(high), confidence };
}
