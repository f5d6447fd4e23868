/** Which series a figure has, in which order, under which names and in which styles. */
import type { LegendEntry, LegendHint } from "../render/layout-hints.ts";
import { seriesDashes, seriesShapes } from "../render/themes.ts";

/** Names of a row's properties whose values are of a type. */
export type FieldOf<Row, Value> = {
  [Key in keyof Row & string]: NonNullable<Row[Key]> extends Value ? Key : never;
}[keyof Row & string];
export type NumberField<Row> = FieldOf<Row, number>;
export type LabelField<Row> = FieldOf<Row, string | number | boolean>;

export interface SeriesOptions<Row> {
  readonly field: LabelField<Row>;
  /** The paper's order; series it doesn't name follow in order of appearance. @default order of appearance */
  readonly order?: readonly (string | number)[];
  /** What the legend calls a value. @default the value itself */
  readonly labels?: Readonly<Record<string, string>>;
  /** Which place in the theme's styles a value takes, so that a system looks the same in every figure. @default its index */
  readonly places?: Readonly<Record<string, number>>;
  /** A heading for the legend. */
  readonly title?: string;
}

export type LegendPosition = LegendHint["position"] | "none";

/** A value of a category as the rows hold it: scales match 4 with 4, not with "4". */
export type CategoryValue = string | number | boolean;

export interface Series {
  readonly value: CategoryValue;
  readonly label: string;
  readonly place: number;
}

/** The text of a row's field, as scales see it. */
export function labelOf<Row>(row: Row, field: LabelField<Row>): string {
  return String(row[field]);
}

/** A row's number; NaN where it is absent, which marks then skip. */
export function numberOf<Row>(row: Row, field: NumberField<Row>): number {
  const value: unknown = row[field];
  return typeof value === "number" ? value : NaN;
}

/** Distinct values of a field, those of `order` first and only where they occur. */
export function orderedValues<Row>(
  rows: readonly Row[],
  field: LabelField<Row>,
  order: readonly (string | number)[] = [],
): CategoryValue[] {
  const present = new Map<string, CategoryValue>();
  for (const row of rows) {
    const value: unknown = row[field];
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      present.set(String(value), value);
  }
  const named = order.map(String).filter((label) => present.has(label));
  return [...new Set([...named, ...present.keys()])].flatMap((label) => present.get(label) ?? []);
}

export function resolveSeries<Row>(rows: readonly Row[], options: SeriesOptions<Row> | undefined): Series[] {
  if (!options) return [];
  // A series named in the order keeps its style though its rows are missing: figures of one paper stay comparable.
  const places = new Map((options.order ?? []).map((value, index) => [String(value), index]));
  return orderedValues(rows, options.field, options.order).map((value) => {
    const name = String(value);
    const place = options.places?.[name] ?? places.get(name) ?? places.size;
    if (!places.has(name)) places.set(name, place);
    return { value, label: options.labels?.[name] ?? name, place };
  });
}

/** Encodings that give each series its colour, and on request its mark and dash. */
export function seriesEncoding(
  field: string,
  series: readonly Series[],
  channels: readonly ("color" | "shape" | "strokeDash")[],
): Record<string, object> {
  const ranges = {
    color: series.map(({ place }) => `@series/${place}`),
    shape: series.map(({ place }) => shapeAt(place)),
    strokeDash: series.map(({ place }) => `@dash/${place}`),
  };
  const domain = series.map(({ value }) => value);
  return Object.fromEntries(
    channels.map((channel) => [
      channel,
      { field, type: "nominal", scale: { domain, range: ranges[channel] }, legend: null },
    ]),
  );
}

export const shapeAt = (place: number): string => seriesShapes[place % seriesShapes.length] ?? "circle";

interface LegendOptions {
  readonly swatch: LegendEntry["swatch"];
  readonly position: LegendPosition | undefined;
  readonly title: string | undefined;
  readonly extra?: readonly LegendEntry[];
}

/** The `legend` hint for the series; none for a single one, which its caption names. */
export function legendOf(
  series: readonly Series[],
  { swatch, position = "top", title, extra = [] }: LegendOptions,
): { legend?: object } {
  if (position === "none" || series.length + extra.length < 2) return {};
  const entries = series.map(({ label, place }) => ({
    label,
    swatch,
    color: `@series/${place}`,
    ...(swatch === "line-point" || swatch === "point" ? { shape: shapeAt(place) } : {}),
    ...(swatch === "line" || swatch === "line-point"
      ? { dash: [...(seriesDashes[place % seriesDashes.length] ?? [])] }
      : {}),
  }));
  return { legend: { entries: [...entries, ...extra], position, ...(title !== undefined && { title }) } };
}
