/**
 * Duet benchmarking results: harness output → iteration rows → runs → log ratios → verdicts. `readResults` reads a result
 * folder's files, `compareBenchmarks` judges; `originalInterval` and its neighbours do what the published analysis did.
 */
export * from "./artifacts.ts";
export * from "./compare-benchmarks.ts";
export * from "./dacapo.ts";
export * from "./duetfaas.ts";
export * from "./evaluate-run.ts";
export * from "./export-names.ts";
export * from "./from-trials.ts";
export type * from "./iteration.ts";
export * from "./mapping.ts";
export * from "./original-analysis.ts";
export * from "./overlap-table.ts";
export * from "./read-results.ts";
export * from "./renaissance.ts";
export * from "./result-name.ts";
export * from "./runs.ts";
export * from "./slow-down.ts";
export * from "./spec-cpu.ts";
export * from "./unified-table.ts";
