import type { FigureSpec } from "./layout-hints.ts";
import { toDark } from "./recolor.ts";
import { renderFigure } from "./render-figure.ts";

export interface ScreenFigure {
  readonly theme: "screen" | "screen-dark";
  /** Without fonts, for pages that have them. */
  readonly svg: string;
  readonly warnings: readonly string[];
}

/** A figure for light and for dark pages, in this order. */
export async function renderScreens(spec: FigureSpec, title: string): Promise<readonly [ScreenFigure, ScreenFigure]> {
  const draw = async (theme: ScreenFigure["theme"]): Promise<ScreenFigure> => {
    const { svg = "", warnings } = await renderFigure(spec, { theme, formats: ["svg"], embedsFonts: false, title });
    return { theme, svg, warnings };
  };
  const light = await draw("screen");
  const svg = toDark(light.svg);
  return [light, svg === undefined ? await draw("screen-dark") : { theme: "screen-dark", svg, warnings: [] }];
}
