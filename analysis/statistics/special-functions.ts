// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { PI, abs, exp, log, min, sin, sqrt } = Math;

/**
 * The special functions under the distributions: gamma and beta, complete and incomplete.
 *
 * Prefactors are computed the way of C. Loader ("Fast and accurate computation of binomial probabilities", 2000), which
 * keeps 14 digits where differences of log-gammas lose five of them (shape parameters in the thousands). Continued
 * fractions: Lentz's method as in Press et al., Numerical Recipes 3rd ed., 6.2 and 6.4.
 */

const halfLog2Pi = 0.9189385332046728;
const tiny = 1e-300;
const epsilon = 1e-16;
const maximumTerms = 100_000;

const lanczos = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 0.000009984369578019572, 1.5056327351493116e-7,
] as const;

/** ln Γ(x) for x > 0. Lanczos (g = 7, 9 terms). */
export function logGamma(x: number): number {
  if (x < 0.5) return log(PI / sin(PI * x)) - logGamma(1 - x);
  if (x > 15) return (x - 0.5) * log(x) - x + halfLog2Pi + stirlingError(x);
  const z = x - 1;
  let sum: number = lanczos[0];
  for (const [i, c] of lanczos.entries()) if (i > 0) sum += c / (z + i);
  const t = z + 7.5;
  return halfLog2Pi + (z + 0.5) * log(t) - t + log(sum);
}

/** ln Γ(x) − Stirling's leading terms, for x > 0: Loader's `stirlerr`, shifted by ln x as it is meant for Γ(x + 1). */
function stirlingError(x: number): number {
  if (x <= 15) return logGamma(x) - ((x - 0.5) * log(x) - x + halfLog2Pi);
  const q = x * x;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - (1 / 1188 - 691 / 360_360 / q) / q) / q) / q) / q) / x;
}

/** x·ln(x/m) + m − x without cancellation near x = m: Loader's `bd0`. */
function deviance(x: number, m: number): number {
  if (abs(x - m) < 0.1 * (x + m)) {
    const v = (x - m) / (x + m);
    let sum = (x - m) * v;
    let term = 2 * x * v;
    for (let j = 1; j < 1000; j++) {
      term *= v * v;
      const next = sum + term / (2 * j + 1);
      if (next === sum) return next;
      sum = next;
    }
  }
  return x * log(x / m) + m - x;
}

/** x^a·e^(−x) / Γ(a). */
function gammaPrefactor(a: number, x: number): number {
  if (x === 0) return 0;
  // With n = a: the Poisson-like density of n at mean x, times n.
  return sqrt(a / (2 * PI)) * exp(-stirlingError(a) - deviance(a, x));
}

/** x^a·(1 − x)^b / B(a, b), given x and its complement. */
function betaPrefactor(a: number, b: number, x: number, complement: number): number {
  if (x === 0 || complement === 0) return 0;
  const n = a + b;
  const exponent =
    stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n * x) - deviance(b, n * complement);
  return sqrt((a / n) * (b / (2 * PI))) * exp(exponent);
}

/** Regularised incomplete gamma function: `lower` is P(a, x), `upper` Q(a, x), each with its own precision. */
export function incompleteGamma(a: number, x: number): { lower: number; upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 };
  if (x === Infinity) return { lower: 1, upper: 0 };
  const prefactor = gammaPrefactor(a, x);
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < maximumTerms; n++) {
      term *= x / (a + n);
      sum += term;
      if (term < sum * epsilon) break;
    }
    const lower = min(1, prefactor * sum);
    return { lower, upper: 1 - lower };
  }
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < maximumTerms; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / nonZero(an * d + b);
    c = nonZero(b + an / c);
    const step = d * c;
    h *= step;
    if (abs(step - 1) < epsilon) break;
  }
  const upper = min(1, prefactor * h);
  return { lower: 1 - upper, upper };
}

/** Regularised incomplete beta function I_x(a, b) and its complement; `complement` is 1 − x, exact where the caller knows it. */
export function incompleteBeta(a: number, b: number, x: number, complement = 1 - x): { lower: number; upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 };
  if (complement <= 0) return { lower: 1, upper: 0 };
  const prefactor = betaPrefactor(a, b, x, complement);
  if (x < (a + 1) / (a + b + 2)) {
    const lower = min(1, (prefactor * betaFraction(a, b, x)) / a);
    return { lower, upper: 1 - lower };
  }
  const upper = min(1, (prefactor * betaFraction(b, a, complement)) / b);
  return { lower: 1 - upper, upper };
}

/** Density of Beta(a, b) at x. */
export const betaDensity = (a: number, b: number, x: number): number => betaPrefactor(a, b, x, 1 - x) / (x * (1 - x));

function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < maximumTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const step = d * c;
    h *= step;
    if (abs(step - 1) < epsilon * 2) break;
  }
  return h;
}

const nonZero = (value: number): number => (abs(value) < tiny ? tiny : value);

/**
 * The x in [low, high] where a rising function meets a target: Newton where it converges, bisection where it doesn't.
 * Ends when the bracket is as narrow as doubles allow.
 */
export function solveRising(
  evaluate: (x: number) => number,
  bracket: { readonly low: number; readonly high: number; readonly start?: number },
  derivative?: (x: number) => number,
): number {
  let { low, high } = bracket;
  let x = bracket.start ?? (low + high) / 2;
  if (!(x > low && x < high)) x = (low + high) / 2;
  for (let i = 0; i < 200; i++) {
    const error = evaluate(x);
    if (error === 0) return x;
    if (error > 0) high = x;
    else low = x;
    const slope = derivative?.(x);
    let next = slope !== undefined && slope > 0 ? x - error / slope : Number.NaN;
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (abs(next - x) <= abs(x) * 2e-16 || next === low || next === high) return next;
    x = next;
  }
  return x;
}
