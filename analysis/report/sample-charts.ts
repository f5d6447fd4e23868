import type { Html } from "../gallery/markup.ts";
import { Html as HtmlText, markup } from "../gallery/markup.ts";
import { span } from "../gallery/timeline.ts";
import type { SampleChart, SampleSeries } from "./samples.ts";

/** The part of the time that matters most: while the jobs ran. */
export interface SampleWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** More points than that no chart of this size shows. */
const mostPoints = 400;

/** Small charts over one common time; each says its peak and mean in words too. */
export function renderSampleCharts(charts: readonly SampleChart[], window: SampleWindow | undefined): Html {
  const times = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ atMs }) => atMs)));
  const time = { fromMs: Math.min(...times), toMs: Math.max(...times) };
  return markup`<div class="charts">${charts.map((chart) => renderChart(chart, time, window))}</div>`;
}

function renderChart({ title, unit, series }: SampleChart, time: SampleWindow, window: SampleWindow | undefined): Html {
  const shown = series.slice(0, 4);
  const top =
    Math.max(unit === "%" ? 100 : 0, ...series.flatMap(({ points }) => points.map(({ value }) => value))) || 1;
  const x = (ms: number): number => round((1000 * (ms - time.fromMs)) / Math.max(1, time.toMs - time.fromMs));
  const line = ({ points }: SampleSeries): string =>
    thinned(points)
      .map(({ atMs, value }) => `${x(atMs)},${round(96 - (92 * value) / top)}`)
      .join(" ");
  const clamp = (ms: number): number => Math.max(time.fromMs, Math.min(time.toMs, ms));
  const band =
    window === undefined
      ? undefined
      : new HtmlText(
          `<rect class="band" x="${x(clamp(window.fromMs))}" y="0" width="${round(x(clamp(window.toMs)) - x(clamp(window.fromMs)))}" height="100"/>`,
        );
  const label = `${title}: ${shown.map((one) => `${one.name} at most ${format(peak(one), unit)}, mean ${format(mean(one), unit)}`).join("; ")}`;
  return markup`<div class="chart"><p><strong>${title}</strong> <span class="over">to ${format(top, unit)}, ${span(time.toMs - time.fromMs)}</span></p>
<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="${label}">${band}${shown.map((one, i) => markup`<polyline class="s${i}" points="${line(one)}"/>`)}</svg>
<p class="over">${shown.map((one, i) => markup`<span class="key s${i}"></span>${one.name}: mean ${format(mean(one), unit)}, peak ${format(peak(one), unit)}<br>`)}${series.length > shown.length ? `and ${series.length - shown.length} more` : ""}</p></div>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
const peak = ({ points }: SampleSeries): number => Math.max(...points.map(({ value }) => value));
const mean = ({ points }: SampleSeries): number => points.reduce((sum, { value }) => sum + value, 0) / points.length;

/** Of each run of points the largest: peaks stay. */
function thinned(points: SampleSeries["points"]): SampleSeries["points"] {
  if (points.length <= mostPoints) return points;
  const size = Math.ceil(points.length / mostPoints);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size),
  ).flatMap((part) => part.reduce((largest, point) => (point.value > largest.value ? point : largest)));
}

function format(value: number, unit: SampleChart["unit"]): string {
  if (unit === "%") return `${value.toFixed(0)} %`;
  if (unit === "cores") return `${Number(value.toPrecision(2))} cores`;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  return `${Number((value / 1024 ** power).toPrecision(3))} ${units[power] ?? "B"}${unit === "B/s" ? "/s" : ""}`;
}
