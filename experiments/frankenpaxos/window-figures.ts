/** Before and during reconfigurations: how throughput and latency were spread. */
import { boxChart, defineFigure, interpolatedOfSorted, smallMultiples } from "reprise/analysis";
import { z } from "zod";
import { papers, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { cutRequests, rowsWhere, windowValues } from "./timelines.ts";
import type { Requests } from "./timelines.ts";
import { isOfRun, seriesName } from "./timeline-figures.ts";
import type { Run } from "./timeline-figures.ts";

const panels = ["throughput", "latency"] as const;

/** A window of a run. */
export const WindowRow = z.object({
  panel: z.enum(panels),
  clients: z.string(),
  window: z.string(),
  low: z.number(),
  q1: z.number(),
  median: z.number(),
  q3: z.number(),
  high: z.number(),
  valueCount: z.int(),
});
export type WindowRow = z.infer<typeof WindowRow>;

/** Of the plotted axis, both ends included. @see section 4.3 of the FrankenPaxos description */
const windows = [
  { label: "before (0–10 s)", fromMs: 0, toMs: 10_000 },
  { label: "during (10–20 s)", fromMs: 10_000, toMs: 20_000 },
] as const;

/** Both panels' rows of each window of one run; a window without a full second has no throughput. */
export function windowRows(clients: string, requests: Requests): WindowRow[] {
  return windows.flatMap(({ label, fromMs, toMs }) => {
    const { throughputPerSec, latencyMs } = windowValues(rowsWhere(requests, fromMs, toMs));
    const toRow = (panel: WindowRow["panel"], sorted: Float64Array, highest: number): WindowRow[] => {
      if (sorted.length === 0) return [];
      const at = (p: number): number => interpolatedOfSorted(sorted, p);
      const spread = { low: at(0), q1: at(0.25), median: at(0.5), q3: at(0.75), high: at(highest) };
      return [{ panel, clients, window: label, ...spread, valueCount: sorted.length }];
    };
    return [...toRow("throughput", throughputPerSec, 1), ...toRow("latency", latencyMs, 0.99)];
  });
}

/** The figure beside a time series: quartiles, where the authors drew violins. */
export function windowFigure(name: string, title: string, runs: readonly Run[]): PublishedFigure {
  const order = runs.map(({ clients }) => seriesName(clients));
  const figure = defineFigure<WindowRow>({
    name,
    title,
    caption: `${title}: the ten seconds before the first reconfiguration and those of the ten. Boxes are quartiles; lines reach from the least to the greatest throughput, and to the 99th percentile of latency. ${papers.matchmaker}, published data; the authors drew violins.`,
    estimator:
      "interpolated quantiles of the rolling one-second rate at each start, each window's first second left out, and of latencies",
    row: WindowRow,
    isFrom: (row, trial) => isOfRun(row.clients, trial, runs),
    spec: (rows) =>
      smallMultiples(rows, {
        by: "panel",
        order: panels,
        columns: 1,
        width: "single",
        aspect: 1.05,
        chart: (panel) => {
          const options = {
            x: { field: "clients" as const, title: "", order },
            series: { field: "window" as const, order: windows.map(({ label }) => label) },
            axesFrom: panel,
          };
          return panel[0]?.panel === "throughput"
            ? boxChart(panel, { ...options, y: { title: "commands/s", zero: false } })
            : boxChart(panel, { ...options, y: { title: "latency (ms)", zero: false } });
        },
      }),
  });
  return publishedFigure({
    figure,
    inputs: runs.map(({ path }) => path),
    collect: async (inputs) => {
      const rows: WindowRow[] = [];
      for (const { clients, path, ...cut } of runs) {
        const recording = await inputs.recording(path);
        if (recording) rows.push(...windowRows(seriesName(clients), cutRequests(recording, cut)));
      }
      return rows;
    },
  });
}
