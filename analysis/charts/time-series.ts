import type { FigureSpec } from "../render/layout-hints.ts";
import { measureText } from "../render/typefaces.ts";
import { extentOf, numberAxis } from "./axes.ts";
import type { AxisOptions } from "./axes.ts";
import { hintsOf, toSpec, valuesOf } from "./chart.ts";
import type { ChartOptions, IntervalFields } from "./chart.ts";
import { legendOf, resolveSeries, seriesEncoding } from "./series.ts";
import type { LegendPosition, NumberField, SeriesOptions } from "./series.ts";

/** Something that was done to the system while it was measured. */
export interface EventMark {
  /** In the units of the x axis. */
  readonly at: number;
  /** Where it ended, for what lasted. */
  readonly until?: number;
  readonly label: string;
}

export interface TimeSeriesOptions<Row> extends ChartOptions<Row> {
  readonly time: AxisOptions & { readonly field: NumberField<Row> };
  readonly value: AxisOptions & { readonly field: NumberField<Row> };
  readonly series?: SeriesOptions<Row>;
  readonly band?: IntervalFields<Row>;
  readonly events?: readonly EventMark[];
  /** @default "linear"; "step-after" for counts of whole windows */
  readonly interpolate?: "linear" | "step-after";
  /** @default "top" */
  readonly legend?: LegendPosition;
}

/** A value over time, with events as marks whose labels are stacked where they would collide. */
export function timeSeries<Row extends object>(rows: readonly Row[], options: TimeSeriesOptions<Row>): FigureSpec {
  const { time, value, band, events = [] } = options;
  const axesRows = options.axesFrom ?? rows;
  const series = resolveSeries(axesRows, options.series);
  const style = (...channels: ("color" | "strokeDash")[]): object =>
    options.series ? seriesEncoding(options.series.field, series, channels) : {};
  const single = options.series ? {} : { color: "@series/0" };
  const interpolate = options.interpolate ?? "linear";
  const eventTimes = events.flatMap(({ at, until }) => (until === undefined ? [at] : [at, until]));
  const times = [...valuesOf(axesRows, [time.field]), ...eventTimes];
  const stacked = stackEvents(events, extentOf(times) ?? [0, 1]);
  const stackRows = Math.max(0, ...stacked.map(({ row }) => row + 1));
  const values = [...valuesOf(axesRows, [value.field, band?.low, band?.high])];
  // The labels' rows take their share of the height, above the data.
  const headroom = 1 + 0.13 * stackRows;
  const isLinear = (value.scale ?? "linear") === "linear" && !value.domain;
  const y = numberAxis(isLinear ? values.map((v) => v * headroom) : values, value);
  const x = numberAxis(times, { zero: false, ...(time.domain ? {} : { domain: extentOf(times) ?? [0, 1] }), ...time });
  const layer = [
    ...(events.some(({ until }) => until !== undefined)
      ? [
          {
            data: { values: events.filter(({ until }) => until !== undefined) },
            mark: { type: "rect", color: "@muted", opacity: 0.13, aria: false },
            encoding: { x: { field: "at", type: "quantitative" }, x2: { field: "until" } },
          },
        ]
      : []),
    ...(band
      ? [
          {
            mark: { type: "area", opacity: 0.2, interpolate, aria: false, ...single },
            encoding: {
              x: { field: time.field, ...x },
              y: { field: band.low, ...y },
              y2: { field: band.high },
              ...style("color"),
            },
          },
        ]
      : []),
    {
      mark: { type: "line", interpolate, aria: false, strokeWidth: "@line/thin", ...single },
      encoding: { x: { field: time.field, ...x }, y: { field: value.field, ...y }, ...style("color", "strokeDash") },
    },
    ...(stacked.length > 0
      ? [
          ...Array.from({ length: stackRows }, (_, row) => {
            const data = { values: stacked.filter((event) => event.row === row) };
            const x = { field: "at", type: "quantitative" };
            // A rule starts at its own label, below those of the rows above.
            const top = { expr: `${row} * 1.25 * eventFontSize` };
            return [
              {
                data,
                mark: { type: "rule", color: "@ink", strokeDash: [2, 2], strokeWidth: "@line/rule", aria: false },
                encoding: { x, y: { value: top }, y2: { value: "height" } },
              },
              {
                data,
                mark: {
                  type: "text",
                  align: { expr: "datum.align" },
                  baseline: "top",
                  dx: { expr: "datum.align == 'right' ? -3 : 3" },
                  y: top,
                },
                encoding: { x, text: { field: "label", type: "nominal" } },
              },
            ];
          }).flat(),
        ]
      : []),
  ];
  const spec = toSpec({
    rows,
    hints: hintsOf(
      options,
      legendOf(series, { swatch: "line", position: options.legend, title: options.series?.title }),
    ),
    layer,
  });
  return { ...spec, params: [{ name: "eventFontSize", value: "@font/note" }] }; // A number once resolved.
}

/**
 * Gives each label a row below all labels that its rule would cut through. Widths are estimated as a share of a single
 * column, the narrowest place a figure is drawn in.
 */
function stackEvents(events: readonly EventMark[], [low, high]: readonly [number, number]) {
  const plotWidth = 200;
  const span = high - low || 1;
  const placed: { readonly at: number; label: string; row: number; align: string; from: number; to: number }[] = [];
  for (const { at, label } of [...events].sort((a, b) => a.at - b.at)) {
    const width = ((measureText({ font: "sans", fontSize: 7 }, label) + 8) / plotWidth) * span;
    const align = at + width > high && at - width >= low ? "right" : "left";
    const [from, to] = align === "left" ? [at, at + width] : [at - width, at];
    const row =
      Math.max(-1, ...placed.filter((other) => other.from < to && other.to > from).map((other) => other.row)) + 1;
    placed.push({ at, label, row, align, from, to });
  }
  return placed.map(({ at, label, row, align }) => ({ at, label, row, align }));
}
