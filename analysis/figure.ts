/**
 * The contract between an experiment and this package: a figure says what its rows are, how they come from trials, by
 * which estimator, and how they are drawn. Nothing in it reads a file or knows a path.
 */
import type { z } from "zod";
import { RepriseError } from "../core/errors/reprise-error.ts";
import type { FigureSpec } from "./render/layout-hints.ts";
import type { Trial } from "./trials.ts";

export interface FigureNeeds {
  /** The sweeps whose trials it is drawn from. */
  readonly sweeps: readonly string[];
  /** Of those, the points it needs. @default all */
  readonly points?: (parameters: Trial["parameters"]) => boolean;
}

export interface Figure<Row extends object> {
  /** Its files' name: lower case, digits and hyphens. */
  readonly name: string;
  readonly title?: string;
  /** As it would stand under the figure in a paper: what the marks and intervals are. */
  readonly caption: string;
  /** What the caption says further of these very rows: of marks that only some of them have. */
  readonly captionOf?: (rows: readonly Row[]) => string | undefined;
  /** How the drawn values come from the measured ones, in a sentence: `Median over trials of nearest-rank p50`. */
  readonly estimator: string;
  /** What a row is; every row is checked before it is drawn. */
  readonly row: z.ZodType<Row>;
  /** Rows from trials, for a figure that is drawn from runs. Reads artifacts, and nothing else. */
  readonly rows?: (trials: readonly Trial[]) => readonly Row[] | Promise<readonly Row[]>;
  /**
   * Whether a trial stands behind a row: what a mark of the figure leads to. @default it does when the row's fields that
   * are names of parameters have the trial's values
   */
  readonly isFrom?: (row: Row, trial: Trial) => boolean;
  /** Pure: same rows, same spec. */
  readonly spec: (rows: readonly Row[]) => FigureSpec;
  /** @default whatever trials it is given */
  readonly needs?: FigureNeeds;
}

/** Any figure, where its row type doesn't matter. */
// Rows go in and come out of a figure, so no row type but `any` stands for all of them; they are checked by `row`.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyFigure = Figure<any>;

/** The whole caption of a figure that is drawn from these rows. */
export const captionOf = <Row extends object>(figure: Figure<Row>, rows: readonly Row[]): string =>
  [figure.caption, figure.captionOf?.(rows)].filter((part) => part !== undefined && part !== "").join(" ");

/** A figure's name that can't be a file's name. */
export class FigureNameError extends RepriseError {
  override readonly name = "FigureNameError";
}

/** Checks the name, and lets the compiler find the row type. @throws {FigureNameError} */
export function defineFigure<Row extends object>(figure: Figure<Row>): Figure<Row> {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(figure.name))
    throw new FigureNameError(`a figure can't be called "${figure.name}"`, {
      hint: "use lower case letters, digits and single hyphens: latency-by-clients",
    });
  return figure;
}

/** Rows that aren't what the figure says they are, or none at all. */
export class FigureRowsError extends RepriseError {
  override readonly name = "FigureRowsError";
}

/** @throws {FigureRowsError} which names the first bad rows by number, field and value */
export function checkRows<Row extends object>(figure: Figure<Row>, rows: readonly unknown[]): Row[] {
  if (rows.length === 0)
    throw new FigureRowsError(`figure ${figure.name} has no rows`, {
      hint: "no trial gave it any: see which trials are valid, and what its parser skipped",
    });
  const problems: string[] = [];
  const checked: Row[] = [];
  for (const [index, row] of rows.entries()) {
    const parsed = figure.row.safeParse(row);
    if (parsed.success) checked.push(parsed.data);
    else if (problems.length < 5)
      problems.push(
        ...parsed.error.issues.slice(0, 2).map((issue) => {
          const field = issue.path.map(String).join(".");
          return `row ${index}, ${field || "itself"}: ${issue.message} (${describeValue(row, issue.path)})`;
        }),
      );
  }
  if (problems.length === 0) return checked;
  throw new FigureRowsError(`figure ${figure.name}: ${rows.length - checked.length} of ${rows.length} rows are bad`, {
    hint: problems.join("\n"),
  });
}

function describeValue(row: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    row,
  );
  return typeof value === "number" || value === undefined ? String(value) : JSON.stringify(value).slice(0, 80);
}

/** A trial that a plan has, by name. */
export interface PlannedTrial {
  readonly sweep: string;
  readonly pointKey: string;
  readonly parameters: Trial["parameters"];
  readonly trialIndex: number;
}

/** Of some trials, those a figure is drawn from. */
export const trialsFor = <T extends { readonly sweep: string; readonly parameters: Trial["parameters"] }>(
  { needs }: AnyFigure,
  trials: readonly T[],
): T[] =>
  needs
    ? trials.filter((trial) => needs.sweeps.includes(trial.sweep) && (needs.points?.(trial.parameters) ?? true))
    : [...trials];

/** Which planned trials a figure would be drawn without, as `point trial n`, in the plan's order. */
export function missingTrials(figure: AnyFigure, planned: readonly PlannedTrial[], have: readonly Trial[]): string[] {
  const present = new Set(have.map(({ pointKey, trialIndex }) => `${pointKey} trial ${trialIndex}`));
  return trialsFor(figure, planned)
    .map(({ pointKey, trialIndex }) => `${pointKey} trial ${trialIndex}`)
    .filter((name) => !present.has(name));
}
