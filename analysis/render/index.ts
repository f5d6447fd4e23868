export { FigureSpecError, renderFigure, rendererVersion } from "./render-figure.ts";
export type { FigureFormat, RenderedFigure, RenderOptions } from "./render-figure.ts";
export { LayoutHints } from "./layout-hints.ts";
export type { FigureSpec, LegendEntry, LegendHint } from "./layout-hints.ts";
export { resolveTheme, resolveTokens, seriesDashes, seriesShapes, toVegaConfig } from "./themes.ts";
export type { Theme, ThemeColors, ThemeName, ThemeOptions } from "./themes.ts";
export { FontFileError } from "./font-file.ts";
export { fontFamilyNames, measureText } from "./typefaces.ts";
export type { FontFamily } from "./typefaces.ts";
