import { mean, standardDeviation } from "./descriptive.ts";
import { normal, studentT } from "./distributions.ts";
import { generator } from "./generator.ts";
import { requireProbability, SampleError, toFloat64 } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";
import { solveRising } from "./special-functions.ts";
import { decide } from "./verdict.ts";
import type { Comparison } from "./verdict.ts";

// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { abs, expm1, log, min, sqrt } = Math;

/**
 * Stopping early without fooling oneself. Looking at a 95 % interval after every run and stopping at the first that
 * excludes zero is wrong far more often than 5 %. Two remedies, by what is known beforehand:
 *
 * - `planLooks`: a few looks at pre-set run counts, error spent over them (Lan and DeMets). Narrower intervals.
 * - `anytimeInterval`: valid after every run at once, stop whenever you like. Wider intervals, no plan.
 *
 * Both give intervals that hold simultaneously over all looks, so any verdict drawn from them keeps its error.
 */

/** How fast the allowed error is spent. "obrienFleming" keeps nearly all for the end, "pocock" spends evenly. */
export type Spending = "obrienFleming" | "pocock";

/** One planned look. */
export interface Look {
  readonly runs: number;
  /** The two-sided error spent up to and with this look. */
  readonly spent: number;
  /** Critical value of the normal statistic, as published tables give it; Infinity where the look can't reject. */
  readonly critical: number;
  /** One-sided tail of Student's t that this look uses, calibrated for these run counts; 0 where it can't reject. */
  readonly tail: number;
}

export interface LookPlan {
  readonly looks: readonly Look[];
  /** Looks of the equivalence intervals, at 2·confidence − 1. */
  readonly equivalenceLooks: readonly Look[];
  readonly confidence: number;
  readonly spending: Spending;
}

/**
 * Critical values for looks after the given numbers of runs.
 *
 * Tables are for a known deviation. Ours is estimated, so each look uses the tail of Student's t that belongs to the table's
 * value (Jennison and Turnbull, 3.3), which for looks after a few runs spends up to a point too much: so the error to spend
 * is lowered until a seeded simulation of the plan's own t statistics, which don't depend on the deviation, spends what was
 * allowed. The simulation is part of the plan: same run counts, same plan.
 *
 * @param runCounts strictly ascending, the last one is the plan's end; at least 2
 * @see K. K. G. Lan and D. L. DeMets, Biometrika 70(3), 1983; C. Jennison and B. Turnbull, Group Sequential Methods, 2000, 7.2 and 19
 */
export function planLooks(
  runCounts: readonly number[],
  {
    confidence = 0.95,
    spending = "obrienFleming",
  }: { readonly confidence?: number; readonly spending?: Spending } = {},
): LookPlan {
  requireProbability(confidence, "the confidence");
  let last = 1;
  for (const runs of runCounts) {
    if (!Number.isInteger(runs) || runs <= last)
      throw new SampleError(`looks after ${runCounts.join(", ")} runs`, {
        hint: "give ascending whole numbers from 2",
      });
    last = runs;
  }
  if (runCounts.length === 0) throw new SampleError("a plan without looks");
  const statistics = simulatedStatistics(runCounts);
  return {
    looks: calibratedLooks(runCounts, statistics, 1 - confidence, spending),
    equivalenceLooks: calibratedLooks(runCounts, statistics, 2 * (1 - confidence), spending),
    confidence,
    spending,
  };
}

/** The two-sided error that may be spent when a share `t` of the runs is done. */
export function spentError(alpha: number, t: number, spending: Spending): number {
  if (t >= 1) return alpha;
  if (spending === "pocock") return alpha * log(1 + (Math.E - 1) * t);
  return min(alpha, 4 * normal.survival(normal.survivalQuantile(alpha / 4) / sqrt(t)));
}

/** Simulated plans; the error is then known to ± 0.1 points. */
const simulations = 40_000;
const calibrationSeed = 20_000_101;
/** Rounds of lowering the error to spend; it is nearly proportional to what comes out, so that these suffice. */
const calibrationRounds = 3;

/** |t| at each look of each simulated A/A comparison, look by look. Runs between looks enter by their sum and squares alone. */
function simulatedStatistics(runCounts: readonly number[]): Float64Array[] {
  const random = generator(calibrationSeed);
  const perLook = runCounts.map(() => new Float64Array(simulations));
  for (let k = 0; k < simulations; k++) {
    let total = 0;
    let squares = 0;
    let before = 0;
    for (const [look, runs] of runCounts.entries()) {
      const added = runs - before;
      const step = sqrt(added) * random.normal();
      total += step;
      squares += (step * step) / added + (added > 1 ? 2 * random.gamma((added - 1) / 2) : 0);
      const variance = (squares - (total * total) / runs) / (runs - 1);
      (perLook[look] as Float64Array)[k] = abs(total) / sqrt(runs * variance); // one list a look
      before = runs;
    }
  }
  return perLook;
}

function calibratedLooks(
  runCounts: readonly number[],
  statistics: readonly Float64Array[],
  alpha: number,
  spending: Spending,
): Look[] {
  const published = solveLooks(runCounts, alpha, spending);
  const tailsOf = (looks: readonly SolvedLook[]) => looks.map(({ critical }) => normal.survival(critical));
  if (runCounts.length === 1) return published.map((look) => ({ ...look, tail: alpha / 2 }));
  let spend = alpha;
  let tails = tailsOf(published);
  for (let round = 0; round < calibrationRounds; round++) {
    spend = min(alpha, (spend * alpha) / simulatedError(runCounts, statistics, tails));
    tails = tailsOf(solveLooks(runCounts, spend, spending));
  }
  return published.map((look, i) => ({ ...look, tail: tails[i] as number })); // one tail a look
}

/** How often any look of the simulated comparisons rejects. */
function simulatedError(
  runCounts: readonly number[],
  statistics: readonly Float64Array[],
  tails: readonly number[],
): number {
  const criticals = runCounts.map((runs, look) => studentCritical(tails[look] as number, runs)); // one tail a look
  let rejected = 0;
  for (let k = 0; k < simulations; k++) {
    for (const [look, values] of statistics.entries()) {
      if ((values[k] as number) >= (criticals[look] as number)) {
        rejected++;
        break;
      }
    }
  }
  return rejected / simulations;
}

const studentCritical = (tail: number, runs: number): number =>
  tail === 0 ? Infinity : studentT.survivalQuantile(tail, runs - 1);

/** Points of the grid that carries the statistic's density between looks; odd, for Simpson's rule. */
const gridPoints = 401;

/**
 * Solves look by look: the density of the (not yet stopped) sum of runs is carried on a grid, and the boundary is where
 * the probability of leaving at this look equals the error that is newly spent (Armitage, McPherson and Rowe 1969).
 */
type SolvedLook = Omit<Look, "tail">;

function solveLooks(runCounts: readonly number[], alpha: number, spending: Spending): SolvedLook[] {
  const total = runCounts[runCounts.length - 1] as number; // not empty
  const looks: SolvedLook[] = [];
  let grid: DensityGrid | undefined;
  let information = 0;
  let before = 0;
  for (const runs of runCounts) {
    const next = runs / total;
    const step = sqrt(next - information);
    const spent = spentError(alpha, next, spending);
    const increment = spent - before;
    const leaving = (bound: number): number =>
      2 *
      (grid === undefined
        ? normal.survival(bound / step)
        : integrate(grid, (u) => normal.survival((bound - u) / step)));
    // Below this the boundary lies beyond what doubles resolve: the look can't reject.
    const scale = sqrt(next);
    const bound =
      increment < 1e-15 ? 12 * scale : solveRising((x) => increment - leaving(x), { low: 0, high: 12 * scale });
    looks.push({ runs, spent, critical: increment < 1e-15 ? Infinity : bound / scale });
    grid = carry(grid, bound, step);
    information = next;
    before = spent;
  }
  return looks;
}

interface DensityGrid {
  readonly bound: number;
  readonly density: Float64Array;
}

function carry(from: DensityGrid | undefined, bound: number, step: number): DensityGrid {
  const density = Float64Array.from({ length: gridPoints }, (_, i) => {
    const at = -bound + (2 * bound * i) / (gridPoints - 1);
    if (from === undefined) return normal.density(at / step) / step;
    return integrate(from, (u) => normal.density((at - u) / step) / step);
  });
  return { bound, density };
}

function integrate({ bound, density }: DensityGrid, f: (u: number) => number): number {
  const width = (2 * bound) / (gridPoints - 1);
  let total = 0;
  for (let i = 0; i < gridPoints; i++) {
    const weight = i === 0 || i === gridPoints - 1 ? 1 : i % 2 === 1 ? 4 : 2;
    total += weight * (density[i] as number) * f(-bound + i * width); // i is below the grid's length
  }
  return (total * width) / 3;
}

/** What a look says. `interval` and `equivalenceInterval` are relative changes, valid over all looks at once. */
export interface LookVerdict extends Pick<
  Comparison,
  "verdict" | "direction" | "reason" | "change" | "interval" | "equivalenceInterval"
> {
  readonly runs: number;
  /** Whether to end: the verdict is certain, or the plan is over. */
  readonly stop: boolean;
}

/**
 * The verdict at a planned look, by repeated confidence intervals (Jennison and Turnbull 2000, 9).
 *
 * @param logRatios the first runs of the comparison; their number must be one of the plan's looks
 * @throws {SampleError} between looks: an unplanned look would break the error control
 */
export function judgeLook(logRatios: Samples, plan: LookPlan, margin = 0.01): LookVerdict {
  const values = toFloat64(logRatios, "a look", 2);
  const index = plan.looks.findIndex(({ runs }) => runs === values.length);
  const look = plan.looks[index];
  const equivalenceLook = plan.equivalenceLooks[index];
  if (look === undefined || equivalenceLook === undefined) {
    throw new SampleError(`a look after ${values.length} runs`, {
      hint: `planned looks are after ${plan.looks.map(({ runs }) => runs).join(", ")} runs`,
    });
  }
  const centre = mean(values);
  const standardError = standardDeviation(values) / sqrt(values.length);
  const reach = ({ tail }: Look) => {
    const critical = studentCritical(tail, values.length);
    return critical === Infinity ? Infinity : critical * standardError;
  };
  const last = index === plan.looks.length - 1;
  return toLookVerdict(values.length, centre, reach(look), reach(equivalenceLook), margin, last);
}

function toLookVerdict(
  runs: number,
  centre: number,
  wide: number,
  narrow: number,
  margin: number,
  last: boolean,
): LookVerdict {
  const interval = { low: expm1(centre - wide), high: expm1(centre + wide) };
  const equivalenceInterval = { low: expm1(centre - narrow), high: expm1(centre + narrow) };
  const decided = decide(interval, equivalenceInterval, margin);
  return {
    runs,
    change: expm1(centre),
    interval,
    equivalenceInterval,
    ...decided,
    stop: last || decided.verdict !== "cannot tell",
  };
}

export interface AnytimeOptions {
  /** @default 0.95 */
  readonly confidence?: number;
  /**
   * Variance of the mixing distribution of the mean in units of the deviation: the interval is tightest after about
   * 8/mixture runs, and never invalid. @default 1
   */
  readonly mixture?: number;
}

/**
 * A confidence sequence for the mean of normal values with unknown deviation: with the given confidence the true mean lies
 * in the intervals of *all* numbers of runs at once, so one may look after every run and stop at will.
 *
 * It inverts the t statistic's mixture martingale (a normal prior on the standardised mean, right Haar prior on the
 * deviation): e(μ) = (1 + ng)^(−1/2)·[(1 + t²/ν) / (1 + t²/((1 + ng)ν))]^(n/2), ν = n − 1, excluded where e ≥ 1/α.
 *
 * @returns infinite ends while the sample is too small to exclude anything
 * @see T. L. Lai, Annals of Statistics 4(2), 1976; M. Pérez-Ortiz et al., "E-statistics, group invariance and anytime-valid testing", Annals of Statistics 52(4), 2024; H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence sequences", 2023, arXiv 2310.03722
 */
export function anytimeInterval(samples: Samples, { confidence = 0.95, mixture = 1 }: AnytimeOptions = {}): Estimate {
  requireProbability(confidence, "the confidence");
  const values = toFloat64(samples, "an anytime interval", 2);
  const n = values.length;
  const centre = mean(values);
  const standardError = standardDeviation(values) / sqrt(n);
  const growth = 1 + n * mixture;
  const q = (sqrt(growth) / (1 - confidence)) ** (2 / n);
  if (q >= growth) return { estimate: centre, low: -Infinity, high: Infinity, confidence };
  const half = sqrt(((n - 1) * (q - 1)) / (1 - q / growth)) * standardError;
  return { estimate: centre, low: centre - half, high: centre + half, confidence };
}

/** The verdict after any number of runs; "same" by the equivalence interval at 2·confidence − 1. Never says that it is over. */
export function judgeAnytime(logRatios: Samples, margin = 0.01, options: AnytimeOptions = {}): LookVerdict {
  const { confidence = 0.95 } = options;
  const wide = anytimeInterval(logRatios, options);
  const narrow = anytimeInterval(logRatios, { ...options, confidence: 2 * confidence - 1 });
  return toLookVerdict(
    logRatios.length,
    wide.estimate,
    wide.high - wide.estimate,
    narrow.high - narrow.estimate,
    margin,
    false,
  );
}
