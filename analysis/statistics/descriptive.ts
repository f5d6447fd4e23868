import { SampleError, toFloat64, toSorted } from "./samples.ts";
import type { Samples } from "./samples.ts";

// Every index below is proved by its loop's bound, so `as number` only tells the compiler what it can't see.

/** Arithmetic mean, by compensated summation (Neumaier 1974). @throws {SampleError} without values */
export const mean = (samples: Samples): number => sum(toFloat64(samples, "a mean")) / samples.length;

/** Sum with compensation for lost low digits. */
export function sum(samples: Samples): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i] as number;
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/** Sample variance (divides by n − 1), two passes. @throws {SampleError} below two values */
export function variance(samples: Samples): number {
  const values = toFloat64(samples, "a variance", 2);
  const centre = mean(values);
  let squares = 0;
  let drift = 0;
  for (const value of values) {
    squares += (value - centre) ** 2;
    drift += value - centre;
  }
  return (squares - (drift * drift) / values.length) / (values.length - 1);
}

/** Sample standard deviation (n − 1). */
export const standardDeviation = (samples: Samples): number => Math.sqrt(variance(samples));

/** Standard deviation over mean, dimensionless. @throws {SampleError} when the mean is zero */
export function coefficientOfVariation(samples: Samples): number {
  const centre = mean(samples);
  if (centre === 0) throw new SampleError("a coefficient of variation of values with mean 0");
  return standardDeviation(samples) / centre;
}

/** Middle value; the mean of the two middle values for an even count. */
export const median = (samples: Samples): number => interpolatedQuantile(samples, 0.5);

/**
 * Quantile by nearest rank: the smallest value with at least p·n values at or below it. Always a measured value.
 *
 * @param p share in [0, 1]; 0 gives the minimum
 * @see Hyndman and Fan, "Sample quantiles in statistical packages", 1996, type 1
 */
export const nearestRankQuantile = (samples: Samples, p: number): number =>
  nearestRankOfSorted(toSorted(samples, "a quantile"), p);

/**
 * Quantile by linear interpolation between order statistics, at position (n − 1)·p: the default of NumPy, pandas and R.
 *
 * @see Hyndman and Fan 1996, type 7
 */
export const interpolatedQuantile = (samples: Samples, p: number): number =>
  interpolatedOfSorted(toSorted(samples, "a quantile"), p);

/** `nearestRankQuantile` of values that are already in ascending order. */
export function nearestRankOfSorted(sorted: Samples, p: number): number {
  return sorted[nearestRank(sorted.length, p)] as number;
}

/** The index, from 0, of the nearest-rank quantile of n sorted values. */
export function nearestRank(n: number, p: number): number {
  checkShare(p);
  // 0.07 · 100 is 7.000000000000001 in doubles: a rank is whole when it is within rounding of whole.
  const rank = Math.ceil(p * n * (1 - 4 * Number.EPSILON));
  return Math.max(1, Math.min(n, rank)) - 1;
}

/** `interpolatedQuantile` of values that are already in ascending order. */
export function interpolatedOfSorted(sorted: Samples, p: number): number {
  checkShare(p);
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const share = position - below;
  if (share === 0) return low;
  return low + ((sorted[below + 1] as number) - low) * share;
}

/**
 * Quantile of weighted values: the smallest value at which the weight at or below reaches p of the total. With equal
 * weights it is the nearest-rank quantile.
 */
export function weightedQuantile(samples: Samples, weights: Samples, p: number): number {
  checkShare(p);
  const values = toFloat64(samples, "a weighted quantile");
  const total = weightsTotal(values, weights);
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const target = p * total * (1 - 4 * Number.EPSILON);
  let reached = 0;
  for (const index of order) {
    const weight = weights[index] as number;
    reached += weight;
    if (weight > 0 && reached >= target) return values[index] as number;
  }
  return values[order[order.length - 1] as number] as number;
}

/** Σwx / Σw. */
export function weightedMean(samples: Samples, weights: Samples): number {
  const values = toFloat64(samples, "a weighted mean");
  const total = weightsTotal(values, weights);
  let weighted = 0;
  for (let i = 0; i < values.length; i++) weighted += (values[i] as number) * (weights[i] as number);
  return weighted / total;
}

function weightsTotal(values: Float64Array, weights: Samples): number {
  if (weights.length !== values.length) {
    throw new SampleError(`${values.length} values but ${weights.length} weights`, { hint: "give one weight a value" });
  }
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (!(weight >= 0 && weight < Infinity))
      throw new SampleError(`weight ${i} is ${weight}`, { hint: "weights are finite and not negative" });
    total += weight;
  }
  if (total === 0) throw new SampleError("all weights are zero");
  return total;
}

/**
 * Mean without the `share` smallest and the `share` largest values; counts are rounded down, as in SciPy's `trim_mean`.
 *
 * @param share in [0, 0.5), for example 0.1 for a 10 % trimmed mean
 */
export function trimmedMean(samples: Samples, share: number): number {
  if (!(share >= 0 && share < 0.5))
    throw new SampleError(`a trimmed share of ${share}`, { hint: "give a share below 0.5" });
  const sorted = toSorted(samples, "a trimmed mean");
  const cut = Math.floor(share * sorted.length);
  return mean(sorted.subarray(cut, sorted.length - cut));
}

/** exp of the mean logarithm. @throws {SampleError} when a value isn't positive */
export const geometricMean = (samples: Samples): number => Math.exp(mean(logarithms(samples, "a geometric mean")));

/** Natural logarithms. @throws {SampleError} when a value isn't positive; the message names it */
export function logarithms(samples: Samples, what = "a logarithm"): Float64Array {
  const values = toFloat64(samples, what, 0);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value <= 0)
      throw new SampleError(`${what}: value ${i} is ${value}`, { hint: "ratios need positive measurements" });
    values[i] = Math.log(value);
  }
  return values;
}

/** Median absolute deviation from the median, times 1.4826: a robust standard deviation for normal data. */
export function robustDeviation(samples: Samples): number {
  const centre = median(samples);
  return 1.482602218505602 * median(Float64Array.from(samples, (value) => Math.abs(value - centre)));
}

/** Pearson's correlation of pairs; 0 when either side never changes. */
export function correlation(a: Samples, b: Samples): number {
  const spread = standardDeviation(a) * standardDeviation(b);
  return spread === 0 ? 0 : covariance(a, b) / spread;
}

/** Sample covariance of pairs (n − 1). */
export function covariance(a: Samples, b: Samples): number {
  if (a.length !== b.length)
    throw new SampleError(`${a.length} values of A but ${b.length} of B`, { hint: "a covariance is of pairs" });
  const meanA = mean(a);
  const meanB = mean(b);
  if (a.length < 2) throw new SampleError("a covariance needs at least 2 pairs, got 1");
  let products = 0;
  for (let i = 0; i < a.length; i++) products += ((a[i] as number) - meanA) * ((b[i] as number) - meanB);
  return products / (a.length - 1);
}

/** What a table row says of one series; quantiles are interpolated (type 7). Spread is NaN-free: 0 for one value. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly standardDeviation: number;
  readonly min: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export function summarize(samples: Samples): Summary {
  const sorted = toSorted(samples, "a summary");
  const at = (p: number) => interpolatedOfSorted(sorted, p);
  return {
    count: sorted.length,
    mean: mean(sorted),
    standardDeviation: sorted.length > 1 ? standardDeviation(sorted) : 0,
    min: at(0),
    p25: at(0.25),
    median: at(0.5),
    p75: at(0.75),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: at(1),
  };
}

/**
 * Mean and variance of a stream, one value at a time, mergeable; no value is kept.
 *
 * @see B. P. Welford, Technometrics 4(3), 1962; merging: Chan, Golub and LeVeque 1979
 */
export class RunningMoments {
  #count = 0;
  #mean = 0;
  #squares = 0;
  #min = Infinity;
  #max = -Infinity;

  add(value: number): void {
    this.#count++;
    const before = value - this.#mean;
    this.#mean += before / this.#count;
    this.#squares += before * (value - this.#mean);
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** Takes in everything another stream has seen. */
  merge(other: RunningMoments): void {
    if (other.#count === 0) return;
    const count = this.#count + other.#count;
    const apart = other.#mean - this.#mean;
    this.#squares += other.#squares + (apart * apart * this.#count * other.#count) / count;
    this.#mean += (apart * other.#count) / count;
    this.#count = count;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  get count(): number {
    return this.#count;
  }
  /** NaN without values. */
  get mean(): number {
    return this.#count === 0 ? Number.NaN : this.#mean;
  }
  /** Sample variance (n − 1); NaN below two values. */
  get variance(): number {
    return this.#count < 2 ? Number.NaN : this.#squares / (this.#count - 1);
  }
  get standardDeviation(): number {
    return Math.sqrt(this.variance);
  }
  get min(): number {
    return this.#min;
  }
  get max(): number {
    return this.#max;
  }
}

function checkShare(p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new SampleError(`a quantile of ${p}`, { hint: "quantiles are shares: 0.99 for the 99th percentile" });
}
