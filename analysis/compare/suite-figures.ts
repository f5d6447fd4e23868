import { compareBenchmarks } from "../duet/compare-benchmarks.ts";
import type { TrialResults } from "../duet/from-trials.ts";
import { readTrialIterations } from "../duet/from-trials.ts";
import { textParameter } from "../trials.ts";
import { contrastsOfBenchmarks } from "./contrast.ts";
import { comparisonFigures } from "./figures.ts";

/** Verdicts on a suite whose workload is the parameter `benchmark`: each workload and method is a comparison. */
export const suiteFigures = (
  title: string,
  results: Omit<TrialResults, "benchmark">,
): ReturnType<typeof comparisonFigures> =>
  comparisonFigures({
    contrasts: async (trials) => {
      const benchmark = (trial: (typeof trials)[number]): string => textParameter(trial, "benchmark");
      const rows = await readTrialIterations(trials, { ...results, benchmark });
      return contrastsOfBenchmarks(compareBenchmarks(rows), "time", (row) => `${row.benchmark}, ${row.type}`);
    },
    title,
    estimator:
      "Per trial: ln(B/A) of steady iterations, paired by index where synchronised, else over the common time.",
  });
