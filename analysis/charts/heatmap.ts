import type { FigureSpec } from "../render/layout-hints.ts";
import { extentOf } from "./axes.ts";
import { hintsOf, toSpec, valuesOf } from "./chart.ts";
import type { ChartOptions } from "./chart.ts";
import { numericOrder } from "./line-chart.ts";
import { orderedValues } from "./series.ts";
import type { LabelField, NumberField } from "./series.ts";

interface CategoryOptions<Row> {
  readonly field: LabelField<Row>;
  readonly title: string;
  readonly order?: readonly (string | number)[];
}

export interface HeatmapOptions<Row> extends ChartOptions<Row> {
  readonly x: CategoryOptions<Row>;
  /** Drawn from the bottom up when its values are numbers, from the top down when they are names. */
  readonly y: CategoryOptions<Row>;
  readonly value: { readonly field: NumberField<Row>; readonly title: string; readonly format?: string };
  /** "diverging" spreads evenly around `middle`: speed-ups around 1, differences around 0. @default "sequential" */
  readonly scale?: "sequential" | "diverging";
  /** @default 0 */
  readonly middle?: number;
  /** Whether each cell shows its value. @default true */
  readonly valueLabels?: boolean;
}

/** A value over two parameters: one row a cell; a cell without a row stays empty. */
export function heatmap<Row extends object>(rows: readonly Row[], options: HeatmapOptions<Row>): FigureSpec {
  const { x, y, value } = options;
  const axesRows = options.axesFrom ?? rows;
  const [low, high] = extentOf(valuesOf(axesRows, [value.field])) ?? [0, 1];
  const middle = options.middle ?? 0;
  const reach = Math.max(Math.abs(high - middle), Math.abs(low - middle)) || 1;
  const isDiverging = options.scale === "diverging";
  const domain = isDiverging ? [middle - reach, middle, middle + reach] : [low, high === low ? low + 1 : high];
  const category = ({ field, title, order }: CategoryOptions<Row>, isUpward: boolean): object => {
    const values = orderedValues(axesRows, field, order ?? numericOrder(axesRows, field));
    const isNumeric = values.every((item) => Number.isFinite(Number(item)));
    return {
      field,
      type: "ordinal",
      title,
      sort: null,
      scale: { domain: isUpward && isNumeric ? [...values].reverse() : values, paddingInner: 0.03, paddingOuter: 0 },
      axis: { domain: false, ticks: false, labelAngle: 0 },
    };
  };
  const format = value.format ?? ".3~s";
  // Text takes the page's colour on the strong half of the scale, which is dark on paper and light on a dark screen.
  const isStrong = isDiverging
    ? `abs(datum['${value.field}'] - ${middle}) > ${reach * 0.62}`
    : `datum['${value.field}'] > ${low + (high - low) * 0.55}`;
  return toSpec({
    rows,
    hints: hintsOf(options),
    encoding: { x: category(x, false), y: category(y, true) },
    layer: [
      {
        mark: { type: "rect" },
        encoding: {
          color: {
            field: value.field,
            type: "quantitative",
            title: value.title,
            scale: { domain, nice: false, range: isDiverging ? "@diverging" : "@sequential", interpolate: "lab" },
            // The title stands over the bar: together they are as high as the plot.
            legend: { format, tickCount: 4, gradientLength: { expr: "max(30, height * 0.86)" } },
          },
        },
      },
      ...((options.valueLabels ?? true)
        ? [
            {
              mark: { type: "text", baseline: "middle", aria: false },
              encoding: {
                text: { field: value.field, type: "quantitative", format },
                color: { condition: { test: isStrong, value: "@background" }, value: "@ink" },
              },
            },
          ]
        : []),
    ],
  });
}
