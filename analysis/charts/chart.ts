/** What all chart builders share: the frame of a spec, intervals, and reference rules. */
import { ruleLabels } from "../render/layout-hints.ts";
import type { FigureSpec, LayoutHints } from "../render/layout-hints.ts";
import type { NumberField } from "./series.ts";
import { numberOf } from "./series.ts";

/** Options that every builder takes. */
export interface ChartOptions<Row> {
  /** Column of the theme, or inches. @default "single" */
  readonly width?: "single" | "double" | number;
  /** Height over width. @default the theme's */
  readonly aspect?: number;
  /** Rows that the axes cover, where panels share them. @default the rows drawn */
  readonly axesFrom?: readonly Row[];
}

/** An interval around a value; the caption says what it is. */
export interface IntervalFields<Row> {
  readonly low: NumberField<Row>;
  readonly high: NumberField<Row>;
}

/** A line across the plot: a published value, a limit, the diagonal's stand-in. */
export interface ReferenceRule {
  readonly at: number;
  readonly axis: "x" | "y";
  readonly label?: string;
  /** A colour or theme token. @default "@muted" */
  readonly color?: string;
}

/** Only what was asked for: an absent hint isn't the same as one that says undefined. */
export function hintsOf<Row>(options: ChartOptions<Row>, more: object = {}): Record<string, unknown> {
  return {
    ...(options.width !== undefined && { width: options.width }),
    ...(options.aspect !== undefined && { aspect: options.aspect }),
    ...more,
  };
}

/** One layer; one with `data` of its own takes no encoding from the others. */
export interface ChartLayer {
  readonly data?: object;
  readonly encoding?: object;
  readonly [key: string]: unknown;
}

export interface ChartParts<Row> {
  readonly rows: readonly Row[];
  readonly hints: Record<string, unknown>;
  /** For every layer that draws the rows. */
  readonly encoding?: object;
  readonly layer: readonly ChartLayer[];
}

/** Assembles a layered spec. Encodings are written into each layer: a rule must not inherit the rows' positions. */
export function toSpec<Row>({ rows, hints, encoding, layer }: ChartParts<Row>): FigureSpec {
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    data: { values: rows },
    layer: layer.map((part) => ("data" in part ? part : { ...part, encoding: { ...encoding, ...part.encoding } })),
    usermeta: { reprise: hints satisfies Partial<Record<keyof LayoutHints, unknown>> },
  };
  return spec as unknown as FigureSpec; // The parts are Vega-Lite by construction; tokens stand for colours and numbers.
}

/** All numbers of some fields, for an axis to cover. */
export function* valuesOf<Row>(
  rows: readonly Row[],
  fields: readonly (NumberField<Row> | undefined)[],
): Generator<number> {
  for (const row of rows) for (const field of fields) if (field !== undefined) yield numberOf(row, field);
}

/** Whiskers with caps along y. */
export function whiskers<Row>(
  { low, high }: IntervalFields<Row>,
  { color = "@ink", encoding = {} }: { color?: string; encoding?: object } = {},
): ChartLayer[] {
  const hasColor = "color" in encoding;
  const style = { strokeWidth: "@line/rule", ...(hasColor ? {} : { color }), aria: false };
  const y = { field: low, type: "quantitative" };
  const cap = (field: string): ChartLayer => ({
    mark: {
      type: "tick",
      orient: "horizontal",
      size: "@cap",
      thickness: "@line/rule",
      opacity: 1,
      ...(hasColor ? {} : { color }),
      aria: false,
    },
    encoding: { y: { field, type: "quantitative" }, ...encoding },
  });
  return [{ mark: { type: "rule", ...style }, encoding: { y, y2: { field: high }, ...encoding } }, cap(low), cap(high)];
}

/** Rules with their labels, which are moved clear of the data. */
export function ruleLayers(rules: readonly ReferenceRule[]): ChartLayer[] {
  return rules.flatMap(({ at, axis, label, color = "@muted" }) => {
    const data = { values: [{ at, label: label ?? "" }] };
    const rule = {
      data,
      mark: { type: "rule", color, strokeDash: "@dash/1", strokeWidth: "@line/rule", aria: false },
      encoding: { [axis]: { field: "at", type: "quantitative" } },
    };
    if (label === undefined) return [rule];
    const text = {
      name: `${ruleLabels}${axis.toUpperCase()}`,
      data,
      mark: {
        type: "text",
        color,
        ...(axis === "y"
          ? { align: "right", baseline: "bottom", dy: -2, x: "width" }
          : { align: "left", baseline: "top", dx: 3, y: 1 }),
      },
      encoding: { text: { field: "label", type: "nominal" }, [axis]: { field: "at", type: "quantitative" } },
    };
    return [rule, text];
  });
}
