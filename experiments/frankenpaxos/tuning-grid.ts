/** Rows of a tuning sweep as lines in panels, which the data names. */
import type { Trial } from "reprise/analysis";
import { papers, importedRow, isTrialOf } from "./published-figure.ts";
import type { FigureInputs } from "./published-files.ts";
import type { ResultRow } from "./results-csv.ts";
import { compareValues } from "./tuning-settings.ts";
import type { Setting } from "./tuning-settings.ts";

/** One of the authors' plot scripts, or what belongs together in it. */
export interface TuningSweep {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  /** By inputs alone. @default all rows */
  readonly pick?: (row: ResultRow) => boolean;
  /** A panel a combination of their values. @default one panel */
  readonly panels?: readonly Setting[];
  /** A line a combination of their values: the grouping columns of the plot script. */
  readonly lines: readonly Setting[];
  /** Panels side by side. @default 3 */
  readonly columns?: number;
  /** Of a figure of several panels. @default "double" */
  readonly width?: "single" | "double";
  /** Height over width of the whole. */
  readonly aspect?: number;
  readonly note?: string;
}

/** A line of a figure, its rows not yet made into points. */
export interface TuningLine {
  readonly panel: string;
  /** Every grouping column with its value. */
  readonly setting: string;
  /** What tells the lines of the figure apart. */
  readonly series: string;
  readonly rows: readonly ResultRow[];
}

/** What a row of a figure and a trial are matched by. */
export interface PanelSetting {
  readonly panel: string;
  readonly setting: string;
}

export const isOf = (own: PanelSetting | undefined, row: PanelSetting): boolean =>
  own?.panel === row.panel && own.setting === row.setting;

/** As many as have marks, dashes and colours of their own. */
export const mostLines = 8;

export const panelOf = ({ panels = [] }: Pick<TuningSweep, "panels">, row: ResultRow): string =>
  panels.map((each) => each.phrase(each.of(row))).join(", ");

export const settingOf = ({ lines }: Pick<TuningSweep, "lines">, row: ResultRow): string =>
  lines.map((each) => `${each.name}=${each.of(row)}`).join(" ");

/**
 * Groups rows by panel and line; panels and lines go up by their values. A line is called by those of its settings that
 * differ among the lines of the figure.
 */
export function linesOf(rows: readonly ResultRow[], sweep: TuningSweep): TuningLine[] {
  const { panels = [], lines } = sweep;
  const groups = new Map<string, { panel: string; values: number[]; rows: ResultRow[] }>();
  for (const row of rows) {
    const values = [...panels, ...lines].map((each) => each.of(row));
    const key = values.join(" ");
    const group = groups.get(key);
    if (group) group.rows.push(row);
    else groups.set(key, { panel: panelOf(sweep, row), values, rows: [row] });
  }
  const sorted = [...groups.values()].sort((a, b) => compareValues(a.values, b.values));
  const valuesOfLine = (group: { values: readonly number[] }): number[] => group.values.slice(panels.length);
  const varied = lines.filter((_, index) => new Set(sorted.map((group) => valuesOfLine(group)[index])).size > 1);
  const named = varied.length > 0 ? varied : lines;
  return sorted.map((group) => ({
    panel: group.panel,
    setting: lines.map((each, index) => `${each.name}=${valuesOfLine(group)[index] ?? NaN}`).join(" "),
    series: lines
      .flatMap((each, index) => (named.includes(each) ? each.phrase(valuesOfLine(group)[index] ?? NaN) : []))
      .join(", "),
    rows: group.rows,
  }));
}

/** Panels in order, each once. */
export const panelsOf = (rows: readonly { readonly panel: string }[]): string[] => [
  ...new Set(rows.map(({ panel }) => panel)),
];

/** Series in the order of their settings: a panel that lacks the first ones doesn't put them last. */
export function seriesOrder(rows: readonly { readonly series: string; readonly setting: string }[]): string[] {
  const values = new Map(rows.map(({ series, setting }) => [series, valuesIn(setting)]));
  return [...values].sort(([, a], [, b]) => compareValues(a, b)).map(([series]) => series);
}

const valuesIn = (setting: string): number[] =>
  setting.split(" ").flatMap((part) => (part.includes("=") ? Number(part.slice(part.lastIndexOf("=") + 1)) : []));

/** The panel and setting of an imported trial; undefined for one that isn't of the sweep. Asked for each mark. */
export function settingsOfTrials(sweep: TuningSweep): (trial: Trial) => PanelSetting | undefined {
  const known = new WeakMap<Trial, PanelSetting | { readonly panel?: undefined }>();
  return (trial) => {
    const before = known.get(trial);
    if (before) return before.panel === undefined ? undefined : before;
    const row = importedRow(trial);
    const found = isTrialOf(sweep, trial) ? { panel: panelOf(sweep, row), setting: settingOf(sweep, row) } : {};
    known.set(trial, found);
    return found.panel === undefined ? undefined : found;
  };
}

/**
 * The lines of a sweep; where there are more than can be told apart, the best, and the others are named as missing.
 *
 * @param best what a line is judged by, more being better
 */
export async function readLines(
  sweep: TuningSweep,
  inputs: FigureInputs,
  best: (line: TuningLine) => number,
): Promise<readonly TuningLine[]> {
  const { path, pick = () => true } = sweep;
  const results = await inputs.results(path);
  if (!results) return [];
  const lines = linesOf(results.filter(pick), sweep);
  if (lines.length === 0) inputs.lacks(`${sweep.name}: no row in ${path}`);
  const bySeries = new Map<string, number>();
  for (const line of lines) bySeries.set(line.series, Math.max(bySeries.get(line.series) ?? -Infinity, best(line)));
  if (bySeries.size <= mostLines) return lines;
  const ranked = [...bySeries].sort(([, a], [, b]) => b - a).map(([series]) => series);
  inputs.lacks(
    `${bySeries.size - mostLines} of ${bySeries.size} lines, the best are drawn: not ${ranked.slice(mostLines).join("; ")}`,
  );
  return lines.filter(({ series }) => ranked.indexOf(series) < mostLines);
}

/** The sentences of a caption that all tuning figures have. */
export const captionFor = ({ title, note }: TuningSweep, points: string): string =>
  [`${title}. ${points}`, note, `${papers.compartmentalized}, published data of a tuning sweep.`]
    .filter((part) => part !== undefined)
    .join(" ");
