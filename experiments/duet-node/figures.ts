/** Verdicts on elapsed and CPU time, pair by pair. */
import {
  comparisonFigures,
  compareBenchmarks,
  contrastsOfBenchmarks,
  iterationsCsv,
  readTrialIterations,
} from "reprise/analysis";
import type { Contrast, Trial } from "reprise/analysis";

const names: Readonly<Record<string, string>> = {
  words: "words: object / map",
  sums: "sums: loop / reduce",
  known: "5 % more work",
  same: "the same twice",
};

async function contrasts(trials: readonly Trial[]): Promise<Contrast[]> {
  const measures = [
    { measure: "elapsed", column: "duration_ns" },
    { measure: "CPU", column: "cpu_ns" },
  ];
  const found: Contrast[] = [];
  for (const { measure, column } of measures) {
    const rows = await readTrialIterations(trials, {
      suite: "node",
      benchmark: ({ sweep }) => sweep,
      file: "iterations.csv",
      read: { ...iterationsCsv, time: { field: column, unit: "ns" } },
    });
    found.push(
      ...contrastsOfBenchmarks(compareBenchmarks(rows), measure, ({ benchmark }) => names[benchmark] ?? benchmark),
    );
  }
  const order = Object.values(names);
  return found.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name) || (a.measure > b.measure ? -1 : 1));
}

export const [forest, intervalByTrials, ridgelines] = comparisonFigures({
  contrasts,
  title: "Two ways of the same work in Node",
  estimator:
    "Per trial: the mean of ln(B/A) over paired iterations after both sides' last changepoint, iteration i of A with iteration i of B.",
});
