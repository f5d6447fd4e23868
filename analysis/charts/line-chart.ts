import type { FigureSpec, LegendEntry } from "../render/layout-hints.ts";
import { numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, ruleLayers, toSpec, valuesOf, whiskers } from "./chart.ts";
import type { ChartOptions, IntervalFields, ReferenceRule } from "./chart.ts";
import { labelOf, legendOf, orderedValues, resolveSeries, seriesEncoding } from "./series.ts";
import type { CategoryValue, LabelField, LegendPosition, NumberField, SeriesOptions } from "./series.ts";

export interface LineChartOptions<Row> extends ChartOptions<Row> {
  /** A number field on a number axis, or any field as ordered categories. */
  readonly x:
    | (AxisOptions & { readonly field: NumberField<Row> })
    | {
        readonly field: LabelField<Row>;
        readonly title: string;
        readonly categories: true;
        readonly order?: readonly (string | number)[];
      };
  readonly y: AxisOptions & { readonly field: NumberField<Row> };
  readonly series?: SeriesOptions<Row>;
  readonly interval?: IntervalFields<Row> & { readonly as: "bars" | "band" };
  /** Whether each row has a mark; off for dense lines. @default true */
  readonly points?: boolean;
  /** How the line goes from row to row. @default "linear" */
  readonly interpolate?: "linear" | "step-after";
  readonly rules?: readonly ReferenceRule[];
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/** Lines with marks and, where given, whiskers or bands: one row a point of a series, already summarised. */
export function lineChart<Row extends object>(rows: readonly Row[], options: LineChartOptions<Row>): FigureSpec {
  const { x, y, interval, rules = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const hasPoints = options.points ?? true;
  const series = resolveSeries(axesRows, options.series);
  const style = (...channels: ("color" | "shape" | "strokeDash")[]): object =>
    options.series ? seriesEncoding(options.series.field, series, channels) : {};
  const single = options.series ? {} : { color: "@series/0" };
  const ruleValues = (axis: "x" | "y"): number[] => rules.filter((rule) => rule.axis === axis).map(({ at }) => at);

  const xEncoding =
    "categories" in x
      ? {
          field: x.field,
          type: "ordinal",
          title: x.title,
          ...categoryScale(orderedValues(axesRows, x.field, x.order ?? numericOrder(axesRows, x.field)), "point"),
        }
      : {
          field: x.field,
          ...numberAxis([...valuesOf(axesRows, [x.field]), ...ruleValues("x")], { zero: false, ...x }),
        };
  const yEncoding = {
    field: y.field,
    ...numberAxis([...valuesOf(axesRows, [y.field, interval?.low, interval?.high]), ...ruleValues("y")], y),
  };
  const yTitled = interval ? { y: { ...yEncoding } } : {};
  const layer = [
    ...(interval?.as === "band"
      ? [
          {
            mark: {
              type: "area",
              opacity: 0.2,
              line: false,
              interpolate: options.interpolate ?? "linear",
              aria: false,
              ...single,
            },
            encoding: { y: { ...yEncoding, field: interval.low }, y2: { field: interval.high }, ...style("color") },
          },
        ]
      : []),
    {
      mark: { type: "line", interpolate: options.interpolate ?? "linear", aria: false, ...single },
      encoding: { ...yTitled, ...style("color", "strokeDash") },
    },
    ...(interval?.as === "bars" ? whiskers(interval, { encoding: style("color"), ...single }) : []),
    ...(hasPoints
      ? [
          {
            mark: { type: "point", stroke: "@background", filled: true, opacity: 1, ...single },
            encoding: { ...yTitled, ...style("color", "shape") },
          },
        ]
      : []),
    ...ruleLayers(rules),
  ];
  const swatch: LegendEntry["swatch"] = hasPoints ? "line-point" : "line";
  return toSpec({
    rows,
    hints: hintsOf(options, legendOf(series, { swatch, position: options.legend, title: options.series?.title })),
    encoding: { x: xEncoding, y: yEncoding },
    layer,
  });
}

/** A scale of just these values, in this order, whether or not a panel has rows for each. */
export const categoryScale = (values: readonly CategoryValue[], type: "point" | "band"): object => ({
  sort: values,
  scale: { type, domain: values },
});

/** Categories that are all numbers go up; others stay in order of appearance. */
export function numericOrder<Row>(rows: readonly Row[], field: LabelField<Row>): (string | number)[] {
  const values = [...new Set(rows.map((row) => labelOf(row, field)))];
  return values.every((value) => value !== "" && Number.isFinite(Number(value)))
    ? values.sort((a, b) => Number(a) - Number(b))
    : values;
}
