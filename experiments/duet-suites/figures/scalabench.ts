import { parseDacapo, suiteFigures } from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = suiteFigures("ScalaBench", {
  suite: "scalabench",
  file: "results.csv",
  read: parseDacapo,
});
