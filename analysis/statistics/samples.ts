import { RepriseError } from "../../core/errors/reprise-error.ts";

/** Measured values in one unit: a plain array or a typed one. Nothing here changes its input. */
export type Samples = ArrayLike<number>;

/** Numbers that a statistic can't be computed from; the hint says how many or which it needs. */
export class SampleError extends RepriseError {
  override readonly name = "SampleError";
}

/**
 * A copy as doubles, checked once so that no estimator has to look for NaN again.
 *
 * @throws {SampleError} when there are fewer than `atLeast` values, or one isn't finite
 */
export function toFloat64(samples: Samples, what: string, atLeast = 1): Float64Array {
  if (samples.length < atLeast) {
    throw new SampleError(`${what} needs at least ${atLeast} value${atLeast === 1 ? "" : "s"}, got ${samples.length}`, {
      hint: "run more trials, or check which rows were excluded",
    });
  }
  const values = new Float64Array(samples);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number; // i is below the length
    // Only infinities and NaN aren't 0 when taken from themselves; a lookup of Number would cost more than the check.
    if (value - value !== 0) {
      throw new SampleError(`${what}: value ${i} is ${value}`, {
        hint: "exclude invalid rows first, with a reason",
      });
    }
  }
  return values;
}

/** A sorted copy, ascending. @throws {SampleError} as `toFloat64` */
export const toSorted = (samples: Samples, what: string, atLeast = 1): Float64Array =>
  toFloat64(samples, what, atLeast).sort();

/** @throws {SampleError} unless 0 < value < 1 */
export function requireProbability(value: number, what: string): void {
  if (!(value > 0 && value < 1)) {
    throw new SampleError(`${what} is ${value}`, { hint: "give a share between 0 and 1, for example 0.95" });
  }
}

/** An interval for a quantity, in that quantity's unit; either end may be infinite. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** An interval with what it is of and how sure it is. */
export interface Estimate extends Interval {
  readonly estimate: number;
  /** Two-sided, 0.95 for 95 %. */
  readonly confidence: number;
}
