/** Tuning sweeps as latency over throughput, clients being added along each line. */
import { defineFigure, latencyThroughput } from "reprise/analysis";
import type { FigureSpec } from "reprise/analysis";
import { z } from "zod";
import { CurveRow } from "./curve-figures.ts";
import { groupByNumber, latencyOf, overRepeats, throughputColumns, throughputOf, writes } from "./estimators.ts";
import { importedRow, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import type { ResultRow } from "./results-csv.ts";
import { captionFor, isOf, readLines, seriesOrder, settingsOfTrials } from "./tuning-grid.ts";
import type { TuningLine, TuningSweep } from "./tuning-grid.ts";
import { inPanels } from "./tuning-panels.ts";

/** A number of clients of a line of a panel. */
export const TuningCurveRow = CurveRow.extend({ panel: z.string(), setting: z.string() });
export type TuningCurveRow = z.infer<typeof TuningCurveRow>;

export interface CurveSweep extends TuningSweep {
  /** Rows of as much latency and more are left out, as by the plot script. */
  readonly belowMs?: number;
  /** Whether each panel has axes of its own. @default false */
  readonly hasOwnAxes?: boolean;
}

/** One row a number of clients, ascending: means over repeats. Points without a repeat below the limit aren't there. */
export function tuningCurve({ panel, setting, series, rows }: TuningLine, belowMs = Infinity): TuningCurveRow[] {
  const throughput = (row: ResultRow): number => throughputOf(writes(row));
  const latency = (row: ResultRow): number => latencyOf(writes(row));
  return groupByNumber(rows, (row) => row.clients).flatMap(([clients, repeats]): TuningCurveRow[] => {
    const kept = repeats.filter((row) => latency(row) < belowMs);
    const [x, y] = [overRepeats(kept.map(throughput)), overRepeats(kept.map(latency))];
    if (!x || !y) return [];
    return [
      {
        panel,
        series,
        setting,
        clients,
        ...throughputColumns(x),
        latencyMs: y.value,
        trialCount: repeats.length,
        keptCount: x.keptCount,
      },
    ];
  });
}

export function tuningCurves(sweep: CurveSweep): PublishedFigure {
  const { name, title, belowMs, hasOwnAxes = false } = sweep;
  const settingsOf = settingsOfTrials(sweep);
  const panel = (own: readonly TuningCurveRow[], all: readonly TuningCurveRow[]): FigureSpec => {
    const order = seriesOrder(all);
    return latencyThroughput(own, {
      ...(!hasOwnAxes && { axesFrom: all }),
      throughput: { field: "throughputPerSec", title: "throughput (commands/s)" },
      latency: { field: "latencyMs", title: "median latency (ms)" },
      load: "clients",
      ...(order.length > 1 && { series: { field: "series", order } }),
      ...(sweep.panels === undefined && sweep.aspect !== undefined && { aspect: sweep.aspect }),
    });
  };
  const figure = defineFigure<TuningCurveRow>({
    name,
    title,
    caption: captionFor(
      sweep,
      `Each point is a number of clients, added along the line; its place is the mean over repeats.${
        belowMs === undefined ? "" : ` Repeats of ${belowMs} ms and more are left out, as by the authors.`
      }`,
    ),
    captionOf: (rows) => {
      const repeated = rows.filter(({ trialCount }) => trialCount > 1).length;
      return repeated === 0 ? "Every point is a single run." : undefined;
    },
    estimator:
      "throughput: 90th percentile of the event-weighted rolling one-second rate of starts; latency: median over requests; per number of clients the mean over repeats",
    row: TuningCurveRow,
    isFrom: (row, trial) => {
      const own = settingsOf(trial);
      return isOf(own, row) && importedRow(trial).clients === row.clients;
    },
    spec: (rows) => inPanels(rows, sweep, { by: "panel", chart: panel, ...(hasOwnAxes && { sharedAxes: false }) }),
  });
  return publishedFigure({
    figure,
    inputs: [sweep.path],
    collect: async (inputs) => {
      const curve = (line: TuningLine): TuningCurveRow[] => tuningCurve(line, belowMs);
      const lines = await readLines(sweep, inputs, (line) =>
        Math.max(...curve(line).map(({ throughputPerSec }) => throughputPerSec)),
      );
      return lines.flatMap(curve);
    },
  });
}
