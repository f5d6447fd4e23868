import type { FigureSpec } from "../render/layout-hints.ts";
import { numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, ruleLayers, toSpec, valuesOf } from "./chart.ts";
import type { ChartOptions, IntervalFields, ReferenceRule } from "./chart.ts";
import { legendOf, orderedValues, resolveSeries, seriesEncoding } from "./series.ts";
import type { LabelField, LegendPosition, NumberField, SeriesOptions } from "./series.ts";

export interface IntervalChartOptions<Row> extends ChartOptions<Row> {
  /** What each line is about: a benchmark, a claim. From the top down. */
  readonly item: { readonly field: LabelField<Row>; readonly order?: readonly (string | number)[] };
  readonly value: AxisOptions & { readonly field: NumberField<Row> };
  readonly interval: IntervalFields<Row>;
  readonly series?: SeriesOptions<Row>;
  /** Whether a line's series stand below each other; not where a series only says what kind of line it is. @default true */
  readonly dodge?: boolean;
  /** "No effect", mostly. */
  readonly rules?: readonly ReferenceRule[];
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/** Estimates with their intervals, one line an item: reads well with dozens of them. */
export function intervalChart<Row extends object>(
  rows: readonly Row[],
  options: IntervalChartOptions<Row>,
): FigureSpec {
  const { item, value, interval, rules = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const color = options.series ? seriesEncoding(options.series.field, series, ["color"]) : {};
  const style = options.series ? seriesEncoding(options.series.field, series, ["color", "shape"]) : {};
  const single = options.series ? {} : { color: "@series/0" };
  const x = numberAxis(
    [...valuesOf(axesRows, [value.field, interval.low, interval.high]), ...rules.map(({ at }) => at)],
    { zero: false, grid: true, ...value },
  );
  const offset =
    series.length > 1 && options.series && (options.dodge ?? true)
      ? { yOffset: { field: options.series.field, type: "nominal", scale: { domain: series.map((s) => s.value) } } }
      : {};
  return toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "point", position: options.legend, title: options.series?.title }),
    ),
    encoding: {
      y: {
        field: item.field,
        type: "nominal",
        title: null,
        sort: null,
        scale: { type: "band", padding: 0.15, domain: orderedValues(axesRows, item.field, item.order) },
        axis: { ticks: false, domain: false, grid: false },
      },
    },
    layer: [
      ...ruleLayers(rules.map((rule) => ({ ...rule, axis: "x" as const }))),
      {
        mark: { type: "rule", strokeWidth: "@line/series", aria: false, ...single },
        encoding: { x: { field: interval.low, ...x }, x2: { field: interval.high }, ...offset, ...color },
      },
      {
        mark: { type: "point", filled: true, opacity: 1, stroke: "@background", ...single },
        encoding: { x: { field: value.field, ...x }, ...offset, ...style },
      },
    ],
  });
}
