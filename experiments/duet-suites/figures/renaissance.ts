import { parseRenaissance, suiteFigures } from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = suiteFigures("Renaissance", {
  suite: "renaissance",
  file: "results.json",
  read: parseRenaissance,
});
