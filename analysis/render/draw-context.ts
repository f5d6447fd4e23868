/**
 * The part of CanvasRenderingContext2D that Vega's canvas renderer draws with. Two surfaces implement it: PDF pages and
 * PNG bitmaps. Both draw text from the shipped font files.
 */
export interface DrawContext {
  font: string;
  textAlign: string;
  fillStyle: string | GradientFill;
  strokeStyle: string | GradientFill;
  globalAlpha: number;
  globalCompositeOperation: string;
  lineWidth: number;
  lineCap: string;
  lineJoin: string;
  miterLimit: number;
  lineDashOffset: number;
  setLineDash(dash: readonly number[]): void;
  save(): void;
  restore(): void;
  translate(x: number, y: number): void;
  rotate(angle: number): void;
  scale(x: number, y: number): void;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  quadraticCurveTo(cx: number, cy: number, x: number, y: number): void;
  bezierCurveTo(ax: number, ay: number, bx: number, by: number, x: number, y: number): void;
  arc(x: number, y: number, radius: number, start: number, end: number, isCounterClockwise?: boolean): void;
  rect(x: number, y: number, width: number, height: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  fill(): void;
  stroke(): void;
  clip(): void;
  fillText(text: string, x: number, y: number): void;
  strokeText(text: string, x: number, y: number): void;
  createLinearGradient(x1: number, y1: number, x2: number, y2: number): GradientFill;
  drawImage(): void;
}

/** A linear gradient under construction, as a canvas gives it out. */
export interface GradientFill {
  addColorStop(offset: number, color: string): void;
}

/** Reads the `font` that Vega composes: `[style] [variant] [weight] <size>px <family>`. */
export function parseCssFont(font: string): { font: string; fontSize: number; fontWeight: string } {
  const match = /^(.*?)([\d.]+)px (.*)$/.exec(font);
  const words = (match?.[1] ?? "").trim().split(/\s+/);
  const weight = words.find((word) => /^(bold|bolder|\d{3})$/.test(word)) ?? "normal";
  return { font: match?.[3] ?? "", fontSize: Number(match?.[2] ?? 11), fontWeight: weight };
}

/** How far left of its anchor a text starts, as a share of its width. */
export const alignShift = (textAlign: string): number =>
  textAlign === "center" ? 0.5 : textAlign === "right" || textAlign === "end" ? 1 : 0;
