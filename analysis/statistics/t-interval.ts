import { mean, standardDeviation, variance } from "./descriptive.ts";
import { studentT } from "./distributions.ts";
import { requireProbability, SampleError, toFloat64 } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";

/** An interval of Student's t, with what it was made from. */
export interface TEstimate extends Estimate {
  readonly standardError: number;
  readonly degreesOfFreedom: number;
}

/** mean ± t·s/√n. @throws {SampleError} below two values */
export function tInterval(samples: Samples, confidence = 0.95): TEstimate {
  const values = toFloat64(samples, "a t interval", 2);
  return tEstimate(mean(values), standardDeviation(values) / Math.sqrt(values.length), values.length - 1, confidence);
}

/** The t interval of an estimate with a known standard error. */
export function tEstimate(
  estimate: number,
  standardError: number,
  degreesOfFreedom: number,
  confidence: number,
): TEstimate {
  requireProbability(confidence, "the confidence");
  if (!(degreesOfFreedom > 0)) {
    throw new SampleError(`a t interval with ${degreesOfFreedom} degrees of freedom`, { hint: "run more trials" });
  }
  const half =
    standardError === 0 ? 0 : studentT.survivalQuantile((1 - confidence) / 2, degreesOfFreedom) * standardError;
  return { estimate, low: estimate - half, high: estimate + half, confidence, standardError, degreesOfFreedom };
}

/**
 * Difference of means, B − A, of independent series with unequal variances.
 *
 * @see B. L. Welch, Biometrika 34, 1947
 */
export function welchInterval(a: Samples, b: Samples, confidence = 0.95): TEstimate {
  const perMeanA = variance(toFloat64(a, "a Welch interval of A", 2)) / a.length;
  const perMeanB = variance(toFloat64(b, "a Welch interval of B", 2)) / b.length;
  const squaredError = perMeanA + perMeanB;
  const degreesOfFreedom =
    squaredError === 0
      ? a.length + b.length - 2
      : squaredError ** 2 / (perMeanA ** 2 / (a.length - 1) + perMeanB ** 2 / (b.length - 1));
  return tEstimate(mean(b) - mean(a), Math.sqrt(squaredError), degreesOfFreedom, confidence);
}

/** Two-sided p value of the hypothesis that an estimate's true value is `nullValue`. 0 or 1 when there is no spread. */
export function tTest(estimate: TEstimate, nullValue = 0): number {
  const distance = Math.abs(estimate.estimate - nullValue);
  if (estimate.standardError === 0) return distance === 0 ? 1 : 0;
  return 2 * studentT.survival(distance / estimate.standardError, estimate.degreesOfFreedom);
}
