/**
 * Figures of light screens for dark ones. The two themes differ in colours alone, so that a figure needn't be laid out, or be
 * in a page, twice: each colour of the one stands for one of the other.
 */
import { resolveTheme } from "./themes.ts";
import type { Theme } from "./themes.ts";

/** Plain colours of a theme; scales that blend theirs have others. */
const colorsOf = ({ colors }: Theme): readonly string[] => [
  colors.background,
  colors.ink,
  colors.muted,
  colors.grid,
  colors.accent,
  colors.good,
  colors.bad,
  ...colors.series,
];

const dark = colorsOf(resolveTheme("screen-dark"));

/** By the colour on a light screen. */
export const darkColors: ReadonlyMap<string, string> = new Map(
  colorsOf(resolveTheme("screen")).map((light, index) => [light, dark[index] ?? light]),
);

/**
 * A figure of theme `screen` as `screen-dark` would draw it.
 *
 * @returns undefined where it has a colour that isn't plainly the theme's, such as those of a heat map
 */
export function toDark(svg: string): string | undefined {
  let isKnown = !/<linearGradient|<radialGradient|<style>[^<]*(?:fill|stroke|color)/.test(svg);
  const recolored = svg.replace(/ (fill|stroke)="([^"]*)"/g, (attribute, name: string, color: string) => {
    if (color === "none" || color === "transparent") return attribute;
    const other = darkColors.get(color);
    if (other === undefined) isKnown = false;
    return ` ${name}="${other ?? color}"`;
  });
  return isKnown ? recolored : undefined;
}

/** Rules that do the same to a figure inside elements of some class. */
export const darkRules = (className: string): string =>
  [...darkColors]
    .map(([light, other]) =>
      ["fill", "stroke"].map((name) => `.${className} [${name}="${light}"]{${name}:${other}}`).join(""),
    )
    .join("");
