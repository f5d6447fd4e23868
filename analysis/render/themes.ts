/**
 * How figures look. `paper` is laid out in points for a column of a two-column page and keeps its text at 7 pt or more;
 * `screen` and `screen-dark` are laid out in CSS pixels. A theme holds no series: what a series is called and which
 * place it takes is the figure's business, what the n-th place looks like is the theme's.
 */
import type { Config } from "vega-lite";
import { fontFamilyNames } from "./typefaces.ts";
import type { FontFamily } from "./typefaces.ts";

export type ThemeName = "paper" | "screen" | "screen-dark";

export interface ThemeColors {
  readonly background: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  readonly accent: string;
  readonly good: string;
  readonly bad: string;
  /** In series order; the first six keep apart under the common colour-vision deficiencies, the first four in grey. */
  readonly series: readonly string[];
  /** Light to dark on paper (low to high), the reverse on a dark screen. */
  readonly sequential: readonly string[];
  readonly diverging: readonly string[];
}

/** A complete theme; lengths are in its own units, `unitsPerInch` of them to the inch. */
export interface Theme {
  readonly name: ThemeName;
  readonly family: FontFamily;
  readonly unitsPerInch: number;
  readonly fontSize: { readonly label: number; readonly title: number; readonly legend: number; readonly note: number };
  readonly columnWidth: { readonly single: number; readonly double: number };
  /** Height over width where a spec says neither. */
  readonly aspect: { readonly single: number; readonly double: number };
  readonly line: {
    readonly series: number;
    readonly thin: number;
    readonly axis: number;
    readonly grid: number;
    readonly rule: number;
  };
  /** Area of a point in square units, as Vega counts it. */
  readonly pointSize: number;
  readonly margin: number;
  readonly pngPixelsPerUnit: number;
  readonly colors: ThemeColors;
}

export interface ThemeOptions {
  /** @default serif for paper, sans for screens */
  readonly family?: FontFamily;
}

/** Marks by series place, the same in every theme, so that a figure reads without colour. */
export const seriesShapes = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "triangle-down",
  "cross",
  "triangle-right",
  "triangle-left",
] as const;

/** Dashes by series place, in line widths. */
export const seriesDashes: readonly (readonly number[])[] = [
  [],
  [5, 2],
  [1.5, 1.5],
  [6, 1.5, 1.5, 1.5],
  [3, 1.5],
  [8, 2, 3, 2],
  [1, 2.5],
  [6, 1.5, 1, 1.5, 1, 1.5],
];

const lightSeries = ["#2668ab", "#da6600", "#2ab57d", "#851d38", "#149ed6", "#744078", "#7d7d7d", "#1a1a1a"];
const darkSeries = ["#4b8fe0", "#f8a55e", "#86ecc6", "#ef6981", "#63c2f5", "#ab7cba", "#a0a0a0", "#f0f0f0"];
// One hue with falling lightness: the order survives a grey print.
const lightSequential = ["#f2f6fa", "#c9dcec", "#93b9da", "#5a91c2", "#2b68a3", "#0d3d73"];
const darkSequential = ["#16202b", "#1d3b58", "#245a8a", "#3b80bb", "#74aede", "#c8e2fb"];
const diverging = ["#851d38", "#d08a7c", "#efe9e4", "#7fabcf", "#1f5a96"];

const paper: Theme = {
  name: "paper",
  family: "serif",
  unitsPerInch: 72,
  fontSize: { label: 7.5, title: 8.5, legend: 8, note: 7 },
  columnWidth: { single: 3.33 * 72, double: 7 * 72 },
  aspect: { single: 0.58, double: 0.34 },
  line: { series: 1.1, thin: 0.8, axis: 0.5, grid: 0.35, rule: 0.6 },
  pointSize: 16,
  margin: 1.5,
  pngPixelsPerUnit: 300 / 72,
  colors: {
    background: "#ffffff",
    ink: "#1a1a1a",
    muted: "#595959",
    grid: "#dddddd",
    accent: "#2668ab",
    good: "#1d8a5c",
    bad: "#b3261e",
    series: lightSeries,
    sequential: lightSequential,
    diverging,
  },
};

const screen: Theme = {
  name: "screen",
  family: "sans",
  unitsPerInch: 96,
  fontSize: { label: 12, title: 13, legend: 13, note: 11.5 },
  columnWidth: { single: 560, double: 960 },
  aspect: { single: 0.56, double: 0.4 },
  line: { series: 2, thin: 1.5, axis: 1, grid: 0.75, rule: 1.1 },
  pointSize: 48,
  margin: 4,
  pngPixelsPerUnit: 2,
  colors: {
    background: "#ffffff",
    ink: "#20262d",
    muted: "#5b6670",
    grid: "#e3e7eb",
    // A hair off the first series' colour: what is which must show in a drawn figure, see recolor.ts.
    accent: "#2668ac",
    good: "#1d8a5c",
    bad: "#b3261e",
    series: lightSeries,
    sequential: lightSequential,
    diverging,
  },
};

const screenDark: Theme = {
  ...screen,
  name: "screen-dark",
  colors: {
    background: "#14181d",
    ink: "#e4e9ee",
    muted: "#9ba7b3",
    grid: "#2a323a",
    accent: "#63a4f0",
    good: "#4fc38d",
    bad: "#f2776b",
    series: darkSeries,
    sequential: darkSequential,
    diverging: ["#f08a8f", "#a8606a", "#39424c", "#4a7fae", "#84bdf2"],
  },
};

const themes: Readonly<Record<ThemeName, Theme>> = { paper, screen, "screen-dark": screenDark };

export function resolveTheme(name: ThemeName, options: ThemeOptions = {}): Theme {
  const theme = themes[name];
  return { ...theme, family: options.family ?? theme.family };
}

/** The theme as Vega-Lite's configuration. */
export function toVegaConfig(theme: Theme): Config {
  const { colors, fontSize, line } = theme;
  const font = fontFamilyNames[theme.family];
  // Vega moves axes by half a pixel to make hairlines crisp on screens of the past; on a page it parts marks from ticks.
  const axis = {
    translate: 0,
    tickRound: false,
    domainColor: colors.ink,
    domainWidth: line.axis,
    tickColor: colors.ink,
    tickWidth: line.axis,
    tickSize: fontSize.label * 0.36,
    gridColor: colors.grid,
    gridWidth: line.grid,
    labelColor: colors.ink,
    labelFont: font,
    labelFontSize: fontSize.label,
    labelPadding: fontSize.label * 0.28,
    labelOverlap: true,
    labelSeparation: fontSize.label * 0.5,
    labelLimit: 0,
    labelFlush: false,
    titleColor: colors.ink,
    titleFont: font,
    titleFontSize: fontSize.title,
    titleFontWeight: "normal" as const,
    titlePadding: fontSize.title * 0.5,
    titleLimit: 0,
  };
  return {
    background: colors.background,
    font,
    axis,
    axisX: { grid: false },
    axisXBand: { ticks: false, labelAngle: 0 },
    axisXPoint: { labelAngle: 0 },
    header: {
      labelFont: font,
      labelFontSize: fontSize.title,
      labelColor: colors.ink,
      labelFontWeight: "normal",
      labelPadding: fontSize.label * 0.45,
      titleFont: font,
      titleFontSize: fontSize.title,
      titleFontWeight: "normal",
      titleColor: colors.ink,
    },
    legend: {
      labelFont: font,
      labelFontSize: fontSize.label,
      labelColor: colors.ink,
      titleFont: font,
      titleFontSize: fontSize.title,
      titleFontWeight: "normal",
      titleColor: colors.ink,
      gradientThickness: fontSize.label,
      gradientStrokeWidth: 0,
      titlePadding: fontSize.label * 0.8,
      offset: fontSize.label,
      titleLimit: 0,
      labelLimit: 0,
    },
    title: {
      font,
      fontSize: fontSize.title,
      fontWeight: "normal",
      color: colors.ink,
      subtitleColor: colors.muted,
      offset: fontSize.label * 0.6,
    },
    view: { stroke: null },
    line: { strokeWidth: line.series, strokeCap: "butt", strokeJoin: "round" },
    point: { size: theme.pointSize, filled: true, strokeWidth: line.series * 0.6 },
    rule: { color: colors.ink, strokeWidth: line.rule },
    area: { opacity: 0.2 },
    errorbar: { ticks: { size: theme.fontSize.label * 0.5 } },
    rect: { strokeWidth: 0 },
    bar: { color: colors.series[0] ?? colors.ink },
    text: { font, fontSize: fontSize.note, color: colors.ink },
    range: {
      category: [...colors.series],
      heatmap: [...colors.sequential],
      ramp: [...colors.sequential],
      diverging: [...colors.diverging],
    },
    scale: { bandPaddingInner: 0.2, bandPaddingOuter: 0.12, pointPadding: 0.4 },
    concat: { spacing: fontSize.title * 1.6 },
    facet: { spacing: fontSize.title * 1.4 },
  };
}

/**
 * Replaces the theme tokens in a spec: `@ink`, `@muted`, `@grid`, `@background`, `@accent`, `@good`, `@bad`,
 * `@series/N` and `@dash/N` (colour and dash of the N-th series, from 0), `@line/series|thin|axis|grid|rule`, `@font/label|title|legend|note`,
 * `@pointSize`, `@cap` (width of a whisker's cap), `@sequential`, `@diverging`. So a spec can follow the theme and stay plain data.
 */
export function resolveTokens(value: unknown, theme: Theme): unknown {
  if (typeof value === "string") return value.startsWith("@") ? resolveToken(value, theme) : value;
  if (Array.isArray(value)) return value.map((item) => resolveTokens(item, theme));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  // Rows are data, not style: a cell that happens to start with "@" stays as it is.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === "values" ? item : resolveTokens(item, theme)]),
  );
}

function resolveToken(token: string, theme: Theme): string | number | readonly (string | number)[] {
  const [name = "", argument = ""] = token.slice(1).split("/");
  const { colors } = theme;
  switch (name) {
    case "series":
      return colors.series[Number(argument) % colors.series.length] ?? token;
    case "dash":
      return (seriesDashes[Number(argument) % seriesDashes.length] ?? []).map((length) => length * theme.line.series);
    case "ink":
    case "muted":
    case "grid":
    case "background":
    case "accent":
    case "good":
    case "bad":
      return colors[name];
    case "sequential":
    case "diverging":
      return colors[name];
    case "cap":
      return theme.fontSize.label * 0.55;
    case "line":
      return new Map<string, number>(Object.entries(theme.line)).get(argument) ?? token;
    case "font":
      return new Map<string, number>(Object.entries(theme.fontSize)).get(argument) ?? token;
    case "pointSize":
      return theme.pointSize;
    default:
      return token;
  }
}
