import { parseDacapo, suiteFigures } from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = suiteFigures("DaCapo", {
  suite: "dacapo",
  file: "results.csv",
  read: parseDacapo,
});
