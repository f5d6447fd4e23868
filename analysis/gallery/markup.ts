import { RepriseError } from "../../core/errors/reprise-error.ts";

/** Content that would make a page unsafe or reach for the network. */
export class GalleryContentError extends RepriseError {
  override readonly name = "GalleryContentError";
}

/** HTML that was made here, so that it isn't escaped again. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | undefined | Html | readonly Html[];

/** A template whose values are escaped, unless they are HTML already. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, index) => text + toText(parts[index])).join(""));
}

function toText(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  return part.map(({ text }) => text).join("");
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** @throws {GalleryContentError} for schemes that run code or reach other places than the web */
export function checkHref(href: string): string {
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(href)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "http" && scheme !== "https")
    throw new GalleryContentError(`a link can't lead to "${href}"`, { hint: "use a relative path or http(s)" });
  return href;
}

/**
 * An SVG as part of a page: its ids made the figure's own, since all figures of a page share one space of ids, and its
 * size left to the page. Marks that are links lead to `markHref`, and keep in `data-mark` which they are; arrow keys go from
 * one to the next, so that a figure is one stop of the tabulator and not hundreds.
 *
 * @throws {GalleryContentError} when it holds scripts or fetches something
 */
export function inlineSvg(svg: string, prefix: string, markHref = "#trials"): Html {
  if (/<script|<foreignObject|\son\w+\s*=|(?:href|src)\s*=\s*["'](?!#)|url\(\s*["']?(?!#|data:)/i.test(svg))
    throw new GalleryContentError("an SVG holds scripts or links", { hint: "draw it with renderFigure" });
  return new Html(
    svg
      .replace(/^\s*<\?xml[^>]*>\s*/, "")
      .replace(/ width="[^"]*" height="[^"]*"/, "")
      .replace(/<style>.*?<\/style>/s, "")
      .replace(/\bid="([^"]+)"/g, `id="${prefix}-$1"`)
      // Fields of ours, not the reader's.
      .replace(/; (?:markLink|lineLink): #(?:row|line)-\d+/g, "")
      .replace(/url\(#([^)]+)\)/g, `url(#${prefix}-$1)`)
      .replace(
        /<a xlink:href="#((?:row|line)-\d+)">/g,
        (_, mark: string) => `<a href="${markHref}" data-mark="${mark}" tabindex="-1">`,
      )
      .replace(/(?<!<a )href="#([^"]+)"/g, `href="#${prefix}-$1"`)
      .trim(),
  );
}
