/** Tuning sweeps as throughput, and latency, over what was varied. */
import { defineFigure, lineChart } from "reprise/analysis";
import type { FigureSpec, NumberScale } from "reprise/analysis";
import { z } from "zod";
import { groupByNumber, overRepeats, totalLatencyOf, totalThroughputOf } from "./estimators.ts";
import { importedRow, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { captionFor, readLines, seriesOrder, settingsOfTrials } from "./tuning-grid.ts";
import type { TuningLine, TuningSweep } from "./tuning-grid.ts";
import { inPanels } from "./tuning-panels.ts";
import type { Setting } from "./tuning-settings.ts";

/** One point of a line of a panel. */
export const TuningRow = z.object({
  panel: z.string(),
  measure: z.enum(["throughput", "latency"]),
  series: z.string(),
  setting: z.string(),
  x: z.number(),
  /** Commands or operations a second, or ms. */
  value: z.number(),
  deviation: z.number(),
  low: z.number(),
  high: z.number(),
  trialCount: z.int(),
  keptCount: z.int(),
});
export type TuningRow = z.infer<typeof TuningRow>;

type Measure = TuningRow["measure"];

export interface LineSweep extends TuningSweep {
  readonly x: Setting;
  /** A row of panels each. @default throughput alone */
  readonly measures?: readonly Measure[];
  /** Operations that a command carries. @default a command is one */
  readonly perCommand?: Setting;
  readonly xScale?: NumberScale;
  readonly xTicks?: readonly number[];
  /** Whether throughput starts at zero; not where all points are close together. @default true */
  readonly hasZero?: boolean;
  /** Latencies of a sweep beyond the knee reach over powers of ten. @default "log" */
  readonly latencyScale?: NumberScale;
}

/** Each measure has panels of its own. */
const panelName = (panel: string, measure: Measure, measures: readonly Measure[]): string =>
  measures.length === 1 ? panel : [panel, measure].filter(Boolean).join(": ");

const withoutMeasure = ({ panel, measure }: TuningRow, measures: readonly Measure[]): string =>
  measures.length === 1 ? panel : panel === measure ? "" : panel.slice(0, -`: ${measure}`.length);

/** One row a value of x, ascending, by the plot scripts' rule: repeats under half of the largest are left out. */
export function tuningRows(line: TuningLine, { x, measures = ["throughput"], perCommand }: LineSweep): TuningRow[] {
  return measures.flatMap((measure) =>
    groupByNumber(line.rows, x.of).flatMap(([at, repeats]): TuningRow[] => {
      const point = overRepeats(
        repeats.map((row) =>
          measure === "latency" ? totalLatencyOf(row) : totalThroughputOf(row) * (perCommand?.of(row) ?? 1),
        ),
        "halfOfBest",
      );
      if (!point) return [];
      const { value, deviation, trialCount, keptCount } = point;
      return [
        {
          panel: panelName(line.panel, measure, measures),
          measure,
          series: line.series,
          setting: line.setting,
          x: at,
          value,
          deviation,
          low: value - deviation,
          high: value + deviation,
          trialCount,
          keptCount,
        },
      ];
    }),
  );
}

export function tuningLines(sweep: LineSweep): PublishedFigure {
  const { name, title, x, measures = ["throughput"], perCommand } = sweep;
  const settingsOf = settingsOfTrials(sweep);
  const unit = perCommand ? "operations" : "commands";
  const hasLatency = measures.includes("latency");
  const panel = (own: readonly TuningRow[], all: readonly TuningRow[]): FigureSpec => {
    const measure = own[0]?.measure ?? "throughput";
    const same = all.filter((row) => row.measure === measure);
    const values = [...new Set(all.map((row) => row.x))].sort((a, b) => a - b);
    const ticks = sweep.xTicks ?? (values.length <= mostTicks ? values : undefined);
    return lineChart(own, {
      axesFrom: same,
      x: {
        field: "x",
        title: x.title ?? x.name,
        zero: false,
        ...(sweep.xScale !== undefined && { scale: sweep.xScale }),
        ...(ticks !== undefined && { ticks }),
        ...(values.length > 1 &&
          sweep.xScale === undefined && { domain: [values[0] ?? 0, values.at(-1) ?? 1] as const }),
      },
      y:
        measure === "latency"
          ? { field: "value", title: "median latency (ms)", scale: sweep.latencyScale ?? "log" }
          : { field: "value", title: `throughput (${unit}/s)`, zero: sweep.hasZero ?? true },
      series: { field: "series", order: seriesOrder(all) },
      interval: { low: "low", high: "high", as: "band" },
      ...(sweep.panels === undefined && sweep.aspect !== undefined && { aspect: sweep.aspect }),
    });
  };
  const figure = defineFigure<TuningRow>({
    name,
    title,
    caption: captionFor(
      sweep,
      `Points are means of the repeats that reach half of the largest, bands one sample standard deviation.${
        hasLatency
          ? " For latencies that is the authors' rule too, by which of repeats that disagree the quick ones are left out."
          : ""
      }`,
    ),
    captionOf: (rows) => {
      const cut = rows.filter(({ keptCount, trialCount }) => keptCount < trialCount).length;
      return cut === 0 ? undefined : `At ${cut} of ${rows.length} points repeats are left out.`;
    },
    estimator: [
      "throughput: reads plus writes, each the 90th percentile of its event-weighted rolling one-second rate of starts",
      perCommand && "times the operations of a command",
      hasLatency && "latency: median over requests, reads and writes added where there are both",
      "mean over the repeats of at least half of the largest",
    ]
      .filter(Boolean)
      .join("; "),
    row: TuningRow,
    isFrom: (row, trial) => {
      const own = settingsOf(trial);
      return (
        own?.setting === row.setting &&
        panelName(own.panel, row.measure, measures) === row.panel &&
        x.of(importedRow(trial)) === row.x
      );
    },
    // The axis says which measure it is.
    spec: (rows) =>
      inPanels(rows, sweep, {
        by: "panel",
        chart: panel,
        labels: Object.fromEntries(rows.map((row) => [row.panel, withoutMeasure(row, measures)])),
      }),
  });
  return publishedFigure({
    figure,
    inputs: [sweep.path],
    collect: async (inputs) => {
      const peak = (line: TuningLine): number =>
        Math.max(...tuningRows(line, { ...sweep, measures: ["throughput"] }).map(({ value }) => value));
      const lines = await readLines(sweep, inputs, peak);
      return measures.flatMap((measure) =>
        lines.flatMap((line) => tuningRows(line, sweep).filter((row) => row.measure === measure)),
      );
    },
  });
}

/** Each of so few values of x has its tick. */
const mostTicks = 9;
