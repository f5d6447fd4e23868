import { SampleError } from "./samples.ts";
import { betaDensity, incompleteBeta, incompleteGamma, logGamma, solveRising } from "./special-functions.ts";

// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { PI, SQRT2, abs, exp, floor, log, log1p, max, min, sqrt, tan, trunc } = Math;

/**
 * The distributions that intervals and tests need: `cdf` is P(X ≤ x), `survival` 1 − cdf with its own precision in the
 * tail, `quantile` the inverse of cdf. Relative errors against SciPy stay below 1e-10 (test/analysis/statistics/check).
 */

/** Mean 0, standard deviation 1. */
export const normal = {
  density: (x: number): number => exp(-0.5 * x * x) / 2.5066282746310007,
  cdf: (x: number): number => (x < 0 ? normalTail(-x) : 1 - normalTail(x)),
  survival: (x: number): number => (x > 0 ? normalTail(x) : 1 - normalTail(-x)),
  quantile: (p: number): number => {
    checkProbability(p);
    if (p === 0) return -Infinity;
    if (p === 1) return Infinity;
    if (p > 0.5) return -lowerNormalQuantile(1 - p);
    return lowerNormalQuantile(p);
  },
  /** The x with P(X > x) = p: precise for tiny p, where `quantile(1 - p)` isn't. */
  survivalQuantile: (p: number): number => {
    checkProbability(p);
    if (p === 0) return Infinity;
    if (p === 1) return -Infinity;
    return p > 0.5 ? lowerNormalQuantile(1 - p) : -lowerNormalQuantile(p);
  },
};

/** P(X > x) for x ≥ 0: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23, 1969. */
function normalTail(x: number): number {
  if (x < 0.67448975) {
    const q = x * x;
    let top = codyA[4] * q;
    let bottom = q;
    for (let i = 0; i < 3; i++) {
      top = (top + (codyA[i] ?? 0)) * q;
      bottom = (bottom + (codyB[i] ?? 0)) * q;
    }
    return 0.5 - (x * (top + codyA[3])) / (bottom + codyB[3]);
  }
  if (x > 38.6) return 0;
  // exp(−x²/2) in two factors: rounding of x² would cost digits in the tail.
  const coarse = trunc(x * 16) / 16;
  const fine = (x - coarse) * (x + coarse);
  const bell = exp(-0.5 * coarse * coarse) * exp(-0.5 * fine);
  if (x < sqrt(32)) {
    let top = codyC[8] * x;
    let bottom = x;
    for (let i = 0; i < 7; i++) {
      top = (top + (codyC[i] ?? 0)) * x;
      bottom = (bottom + (codyD[i] ?? 0)) * x;
    }
    return (bell * (top + codyC[7])) / (bottom + codyD[7]);
  }
  // Beyond √32 the continued fraction of the incomplete gamma function converges at once.
  return incompleteGamma(0.5, (x * x) / 2).upper / 2;
}

const codyA = [
  2.2352520354606837, 161.02823106855587, 1067.6894854603709, 18154.98125334356, 0.06568233791820745,
] as const;
const codyB = [47.202581904688245, 976.0985517377767, 10260.932208618979, 45507.78933502673] as const;
const codyC = [
  0.39894151208813466, 8.883149794388377, 93.50665613217785, 597.2702763948002, 2494.5375852903726, 6848.190450536283,
  11602.65143764735, 9842.714838383978, 1.0765576773720192e-8,
] as const;
const codyD = [
  22.266688044328117, 235.387901782625, 1519.3775994075547, 6485.558298266761, 18615.571640885097, 34900.95272114598,
  38912.00328609327, 19685.429676859992,
] as const;

/** For p ≤ 0.5: Acklam's rational start (relative error 1e-9), then one Halley step with the exact cdf. */
function lowerNormalQuantile(p: number): number {
  let x: number;
  if (p < 0.02425) {
    const q = sqrt(-2 * log(p));
    x =
      (((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
  } else {
    const q = p - 0.5;
    const r = q * q;
    x =
      ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
        30.66479806614716) *
        r +
        2.506628277459239) *
        q) /
      (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
        13.28068155288572) *
        r +
        1);
  }
  const tail = normalTail(-x);
  const density = normal.density(x);
  if (density === 0 || x > 0) return x;
  const step = (tail - p) / density;
  return x - step / (1 + (x * step) / 2);
}

/** Student's t with `df` > 0 degrees of freedom, not necessarily whole. */
export const studentT = {
  density: (t: number, df: number): number => {
    if (df === Infinity) return normal.density(t);
    const exponent = logGamma((df + 1) / 2) - logGamma(df / 2) - ((df + 1) / 2) * log1p((t * t) / df);
    return exp(exponent) / sqrt(df * PI);
  },
  cdf: (t: number, df: number): number => (t <= 0 ? studentTail(-t, df) : 1 - studentTail(t, df)),
  survival: (t: number, df: number): number => (t >= 0 ? studentTail(t, df) : 1 - studentTail(-t, df)),
  quantile: (p: number, df: number): number => {
    checkProbability(p);
    if (p === 0.5) return 0;
    return p < 0.5 ? -studentTailQuantile(p, df) : studentTailQuantile(1 - p, df);
  },
  /** The t with P(T > t) = p. */
  survivalQuantile: (p: number, df: number): number => {
    checkProbability(p);
    if (p === 0.5) return 0;
    return p < 0.5 ? studentTailQuantile(p, df) : -studentTailQuantile(1 - p, df);
  },
};

/** P(T > t) for t ≥ 0. */
function studentTail(t: number, df: number): number {
  if (t === Infinity) return 0;
  if (df === Infinity) return normalTail(t);
  const t2 = t * t;
  return 0.5 * incompleteBeta(df / 2, 0.5, df / (df + t2), t2 / (df + t2)).lower;
}

/** Critical values found before: simulations and subsampling ask for the same few again and again. Bounded. */
const knownTailQuantiles = new Map<number, Map<number, number>>();
const mostKnown = 200;

function studentTailQuantile(p: number, df: number): number {
  const known = knownTailQuantiles.get(df)?.get(p);
  if (known !== undefined) return known;
  const quantile = solveStudentTailQuantile(p, df);
  if (knownTailQuantiles.size >= mostKnown) knownTailQuantiles.clear();
  const ofDf = knownTailQuantiles.get(df) ?? new Map<number, number>();
  if (ofDf.size >= mostKnown) ofDf.clear();
  knownTailQuantiles.set(df, ofDf.set(p, quantile));
  return quantile;
}

function solveStudentTailQuantile(p: number, df: number): number {
  if (p === 0) return Infinity;
  if (df === Infinity) return -lowerNormalQuantile(p);
  // Cauchy and df = 2 have closed forms; above, bracket by doubling from the normal quantile.
  if (df === 1) return 1 / tan(PI * p);
  if (df === 2) return (1 - 2 * p) / sqrt(2 * p * (1 - p));
  const start = -lowerNormalQuantile(p);
  let high = max(1, start) * 2;
  while (studentTail(high, df) > p && high < 1e300) high *= 2;
  return solveRising(
    (t) => 1 - studentTail(t, df) / p,
    { low: 0, high, start },
    (t) => studentT.density(t, df) / p,
  );
}

/** Chi-square with `df` degrees of freedom. */
export const chiSquare = {
  cdf: (x: number, df: number): number => incompleteGamma(df / 2, x / 2).lower,
  survival: (x: number, df: number): number => incompleteGamma(df / 2, x / 2).upper,
  quantile: (p: number, df: number): number => {
    checkProbability(p);
    if (p === 0) return 0;
    if (p === 1) return Infinity;
    let high = max(1, df) * 2;
    while (chiSquare.cdf(high, df) < p) high *= 2;
    return solveRising((x) => (p < 0.5 ? chiSquare.cdf(x, df) - p : 1 - p - chiSquare.survival(x, df)), {
      low: 0,
      high,
    });
  },
};

/** Fisher's F with `df1` and `df2` degrees of freedom. */
export const fisherF = {
  cdf: (x: number, df1: number, df2: number): number => fisherTails(x, df1, df2).lower,
  survival: (x: number, df1: number, df2: number): number => fisherTails(x, df1, df2).upper,
  quantile: (p: number, df1: number, df2: number): number => {
    checkProbability(p);
    if (p === 0) return 0;
    if (p === 1) return Infinity;
    let high = 2;
    while (fisherF.cdf(high, df1, df2) < p) high *= 2;
    return solveRising((x) => (p < 0.5 ? fisherF.cdf(x, df1, df2) - p : 1 - p - fisherF.survival(x, df1, df2)), {
      low: 0,
      high,
    });
  },
};

function fisherTails(x: number, df1: number, df2: number): { lower: number; upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 };
  const total = df1 * x + df2;
  return incompleteBeta(df1 / 2, df2 / 2, (df1 * x) / total, df2 / total);
}

/** Beta(a, b) on [0, 1]. */
export const beta = {
  cdf: (x: number, a: number, b: number): number => incompleteBeta(a, b, x).lower,
  quantile: (p: number, a: number, b: number): number => {
    checkProbability(p);
    if (p === 0 || p === 1) return p;
    return solveRising(
      (x) => (p < 0.5 ? incompleteBeta(a, b, x).lower - p : 1 - p - incompleteBeta(a, b, x).upper),
      { low: 0, high: 1, start: a / (a + b) },
      (x) => betaDensity(a, b, x),
    );
  },
};

/** Successes in n trials of probability p. */
export const binomial = {
  mass: (k: number, n: number, p: number): number => {
    if (k < 0 || k > n) return 0;
    if (p === 0) return k === 0 ? 1 : 0;
    if (p === 1) return k === n ? 1 : 0;
    if (k === 0) return exp(n * log1p(-p));
    if (k === n) return p ** n;
    // Beta density at p with parameters k + 1, n − k + 1 is (n + 1) times the binomial mass.
    return betaDensity(k + 1, n - k + 1, p) / (n + 1);
  },
  /** P(X ≤ k). */
  cdf: (k: number, n: number, p: number): number =>
    k < 0 ? 0 : k >= n ? 1 : incompleteBeta(n - floor(k), floor(k) + 1, 1 - p, p).lower,
  /** P(X > k). */
  survival: (k: number, n: number, p: number): number =>
    k < 0 ? 1 : k >= n ? 0 : incompleteBeta(n - floor(k), floor(k) + 1, 1 - p, p).upper,
  /** The smallest k with P(X ≤ k) ≥ q. */
  quantile: (q: number, n: number, p: number): number => {
    checkProbability(q);
    // A cdf that equals q up to rounding has reached it: the median of 7 fair coins is 3.
    const target = q * (1 - 1e-13);
    let low = -1;
    let high = n;
    while (high - low > 1) {
      const middle = floor((low + high) / 2);
      if (binomial.cdf(middle, n, p) >= target) high = middle;
      else low = middle;
    }
    return high;
  },
};

/**
 * Noncentral t, for the power of t tests.
 *
 * @see R. V. Lenth, Algorithm AS 243, Applied Statistics 38(1), 1989
 */
export const noncentralT = {
  cdf: (t: number, df: number, noncentrality: number): number => {
    if (t < 0) return 1 - noncentralTUpper(-t, df, -noncentrality).lower;
    return noncentralTUpper(t, df, noncentrality).lower;
  },
  survival: (t: number, df: number, noncentrality: number): number => {
    return 1 - noncentralT.cdf(t, df, noncentrality);
  },
};

function noncentralTUpper(t: number, df: number, delta: number): { lower: number } {
  const x = (t * t) / (t * t + df);
  const halfDelta2 = (delta * delta) / 2;
  let sum = normal.cdf(-delta);
  if (t > 0) {
    const logWeight = (j: number) => -halfDelta2 + j * log(halfDelta2);
    const pAt = (j: number) => (halfDelta2 === 0 ? (j === 0 ? 1 : 0) : exp(logWeight(j) - logGamma(j + 1)));
    const qAt = (j: number) =>
      halfDelta2 === 0 && j > 0 ? 0 : (delta / SQRT2) * exp((halfDelta2 === 0 ? 0 : logWeight(j)) - logGamma(j + 1.5));
    const term = (j: number) =>
      pAt(j) * incompleteBeta(j + 0.5, df / 2, x).lower + qAt(j) * incompleteBeta(j + 1, df / 2, x).lower;
    // Terms peak near j = δ²/2: sum outwards from there until they no longer count.
    const centre = floor(halfDelta2);
    let series = 0;
    for (let j = centre; j < centre + maximumSeriesTerms; j++) {
      const value = term(j);
      series += value;
      if (abs(value) < 1e-17 && j > centre + 2) break;
    }
    for (let j = centre - 1; j >= 0; j--) {
      const value = term(j);
      series += value;
      if (abs(value) < 1e-17) break;
    }
    sum += series / 2;
  }
  return { lower: min(1, max(0, sum)) };
}
const maximumSeriesTerms = 10_000;

function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new SampleError(`a probability of ${p}`, { hint: "probabilities lie between 0 and 1" });
}
