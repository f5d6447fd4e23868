import { median, nearestRankQuantile } from "./descriptive.ts";
import { wilsonInterval } from "./proportion.ts";
import { SampleError } from "./samples.ts";
import type { Estimate } from "./samples.ts";
import { compareRuns } from "./verdict.ts";
import type { Comparison, RunLogRatio, VerdictOptions } from "./verdict.ts";

/** What A/A arms say of a set-up: how often it cries wolf, and below which change it hears nothing but itself. */
export interface Calibration {
  readonly arms: number;
  /** Arms whose interval left out "no change": nominally 1 − confidence of them. */
  readonly significant: FalseAlarms;
  /** Arms that the verdict called different. */
  readonly different: FalseAlarms;
  /** Arms called same. */
  readonly same: FalseAlarms;
  /** The smallest margin with which at most `floorShare` of the arms would have been called different. */
  readonly noiseFloor: number;
  readonly floorShare: number;
  /** Median half width of the arms' intervals, as a share: what a typical comparison here can resolve. */
  readonly medianHalfWidth: number;
}

export interface FalseAlarms extends Estimate {
  readonly count: number;
}

/**
 * Judges A/A arms, each as if it were a comparison.
 *
 * @param arms one list of runs an A/A arm: a benchmark, a repetition of the whole experiment
 * @param floorShare @default 0.05
 */
export function calibrate(
  arms: readonly (readonly RunLogRatio[])[],
  options: VerdictOptions & { readonly floorShare?: number } = {},
): Calibration {
  return calibrationOf(
    arms.map((runs) => compareRuns(runs, options)),
    options.floorShare ?? 0.05,
  );
}

/** The same, of comparisons that were already made. Arms without an interval don't count. */
export function calibrationOf(comparisons: readonly Comparison[], floorShare = 0.05): Calibration {
  const judged = comparisons.flatMap(({ interval, verdict }) =>
    interval === undefined ? [] : [{ interval, verdict }],
  );
  if (judged.length === 0)
    throw new SampleError("a calibration without an A/A arm of two runs", { hint: "add A/A arms to the plan" });
  const share = (count: number): FalseAlarms => ({ count, ...wilsonInterval(count, judged.length) });
  // How far an interval stays away from "no change": a margin below it would have called the arm different.
  const distances = judged.map(({ interval }) => Math.max(0, interval.low, -interval.high));
  return {
    arms: judged.length,
    significant: share(distances.filter((distance) => distance > 0).length),
    different: share(judged.filter(({ verdict }) => verdict === "different").length),
    same: share(judged.filter(({ verdict }) => verdict === "same").length),
    noiseFloor: nearestRankQuantile(distances, 1 - floorShare),
    floorShare,
    medianHalfWidth: median(judged.map(({ interval }) => (interval.high - interval.low) / 2)),
  };
}
