/** A table of the papers as a figure. */
import { barChart, defineFigure } from "reprise/analysis";
import { z } from "zod";
import { latencyOf, overRepeats, writes } from "./estimators.ts";
import { importedRow, isTrialOf, papers, publishedFigure } from "./published-figure.ts";
import { inputNumber } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";

/** A cell of the table. */
export const LatencyCell = z.object({
  protocol: z.string(),
  clients: z.string(),
  latencyMs: z.number(),
  trialCount: z.int(),
});
export type LatencyCell = z.infer<typeof LatencyCell>;

const columns = [1, 10, 50];
const clientsName = (clients: number): string => (clients === 1 ? "1 client" : `${clients} clients`);

const protocols = [
  { label: "MultiPaxos", path: "nsdi/fig1_lt_multipaxos_results.csv", rate: 0 },
  ...["EPaxos", "BPaxos"].flatMap((name) =>
    ["0.0", "0.02", "0.1"].map((rate) => ({
      label: `${name} (${rate})`,
      path: `nsdi/fig1_lt_${name === "EPaxos" ? "epaxos" : "simplebpaxos"}_results.csv`,
      rate: Number(rate),
    })),
  ),
];

const isCell = (row: ResultRow, rate: number): boolean =>
  inputNumber(row, "f") === 1 && inputNumber(row, "workload.conflict_rate") === rate;

/** Table 11c of the NSDI draft. */
const lowLoadLatency = publishedFigure({
  figure: defineFigure<LatencyCell>({
    name: "nsdi-fig1-latencies",
    title: "Latency of MultiPaxos, EPaxos and BPaxos with few clients, f = 1",
    caption: `Median latencies with 1, 10 and 50 clients, means over repeats; in brackets the share of conflicting commands. ${papers.nsdi}, published data, there a table.`,
    estimator: "median over requests; mean over repeats",
    row: LatencyCell,
    isFrom: (row, trial) =>
      protocols.some(
        ({ label, path, rate }) =>
          label === row.protocol && isTrialOf({ path, pick: (own) => isCell(own, rate) }, trial),
      ) && clientsName(importedRow(trial).clients) === row.clients,
    spec: (rows) =>
      barChart(rows, {
        width: "double",
        aspect: 0.4,
        x: { field: "clients", title: "", order: columns.map(clientsName) },
        y: { field: "latencyMs", title: "median latency (ms)" },
        series: { field: "protocol", order: protocols.map(({ label }) => label) },
        valueLabels: "upright",
        valueFormat: ".2f",
      }),
  }),
  inputs: protocols.map(({ path }) => path),
  collect: async (inputs) => {
    const cells: LatencyCell[] = [];
    for (const { label, path, rate } of protocols) {
      const results = await inputs.results(path);
      if (!results) continue;
      const own = results.filter((row) => isCell(row, rate));
      for (const clients of columns) {
        const latency = overRepeats(own.filter((row) => row.clients === clients).map((row) => latencyOf(writes(row))));
        if (latency)
          cells.push({
            protocol: label,
            clients: clientsName(clients),
            latencyMs: latency.value,
            trialCount: latency.trialCount,
          });
        else inputs.lacks(`${label}, ${clientsName(clients)}: no row in ${path}`);
      }
    }
    return cells;
  },
});

export const tableFigures = [lowLoadLatency];
