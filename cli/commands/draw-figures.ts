import { setDrawingFlags } from "../../analysis/render/drawing-flags.ts";
import type { FigureFormat } from "../../analysis/render/render-figure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { CommandContext } from "../context.ts";
import type { StoredFiguresOptions } from "./figures.ts";

export interface FiguresOptions extends Omit<StoredFiguresOptions, "formats"> {
  readonly from?: string;
  readonly formats?: string;
}

const allFormats = ["svg", "png", "pdf"] as const;

/** The formats named in a list; every one where none is. */
function readFormats(list: string | undefined): readonly FigureFormat[] {
  const names = (list ?? allFormats.join()).split(",").map((name) => name.trim());
  const unknown = names.find((name) => !allFormats.some((format) => format === name));
  if (unknown !== undefined)
    throw new FailureError({ class: "invalid", message: `no figure is drawn as "${unknown}"`, hint: "svg, png, pdf" });
  return allFormats.filter((format) => names.includes(format));
}

/**
 * Draws figures from a store, or from a paper's published results. Each way loads its own code: what reads runs takes
 * longer to load than most figures to draw.
 */
export async function drawFigures(
  context: CommandContext,
  name: string | undefined,
  options: FiguresOptions,
): Promise<number> {
  const formats = readFormats(options.formats);
  const { from } = options;
  if (from !== undefined && !from.startsWith("s3://")) {
    setDrawingFlags(); // Of a process that also keeps what a store says of trials they slow the collector by a third.
    const { drawPublished } = await import("../published.ts");
    return drawPublished(context, name, from, { target: options.output, formats });
  }
  const { figures } = await import("./figures.ts");
  return figures({ ...context, home: from ?? context.home }, name, { ...options, formats });
}
