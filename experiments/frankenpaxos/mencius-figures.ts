/** The figure of runs of `mencius.yaml`, as in the EuroSys draft of the Compartmentalization paper, by its estimators. */
import { measuredCurve } from "./measured-figures.ts";

export { trialMetrics } from "./trial-results.ts";

export const latencyThroughput = measuredCurve({
  name: "latency-throughput",
  title: "Mencius coupled and compartmentalized, batched",
  sweeps: ["supermencius-lt", "mencius-lt"],
  series: ({ protocol }) => (protocol === "supermencius" ? "Mencius" : "Compartmentalized Mencius"),
  order: ["Mencius", "Compartmentalized Mencius"],
});
