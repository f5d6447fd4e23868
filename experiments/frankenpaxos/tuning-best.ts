/** What the tuning found: the best of many settings. */
import { defineFigure, intervalChart, lineChart } from "reprise/analysis";
import { z } from "zod";
import { groupByNumber } from "./estimators.ts";
import { importedRow, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { tuningCurve, TuningCurveRow } from "./tuning-curves.ts";
import type { CurveSweep } from "./tuning-curves.ts";
import { captionFor, isOf, linesOf, settingsOfTrials } from "./tuning-grid.ts";
import { TuningRow, tuningRows } from "./tuning-lines.ts";
import type { LineSweep } from "./tuning-lines.ts";
import type { Setting } from "./tuning-settings.ts";

/** A setting at the number of clients that gives it most. */
export const BestSettingRow = TuningCurveRow.extend({
  item: z.string(),
  /** From 1, among the settings of its panel. */
  rank: z.int(),
  settingCount: z.int(),
});
export type BestSettingRow = z.infer<typeof BestSettingRow>;

interface BestSettings extends CurveSweep {
  /** Of each panel so many. */
  readonly keep: number;
  /** What an item is called by, after its panel. @default the lines' settings that differ */
  readonly label?: readonly Setting[];
  /** Told apart by colour. */
  readonly series?: Setting;
}

/** The settings of each panel with the largest throughput at any number of clients, best first. */
export function bestSettings(sweep: BestSettings): PublishedFigure {
  const { name, title, path, keep, label, series, belowMs, pick = () => true } = sweep;
  const settingsOf = settingsOfTrials(sweep);
  const figure = defineFigure<BestSettingRow>({
    name,
    title,
    caption: captionFor(
      sweep,
      "Points are mean throughputs at the number of clients that gives most, lines one sample standard deviation to each side.",
    ),
    captionOf: (rows) => {
      const counts = [...new Map(rows.map((row) => [row.panel, row.settingCount])).values()];
      const all = counts.reduce((sum, count) => sum + count, 0);
      const single = rows.filter(({ trialCount }) => trialCount === 1).length;
      return [
        `Of ${all} settings the best ${rows.length} by that throughput${counts.length > 1 ? ", one a sweep" : ""}.`,
        single > 0 && `${single} are single runs, without a deviation, of many: the largest of them flatters.`,
      ]
        .filter((part) => part !== false)
        .join(" ");
    },
    estimator:
      "90th percentile of the event-weighted rolling one-second rate of starts, mean over repeats; of a setting the largest over numbers of clients",
    row: BestSettingRow,
    isFrom: (row, trial) => {
      const own = settingsOf(trial);
      return isOf(own, row) && importedRow(trial).clients === row.clients;
    },
    spec: (rows) =>
      intervalChart(rows, {
        width: "double",
        ...(sweep.aspect !== undefined && { aspect: sweep.aspect }),
        item: { field: "item", order: rows.map(({ item }) => item) },
        value: { field: "throughputPerSec", title: "largest throughput (commands/s)" },
        interval: { low: "throughputLowPerSec", high: "throughputHighPerSec" },
        ...(series && { series: { field: "series", order: [series.phrase(0), series.phrase(1)] }, dodge: false }),
      }),
  });
  return publishedFigure({
    figure,
    inputs: [path],
    collect: async (inputs) => {
      const results = await inputs.results(path);
      if (!results) return [];
      const byPanel = new Map<string, BestSettingRow[]>();
      for (const line of linesOf(results.filter(pick), sweep)) {
        const points = tuningCurve(line, belowMs);
        const first = points[0];
        if (!first) continue;
        const peak = points.reduce(
          (most, point) => (point.throughputPerSec > most.throughputPerSec ? point : most),
          first,
        );
        const [row] = line.rows;
        const called = label && row ? label.map((each) => each.phrase(each.of(row))).join(", ") : line.series;
        const own = {
          ...peak,
          ...(series && row && { series: series.phrase(series.of(row)) }),
          item: line.panel === "" ? called : `${line.panel}: ${called}`,
        };
        byPanel.set(line.panel, [...(byPanel.get(line.panel) ?? []), { ...own, rank: 0, settingCount: 0 }]);
      }
      if (byPanel.size === 0) inputs.lacks(`${name}: no row in ${path}`);
      return [...byPanel.values()].flatMap((panel) =>
        panel
          .sort((a, b) => b.throughputPerSec - a.throughputPerSec)
          .map((row, index) => ({ ...row, rank: index + 1, settingCount: panel.length }))
          .slice(0, keep),
      );
    },
  });
}

/** Of each line the best of all settings at each x, whichever it is; each point's own is in the CSV. */
export function bestLines(
  sweep: Omit<LineSweep, "panels" | "measures"> & { readonly over: readonly Setting[] },
): PublishedFigure {
  const { name, title, path, x, perCommand, over, pick = () => true } = sweep;
  // A point keeps its own setting, by which its trials are found, though its line is made of several.
  const full = { ...sweep, panels: sweep.lines, lines: over };
  const settingsOf = settingsOfTrials(full);
  const figure = defineFigure<TuningRow>({
    name,
    title,
    caption: captionFor(
      sweep,
      "Each point is the setting with the largest mean of the repeats that reach half of the best, bands one sample standard deviation; settings differ from point to point.",
    ),
    estimator:
      "reads plus writes, each the 90th percentile of its event-weighted rolling one-second rate of starts, times the operations of a command; mean over the repeats of at least half of the best; the largest over settings",
    row: TuningRow,
    isFrom: (row, trial) => {
      const own = settingsOf(trial);
      return isOf(own, row) && x.of(importedRow(trial)) === row.x;
    },
    spec: (rows) => {
      const values = [...new Set(rows.map((row) => row.x))].sort((a, b) => a - b);
      return lineChart(rows, {
        x: { field: "x", title: x.title ?? x.name, zero: false, ticks: values },
        y: { field: "value", title: `throughput (${perCommand ? "operations" : "commands"}/s)` },
        series: { field: "series", order: [...new Set(rows.map(({ series }) => series))] },
        interval: { low: "low", high: "high", as: "band" },
      });
    },
  });
  return publishedFigure({
    figure,
    inputs: [path],
    collect: async (inputs) => {
      const results = await inputs.results(path);
      if (!results) return [];
      const points = linesOf(results.filter(pick), full).flatMap((line) =>
        tuningRows({ ...line, series: line.panel }, { ...full, measures: ["throughput"] }),
      );
      if (points.length === 0) inputs.lacks(`${name}: no row in ${path}`);
      const best = new Map<string, TuningRow>();
      for (const point of points) {
        const key = `${point.series} ${point.x}`;
        if (point.value > (best.get(key)?.value ?? -Infinity)) best.set(key, point);
      }
      const series = [...new Set(points.map((point) => point.series))];
      return series.flatMap((one) =>
        groupByNumber(
          [...best.values()].filter((point) => point.series === one),
          (point) => point.x,
        ).flatMap(([, [point]]) => point ?? []),
      );
    },
  });
}
