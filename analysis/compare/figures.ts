import { z } from "zod";
import { numberAxis } from "../charts/axes.ts";
import type { NumberAxis } from "../charts/axes.ts";
import { hintsOf, ruleLayers, toSpec } from "../charts/chart.ts";
import type { ReferenceRule } from "../charts/chart.ts";
import { intervalChart } from "../charts/interval-chart.ts";
import { lineChart } from "../charts/line-chart.ts";
import { smallMultiples } from "../charts/small-multiples.ts";
import { defineFigure } from "../figure.ts";
import type { Figure, FigureNeeds } from "../figure.ts";
import type { FigureSpec } from "../render/layout-hints.ts";
import { kernelDensity, silvermanBandwidth } from "../statistics/density.ts";
import { runningEstimates } from "../statistics/precision.ts";
import type { Trial } from "../trials.ts";
import type { Contrast } from "./contrast.ts";

/** Figures that suit every comparison: a forest plot, the interval as trials come in, and the pairs' distributions. */

const words = ["different", "same", "cannot tell"] as const;

export const ForestRow = z.object({
  item: z.string(),
  changePercent: z.number(),
  lowPercent: z.number(),
  highPercent: z.number(),
  verdict: z.enum(words),
  pairs: z.int(),
  marginPercent: z.number(),
});
export type ForestRow = z.infer<typeof ForestRow>;

/** Contrasts without an interval (a single pair) are left out: there is nothing to draw but a point that misleads. */
export const forestRows = (contrasts: readonly Contrast[]): ForestRow[] =>
  contrasts.flatMap(({ comparison, ...contrast }) =>
    comparison.interval === undefined
      ? []
      : [
          {
            item: itemOf(contrast, contrasts),
            changePercent: 100 * comparison.change,
            lowPercent: 100 * comparison.interval.low,
            highPercent: 100 * comparison.interval.high,
            verdict: comparison.verdict,
            pairs: comparison.runs,
            marginPercent: 100 * comparison.margin,
          },
        ],
  );

/** A measure is named only where there are several. */
const itemOf = (contrast: Pick<Contrast, "name" | "measure">, all: readonly Contrast[]): string =>
  new Set(all.map(({ measure }) => measure)).size > 1 ? `${contrast.name}, ${contrast.measure}` : contrast.name;

const change = "change of B against A (%)";

/** No change, and the margin within which a change doesn't matter. */
const changeRules = (marginPercent: number, axis: "x" | "y"): ReferenceRule[] => [
  { at: 0, axis, color: "@ink" },
  ...(marginPercent > 0 ? [-marginPercent, marginPercent].map((at) => ({ at, axis })) : []),
];

export function forestChart(rows: readonly ForestRow[]): FigureSpec {
  const items = new Set(rows.map(({ item }) => item)).size;
  return intervalChart(rows, {
    aspect: Math.min(2.4, 0.22 + 0.075 * items),
    item: { field: "item" },
    value: { field: "changePercent", title: change },
    interval: { low: "lowPercent", high: "highPercent" },
    series: { field: "verdict", order: words },
    dodge: false,
    rules: changeRules(rows[0]?.marginPercent ?? 0, "x"),
  });
}

export const IntervalByTrialsRow = z.object({
  item: z.string(),
  pairs: z.int(),
  changePercent: z.number(),
  lowPercent: z.number(),
  highPercent: z.number(),
  marginPercent: z.number(),
});
export type IntervalByTrialsRow = z.infer<typeof IntervalByTrialsRow>;

export const intervalByTrialsRows = (contrasts: readonly Contrast[]): IntervalByTrialsRow[] =>
  contrasts.flatMap(({ logRatios, comparison, ...contrast }) =>
    logRatios.length < 2
      ? []
      : runningEstimates(logRatios, comparison.confidence)
          // The interval of two pairs is so wide that it would hide all others.
          .filter(({ runs }) => runs > 2 || logRatios.length === 2)
          .map((estimate) => ({
            item: itemOf(contrast, contrasts),
            pairs: estimate.runs,
            changePercent: 100 * estimate.change,
            lowPercent: 100 * estimate.low,
            highPercent: 100 * estimate.high,
            marginPercent: 100 * comparison.margin,
          })),
  );

export function intervalByTrialsChart(rows: readonly IntervalByTrialsRow[]): FigureSpec {
  const items = new Set(rows.map(({ item }) => item)).size;
  const lines = Math.ceil(items / 4);
  const columns = Math.ceil(items / lines);
  return smallMultiples(rows, {
    by: "item",
    columns,
    aspect: (lines * 1.15) / columns,
    // Changes of different sizes: on one axis the small ones would be flat.
    sharedAxes: false,
    chart: (panel) =>
      lineChart(panel, {
        x: { field: "pairs", title: "pairs of trials", ticks: wholeTicks(panel.map(({ pairs }) => pairs)) },
        y: { field: "changePercent", title: change, zero: false },
        interval: { low: "lowPercent", high: "highPercent", as: "band" },
        rules: changeRules(panel[0]?.marginPercent ?? 0, "y"),
      }),
  });
}

/** At most five whole numbers that span the values. */
function wholeTicks(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = Math.max(1, Math.ceil((high - low) / 4));
  return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
}

export const RidgeRow = z.object({
  item: z.string(),
  changePercent: z.number(),
  height: z.number(),
  /** 1 on the curve's points, 0 on the pairs themselves. */
  kind: z.enum(["density", "pair"]),
});
export type RidgeRow = z.infer<typeof RidgeRow>;

/**
 * Densities of the pairs' changes, each over its own highest; the pairs themselves as ticks. Pairs that are all equal (of a
 * clock that is coarse beside what differs) have ticks but no density.
 */
export const ridgeRows = (contrasts: readonly Contrast[]): RidgeRow[] =>
  contrasts.flatMap(({ logRatios, ...contrast }) => {
    const item = itemOf(contrast, contrasts);
    const changes = logRatios.map((logRatio) => 100 * Math.expm1(logRatio));
    if (changes.length < 2) return [];
    const differ = new Set(changes).size > 1;
    return [
      ...(differ ? changeDensity(changes) : []).map((point) => ({ item, ...point, kind: "density" as const })),
      ...changes.map((value) => ({ item, changePercent: value, height: 0, kind: "pair" as const })),
    ];
  });

/** No change is below it: B's time, or whatever is measured, can't be less than nothing. */
const leastChangePercent = -100;

/**
 * Density of relative changes, over its highest. What a kernel lays below the least change is reflected there, so that
 * nothing lies where no change can be and the area is whole.
 */
function changeDensity(changes: readonly number[]): { readonly changePercent: number; readonly height: number }[] {
  const bandwidth = silvermanBandwidth(changes);
  const range = [
    Math.max(leastChangePercent, Math.min(...changes) - 3 * bandwidth),
    Math.max(...changes) + 3 * bandwidth,
  ] as const;
  const mirrored = changes.map((value) => 2 * leastChangePercent - value);
  const below = kernelDensity(mirrored, { range, bandwidth, points: 120 });
  const curve = kernelDensity(changes, { range, bandwidth, points: 120 }).map(({ value, density }, i) => ({
    changePercent: value,
    density: density + (below[i]?.density ?? 0),
  }));
  const peak = Math.max(...curve.map(({ density }) => density));
  return curve.map(({ changePercent, density }) => ({ changePercent, height: density / peak }));
}

/** An axis of changes, which ends where the last of them can be. */
function changeAxis(changes: readonly number[]): NumberAxis {
  const options = { title: change, zero: false, grid: true };
  const axis = numberAxis(changes, options);
  const [low = 0, high = 0] = axis.scale["domain"] as readonly number[]; // numberAxis writes both ends
  return low >= leastChangePercent ? axis : numberAxis(changes, { ...options, domain: [leastChangePercent, high] });
}

/** How far a ridge reaches into the row above. */
const overlap = 0.95;

export function ridgeChart(rows: readonly RidgeRow[]): FigureSpec {
  const items = [...new Set(rows.map(({ item }) => item))];
  const axis = changeAxis(rows.map((row) => row.changePercent));
  // Every row has a unit of height; its ridge stands on its line.
  const placed = rows.map((row) => {
    const line = items.length - 1 - items.indexOf(row.item);
    return { ...row, base: line, top: line + row.height * overlap };
  });
  const y = {
    type: "quantitative",
    scale: { domain: [-0.25, items.length], nice: false, zero: false },
    title: null,
    axis: {
      values: items.map((_, i) => i),
      labelExpr: `${JSON.stringify([...items].reverse())}[datum.value]`,
      ticks: false,
      domain: false,
      grid: false,
    },
  };
  const one = (item: string, kind: RidgeRow["kind"]) => placed.filter((row) => row.item === item && row.kind === kind);
  const x = { field: "changePercent", ...axis };
  return toSpec({
    rows: placed,
    hints: hintsOf({ aspect: Math.min(2.4, 0.25 + 0.11 * items.length) }),
    layer: [
      ...ruleLayers([{ at: 0, axis: "x", color: "@ink" }]),
      // From the top down, so that a ridge covers the foot of the one behind it.
      ...items.flatMap((item) => [
        {
          data: { values: one(item, "density") },
          mark: {
            type: "area",
            color: "@series/0",
            fillOpacity: 0.4,
            opacity: 1,
            line: { color: "@series/0" },
            aria: false,
          },
          encoding: { x, y: { field: "top", ...y }, y2: { field: "base" } },
        },
        {
          data: { values: one(item, "pair") },
          mark: { type: "tick", orient: "vertical", color: "@ink", size: 4, thickness: 0.7, aria: false, yOffset: 4 },
          encoding: { x, y: { field: "base", ...y } },
        },
      ]),
    ],
  });
}

export interface ComparisonFiguresOptions {
  readonly contrasts: (trials: readonly Trial[]) => Promise<readonly Contrast[]> | readonly Contrast[];
  /** What A and B are, for titles: "map against object". */
  readonly title: string;
  /** How a pair's log ratio comes from what was measured, in a sentence. */
  readonly estimator: string;
  readonly needs?: FigureNeeds;
  /** Begins the figures' names. @default none */
  readonly prefix?: string;
}

/** The three figures of a comparison, for an experiment's figures module. */
export function comparisonFigures({
  contrasts,
  title,
  estimator,
  needs,
  prefix = "",
}: ComparisonFiguresOptions): [Figure<ForestRow>, Figure<IntervalByTrialsRow>, Figure<RidgeRow>] {
  const shared = needs === undefined ? {} : { needs };
  return [
    defineFigure<ForestRow>({
      ...shared,
      name: `${prefix}forest`,
      title: `${title}: verdicts`,
      caption:
        "Relative change of B against A with its 95 % interval. Dashed lines are the margin: inside it a change doesn't matter. Colours are verdicts: different beyond the margin, same within it, or cannot tell.",
      estimator: `${estimator} Student's t interval of the mean log ratio over pairs; "same" by two one-sided tests.`,
      row: ForestRow,
      rows: async (trials) => forestRows(await contrasts(trials)),
      spec: forestChart,
    }),
    defineFigure<IntervalByTrialsRow>({
      ...shared,
      name: `${prefix}interval-by-trials`,
      title: `${title}: the interval as trials come in`,
      caption:
        "Mean change and its 95 % interval after so many pairs, in the order in which they ran. Dashed lines are the margin.",
      estimator: `${estimator} Student's t interval of the first n pairs; not valid for stopping when it first excludes zero.`,
      row: IntervalByTrialsRow,
      rows: async (trials) => intervalByTrialsRows(await contrasts(trials)),
      spec: intervalByTrialsChart,
    }),
    defineFigure<RidgeRow>({
      ...shared,
      name: `${prefix}ridgelines`,
      title: `${title}: the pairs`,
      caption: "Density of the pairs' changes, each scaled to its own highest; ticks are the pairs.",
      estimator: `${estimator} Gaussian kernel density with Silverman's bandwidth, reflected at −100 %.`,
      row: RidgeRow,
      rows: async (trials) => ridgeRows(await contrasts(trials)),
      spec: ridgeChart,
    }),
  ];
}
