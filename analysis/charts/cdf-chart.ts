import type { FigureSpec } from "../render/layout-hints.ts";
import { numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, toSpec, valuesOf } from "./chart.ts";
import type { ChartOptions } from "./chart.ts";
import { legendOf, numberOf, resolveSeries, seriesEncoding } from "./series.ts";
import type { LegendPosition, NumberField, SeriesOptions } from "./series.ts";

/** One step of a cumulative distribution. */
export interface CdfPoint {
  readonly value: number;
  /** Share of the samples at or below `value`, 0 to 1. */
  readonly fraction: number;
}

/**
 * The empirical distribution of samples, thinned to at most about `limit` steps: evenly by rank, and by rank from the
 * top as well, so that a tail of few samples keeps its steps. Every step that is kept is exact.
 *
 * @param values any order; NaN is refused
 * @throws {RangeError} when a value isn't a number
 */
export function toCdf(values: readonly number[] | Float64Array, limit = 400): CdfPoint[] {
  const sorted = Float64Array.from(values).sort();
  const count = sorted.length;
  if (count === 0) return [];
  if (Number.isNaN(sorted[count - 1]))
    throw new RangeError("a distribution can't hold NaN: filter failed requests out");
  const ranks = new Set<number>([1, count]);
  const even = Math.floor(limit / 2);
  for (let i = 1; i <= even; i++) ranks.add(Math.max(1, Math.round((count * i) / even)));
  // Distance from the top grows by a constant factor: 99.9 % and 99.99 % get as many steps as 50 % to 90 %.
  const tail = limit - even;
  for (let i = 0; i < tail; i++) ranks.add(count - Math.floor(count ** (i / tail)) + 1);
  const points = new Map<number, number>();
  for (const rank of [...ranks].filter((r) => r >= 1 && r <= count).sort((a, b) => a - b)) {
    // Ties belong to the last of their rank, or the step would stop short of its height.
    const value = sorted[rank - 1] ?? NaN;
    points.set(value, Math.max(points.get(value) ?? 0, upperRank(sorted, value) / count));
  }
  return [...points].map(([value, fraction]) => ({ value, fraction }));
}

function upperRank(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? NaN) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface CdfChartOptions<Row> extends ChartOptions<Row> {
  readonly value: AxisOptions & { readonly field: NumberField<Row> };
  readonly fraction: NumberField<Row>;
  readonly series?: SeriesOptions<Row>;
  /** Percentiles that stretch towards 100 % (90, 99, 99.9, ...), for tails. @default false */
  readonly tail?: boolean;
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/** Cumulative distributions as steps: rows as {@link toCdf} makes them, any number of series. */
export function cdfChart<Row extends object>(rows: readonly Row[], options: CdfChartOptions<Row>): FigureSpec {
  const { value } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const style = options.series ? seriesEncoding(options.series.field, series, ["color", "strokeDash"]) : {};
  const y = options.tail ? tailAxis(axesRows, options.fraction) : { ...fractionAxis, field: options.fraction };
  return toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "line", position: options.legend, title: options.series?.title }),
    ),
    encoding: { x: { field: value.field, ...numberAxis(valuesOf(axesRows, [value.field]), { grid: true, ...value }) } },
    layer: [
      {
        ...(options.tail
          ? {
              transform: [
                {
                  calculate: `max(1 - datum['${options.fraction}'], ${smallestTail(axesRows, options.fraction)})`,
                  as: "above",
                },
              ],
            }
          : {}),
        mark: {
          type: "line",
          interpolate: "step-after",
          aria: false,
          ...(options.series ? {} : { color: "@series/0" }),
        },
        encoding: { y, order: { field: value.field, type: "quantitative" }, ...style },
      },
    ],
  });
}

const fractionAxis = {
  type: "quantitative",
  title: "share of requests",
  scale: { domain: [0, 1], nice: false },
  axis: { values: [0, 0.25, 0.5, 0.75, 1], tickCount: 5, format: ".2~f" },
} as const;

/** The smallest share above a value that isn't zero: where a stretched axis ends. */
function smallestTail<Row>(rows: readonly Row[], fraction: NumberField<Row>): number {
  const tails = rows.map((row) => 1 - numberOf(row, fraction)).filter((tail) => tail > 1e-9);
  return Math.min(0.1, ...tails);
}

function tailAxis<Row>(rows: readonly Row[], fraction: NumberField<Row>): object {
  const smallest = smallestTail(rows, fraction);
  const nines = Math.max(1, Math.floor(-Math.log10(smallest) + 1e-9));
  const values = [1, ...Array.from({ length: nines }, (_, i) => Number(`1e-${i + 1}`))];
  const names = [
    "0",
    ...Array.from({ length: nines }, (_, i) => (i === 0 ? "90" : i === 1 ? "99" : `99.${"9".repeat(i - 1)}`)),
  ];
  return {
    field: "above",
    type: "quantitative",
    title: "percentile",
    scale: { type: "log", domain: [1, smallest], nice: false },
    axis: {
      values,
      tickCount: values.length,
      labelExpr: `${JSON.stringify(names)}[indexof(${JSON.stringify(values)}, datum.value)]`,
    },
  };
}
