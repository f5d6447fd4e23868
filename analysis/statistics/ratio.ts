import { bcaInterval, percentileInterval } from "./bootstrap.ts";
import { covariance, logarithms, mean, standardDeviation, variance } from "./descriptive.ts";
import { studentT } from "./distributions.ts";
import { generator } from "./generator.ts";
import { requireProbability, SampleError, toFloat64 } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";
import { tInterval, welchInterval } from "./t-interval.ts";

/** A ratio B/A of means; `bounded` is false where the denominator can't be told from zero, and the interval is everything. */
export interface RatioEstimate extends Estimate {
  readonly bounded: boolean;
}

/**
 * Fieller's interval for mean(b) / mean(a) of independent series.
 *
 * Unequal spreads are allowed: each mean keeps its own t, as in Kalibera and Jones, ISMM 2013, 9.2, so coverage is at
 * least nominal for few samples.
 *
 * @see E. C. Fieller, J. Royal Statistical Society B 16(2), 1954; section 7.1.7 of the duet description
 */
export function fiellerInterval(a: Samples, b: Samples, confidence = 0.95): RatioEstimate {
  requireProbability(confidence, "the confidence");
  const reach = (samples: Samples, what: string) => {
    const values = toFloat64(samples, what, 2);
    const t = studentT.survivalQuantile((1 - confidence) / 2, values.length - 1);
    return (t * t * variance(values)) / values.length;
  };
  return fieller(
    mean(a),
    mean(b),
    { a: reach(a, "Fieller's interval of A"), b: reach(b, "Fieller's interval of B"), both: 0 },
    confidence,
  );
}

/** Fieller's interval for mean(b) / mean(a) of pairs: what A and B share cancels. */
export function pairedFiellerInterval(a: Samples, b: Samples, confidence = 0.95): RatioEstimate {
  requireProbability(confidence, "the confidence");
  const n = toFloat64(a, "Fieller's interval", 2).length;
  const t = studentT.survivalQuantile((1 - confidence) / 2, n - 1);
  const scale = (t * t) / n;
  return fieller(
    mean(a),
    mean(b),
    { a: scale * variance(a), b: scale * variance(b), both: scale * covariance(a, b) },
    confidence,
  );
}

/** The ratios ρ with (ȳ − ρx̄)² ≤ h_y − 2ρh_xy + ρ²h_x. */
function fieller(
  x: number,
  y: number,
  reach: { readonly a: number; readonly b: number; readonly both: number },
  confidence: number,
): RatioEstimate {
  if (x === 0) throw new SampleError("a ratio to a mean of 0");
  const denominator = x * x - reach.a;
  if (denominator <= 0) return { estimate: y / x, low: -Infinity, high: Infinity, confidence, bounded: false };
  const middle = x * y - reach.both;
  const root = Math.sqrt(Math.max(0, middle * middle - denominator * (y * y - reach.b)));
  return {
    estimate: y / x,
    low: (middle - root) / denominator,
    high: (middle + root) / denominator,
    confidence,
    bounded: true,
  };
}

export interface RatioBootstrapOptions {
  /** Whether a[i] and b[i] belong together and are drawn together. */
  readonly paired: boolean;
  /** @default "bca" */
  readonly method?: "percentile" | "bca";
  /** @default 10,000 */
  readonly resamples?: number;
  /** @default 0.95 */
  readonly confidence?: number;
  /** @default 1 */
  readonly seed?: number;
}

/** Bootstrap interval of mean(b) / mean(a). */
export function ratioBootstrap(
  a: Samples,
  b: Samples,
  options: RatioBootstrapOptions,
): Estimate & { readonly standardError: number } {
  const { paired, method = "bca", resamples = 10_000, confidence = 0.95, seed = 1 } = options;
  requireProbability(confidence, "the confidence");
  const x = toFloat64(a, "a bootstrapped ratio", 2);
  const y = toFloat64(b, "a bootstrapped ratio", 2);
  if (paired && x.length !== y.length)
    throw new SampleError(`${x.length} values of A but ${y.length} of B`, { hint: "pairs need both" });
  const random = generator(seed);
  const distribution = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let totalA = 0;
    let totalB = 0;
    if (paired) {
      for (let i = 0; i < x.length; i++) {
        const drawn = random.below(x.length);
        totalA += x[drawn] as number; // below both lengths
        totalB += y[drawn] as number;
      }
    } else {
      for (let i = 0; i < x.length; i++) totalA += x[random.below(x.length)] as number; // below its length
      for (let i = 0; i < y.length; i++) totalB += y[random.below(y.length)] as number;
    }
    distribution[r] = totalB / y.length / (totalA / x.length);
  }
  const estimate = mean(y) / mean(x);
  const interval =
    method === "percentile"
      ? percentileInterval(distribution, confidence)
      : bcaInterval(distribution, { estimate, acceleration: ratioAcceleration(x, y, paired), confidence });
  return { estimate, ...interval, confidence, standardError: standardDeviation(distribution) };
}

/** The jackknife's skew; of two series, both jackknifes together (Efron and Tibshirani 1993, 14.4). */
function ratioAcceleration(x: Float64Array, y: Float64Array, paired: boolean): number {
  const n = x.length;
  const m = y.length;
  const totalX = mean(x) * n;
  const totalY = mean(y) * m;
  const groups: Float64Array[] = paired
    ? [x.map((value, i) => (totalY - (y[i] as number)) / (totalX - value))] // pairs have one length
    : [
        x.map((value) => totalY / m / ((totalX - value) / (n - 1))),
        y.map((value) => (totalY - value) / (m - 1) / (totalX / n)),
      ];
  let squares = 0;
  let cubes = 0;
  for (const group of groups) {
    const centre = mean(group);
    // Influence of one value: its jackknife deviation on the scale of one observation of its own series.
    for (const value of group) {
      const influence = ((group.length - 1) * (centre - value)) / group.length;
      squares += influence ** 2;
      cubes += influence ** 3;
    }
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** Ratio of geometric means of independent series, exp of Welch's interval of logarithms: for multiplicative noise. */
export function geometricRatioInterval(a: Samples, b: Samples, confidence = 0.95): Estimate {
  return exponentiated(welchInterval(logarithms(a, "a ratio: A"), logarithms(b, "a ratio: B"), confidence));
}

/** Geometric mean of the pairs' ratios b[i] / a[i], exp of the t interval of their logarithms. */
export function pairedRatioInterval(a: Samples, b: Samples, confidence = 0.95): Estimate {
  if (a.length !== b.length)
    throw new SampleError(`${a.length} values of A but ${b.length} of B`, { hint: "pairs need both" });
  const logA = logarithms(a, "a ratio: A");
  const logB = logarithms(b, "a ratio: B");
  return exponentiated(
    tInterval(
      logB.map((value, i) => value - (logA[i] as number)),
      confidence,
    ),
  ); // one length
}

const exponentiated = ({ estimate, low, high, confidence }: Estimate): Estimate => ({
  estimate: Math.exp(estimate),
  low: Math.exp(low),
  high: Math.exp(high),
  confidence,
});
