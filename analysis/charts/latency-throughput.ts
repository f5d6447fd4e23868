import type { FigureSpec } from "../render/layout-hints.ts";
import { movableLabels } from "../render/layout-hints.ts";
import { numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, ruleLayers, toSpec, valuesOf, whiskers } from "./chart.ts";
import type { ChartOptions, IntervalFields, ReferenceRule } from "./chart.ts";
import { legendOf, resolveSeries, seriesEncoding } from "./series.ts";
import type { LabelField, LegendPosition, NumberField, SeriesOptions } from "./series.ts";

export interface LatencyThroughputOptions<Row> extends ChartOptions<Row> {
  readonly throughput: AxisOptions & { readonly field: NumberField<Row>; readonly interval?: IntervalFields<Row> };
  readonly latency: AxisOptions & { readonly field: NumberField<Row>; readonly interval?: IntervalFields<Row> };
  /** The load that was offered, which the line follows: clients, mostly. */
  readonly load: NumberField<Row>;
  /** A field written beside each point, where there is room. @default none */
  readonly pointLabel?: LabelField<Row>;
  readonly series?: SeriesOptions<Row>;
  readonly rules?: readonly ReferenceRule[];
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/**
 * Latency over throughput, joined in order of load: past the knee the line turns up and may turn back, which an
 * ordering by throughput would hide.
 */
export function latencyThroughput<Row extends object>(
  rows: readonly Row[],
  options: LatencyThroughputOptions<Row>,
): FigureSpec {
  const { throughput, latency, rules = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const style = (...channels: ("color" | "shape" | "strokeDash")[]): object =>
    options.series ? seriesEncoding(options.series.field, series, channels) : {};
  const single = options.series ? {} : { color: "@series/0" };
  const at = (axis: "x" | "y"): number[] => rules.filter((rule) => rule.axis === axis).map((rule) => rule.at);
  const x = {
    field: throughput.field,
    ...numberAxis(
      [...valuesOf(axesRows, [throughput.field, throughput.interval?.low, throughput.interval?.high]), ...at("x")],
      throughput,
    ),
  };
  const y = {
    field: latency.field,
    ...numberAxis(
      [...valuesOf(axesRows, [latency.field, latency.interval?.low, latency.interval?.high]), ...at("y")],
      latency,
    ),
  };
  const layer = [
    {
      mark: { type: "line", aria: false, ...single },
      encoding: { order: { field: options.load, type: "quantitative" }, ...style("color", "strokeDash") },
    },
    ...(latency.interval ? whiskers(latency.interval, { encoding: style("color"), ...single }) : []),
    ...(throughput.interval
      ? [
          {
            mark: { type: "rule", strokeWidth: "@line/rule", aria: false, ...single },
            encoding: {
              x: { field: throughput.interval.low, type: "quantitative" },
              x2: { field: throughput.interval.high },
              ...style("color"),
            },
          },
        ]
      : []),
    {
      mark: { type: "point", stroke: "@background", filled: true, opacity: 1, ...single },
      encoding: style("color", "shape"),
    },
    ...(options.pointLabel !== undefined
      ? [
          {
            name: movableLabels,
            mark: { type: "text", fontSize: "@font/note", color: "@muted", aria: false },
            encoding: { text: { field: options.pointLabel, type: "nominal" } },
          },
        ]
      : []),
    ...ruleLayers(rules),
  ];
  return toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "line-point", position: options.legend, title: options.series?.title }),
    ),
    encoding: { x, y },
    layer,
  });
}
