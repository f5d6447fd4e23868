/**
 * Vega, loaded on first use (it takes about 0.2 s) and taught to measure text with the shipped fonts. The parts of its
 * scene graph that the typings leave out are described here and nowhere else.
 */
import type { Loader, parse, View as VegaView } from "vega";
import type { compile } from "vega-lite";
import type { DrawContext } from "./draw-context.ts";
import { measureText } from "./typefaces.ts";
import { loadPackages } from "./vega-packages.ts";

/** A mark of the scene: a list of items of one type, or of groups that hold marks. */
export interface SceneMark {
  marktype: string;
  name?: string;
  role?: string;
  items: SceneItem[];
  group?: SceneItem;
}

/** One drawn thing; groups have `items`. */
export interface SceneItem {
  mark?: SceneMark;
  items?: SceneMark[];
  x?: number;
  y?: number;
  x2?: number;
  y2?: number;
  width?: number;
  height?: number;
  dx?: number;
  dy?: number;
  angle?: number;
  align?: string;
  baseline?: string;
  text?: string | number | (string | number)[];
  font?: string;
  fontSize?: number;
  fontWeight?: string | number;
  lineHeight?: number;
  size?: number;
  opacity?: number;
  defined?: boolean;
  datum?: unknown;
  bounds?: { x1: number; y1: number; x2: number; y2: number };
}

interface Renderer {
  initialize(
    element: null,
    width: number,
    height: number,
    origin: readonly [number, number],
    scale?: number,
    options?: { externalContext: DrawContext },
  ): this;
  background(color: string | null): this;
  renderAsync(scene: SceneMark): Promise<this>;
}

export interface VegaRuntime {
  readonly parse: typeof parse;
  readonly View: typeof VegaView;
  readonly compile: typeof compile;
  readonly sceneFromJson: (scene: object) => SceneMark;
  readonly toSvg: (scene: SceneMark, page: ScenePage) => Promise<string>;
  readonly draw: (scene: SceneMark, page: ScenePage, context: DrawContext, scale: number) => Promise<void>;
}

export interface ScenePage {
  readonly width: number;
  readonly height: number;
  readonly origin: readonly [number, number];
  readonly background: string | null;
}

interface UntypedVega {
  readonly textMetrics: {
    width: (item: SceneItem, text: string | number | null | undefined) => number;
    canvas: (isUsed: boolean) => void;
  };
  readonly CanvasRenderer: new (loader: Loader) => Renderer;
  readonly SVGStringRenderer: new (loader: Loader) => Renderer & { svg(): string };
  readonly sceneFromJSON: (scene: object) => SceneMark;
  readonly resetSVGDefIds: () => void;
}

let runtime: Promise<VegaRuntime> | undefined;

export function loadVega(): Promise<VegaRuntime> {
  runtime ??= load();
  return runtime;
}

async function load(): Promise<VegaRuntime> {
  const { vega, vegaLite } = await loadPackages();
  // Vega exports its scene graph package whole, but its typings cover only a part of it.
  const untyped = vega as unknown as UntypedVega;
  untyped.textMetrics.canvas(false);
  untyped.textMetrics.width = (item, text) => measureText(item, String(text ?? "").trim());
  const loader = vega.loader();
  return {
    parse: vega.parse,
    View: vega.View,
    compile: vegaLite.compile,
    sceneFromJson: untyped.sceneFromJSON,
    toSvg: async (scene, { width, height, origin, background }) => {
      untyped.resetSVGDefIds();
      const renderer = new untyped.SVGStringRenderer(loader);
      renderer.initialize(null, width, height, origin).background(background);
      return (await renderer.renderAsync(scene)).svg();
    },
    draw: async (scene, { width, height, origin, background }, context, scale) => {
      const renderer = new untyped.CanvasRenderer(loader);
      renderer.initialize(null, width, height, origin, scale, { externalContext: context }).background(background);
      await renderer.renderAsync(scene);
    },
  };
}

/** The root of a view's scene. */
export const sceneOf = (view: VegaView): SceneMark =>
  // The typings give `Scene`, whose items are these same objects with fewer fields.
  (view.scenegraph() as unknown as { root: SceneMark }).root;

/** Calls back for each item with the place of its parent group on the page, groups before what they hold. */
export function visitScene(
  mark: SceneMark,
  visit: (item: SceneItem, mark: SceneMark, at: Point, index: number) => void,
  at: Point = { x: 0, y: 0 },
): void {
  mark.items.forEach((item, index) => {
    visit(item, mark, at, index);
    if (item.items === undefined) return;
    const inside = { x: at.x + (item.x ?? 0), y: at.y + (item.y ?? 0) };
    for (const child of item.items) visitScene(child, visit, inside);
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
}
