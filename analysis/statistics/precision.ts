import { interpolatedOfSorted, mean } from "./descriptive.ts";
import { generator } from "./generator.ts";
import type { RunCost } from "./planning.ts";
import { SampleError, toFloat64 } from "./samples.ts";
import type { Samples } from "./samples.ts";
import { tInterval } from "./t-interval.ts";
import { decide } from "./verdict.ts";

/** What r runs would have told; widths are of the relative change's 95 % interval, as a share. */
export interface PrecisionPoint {
  readonly runs: number;
  readonly medianWidth: number;
  readonly p90Width: number;
  /** Share of subsamples whose interval leaves out "no change": the false-alarm rate in an A/A, the detection rate else. */
  readonly significantShare: number;
  /** Share that the verdict with the margin calls different. */
  readonly differentShare: number;
  readonly sameShare: number;
  readonly machineHours: number | undefined;
  readonly dollars: number | undefined;
}

export interface PrecisionOptions {
  /** Subsamples a point, without replacement. @default 200 */
  readonly draws?: number;
  /** @default 0.95 */
  readonly confidence?: number;
  /** @default 0.01 */
  readonly margin?: number;
  /** Numbers of runs to look at. @default 2 to all, at most 100 of them evenly spread */
  readonly counts?: readonly number[];
  readonly cost?: RunCost;
  /** @default 1 */
  readonly seed?: number;
}

/**
 * Precision against the number of runs, by subsampling the runs at hand: section 7.1.13 of the duet description. Points near
 * the full number are drawn from few different subsets, and so look steadier than they are.
 *
 * @param logRatios one a run, of one host or of runs that are alike
 */
export function precisionCurve(logRatios: Samples, options: PrecisionOptions = {}): PrecisionPoint[] {
  const { draws = 200, confidence = 0.95, margin = 0.01, cost, seed = 1 } = options;
  const values = toFloat64(logRatios, "a precision curve", 2);
  const random = generator(seed);
  return (options.counts ?? defaultCounts(values.length)).map((runs) => {
    if (!Number.isInteger(runs) || runs < 2 || runs > values.length) {
      throw new SampleError(`a subsample of ${runs} from ${values.length} runs`, {
        hint: "look at 2 runs or more, and no more than there are",
      });
    }
    const widths = new Float64Array(draws);
    let significant = 0;
    let different = 0;
    let same = 0;
    for (let k = 0; k < draws; k++) {
      const subset = values.slice();
      for (let i = 0; i < runs; i++) {
        const j = i + random.below(subset.length - i);
        const drawn = subset[j] as number; // j is below the length
        subset[j] = subset[i] as number;
        subset[i] = drawn;
      }
      const drawn = subset.subarray(0, runs);
      const wide = tInterval(drawn, confidence);
      const narrow = tInterval(drawn, 2 * confidence - 1);
      const interval = { low: Math.expm1(wide.low), high: Math.expm1(wide.high) };
      widths[k] = interval.high - interval.low;
      if (interval.low > 0 || interval.high < 0) significant++;
      const { verdict } = decide(interval, { low: Math.expm1(narrow.low), high: Math.expm1(narrow.high) }, margin);
      if (verdict === "different") different++;
      if (verdict === "same") same++;
    }
    widths.sort();
    const machineHours = cost === undefined ? undefined : (runs * cost.secondsPerRun) / 3_600;
    return {
      runs,
      medianWidth: interpolatedOfSorted(widths, 0.5),
      p90Width: interpolatedOfSorted(widths, 0.9),
      significantShare: significant / draws,
      differentShare: different / draws,
      sameShare: same / draws,
      machineHours,
      dollars: cost === undefined || machineHours === undefined ? undefined : machineHours * cost.dollarsPerHour,
    };
  });
}

function defaultCounts(total: number): number[] {
  if (total <= 101) return Array.from({ length: total - 1 }, (_, i) => i + 2);
  return [...new Set(Array.from({ length: 100 }, (_, i) => Math.round(2 + (i * (total - 2)) / 99)))];
}

/** The mean of each prefix: where the estimate went as runs came in. */
export function runningEstimates(
  logRatios: Samples,
  confidence = 0.95,
): { runs: number; change: number; low: number; high: number }[] {
  const values = toFloat64(logRatios, "running estimates", 2);
  return Array.from({ length: values.length - 1 }, (_, i) => {
    const seen = values.subarray(0, i + 2);
    const { low, high } = tInterval(seen, confidence);
    return { runs: i + 2, change: Math.expm1(mean(seen)), low: Math.expm1(low), high: Math.expm1(high) };
  });
}
