import type { VerdictOptions } from "../statistics/verdict.ts";
import type { Trial } from "../trials.ts";
import { basePoint, compareSides, compareTrialSets, metricsOf, NothingToCompareError } from "./compare-trials.ts";
import type { PointComparison } from "./compare-trials.ts";

export interface EveryMetric {
  readonly found: readonly PointComparison[];
  /** Metrics that can't be compared, such as a count of failures that is 0. */
  readonly problems: readonly NothingToCompareError[];
}

/** Compares by each metric in turn: both sides of one run's comparisons, or two sets of trials where there is a second. */
export function compareMetrics(
  metrics: readonly string[],
  a: readonly Trial[],
  b: readonly Trial[] | undefined,
  options: VerdictOptions = {},
): EveryMetric {
  const found: PointComparison[] = [];
  const problems: NothingToCompareError[] = [];
  for (const metric of metrics) {
    try {
      found.push(...(b === undefined ? compareSides(a, metric, options) : compareTrialSets(a, b, metric, options)));
    } catch (error) {
      if (!(error instanceof NothingToCompareError)) throw error;
      problems.push(error);
    }
  }
  return { found, problems };
}

/** Every comparison that a run's sweeps make, by every metric of theirs; none where no sweep compares. */
export function comparisonsOfRun(trials: readonly Trial[], options: VerdictOptions = {}): readonly PointComparison[] {
  const sides = trials.filter(({ comparison }) => comparison !== undefined);
  return compareMetrics(metricsOf(sides), sides, undefined, options).found;
}

/**
 * The same trials with a metric more for each of their metrics: `p99Ms.ratio` is B over A in this pair. Both sides of an
 * interleaved pair have it. Claims on it are claims on the comparison: a pair's ratio is free of what both sides met.
 */
export function withRatios(trials: readonly Trial[]): Trial[] {
  const keyOf = ({ runId, pointKey, trialIndex }: Trial): string => `${runId} ${basePoint(pointKey)} ${trialIndex}`;
  const sides = new Map<string, { a?: Trial["summary"]; b?: Trial["summary"] }>();
  for (const trial of trials) {
    const { mode, arm } = trial.comparison ?? {};
    if (mode !== "interleaved") continue;
    const pair = sides.get(keyOf(trial)) ?? {};
    sides.set(keyOf(trial), arm === "A" ? { ...pair, a: trial.summary } : { ...pair, b: trial.summary });
  }
  return trials.map((trial) => {
    const { comparison, summary } = trial;
    if (comparison === undefined || comparison.mode === "independent") return trial;
    const pair = sides.get(keyOf(trial));
    const ratios = metricsOf([trial]).flatMap((name) => {
      const [a, b] =
        comparison.mode === "duet" ? [summary[`${name}.A`], summary[`${name}.B`]] : [pair?.a?.[name], pair?.b?.[name]];
      return a === undefined || b === undefined || a === 0 ? [] : [[`${name}.ratio`, b / a] as const];
    });
    return { ...trial, summary: { ...summary, ...Object.fromEntries(ratios) } };
  });
}
