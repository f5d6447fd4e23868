/** The same difference by both methods: the duet's interval should hold the sequential one's estimate, and be narrower. */
import {
  compareBenchmarks,
  comparisonFigures,
  contrastsOfBenchmarks,
  iterationsCsv,
  readTrialIterations,
} from "reprise/analysis";

const names: Readonly<Record<string, string>> = { syncduet: "at once", seqn: "one after the other" };

export const [forest, intervalByTrials, ridgelines] = comparisonFigures({
  contrasts: async (trials) => {
    const rows = await readTrialIterations(trials, {
      suite: "compress",
      benchmark: () => "xz against bzip2",
      file: "iterations.csv",
      read: iterationsCsv,
    });
    // Compiled programs don't warm up.
    return contrastsOfBenchmarks(
      compareBenchmarks(rows, { warmup: "none" }),
      "elapsed",
      ({ type }) => names[type] ?? type,
    );
  },
  title: "xz against bzip2",
  estimator:
    "Per trial: ln(B/A) of all iterations, paired by index where both ran at once, of their means where one ran after the other.",
});
