/**
 * The fonts that ship with this package and the text measures made from them. Two families: a serif with the metrics
 * of Times, as most venues' templates set their text, and a sans for screens.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FontFileError, parseFontFile } from "./font-file.ts";
import type { FontFile } from "./font-file.ts";

export type FontFamily = "serif" | "sans";
export type FontWeight = "regular" | "bold";

/** The names that specs, SVG and style sheets call the shipped families by. */
export const fontFamilyNames: Readonly<Record<FontFamily, string>> = {
  serif: "Liberation Serif",
  sans: "Open Sans",
};

/** What follows ours in an SVG's `font-family`, for a viewer that refuses embedded fonts; same widths first. */
export const fontFallbacks: Readonly<Record<FontFamily, string>> = {
  serif: "'Liberation Serif', 'Times New Roman', Tinos, 'Nimbus Roman', serif",
  sans: "'Open Sans', 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
};

export interface Typeface {
  readonly family: FontFamily;
  readonly weight: FontWeight;
  readonly file: FontFile;
}

const fileNames: Readonly<Record<FontFamily, Readonly<Record<FontWeight, string>>>> = {
  serif: { regular: "LiberationSerif-Regular.ttf", bold: "LiberationSerif-Bold.ttf" },
  sans: { regular: "OpenSans-Regular.ttf", bold: "OpenSans-Semibold.ttf" },
};
const loaded = new Map<string, Typeface>();

/** A shipped typeface, read once. @throws {FontFileError} when the package's font files are missing */
export function loadTypeface(family: FontFamily, weight: FontWeight): Typeface {
  const fileName = fileNames[family][weight];
  let typeface = loaded.get(fileName);
  if (!typeface) loaded.set(fileName, (typeface = { family, weight, file: parseFontFile(readFontFile(fileName)) }));
  return typeface;
}

function readFontFile(fileName: string): Buffer {
  // Beside this module in the source tree; a bundle in dist/ finds them in the package it was built from.
  const candidates = ["./fonts", "../analysis/render/fonts", "../../analysis/render/fonts"].map(
    (folder) => `${folder}/${fileName}`,
  );
  for (const candidate of candidates) {
    try {
      return readFileSync(fileURLToPath(new URL(candidate, import.meta.url)));
    } catch (error) {
      if (!(typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  throw new FontFileError(`the font file ${fileName} is missing`, {
    hint: "reinstall the package: its fonts lie in analysis/render/fonts",
  });
}

/** The parts of a text item that decide which glyphs are drawn. */
export interface TextStyle {
  readonly font?: string | undefined;
  readonly fontSize?: number | undefined;
  readonly fontWeight?: string | number | undefined;
}

/** The shipped typeface nearest to what a style asks for: other families fall to the sans, weights of 600 up to bold. */
export function typefaceOf(style: TextStyle): Typeface {
  const family: FontFamily = style.font?.includes(fontFamilyNames.serif) ? "serif" : "sans";
  const weight = style.fontWeight ?? "normal";
  const isBold = weight === "bold" || weight === "bolder" || Number(weight) >= 600;
  return loadTypeface(family, isBold ? "bold" : "regular");
}

export interface PlacedGlyph {
  readonly glyph: number;
  readonly codePoint: number;
  /** From the start of the text, in font units, kerning included. */
  readonly x: number;
}

/** Sets a line of text, glyph by glyph with kerning, no ligatures; lengths in font units. */
export function setText(
  file: FontFile,
  text: string,
): { readonly glyphs: readonly PlacedGlyph[]; readonly width: number } {
  const glyphs: PlacedGlyph[] = [];
  let x = 0;
  let previous = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    const glyph = file.glyphOf(codePoint);
    if (glyphs.length > 0) x += file.kerningOf(previous, glyph);
    glyphs.push({ glyph, codePoint, x });
    x += file.advanceOf(glyph);
    previous = glyph;
  }
  return { glyphs, width: x };
}

/** Width of a line of text in the units of `fontSize`. */
export function measureText(style: TextStyle, text: string): number {
  const { file } = typefaceOf(style);
  return (setText(file, text).width * (style.fontSize ?? 11)) / file.unitsPerEm;
}
