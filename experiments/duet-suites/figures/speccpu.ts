import { parseSpecCpu, suiteFigures } from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = suiteFigures("SPEC CPU 2017", {
  suite: "speccpu",
  file: "002.log",
  match: /002\.log$/,
  read: parseSpecCpu,
});
