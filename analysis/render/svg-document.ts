/**
 * Makes a document of what Vega's SVG renderer gives out: size in real units, coordinates rounded, fonts embedded as
 * subsets of the characters shown, text left as text.
 */
import { subsetFont } from "./subset-font.ts";
import type { TextStyle } from "./typefaces.ts";
import { fontFallbacks, fontFamilyNames, loadTypeface, typefaceOf } from "./typefaces.ts";
import type { FontFamily, Typeface } from "./typefaces.ts";

export interface SvgDocumentOptions {
  readonly title: string;
  /** CSS lengths, such as `3.33in`. */
  readonly width: string;
  readonly height: string;
  /** Leave the fonts to the page that the figure is put into. */
  readonly embedsFonts: boolean;
  readonly texts: readonly { readonly style: TextStyle; readonly text: string }[];
}

export function toSvgDocument(svg: string, options: SvgDocumentOptions): string {
  const style = `<style>${options.embedsFonts ? fontFaces(options.texts) : ""}text{font-kerning:normal;font-variant-ligatures:none}</style>`;
  const title = options.title === "" ? "" : `<title>${escapeXml(options.title)}</title>`;
  return `${roundNumbers(svg)
    .replace(/ width="[^"]*" height="[^"]*"/, ` width="${options.width}" height="${options.height}" role="img"`)
    .replace(/(<svg[^>]*>)/, `$1${title}${style}`)
    .replace(/font-family="([^"]*)"/g, (_, family: string) => `font-family="${withFallback(family)}"`)}\n`;
}

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function withFallback(family: string): string {
  const known: FontFamily = family.includes(fontFamilyNames.serif) ? "serif" : "sans";
  return fontFallbacks[known];
}

/** Two decimals are finer than any screen or printer shows, and keep files small and goldens calm. */
function roundNumbers(svg: string): string {
  const round = (text: string): string =>
    text.replace(/-?\d+\.\d{3,}(?:e-?\d+)?|-?\d+(?:\.\d+)?e-?\d+/g, (number) => {
      const rounded = Math.round(Number(number) * 100) / 100;
      return Object.is(rounded, -0) ? "0" : String(rounded);
    });
  return svg.replace(
    / (d|transform|x|y|x1|y1|x2|y2|cx|cy|r|width|height|dy|viewBox)="([^"]*)"/g,
    (_, name: string, value: string) => ` ${name}="${round(value)}"`,
  );
}

/** `@font-face` rules for the characters shown; base64, since an SVG in an `<img>` may load nothing. */
export function fontFaces(texts: SvgDocumentOptions["texts"]): string {
  const used = new Map<Typeface, Set<number>>();
  for (const { style, text } of texts) {
    const typeface = typefaceOf(style);
    const points = used.get(typeface) ?? new Set<number>();
    used.set(typeface, points);
    for (const character of text) points.add(character.codePointAt(0) ?? 0);
  }
  return [...used]
    .sort(([a], [b]) => (`${a.family}${a.weight}` < `${b.family}${b.weight}` ? -1 : 1))
    .map(([typeface, points]) => fontFace(typeface, subsetFont(typeface.file, points, "web").bytes))
    .join("");
}

/** One rule that holds all of Latin: for pages with many figures and text of their own. */
export function pageFontFace(family: FontFamily, weight: "regular" | "bold"): string {
  const typeface = loadTypeface(family, weight);
  const latin = Array.from({ length: 0x17f - 0x20 }, (_, i) => 0x20 + i);
  const extra = Array.from("–—‘’“”…•′″−×≤≥≈∞µαβγδλμσΔΣ√", (character) => character.codePointAt(0) ?? 0);
  return fontFace(typeface, subsetFont(typeface.file, [...latin, ...extra], "web").bytes);
}

const fontFace = ({ family, weight }: Typeface, bytes: Buffer): string =>
  `@font-face{font-family:"${fontFamilyNames[family]}";font-weight:${weight === "bold" ? 600 : 400};` +
  `src:url(data:font/ttf;base64,${bytes.toString("base64")})}`;
