/**
 * Statistics that a reviewer can't fault: pure functions of numbers, deterministic by seed, each with its source.
 *
 * A comparison goes: iterations → `steadyState` → one log ratio a run (`synchronousLogRatio`, `windowLogRatio`, …) →
 * `compareRuns` → a verdict. A/A arms go the same way into `calibrate`; `planRuns` says what more certainty costs. Claims
 * about any value with an interval go to `judgeClaim`. What a series is made of (trials, hosts, units) is for the caller.
 */
export * from "./bootstrap.ts";
export * from "./calibration.ts";
export * from "./curves.ts";
export * from "./density.ts";
export * from "./descriptive.ts";
export * from "./distributions.ts";
export { Generator, generator, generatorFrom } from "./generator.ts";
export * from "./group-effect.ts";
export * from "./hierarchical.ts";
export * from "./multiple.ts";
export * from "./overlap.ts";
export * from "./permutation.ts";
export * from "./planning.ts";
export * from "./precision.ts";
export * from "./proportion.ts";
export * from "./quantile-interval.ts";
export * from "./rank.ts";
export * from "./rates.ts";
export * from "./ratio.ts";
export * from "./run-ratio.ts";
export { SampleError } from "./samples.ts";
export type { Estimate, Interval, Samples } from "./samples.ts";
export * from "./sequential.ts";
export * from "./steady-state.ts";
export * from "./t-interval.ts";
export * from "./variance-budget.ts";
export * from "./verdict.ts";
