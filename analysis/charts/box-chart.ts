import type { FigureSpec } from "../render/layout-hints.ts";
import { interpolatedQuantile } from "../statistics/descriptive.ts";
import { numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, ruleLayers, toSpec } from "./chart.ts";
import type { ChartOptions, ReferenceRule } from "./chart.ts";
import { categoryScale, numericOrder } from "./line-chart.ts";
import { legendOf, numberOf, orderedValues, resolveSeries, seriesEncoding } from "./series.ts";
import type { LabelField, LegendPosition, SeriesOptions } from "./series.ts";

/** What a box is drawn from; a row of its own holds one value beyond the whiskers and nothing else. */
export interface BoxValues {
  readonly low?: number | undefined;
  readonly q1?: number | undefined;
  readonly median?: number | undefined;
  readonly q3?: number | undefined;
  readonly high?: number | undefined;
  readonly outlier?: number | undefined;
}

/** Tukey's box: quartiles by interpolation, whiskers to the furthest value within 1.5 times their distance. */
export function toBox(values: readonly number[]): BoxValues[] {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((p) => interpolatedQuantile(sorted, p)) as [number, number, number]; // of three
  const reach = 1.5 * (q3 - q1);
  const inside = sorted.filter((value) => value >= q1 - reach && value <= q3 + reach);
  const outliers = sorted.filter((value) => value < q1 - reach || value > q3 + reach);
  return [
    { low: Math.min(q1, ...inside), q1, median, q3, high: Math.max(q3, ...inside) },
    ...outliers.map((outlier) => ({ outlier })),
  ];
}

export interface BoxChartOptions<Row> extends ChartOptions<Row> {
  readonly x: {
    readonly field: LabelField<Row>;
    readonly title: string;
    readonly order?: readonly (string | number)[];
  };
  readonly y: AxisOptions;
  readonly series?: SeriesOptions<Row>;
  readonly rules?: readonly ReferenceRule[];
  /** @default "top" */
  readonly legend?: LegendPosition;
}

const fields = ["low", "q1", "median", "q3", "high", "outlier"] as const;

/** Boxes with whiskers, side by side where there are series; rows as {@link toBox} gives them. */
export function boxChart<Row extends BoxValues>(rows: readonly Row[], options: BoxChartOptions<Row>): FigureSpec {
  const { x, rules = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const categories = orderedValues(axesRows, x.field, x.order ?? numericOrder(axesRows, x.field));
  const values = axesRows.flatMap((row) => fields.map((field) => numberOf<BoxValues>(row, field)));
  const y = numberAxis([...values, ...rules.filter(({ axis }) => axis === "y").map(({ at }) => at)], options.y);
  const isGrouped = options.series !== undefined && series.length > 1;
  const offset = isGrouped
    ? {
        xOffset: {
          field: options.series.field,
          type: "nominal",
          scale: { domain: series.map(({ value }) => value), paddingInner: 0.25 },
        },
      }
    : {};
  const color = options.series ? seriesEncoding(options.series.field, series, ["color"]) : {};
  const single = options.series ? {} : { color: "@series/0" };
  const quantity = (field: (typeof fields)[number]) => ({ field, ...y });
  const boxes = rows.filter(({ median }) => median !== undefined);
  const outliers = rows.filter(({ outlier }) => outlier !== undefined);
  const position = {
    x: { field: x.field, type: "nominal", title: x.title, ...categoryScale(categories, "band") },
    ...offset,
  };
  const layer = (data: readonly Row[], mark: object, encoding: object) => ({
    data: { values: data },
    mark: { ...mark, aria: false },
    encoding: { ...position, ...encoding },
  });
  return toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "bar", position: options.legend, title: options.series?.title }),
    ),
    layer: [
      layer(
        boxes,
        { type: "rule", strokeWidth: "@line/rule", ...single },
        { y: quantity("low"), y2: { field: "high" }, ...color },
      ),
      layer(boxes, { type: "bar", ...single }, { y: quantity("q1"), y2: { field: "q3" }, ...color }),
      layer(
        boxes,
        { type: "tick", orient: "horizontal", color: "@ink", thickness: 1, opacity: 1 },
        { y: quantity("median") },
      ),
      layer(outliers, { type: "point", size: 8, filled: true, ...single }, { y: quantity("outlier"), ...color }),
      ...ruleLayers(rules),
    ],
  });
}
