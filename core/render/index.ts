export { openExperiment } from "./open-experiment.ts";
export { madeUpTopology } from "./rehearse.ts";
