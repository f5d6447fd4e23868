import type { BenchmarkResult } from "../duet/compare-benchmarks.ts";
import type { Comparison } from "../statistics/verdict.ts";
import type { PointComparison } from "./compare-trials.ts";

/** One comparison as figures draw it: what it is about, the pairs' log ratios, and the verdict on them. */
export interface Contrast {
  readonly name: string;
  /** What was compared: elapsed time, CPU time, throughput. */
  readonly measure: string;
  /** ln(B/A), one a pair, in the order of trials; empty for independent series. */
  readonly logRatios: readonly number[];
  readonly comparison: Comparison;
}

/** From a suite's results; those without a valid run have no contrast. */
export const contrastsOfBenchmarks = (
  results: readonly BenchmarkResult[],
  measure: string,
  nameOf: (result: BenchmarkResult) => string = ({ benchmark }) => benchmark,
): Contrast[] =>
  results.flatMap((result) =>
    result.comparison === undefined
      ? []
      : [
          {
            name: nameOf(result),
            measure,
            logRatios: [...result.valid].sort((x, y) => x.run.runId - y.run.runId).map(({ logRatio }) => logRatio),
            comparison: result.comparison,
          },
        ],
  );

/** From comparisons of a metric; log ratios are only there for pairs. */
export const contrastsOfPoints = (points: readonly PointComparison[]): Contrast[] =>
  points.map(({ point, metric, comparison, logRatios }) => ({ name: point, measure: metric, logRatios, comparison }));
