/**
 * A bitmap to draw on. Text is drawn as outlines of the shipped fonts, so that the bitmap agrees with the vector
 * formats to the pixel and no font of the machine is ever used.
 */
import { alignShift, parseCssFont } from "./draw-context.ts";
import type { DrawContext } from "./draw-context.ts";
import { setText, typefaceOf } from "./typefaces.ts";

export interface PngSurface {
  readonly context: DrawContext;
  /** @param pixelsPerInch written into the file, so that it prints at its size */
  toPng(pixelsPerInch: number): Buffer;
}

/** Loads the canvas library on first use. */
export async function createPngSurface(widthPx: number, heightPx: number): Promise<PngSurface> {
  const { createCanvas } = await import("@napi-rs/canvas");
  const canvas = createCanvas(widthPx, heightPx);
  const native = canvas.getContext("2d");
  // True of the members that DrawContext lists: it is a subset of the standard context, `drawImage` aside (never called).
  const context = native as unknown as DrawContext;
  let font = "11px sans-serif";
  const drawText = (text: string, x: number, y: number): void => {
    const style = parseCssFont(font);
    const { file } = typefaceOf(style);
    const { glyphs, width } = setText(file, text);
    const scale = style.fontSize / file.unitsPerEm;
    const left = x - alignShift(context.textAlign) * width * scale;
    context.beginPath();
    for (const { glyph, x: glyphX } of glyphs) {
      const toX = (units: number): number => left + (glyphX + units) * scale;
      const toY = (units: number): number => y - units * scale;
      for (const step of file.outlineOf(glyph)) {
        if (step.kind === "move") context.moveTo(toX(step.x), toY(step.y));
        else if (step.kind === "line") context.lineTo(toX(step.x), toY(step.y));
        else if (step.kind === "quad") context.quadraticCurveTo(toX(step.cx), toY(step.cy), toX(step.x), toY(step.y));
        else context.closePath();
      }
    }
  };
  Object.defineProperties(context, {
    font: {
      get: () => font,
      set: (value: string) => {
        font = value;
      },
    },
    fillText: {
      value: (text: string, x: number, y: number) => {
        drawText(text, x, y);
        context.fill();
      },
    },
    strokeText: {
      value: (text: string, x: number, y: number) => {
        drawText(text, x, y);
        context.stroke();
      },
    },
  });
  return { context, toPng: (pixelsPerInch) => withDensity(canvas.toBuffer("image/png"), pixelsPerInch) };
}

/** Puts a pHYs chunk behind the header. @see PNG specification, 11.3.4.3 */
function withDensity(png: Buffer, pixelsPerInch: number): Buffer {
  const endOfHeader = 8 + 25;
  const body = Buffer.alloc(13);
  body.write("pHYs", 0, "latin1");
  const pixelsPerMetre = Math.round(pixelsPerInch / 0.0254);
  body.writeUInt32BE(pixelsPerMetre, 4);
  body.writeUInt32BE(pixelsPerMetre, 8);
  body.writeUInt8(1, 12);
  const chunk = Buffer.alloc(21);
  chunk.writeUInt32BE(9, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), 17);
  return Buffer.concat([png.subarray(0, endOfHeader), chunk, png.subarray(endOfHeader)]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
