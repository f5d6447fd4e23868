import { chiSquare, noncentralT, normal, studentT } from "./distributions.ts";
import { logGamma } from "./special-functions.ts";
import { SampleError } from "./samples.ts";

/** What a comparison is to show, and with how much certainty. */
export interface PowerSpec {
  /** Standard deviation of per-run log ratios, from a pilot or an A/A arm (`Comparison.logDeviation`). */
  readonly logDeviation: number;
  /** The true relative change of B: 0.02 for 2 % more. */
  readonly change: number;
  /** The verdict's margin; 0 asks only whether there is any change. @default 0 */
  readonly margin?: number;
  /** @default 0.95 */
  readonly confidence?: number;
}

/**
 * Probability that `runs` runs end in "different" with the right direction, exact for normal log ratios (noncentral t).
 *
 * @returns 0 when the change doesn't exceed the margin in theory; never below for fewer than two runs
 */
export function powerOfDifference(
  runs: number,
  { logDeviation, change, margin = 0, confidence = 0.95 }: PowerSpec,
): number {
  if (runs < 2) return 0;
  checkDeviation(logDeviation);
  // Distances on the log scale; a decrease is the same question mirrored.
  const beyond = change >= 0 ? Math.log1p(change) - Math.log1p(margin) : Math.log1p(-margin) - Math.log1p(change);
  const critical = studentT.survivalQuantile((1 - confidence) / 2, runs - 1);
  return noncentralT.survival(critical, runs - 1, (beyond * Math.sqrt(runs)) / logDeviation);
}

/**
 * Probability that `runs` runs end in "same" when the true change is `change` (usually 0): two one-sided tests at
 * 1 − confidence. Exact for normal log ratios, by integration over the sampling distribution of the deviation.
 */
export function powerOfSameness(
  runs: number,
  { logDeviation, change, margin = 0.01, confidence = 0.95 }: PowerSpec,
): number {
  if (runs < 2) return 0;
  checkDeviation(logDeviation);
  const df = runs - 1;
  const t = studentT.survivalQuantile(1 - confidence, df);
  const error = logDeviation / Math.sqrt(runs);
  const centre = Math.log1p(change);
  const upper = Math.log1p(margin);
  const lower = Math.log1p(-margin);
  // Largest relative deviation s/σ with which any mean could pass.
  const largest = Math.min((upper - lower) / (2 * t * error), Math.sqrt(chiSquare.quantile(1 - 1e-13, df) / df));
  const pass = (relative: number) => {
    const reach = t * error * relative;
    const inside = normal.cdf((upper - reach - centre) / error) - normal.cdf((lower + reach - centre) / error);
    return Math.max(0, inside) * chiDensity(relative, df);
  };
  return simpson(pass, largest, 400);
}

/** Density of s/σ with df degrees of freedom. */
function chiDensity(x: number, df: number): number {
  if (x <= 0) return df === 1 ? Math.sqrt(2 / Math.PI) : 0;
  const log = Math.LN2 + (df / 2) * Math.log(df / 2) - logGamma(df / 2) + (df - 1) * Math.log(x) - (df * x * x) / 2;
  return Math.exp(log);
}

function simpson(f: (x: number) => number, end: number, intervals: number): number {
  const step = end / intervals;
  let total = f(0) + f(end);
  for (let i = 1; i < intervals; i++) total += (i % 2 === 1 ? 4 : 2) * f(i * step);
  return (total * step) / 3;
}

/** No plan asks for more. */
const maximumRuns = 1_000_000;

/**
 * The fewest runs that show the change with this power.
 *
 * @param power @default 0.8
 * @returns Infinity when the change doesn't exceed the margin, or a million runs wouldn't do
 */
export function runsNeeded(spec: PowerSpec, power = 0.8): number {
  return fewestRuns((runs) => powerOfDifference(runs, spec), power);
}

/** The fewest runs that end in "same" with this power when the true change is `change`. */
export function runsNeededForSameness(spec: PowerSpec, power = 0.8): number {
  return fewestRuns((runs) => powerOfSameness(runs, spec), power);
}

function fewestRuns(powerAt: (runs: number) => number, power: number): number {
  let high = 2;
  while (powerAt(high) < power) {
    high *= 2;
    if (high > maximumRuns) return Infinity;
  }
  let low = Math.max(1, high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (powerAt(middle) >= power) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * The textbook formula R = ((t₀.₉₇₅ + t₀.₈)·s / ln(1 + Δ))², solved for R with R − 1 degrees of freedom: section 7.1.12 of
 * the duet description. Within a run of `runsNeeded`, and easier to follow in a paper.
 */
export function runsNeededByFormula(
  { logDeviation, change, margin = 0, confidence = 0.95 }: PowerSpec,
  power = 0.8,
): number {
  checkDeviation(logDeviation);
  const distance = Math.abs(Math.log1p(change)) - Math.log1p(margin);
  if (distance <= 0) return Infinity;
  const needed = (df: number) =>
    (((studentT.survivalQuantile((1 - confidence) / 2, df) + studentT.survivalQuantile(1 - power, df)) * logDeviation) /
      distance) **
    2;
  let runs = 2;
  while (runs < needed(runs - 1)) {
    runs = runs < 10_000 ? runs + 1 : Math.ceil(runs * 1.001);
    if (runs > maximumRuns) return Infinity;
  }
  return runs;
}

/**
 * The smallest increase that `runs` runs show with this power, as a share; Infinity below two runs.
 *
 * @param power @default 0.8
 */
export function minimalDetectableChange(runs: number, spec: Omit<PowerSpec, "change">, power = 0.8): number {
  if (runs < 2) return Infinity;
  let low = spec.margin ?? 0;
  let high = Math.max(low * 2, 1e-6);
  while (powerOfDifference(runs, { ...spec, change: high }) < power) {
    high *= 2;
    if (high > 1e12) return Infinity;
  }
  while (high - low > high * 1e-10) {
    const middle = (low + high) / 2;
    if (powerOfDifference(runs, { ...spec, change: middle }) >= power) high = middle;
    else low = middle;
  }
  return high;
}

/** What one run costs: its time on all its hosts, and their price. */
export interface RunCost {
  readonly secondsPerRun: number;
  /** Of all hosts of a run together. */
  readonly dollarsPerHour: number;
}

/** The answer to "what would it cost to know?" */
export interface RunPlan {
  readonly change: number;
  readonly power: number;
  readonly runs: number;
  readonly machineHours: number;
  readonly dollars: number;
}

/** Runs, time and money for each of several changes. */
export function planRuns(
  changes: readonly number[],
  spec: Omit<PowerSpec, "change">,
  { secondsPerRun, dollarsPerHour, power = 0.8 }: RunCost & { readonly power?: number },
): RunPlan[] {
  return changes.map((change) => {
    const runs = runsNeeded({ ...spec, change }, power);
    const machineHours = (runs * secondsPerRun) / 3_600;
    return { change, power, runs, machineHours, dollars: machineHours * dollarsPerHour };
  });
}

function checkDeviation(logDeviation: number): void {
  if (!(logDeviation > 0 && logDeviation < Infinity)) {
    throw new SampleError(`a deviation of ${logDeviation}`, {
      hint: "take the standard deviation of log ratios of a pilot with at least two runs",
    });
  }
}
