import type { FigureSpec } from "../render/layout-hints.ts";
import { movableLabels } from "../render/layout-hints.ts";
import { extentOf, numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, ruleLayers, toSpec, valuesOf } from "./chart.ts";
import type { ChartOptions, ReferenceRule } from "./chart.ts";
import { legendOf, resolveSeries, seriesEncoding } from "./series.ts";
import type { LabelField, LegendPosition, NumberField, SeriesOptions } from "./series.ts";

export interface ScatterOptions<Row> extends ChartOptions<Row> {
  readonly x: AxisOptions & { readonly field: NumberField<Row> };
  readonly y: AxisOptions & { readonly field: NumberField<Row> };
  readonly series?: SeriesOptions<Row>;
  readonly pointLabel?: LabelField<Row>;
  /** The line where y equals x, for published against measured. @default false */
  readonly diagonal?: boolean;
  readonly rules?: readonly ReferenceRule[];
  /** 0 to 1; under 1 where points lie on each other. @default 1 */
  readonly opacity?: number;
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/** Points, with reference rules and labels that keep clear of them. */
export function scatter<Row extends object>(rows: readonly Row[], options: ScatterOptions<Row>): FigureSpec {
  const { x, y, rules = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const style = options.series ? seriesEncoding(options.series.field, series, ["color", "shape"]) : {};
  const at = (axis: "x" | "y"): number[] => rules.filter((rule) => rule.axis === axis).map((rule) => rule.at);
  const xs = [...valuesOf(axesRows, [x.field]), ...at("x")];
  const ys = [...valuesOf(axesRows, [y.field]), ...at("y")];
  // Equal axes, or the diagonal wouldn't mean equality.
  const both = options.diagonal ? [...xs, ...ys] : undefined;
  const xAxis = numberAxis(both ?? xs, { grid: true, ...x });
  const yAxis = numberAxis(both ?? ys, y);
  const [low, high] = extentOf(both ?? [0]) ?? [0, 1];
  const start = (x.scale ?? "linear") === "linear" && (x.zero ?? true) ? Math.min(0, low) : low;
  return toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "point", position: options.legend, title: options.series?.title }),
    ),
    encoding: { x: { field: x.field, ...xAxis }, y: { field: y.field, ...yAxis } },
    layer: [
      ...(options.diagonal
        ? [
            {
              data: { values: [start, high].map((value) => ({ [x.field]: value, [y.field]: value })) },
              mark: { type: "line", color: "@muted", strokeWidth: "@line/rule", strokeDash: "@dash/1", aria: false },
              encoding: {
                x: { field: x.field, type: "quantitative" },
                y: { field: y.field, type: "quantitative" },
              },
            },
          ]
        : []),
      {
        mark: {
          type: "point",
          filled: true,
          stroke: "@background",
          opacity: options.opacity ?? 1,
          ...(options.series ? {} : { color: "@series/0" }),
        },
        encoding: style,
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
    ],
  });
}
