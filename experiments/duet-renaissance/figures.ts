/** Verdicts on renaissance, benchmark by benchmark and method by method. */
import {
  compareBenchmarks,
  comparisonFigures,
  contrastsOfBenchmarks,
  parseRenaissance,
  readTrialIterations,
  textParameter,
} from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = comparisonFigures({
  contrasts: async (trials) => {
    const rows = await readTrialIterations(trials, {
      suite: "renaissance",
      benchmark: (trial) => textParameter(trial, "benchmark"),
      file: "results.json",
      read: parseRenaissance,
    });
    return contrastsOfBenchmarks(compareBenchmarks(rows), "time", ({ benchmark, type }) => `${benchmark}, ${type}`);
  },
  title: "Renaissance",
  estimator: "Per trial: ln(B/A) of steady iterations, paired by index where synchronised, else over the common time.",
});
