/** Comparisons of two sides or two runs by any metric, with figures that suit them all. */
export * from "./compare-trials.ts";
export * from "./contrast.ts";
export * from "./describe.ts";
export * from "./every-metric.ts";
export * from "./figures.ts";
export * from "./metric-name.ts";
export * from "./recorded-metric.ts";
export * from "./suite-figures.ts";
