import { mean } from "./descriptive.ts";
import { SampleError } from "./samples.ts";
import { tInterval, welchInterval } from "./t-interval.ts";
import type { TEstimate } from "./t-interval.ts";

/** A group of runs: one start order, one CPU assignment. */
export interface GroupMean {
  readonly group: string;
  readonly runs: number;
  /** Mean log ratio. */
  readonly mean: number;
  readonly interval: TEstimate | undefined;
}

/** Whether it mattered who started first, or who ran where. */
export interface GroupEffect {
  readonly groups: readonly [GroupMean, GroupMean];
  /** Second group minus first, on the log scale; undefined when a group has fewer than two runs. */
  readonly difference: TEstimate | undefined;
  /** The difference's interval leaves out zero: the result depends on what should not matter. */
  readonly isFlagged: boolean;
}

/**
 * Compares the log ratios of two groups of runs that should be alike, for example AB and BA: section 7.1.11 of the duet
 * description.
 *
 * @param runs group name and log ratio; exactly two names
 */
export function groupEffect(
  runs: readonly { readonly group: string; readonly logRatio: number }[],
  confidence = 0.95,
): GroupEffect {
  const names = [...new Set(runs.map(({ group }) => group))].sort();
  const [first, second] = names;
  if (first === undefined || second === undefined || names.length > 2) {
    throw new SampleError(`an effect between ${names.length} groups: ${names.join(", ")}`, {
      hint: "two groups are compared",
    });
  }
  const valuesOf = (name: string) => runs.filter(({ group }) => group === name).map(({ logRatio }) => logRatio);
  const [valuesA, valuesB] = [valuesOf(first), valuesOf(second)];
  const summary = (group: string, values: readonly number[]): GroupMean => ({
    group,
    runs: values.length,
    mean: mean(values),
    interval: values.length < 2 ? undefined : tInterval(values, confidence),
  });
  const difference = valuesA.length < 2 || valuesB.length < 2 ? undefined : welchInterval(valuesA, valuesB, confidence);
  return {
    groups: [summary(first, valuesA), summary(second, valuesB)],
    difference,
    isFlagged: difference !== undefined && (difference.low > 0 || difference.high < 0),
  };
}
