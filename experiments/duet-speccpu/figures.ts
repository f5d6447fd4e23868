/** Verdicts on speccpu, benchmark by benchmark and method by method. */
import {
  compareBenchmarks,
  comparisonFigures,
  contrastsOfBenchmarks,
  parseSpecCpu,
  readTrialIterations,
  textParameter,
} from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = comparisonFigures({
  contrasts: async (trials) => {
    const rows = await readTrialIterations(trials, {
      suite: "speccpu",
      benchmark: (trial) => textParameter(trial, "benchmark"),
      file: "002.log",
      match: /002\.log$/,
      read: parseSpecCpu,
    });
    return contrastsOfBenchmarks(compareBenchmarks(rows), "time", ({ benchmark, type }) => `${benchmark}, ${type}`);
  },
  title: "SPEC CPU 2017",
  estimator: "Per trial: ln(B/A) of steady iterations, paired by index where synchronised, else over the common time.",
});
