/** Verdicts on dacapo, benchmark by benchmark and method by method. */
import {
  compareBenchmarks,
  comparisonFigures,
  contrastsOfBenchmarks,
  parseDacapo,
  readTrialIterations,
  textParameter,
} from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = comparisonFigures({
  contrasts: async (trials) => {
    const rows = await readTrialIterations(trials, {
      suite: "dacapo",
      benchmark: (trial) => textParameter(trial, "benchmark"),
      file: "results.csv",
      read: parseDacapo,
    });
    return contrastsOfBenchmarks(compareBenchmarks(rows), "time", ({ benchmark, type }) => `${benchmark}, ${type}`);
  },
  title: "DaCapo",
  estimator: "Per trial: ln(B/A) of steady iterations, paired by index where synchronised, else over the common time.",
});
