/** A drawn figure as part of a page that is read in light or in the dark. */
import { toDark } from "../render/recolor.ts";
import type { Html } from "./markup.ts";
import { inlineSvg, markup } from "./markup.ts";

/** Class of a figure whose colours the page's style sheet changes for the dark. */
export const recolored = "recolored";

/**
 * One drawing where the dark one is the same in other colours, else both.
 *
 * @param id unique in the page
 */
export function inlineFigure({ svg, svgDark }: { svg: string; svgDark?: string | undefined }, id: string): Html {
  if (svgDark === undefined) return markup`<div class="for-light light-only">${inlineSvg(shortPaths(svg), id)}</div>`;
  if (toDark(svg) === svgDark) return markup`<div class="${recolored}">${inlineSvg(shortPaths(svg), id)}</div>`;
  return markup`<div class="for-light has-dark">${inlineSvg(shortPaths(svg), id)}</div>
<div class="for-dark">${inlineSvg(shortPaths(svgDark), `${id}-dark`)}</div>`;
}

/** Below so many points nothing is gained that one would notice. */
const fewPoints = 50;

/**
 * Long lines by their steps, not by their points: the same drawing in half of the text. Coordinates have two decimals, so
 * their differences are exact in hundredths.
 */
export const shortPaths = (svg: string): string =>
  svg.replace(/ d="([MLZ0-9.,\s-]*)"/g, (attribute, path: string) =>
    path.split("L").length <= fewPoints ? attribute : ` d="${shortPath(path)}"`,
  );

function shortPath(path: string): string {
  let [x, y] = [0, 0];
  let isInSteps = false;
  let text = "";
  for (const [, command = "", ...point] of path.matchAll(/([MLZ])(?:(-?[\d.]+)[,\s]?(-?[\d.]+))?/g)) {
    const [nextX, nextY] = [hundredths(point[0]), hundredths(point[1])];
    if (command === "L") {
      text += isInSteps ? "" : "l";
      text += step(nextX - x, isInSteps) + step(nextY - y, true);
      isInSteps = true;
    } else {
      text += command === "Z" ? "Z" : `M${nextX / 100},${nextY / 100}`;
      isInSteps = false;
    }
    if (command !== "Z") [x, y] = [nextX, nextY];
  }
  return text;
}

const hundredths = (coordinate: string | undefined): number => Math.round(Number(coordinate ?? 0) * 100);

/** `.5`, `-.25`, `12`; with a space before it where a number stands before and no sign tells them apart. */
function step(difference: number, isNext: boolean): string {
  const text = String(difference / 100).replace(/^(-?)0\./, "$1.");
  return isNext && !text.startsWith("-") ? ` ${text}` : text;
}
