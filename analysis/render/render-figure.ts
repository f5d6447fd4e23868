/**
 * Turns a Vega-Lite spec into SVG, PNG and PDF. In order: theme tokens and hints are read, the legend is laid out and
 * room made for it, Vega lays out the plot at the exact width of the column, texts are moved apart, and each format is
 * drawn from that one scene. The same spec and theme give the same bytes on any machine.
 */
import type { Spec as VegaSpec } from "vega";
import type { TopLevelSpec } from "vega-lite";
import { RepriseError } from "../../core/errors/reprise-error.ts";
import { layoutHintsOf } from "./layout-hints.ts";
import type { FigureSpec, LayoutHints } from "./layout-hints.ts";
import { layoutLegend } from "./legend.ts";
import type { LegendBox } from "./legend.ts";
import { PdfContext } from "./pdf-context.ts";
import {
  alignBaselines,
  alignPanelTitles,
  overlappingTexts,
  placeMovableLabels,
  shortenMinorTicks,
  textBoxesOf,
} from "./place-labels.ts";
import { createPngSurface } from "./png-surface.ts";
import { toSvgDocument } from "./svg-document.ts";
import { resolveTheme, resolveTokens, toVegaConfig } from "./themes.ts";
import type { Theme, ThemeName, ThemeOptions } from "./themes.ts";
import { typefaceOf } from "./typefaces.ts";
import type { TextStyle } from "./typefaces.ts";
import { loadVega, sceneOf, visitScene } from "./vega-runtime.ts";
import type { SceneItem, SceneMark, ScenePage, VegaRuntime } from "./vega-runtime.ts";

/**
 * Part of every redraw cache's key: raise it when the same spec would give other bytes or warnings.
 */
export const rendererVersion = "5";

/** A spec that can't be drawn; the cause is Vega's own error. */
export class FigureSpecError extends RepriseError {
  override readonly name = "FigureSpecError";
}

export type FigureFormat = "svg" | "png" | "pdf";

export interface RenderOptions extends ThemeOptions {
  /** @default "paper" */
  readonly theme?: ThemeName;
  /** Inches, or a column of the theme; stands over the spec's own hint. */
  readonly width?: "single" | "double" | number;
  /** Height over width; stands over the spec's own hint. */
  readonly aspect?: number;
  /** @default ["svg", "png", "pdf"] */
  readonly formats?: readonly FigureFormat[];
  /** Goes into the files' metadata, not onto the plot. @default "" */
  readonly title?: string;
  /** Whether an SVG carries its fonts; off for one that is put into a page which has them. @default true */
  readonly embedsFonts?: boolean;
}

export interface RenderedFigure {
  readonly svg?: string;
  readonly png?: Buffer;
  readonly pdf?: Buffer;
  readonly widthIn: number;
  readonly heightIn: number;
  /** What a reader should know: labels left out or overlapping, text off the page, characters without a glyph. */
  readonly warnings: readonly string[];
}

/** @throws {FigureSpecError} when Vega can't compile or lay out the spec */
export async function renderFigure(spec: FigureSpec, options: RenderOptions = {}): Promise<RenderedFigure> {
  const theme = resolveTheme(options.theme ?? "paper", options);
  const hints = resolveHints(spec, options);
  const vega = await loadVega();
  const { scene, page, warnings } = await layOut(vega, spec, { theme, hints }).catch((cause: unknown) => {
    throw new FigureSpecError(`the spec can't be drawn: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: "paste the spec into the Vega-Lite editor; theme tokens such as @series/0 are reprise's own",
      cause,
    });
  });
  const texts = textsOf(scene);
  const formats = new Set(options.formats ?? ["svg", "png", "pdf"]);
  const title = options.title ?? "";
  const inches = (units: number): number => units / theme.unitsPerInch;
  return {
    ...(formats.has("svg") ? { svg: await drawSvg() } : {}),
    ...(formats.has("png") ? { png: await drawPng() } : {}),
    ...(formats.has("pdf") ? { pdf: await drawPdf() } : {}),
    widthIn: inches(page.width),
    heightIn: inches(page.height),
    warnings: [...warnings, ...layoutWarnings(scene, page), ...missingGlyphs(texts)],
  };

  async function drawSvg(): Promise<string> {
    const isPaper = theme.unitsPerInch === 72;
    const length = (units: number): string => (isPaper ? `${round(inches(units))}in` : String(round(units)));
    return toSvgDocument(await vega.toSvg(scene, page), {
      title,
      width: length(page.width),
      height: length(page.height),
      embedsFonts: options.embedsFonts ?? true,
      texts,
    });
  }
  async function drawPng(): Promise<Buffer> {
    const scale = theme.pngPixelsPerUnit;
    const surface = await createPngSurface(Math.round(page.width * scale), Math.round(page.height * scale));
    await vega.draw(scene, page, surface.context, scale);
    return surface.toPng(scale * theme.unitsPerInch);
  }
  async function drawPdf(): Promise<Buffer> {
    const scale = 72 / theme.unitsPerInch;
    const context = new PdfContext({ width: round(page.width * scale), height: round(page.height * scale), title });
    // Paper shows through: a white box would cover a coloured slide.
    const background = theme.name === "paper" ? null : page.background;
    await vega.draw(scene, { ...page, background }, context, scale);
    return context.toPdf();
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

function resolveHints(spec: FigureSpec, { width, aspect }: RenderOptions): LayoutHints {
  const hints = layoutHintsOf(spec);
  return {
    ...hints,
    ...(width !== undefined && { width }),
    ...(aspect !== undefined && { aspect }),
  };
}

interface Design {
  readonly theme: Theme;
  readonly hints: LayoutHints;
}

interface LaidOut {
  readonly scene: SceneMark;
  readonly page: ScenePage;
  readonly warnings: readonly string[];
}

async function layOut(vega: VegaRuntime, spec: FigureSpec, { theme, hints }: Design): Promise<LaidOut> {
  const width = typeof hints.width === "number" ? hints.width * theme.unitsPerInch : theme.columnWidth[hints.width];
  const column = width > (theme.columnWidth.single + theme.columnWidth.double) / 2 ? "double" : "single";
  const height = width * (hints.aspect ?? theme.aspect[column]);
  const legend = hints.legend && layoutLegend(hints.legend, theme, width - 2 * theme.margin - theme.fontSize.legend);
  const gap = theme.fontSize.legend * 0.55;
  const isTop = hints.legend?.position === "top";
  const isRight = hints.legend?.position === "right";
  const padding = {
    left: theme.margin,
    right: theme.margin + (legend && isRight ? legend.width + 2 * gap : 0),
    top: theme.margin + (legend && isTop ? legend.height + gap : 0),
    bottom: theme.margin,
  };
  // The spec's own configuration stands over the theme's.
  const themed = resolveTokens(spec, theme) as TopLevelSpec; // Tokens stand where strings or numbers may.
  const warnings: string[] = [];
  const compile = (sized: TopLevelSpec): VegaSpec =>
    vega.compile(sized, {
      config: toVegaConfig(theme),
      logger: collectWarnings(warnings),
    }).spec;

  const view = hints.panels
    ? (await solvePanels(vega, compile, { themed, padding, width, height, panels: hints.panels })).view
    : await runView(
        vega,
        compile({
          ...themed,
          width,
          height,
          padding,
          autosize: { type: "fit", contains: "padding", resize: true },
        }), // Sizing a single or layered view: what `panels` doesn't name.
      );
  const root = sceneOf(view);
  alignBaselines(root);
  shortenMinorTicks(root);
  alignPanelTitles(root);
  const [originX, originY] = view.origin();
  const origin = [padding.left + originX, padding.top + originY] as const;
  if (legend && hints.legend) addLegend(vega, root, { legend, hint: hints.legend, theme, origin, width, gap });
  const leftOut = placeMovableLabels(root, theme.fontSize.note * 0.5);
  if (leftOut.length > 0) warnings.push(`no room for these labels, left out: ${leftOut.join(", ")}`);
  const pageHeight = hints.panels ? contentHeight(root, origin) + padding.bottom : height;
  return {
    scene: root,
    page: { width, height: pageHeight, origin, background: theme.colors.background },
    warnings: [...new Set(warnings)],
  };
}

function collectWarnings(into: string[]) {
  const logger = {
    level: () => logger,
    error: (...args: readonly unknown[]) => (into.push(args.join(" ")), logger),
    warn: (...args: readonly unknown[]) => (into.push(args.join(" ")), logger),
    info: () => logger,
    debug: () => logger,
  };
  // Vega's typings give `level` two overloads, of which only the setter is ever called.
  return logger as unknown as NonNullable<NonNullable<Parameters<VegaRuntime["compile"]>[1]>["logger"]>;
}

async function runView(vega: VegaRuntime, spec: VegaSpec) {
  const view = new vega.View(vega.parse(spec), { renderer: "none" });
  await view.runAsync();
  // Fitting changes the size after labels were thinned out for the old one.
  await view.resize().runAsync();
  return view;
}

interface PanelProblem {
  readonly themed: TopLevelSpec;
  readonly padding: { left: number; right: number; top: number; bottom: number };
  readonly width: number;
  readonly height: number;
  readonly panels: { readonly columns: number; readonly rows: number };
  /** Where to begin. @default by a look at some of the rows */
  readonly from?: PanelSize;
}

interface PanelSize {
  readonly width: number;
  readonly height: number;
}

/** Finds the panel size at which the whole comes out at the wanted width: Vega-Lite can fit single views only. */
async function solvePanels(
  vega: VegaRuntime,
  compile: (spec: TopLevelSpec) => VegaSpec,
  problem: PanelProblem,
): Promise<{ readonly view: Awaited<ReturnType<typeof runView>>; readonly size: PanelSize }> {
  const { themed, padding, width, height, panels, from } = problem;
  const wanted = { width: width - padding.left - padding.right, height: height - padding.top - padding.bottom };
  const thinned = from === undefined ? withFewRows(themed) : undefined;
  // Axes are mostly what some of the rows make them: all rows are then laid out at a size that fits already.
  const guess = thinned && (await solvePanels(vega, compile, { ...problem, themed: thinned, from: firstGuess() })).size;
  let size = guess ?? from ?? firstGuess();
  const compiled = compile(withPanelSize(themed, size, padding));
  const [widths, heights] = [signalsThatHold(compiled, size.width), signalsThatHold(compiled, size.height)];
  let view = await runView(vega, compiled);
  for (let pass = 0; ; pass++) {
    const { x1, y1, x2, y2 } = plotExtent(sceneOf(view));
    const spare = { width: wanted.width - (x2 - x1), height: wanted.height - (y2 - y1) };
    // The width is a column's; the page is as high as what is on it, whole units in any case.
    const isDone = Math.abs(spare.width) < 0.05 && Math.abs(spare.height) < 0.5;
    // Labels may come and go with the size; it settles in two or three passes.
    if (isDone || pass === 5) return { view, size };
    size = {
      width: Math.max(20, size.width + spare.width / panels.columns),
      height: Math.max(20, size.height + spare.height / panels.rows),
    };
    if (widths.length > 0 && heights.length > 0) {
      for (const name of widths) view.signal(name, size.width);
      for (const name of heights) view.signal(name, size.height);
      await view.resize().runAsync();
    } else view = await runView(vega, compile(withPanelSize(themed, size, padding)));
  }

  function firstGuess(): PanelSize {
    return { width: (wanted.width / panels.columns) * 0.8, height: (wanted.height / panels.rows) * 0.7 };
  }
}

/** Of more rows it is worth the while to look at some of them first. */
const manyRows = 2_000;

/** The same spec with some of its rows, the first and the last among them; undefined where there are few. */
function withFewRows(spec: TopLevelSpec): TopLevelSpec | undefined {
  const counts = { thinned: 0 };
  const thin = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(thin);
    if (typeof node !== "object" || node === null || Object.getPrototypeOf(node) !== Object.prototype) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, item]: [string, unknown]) => {
        if (key !== "values") return [key, thin(item)];
        if (!Array.isArray(item) || item.length <= manyRows / 2) return [key, item];
        counts.thinned += 1;
        const step = Math.ceil(item.length / 200);
        return [key, item.filter((_, index) => index % step === 0 || index === item.length - 1)];
      }),
    );
  };
  const thinned = thin(spec) as TopLevelSpec; // The same parts, with fewer rows.
  return counts.thinned > 0 ? thinned : undefined;
}

/** The panels' sizes are signals, of the whole where all panels share one: a view needn't be built anew for another size. */
const signalsThatHold = ({ width, height, signals = [] }: VegaSpec, value: number): string[] =>
  [{ name: "width", value: width }, { name: "height", value: height }, ...signals].flatMap((signal) =>
    "value" in signal && signal.value === value ? [signal.name] : [],
  );

function withPanelSize(spec: TopLevelSpec, size: { width: number; height: number }, padding: object): TopLevelSpec {
  const sized: Record<string, unknown> = { ...spec, padding, autosize: "pad" };
  if ("spec" in spec) sized["spec"] = { ...spec.spec, ...size };
  for (const key of ["concat", "hconcat", "vconcat"])
    if (Array.isArray(sized[key])) sized[key] = sized[key].map((part: object) => ({ ...part, ...size }));
  return sized as unknown as TopLevelSpec; // Only sizes were added.
}

function plotExtent(root: SceneMark): { x1: number; y1: number; x2: number; y2: number } {
  const bounds = root.items[0]?.bounds;
  return bounds ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
}

const contentHeight = (root: SceneMark, origin: readonly [number, number]): number =>
  Math.ceil(origin[1] + plotExtent(root).y2);

interface LegendPlace {
  readonly legend: LegendBox;
  readonly hint: NonNullable<LayoutHints["legend"]>;
  readonly theme: Theme;
  readonly origin: readonly [number, number];
  readonly width: number;
  readonly gap: number;
}

/** Puts the legend into the scene, in its margin or in a corner of the first panel. */
function addLegend(vega: VegaRuntime, root: SceneMark, place: LegendPlace): void {
  const { legend, hint, theme, origin, width, gap } = place;
  const plot = root.items[0];
  if (!plot) return;
  const frame = framesOf(root)[0] ?? { x: 0, y: 0, width: plot.width ?? 0, height: plot.height ?? 0 };
  const at = legendCorner();
  const isInside = hint.position !== "top" && hint.position !== "right";
  const background = isInside
    ? [
        {
          marktype: "rect",
          items: [
            {
              x: -gap * 0.6,
              y: -gap * 0.2,
              width: legend.width + 1.2 * gap,
              height: legend.height + 0.4 * gap,
              fill: theme.colors.background,
              fillOpacity: 0.88,
            },
          ],
        },
      ]
    : [];
  const mark = vega.sceneFromJson({
    marktype: "group",
    role: "legend",
    interactive: false,
    items: [{ x: at.x, y: at.y, items: [...background, ...structuredClone(legend.marks)] }],
  });
  mark.group = plot;
  alignBaselines(mark);
  plot.items?.push(mark);

  function legendCorner(): { x: number; y: number } {
    const left = frame.x + gap;
    const right = frame.x + frame.width - legend.width - gap;
    const top = frame.y + gap * 0.5;
    const bottom = frame.y + frame.height - legend.height - gap * 0.5;
    switch (hint.position) {
      case "top":
        // Centred over the panels; a wide one keeps to the page.
        return {
          x: clamp(
            frame.x + (panelsRight() - frame.x - legend.width) / 2,
            theme.margin - origin[0],
            width - theme.margin - theme.fontSize.legend * 0.5 - legend.width - origin[0],
          ),
          y: theme.margin - origin[1],
        };
      case "right":
        return { x: width - theme.margin - legend.width - origin[0], y: frame.y };
      case "top-left":
        return { x: left, y: top };
      case "top-right":
        return { x: right, y: top };
      case "bottom-left":
        return { x: left, y: bottom };
      case "bottom-right":
        return { x: right, y: bottom };
      default:
        return hint.position satisfies never;
    }
  }
  function panelsRight(): number {
    return Math.max(...framesOf(root).map((panel) => panel.x + panel.width), frame.x + frame.width);
  }
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, high));

function framesOf(root: SceneMark): { x: number; y: number; width: number; height: number }[] {
  const frames: { x: number; y: number; width: number; height: number }[] = [];
  visitScene(root, (item, mark, at) => {
    if (mark.marktype !== "group" || mark.role === "legend" || (item.width ?? 0) <= 0 || (item.height ?? 0) <= 0)
      return;
    if (mark.role === "scope" || mark.role === "frame")
      frames.push({
        x: at.x + (item.x ?? 0),
        y: at.y + (item.y ?? 0),
        width: item.width ?? 0,
        height: item.height ?? 0,
      });
  });
  return frames.length > 1 ? frames.filter((_, index) => index > 0 || !isOuter(frames)) : frames;
}

/** In a facet the first frame holds all the others. */
const isOuter = (frames: readonly { x: number; width: number }[]): boolean => {
  const [outer, inner] = frames;
  return outer !== undefined && inner !== undefined && outer.width > inner.width * 1.01;
};

function textsOf(scene: SceneMark): { style: TextStyle; text: string }[] {
  const texts: { style: TextStyle; text: string }[] = [];
  visitScene(scene, (item: SceneItem, mark) => {
    if (mark.marktype !== "text" || item.text === undefined) return;
    texts.push({ style: item, text: Array.isArray(item.text) ? item.text.join(" ") : String(item.text) });
  });
  return texts;
}

function layoutWarnings(scene: SceneMark, page: ScenePage): string[] {
  const boxes = textBoxesOf(scene);
  const [x, y] = page.origin;
  const isOff = (box: { x1: number; y1: number; x2: number; y2: number }): boolean =>
    box.x1 + x < -0.5 || box.y1 + y < -0.5 || box.x2 + x > page.width + 0.5 || box.y2 + y > page.height + 0.5;
  return [
    ...overlappingTexts(boxes).map(([a, b]) => `texts overlap: "${a.text}" and "${b.text}"`),
    ...boxes.filter(isOff).map(({ text }) => `text leaves the page: "${text}"`),
  ];
}

function missingGlyphs(texts: readonly { style: TextStyle; text: string }[]): string[] {
  const missing = new Set<string>();
  for (const { style, text } of texts) {
    const { file } = typefaceOf(style);
    for (const character of text) if (file.glyphOf(character.codePointAt(0) ?? 0) === 0) missing.add(character);
  }
  return missing.size === 0 ? [] : [`the shipped fonts lack these characters: ${[...missing].join(" ")}`];
}
