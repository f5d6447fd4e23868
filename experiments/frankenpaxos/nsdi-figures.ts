/** Figures of runs of `nsdi.yaml`, as in Bipartisan Paxos, by its estimators. */
import { defineFigure } from "reprise/analysis";
import type { Figure, Trial } from "reprise/analysis";
import { barRow, BarRow, stepBars } from "./bar-figures.ts";
import { bySeries, clientsOf, measuredCurve, readResults, throughputEstimator } from "./measured-figures.ts";
import type { Inputs } from "./measured-figures.ts";

export { trialMetrics } from "./trial-results.ts";

const rateName = (rate: unknown): string => (rate === 0 ? "0.0" : String(rate));

function protocolName({ protocol, conflictRate }: Inputs): string {
  switch (protocol) {
    case "epaxos":
      return `EPaxos (${rateName(conflictRate)})`;
    case "simplebpaxos":
      return `BPaxos (${rateName(conflictRate)})`;
    default:
      return "MultiPaxos";
  }
}

const inPaper = [
  "MultiPaxos",
  ...["EPaxos", "BPaxos"].flatMap((name) => ["0.0", "0.02", "0.1"].map((rate) => `${name} (${rate})`)),
];

const curves = (f: 1 | 2) =>
  measuredCurve({
    name: `latency-throughput-f${f}`,
    title: `Latency and throughput of MultiPaxos, EPaxos and BPaxos, f = ${f}`,
    note: "In brackets the share of conflicting commands.",
    sweeps: ["fig1-multipaxos", "fig1-epaxos", "fig1-bpaxos"],
    points: (parameters) => parameters["f"] === f,
    series: protocolName,
    order: inPaper,
  });

export const latencyThroughputF1 = curves(1);
export const latencyThroughputF2 = curves(2);

const configurationName = ({ protocol, leaders }: Inputs): string =>
  protocol === "superbpaxos" ? "coupled" : `${String(leaders)} leaders`;

function ablation(load: "low" | "high", value: "throughput" | "latency"): Figure<BarRow> {
  const points = (parameters: Trial["parameters"]): boolean => clientsOf(parameters) === (load === "low" ? 1 : 600);
  return defineFigure<BarRow>({
    name: `leaders-${load}-load-${value}`,
    title: `${value === "throughput" ? "Throughput" : "Latency"} of BPaxos with ${load === "low" ? "one client" : "600 clients"}, coupled and by number of leaders`,
    caption: "Bars are means over trials, whiskers one sample standard deviation.",
    estimator:
      value === "throughput"
        ? `${throughputEstimator}; mean over trials`
        : "median over recorded requests; mean over trials",
    row: BarRow,
    needs: { sweeps: ["fig2-superbpaxos", "fig2-bpaxos"], points },
    rows: async (trials) =>
      bySeries(await readResults(trials), ({ inputs }) => configurationName(inputs))
        .sort(([a], [b]) => (parseInt(a, 10) || 0) - (parseInt(b, 10) || 0))
        .flatMap(([label, rows]) => barRow({ label, step: label === "coupled" ? 0 : 1 }, rows) ?? []),
    isFrom: (row, { parameters }) => configurationName(parameters) === row.configuration,
    spec: (rows) => stepBars(rows, { value, order: rows.map(({ configuration }) => configuration) }),
  });
}

export const leadersHighLoadThroughput = ablation("high", "throughput");
export const leadersHighLoadLatency = ablation("high", "latency");
export const leadersLowLoadLatency = ablation("low", "latency");
