import type { FigureSpec } from "../render/layout-hints.ts";
import { numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, ruleLayers, toSpec, valuesOf, whiskers } from "./chart.ts";
import type { ChartOptions, IntervalFields, ReferenceRule } from "./chart.ts";
import { categoryScale, numericOrder } from "./line-chart.ts";
import { legendOf, orderedValues, resolveSeries, seriesEncoding } from "./series.ts";
import type { LabelField, LegendPosition, NumberField, SeriesOptions } from "./series.ts";

export interface BarChartOptions<Row> extends ChartOptions<Row> {
  readonly x: {
    readonly field: LabelField<Row>;
    readonly title: string;
    readonly order?: readonly (string | number)[];
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** Bars start at zero on a linear axis: their length is what a reader compares. */
  readonly y: Omit<AxisOptions, "scale" | "zero"> & { readonly field: NumberField<Row> };
  readonly series?: SeriesOptions<Row>;
  readonly interval?: IntervalFields<Row>;
  /** Values over the bars: across, or turned upright where bars are narrow. @default none */
  readonly valueLabels?: "across" | "upright";
  /** A d3 format for the value labels. @default ".3~s" */
  readonly valueFormat?: string;
  readonly rules?: readonly ReferenceRule[];
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/** Bars, grouped where there are series, with whiskers and value labels: one row a bar. */
export function barChart<Row extends object>(rows: readonly Row[], options: BarChartOptions<Row>): FigureSpec {
  const { x, y, interval, rules = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const categories = orderedValues(axesRows, x.field, x.order ?? numericOrder(axesRows, x.field));
  const fields = [y.field, interval?.low, interval?.high];
  const drawn = [...valuesOf(axesRows, fields), ...rules.filter(({ axis }) => axis === "y").map(({ at }) => at)];
  // Labels stand over the highest whisker and need room below the legend.
  const headroom = options.valueLabels === "upright" ? 1.22 : options.valueLabels === "across" ? 1.06 : 1;
  const yAxis = numberAxis(
    drawn.map((value) => value * headroom),
    { ...y, zero: true },
  );
  const isGrouped = options.series !== undefined && series.length > 1;
  const offset = isGrouped
    ? {
        xOffset: {
          field: options.series.field,
          type: "nominal",
          // In grey, neighbours of one height are only told apart by what is between them.
          scale: { domain: series.map(({ value }) => value), paddingInner: 0.08 },
        },
      }
    : {};
  const color = options.series ? seriesEncoding(options.series.field, series, ["color"]) : {};
  const top = interval?.high ?? y.field;
  const valueLabels = {
    mark: {
      type: "text",
      aria: false,
      ...(options.valueLabels === "upright"
        ? { angle: 270, align: "left", baseline: "middle", dx: 3 }
        : { baseline: "bottom", dy: -2 }),
    },
    encoding: {
      y: { field: top, type: "quantitative" },
      text: { field: y.field, type: "quantitative", format: options.valueFormat ?? ".3~s" },
      ...offset,
    },
  };
  const labelExpr = x.labels ? { labelExpr: `${JSON.stringify(x.labels)}[datum.value] || datum.value` } : {};
  return toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "bar", position: options.legend, title: options.series?.title }),
    ),
    encoding: {
      x: { field: x.field, type: "nominal", title: x.title, ...categoryScale(categories, "band"), axis: labelExpr },
      y: { field: y.field, ...yAxis },
    },
    layer: [
      { mark: { type: "bar", ...(options.series ? {} : { color: "@series/0" }) }, encoding: { ...offset, ...color } },
      ...(interval ? whiskers(interval, { encoding: offset }) : []),
      ...(options.valueLabels ? [valueLabels] : []),
      ...ruleLayers(rules),
    ],
  });
}
