import { coefficientOfVariation, correlation, logarithms } from "./descriptive.ts";
import { SampleError, toFloat64 } from "./samples.ts";
import type { Samples } from "./samples.ts";

/** Where a duet's precision comes from. Coefficients of variation are shares. */
export interface VarianceBudget {
  readonly pairs: number;
  readonly cvA: number;
  readonly cvB: number;
  /** Pearson's ρ of A and B within pairs: what they share of the interference. */
  readonly correlation: number;
  /** Of b/a. */
  readonly cvRatio: number;
  /** 1/√(1 − ρ): how much narrower than independent runs of this same spread. Below 1 where the duet harms. */
  readonly correlationGain: number;
  /** √(cvA² + cvB²) / cvRatio: the same from the ratios themselves; Infinity when they never change. */
  readonly measuredGain: number;
  /** σ_seq / (σ_duet·√(1 − ρ)): against a real sequential baseline, which the duet's own load doesn't disturb. */
  readonly gainOverSequential: number | undefined;
  readonly beneficial: boolean;
}

/**
 * The variance budget of pairs, sections 1.1 and 7.1.14 of the duet description.
 *
 * @param a measured values of A, one a pair
 * @param b of B, same order
 * @param sequential values of A run alone, where there are any
 */
export function varianceBudget(a: Samples, b: Samples, sequential?: Samples): VarianceBudget {
  if (a.length !== b.length)
    throw new SampleError(`${a.length} values of A but ${b.length} of B`, { hint: "a budget is of pairs" });
  logarithms(a, "a variance budget: A");
  logarithms(b, "a variance budget: B");
  const x = toFloat64(a, "a variance budget", 2);
  const y = toFloat64(b, "a variance budget", 2);
  const cvA = coefficientOfVariation(x);
  const cvB = coefficientOfVariation(y);
  const cvRatio = coefficientOfVariation(y.map((value, i) => value / (x[i] as number))); // one length
  const shared = correlation(x, y);
  const correlationGain = 1 / Math.sqrt(Math.max(0, 1 - shared));
  const gainOverSequential =
    sequential === undefined
      ? undefined
      : (coefficientOfVariation(sequential) / Math.sqrt((cvA ** 2 + cvB ** 2) / 2)) * correlationGain;
  return {
    pairs: x.length,
    cvA,
    cvB,
    correlation: shared,
    cvRatio,
    correlationGain,
    measuredGain: Math.hypot(cvA, cvB) / cvRatio,
    gainOverSequential,
    beneficial: (gainOverSequential ?? correlationGain) > 1,
  };
}
