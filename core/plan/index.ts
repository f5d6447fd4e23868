export { composeCatalogues, ownMachines } from "./catalogue.ts";
export type { HostRate, MachineAnswer, MachineCatalogue, MachineRequest } from "./catalogue.ts";
export { explainTrial } from "./explain.ts";
export type { EarlierRun, Explanation } from "./explain.ts";
export { planExperiment } from "./plan-experiment.ts";
export type { PlanInputs } from "./plan-experiment.ts";
export { quotePlan, remainingTrials, usualAssumptions } from "./quote.ts";
export type { HostPrice, PriceList, Quote, QuoteAssumptions } from "./quote.ts";
