import type { Html } from "./markup.ts";
import { checkHref, Html as HtmlText, markup } from "./markup.ts";

export type TimelineTone = "good" | "bad" | "unsure" | "plain" | "quiet";

/** Something that took a while. Times are ms since the epoch. */
export interface TimelineBar {
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly tone: TimelineTone;
  readonly href?: string;
}

export interface TimelineRow {
  readonly label: string;
  readonly bars: readonly TimelineBar[];
}

/** Rows of bars over one axis of time. */
export interface Timeline {
  readonly rows: readonly TimelineRow[];
  /** Moments that stand over all rows. */
  readonly moments?: readonly { readonly label: string; readonly atMs: number }[];
}

/** Bars are links where they lead somewhere; every bar says what and when to whoever can't see it. */
export function renderTimeline({ rows, moments = [] }: Timeline): Html {
  const bars = rows.flatMap((row) => row.bars);
  const from = Math.min(...bars.map((bar) => bar.fromMs), ...moments.map((moment) => moment.atMs));
  const to = Math.max(...bars.map((bar) => bar.toMs), ...moments.map((moment) => moment.atMs));
  if (!Number.isFinite(from) || to <= from) return markup``;
  const share = (ms: number): string => `${Number((((ms - from) / (to - from)) * 100).toFixed(3))}%`;
  const step = tickStep(to - from);
  const ticks: number[] = [];
  for (let at = 0; at <= to - from; at += step) ticks.push(at);
  const bar = ({ label, fromMs, toMs, tone, href }: TimelineBar): Html => {
    const text = `${label}: ${clock(fromMs)}, ${span(toMs - fromMs)}`;
    const place = new HtmlText(
      `class="bar bar-${tone}" style="left:${share(fromMs)};width:max(2px,calc(${share(toMs)} - ${share(fromMs)}))"`,
    );
    const inside = markup`<span class="bar-text">${label}</span>`;
    return href === undefined
      ? markup`<span ${place} title="${text}">${inside}</span>`
      : markup`<a ${place} title="${text}" aria-label="${text}" href="${checkHref(href)}">${inside}</a>`;
  };
  return markup`<div class="timeline" role="group" aria-label="Timeline from ${clock(from)} UTC, ${span(to - from)}">
${rows.map(({ label, bars: own }) => markup`<div class="lane-name">${label}</div><div class="lane">${own.map(bar)}</div>\n`)}
${
  moments.length === 0
    ? undefined
    : markup`<div class="lane-name"></div><div class="lane moments">${moments.map(
        ({ label, atMs }) =>
          markup`<span class="moment" style="left:${share(atMs)}" title="${label}: ${clock(atMs)}"></span>`,
      )}</div>`
}<div class="lane-name"></div><div class="ticks" aria-hidden="true">${ticks.map(
    (at) => markup`<span style="left:${share(from + at)}">${at === 0 ? `${clock(from)} UTC` : `+${span(at)}`}</span>`,
  )}</div>
</div>`;
}

/** 4 to 8 ticks of a round length. */
function tickStep(lengthMs: number): number {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500].map((ms) => ms);
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800];
  return [...steps, ...minutes.map((sec) => sec * 1000)].find((step) => lengthMs / step <= 7) ?? lengthMs / 5;
}

/** `09:05:12` of a time in ms since the epoch, UTC. */
export const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** `850 ms`, `12.5 s`, `3 min 5 s`, `2 h 10 min`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const sec = ms / 1000;
  if (sec < 60) return `${Number(sec.toFixed(sec < 10 ? 1 : 0))} s`;
  const minutes = Math.floor(sec / 60);
  const rest = Math.round(sec - minutes * 60);
  if (minutes < 60) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
