/**
 * Reads the parts of a TrueType file that a figure needs: which glyph a character has, how wide it is, how pairs are
 * kerned and what its outline is. All text of a figure is measured and drawn through this one reader, so that a layout
 * doesn't depend on the machine's fonts, on its font library or on a canvas being present.
 *
 * @see https://learn.microsoft.com/typography/opentype/spec/ for the tables
 */
import { RepriseError } from "../../core/errors/reprise-error.ts";

/** A font file that this reader can't use; the hint says which kind it can. */
export class FontFileError extends RepriseError {
  override readonly name = "FontFileError";
}

/** One step of a glyph's outline, in font units, y upwards. */
export type OutlineStep =
  | { readonly kind: "move"; readonly x: number; readonly y: number }
  | { readonly kind: "line"; readonly x: number; readonly y: number }
  | { readonly kind: "quad"; readonly cx: number; readonly cy: number; readonly x: number; readonly y: number }
  | { readonly kind: "close" };

export interface FontTable {
  readonly offset: number;
  readonly length: number;
}

/** A parsed font; lengths are in font units (`unitsPerEm` to the em). */
export interface FontFile {
  readonly bytes: Buffer;
  readonly tables: ReadonlyMap<string, FontTable>;
  readonly postScriptName: string;
  readonly unitsPerEm: number;
  readonly ascent: number;
  readonly descent: number;
  readonly capHeight: number;
  readonly bbox: readonly [number, number, number, number];
  readonly glyphCount: number;
  /** The glyph of a code point; 0 (the missing glyph) when the font hasn't got it. */
  glyphOf(codePoint: number): number;
  advanceOf(glyph: number): number;
  /** Added between two neighbours; mostly negative. */
  kerningOf(left: number, right: number): number;
  outlineOf(glyph: number): readonly OutlineStep[];
  /** Where a glyph's own bytes lie in `bytes`; empty for a blank one. */
  glyphRange(glyph: number): { readonly start: number; readonly end: number };
  /** The glyphs that a composite glyph is made of, and where in its own bytes each is named. */
  componentsOf(glyph: number): readonly { readonly glyph: number; readonly glyphAt: number }[];
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly onCurve: boolean;
}

/** @throws {FontFileError} when the file isn't a TrueType font with outlines in `glyf` */
export function parseFontFile(bytes: Buffer): FontFile {
  const magic = bytes.length > 12 ? bytes.readUInt32BE(0) : 0;
  if (magic !== 0x00010000 && magic !== 0x74727565)
    throw new FontFileError("not a TrueType font file", {
      hint: "use a .ttf with glyf outlines; .otf (CFF) becomes Type 3 in a PDF, which publishers refuse",
    });
  const tables = new Map<string, FontTable>();
  for (let i = 0; i < bytes.readUInt16BE(4); i++) {
    const at = 12 + 16 * i;
    tables.set(bytes.toString("latin1", at, at + 4), {
      offset: bytes.readUInt32BE(at + 8),
      length: bytes.readUInt32BE(at + 12),
    });
  }
  const table = (tag: string): FontTable => {
    const found = tables.get(tag);
    if (!found) throw new FontFileError(`the font has no ${tag} table`, { hint: "use a .ttf with glyf outlines" });
    return found;
  };
  const head = table("head").offset;
  const hhea = table("hhea").offset;
  const maxp = table("maxp").offset;
  const hmtx = table("hmtx").offset;
  const loca = table("loca").offset;
  const glyf = table("glyf").offset;
  const os2 = tables.get("OS/2");
  const glyphCount = bytes.readUInt16BE(maxp + 4);
  const metricsCount = bytes.readUInt16BE(hhea + 34);
  const isLongLoca = bytes.readInt16BE(head + 50) === 1;
  const glyphByCodePoint = readCmap(bytes, table("cmap").offset);
  const kerning = readKern(bytes, tables.get("kern"));
  const outlines = new Map<number, readonly OutlineStep[]>();

  const glyphRange = (glyph: number) => {
    const start = isLongLoca ? bytes.readUInt32BE(loca + 4 * glyph) : 2 * bytes.readUInt16BE(loca + 2 * glyph);
    const end = isLongLoca ? bytes.readUInt32BE(loca + 4 * glyph + 4) : 2 * bytes.readUInt16BE(loca + 2 * glyph + 2);
    return { start: glyf + start, end: glyf + end };
  };
  const contoursOf = (glyph: number, depth: number): Point[][] => {
    const { start, end } = glyphRange(glyph);
    if (start === end || depth > 8) return [];
    if (bytes.readInt16BE(start) >= 0) return readSimpleGlyph(bytes, start);
    return readComponents(bytes, start).flatMap((part) =>
      contoursOf(part.glyph, depth + 1).map((contour) =>
        contour.map(({ x, y, onCurve }) => ({
          x: part.xx * x + part.yx * y + part.dx,
          y: part.xy * x + part.yy * y + part.dy,
          onCurve,
        })),
      ),
    );
  };
  return {
    bytes,
    tables,
    postScriptName: readPostScriptName(bytes, table("name").offset),
    unitsPerEm: bytes.readUInt16BE(head + 18),
    ascent: bytes.readInt16BE(hhea + 4),
    descent: bytes.readInt16BE(hhea + 6),
    capHeight: os2 && bytes.readUInt16BE(os2.offset) >= 2 ? bytes.readInt16BE(os2.offset + 88) : 0,
    bbox: [
      bytes.readInt16BE(head + 36),
      bytes.readInt16BE(head + 38),
      bytes.readInt16BE(head + 40),
      bytes.readInt16BE(head + 42),
    ],
    glyphCount,
    glyphOf: (codePoint) => glyphByCodePoint.get(codePoint) ?? 0,
    advanceOf: (glyph) => bytes.readUInt16BE(hmtx + 4 * Math.min(glyph, metricsCount - 1)),
    kerningOf: (left, right) => kerning.get(left * 65_536 + right) ?? 0,
    outlineOf: (glyph) => {
      let outline = outlines.get(glyph);
      if (!outline) outlines.set(glyph, (outline = contoursOf(glyph, 0).flatMap(toSteps)));
      return outline;
    },
    glyphRange,
    componentsOf: (glyph) => {
      const { start, end } = glyphRange(glyph);
      return start === end || bytes.readInt16BE(start) >= 0
        ? []
        : readComponents(bytes, start).map((part) => ({ glyph: part.glyph, glyphAt: part.at - start }));
    },
  };
}

function readCmap(bytes: Buffer, cmap: number): Map<number, number> {
  const glyphs = new Map<number, number>();
  for (let i = 0; i < bytes.readUInt16BE(cmap + 2); i++) {
    const platform = bytes.readUInt16BE(cmap + 4 + 8 * i);
    const encoding = bytes.readUInt16BE(cmap + 6 + 8 * i);
    const at = cmap + bytes.readUInt32BE(cmap + 8 + 8 * i);
    if (platform === 3 && encoding === 1 && bytes.readUInt16BE(at) === 4) readCmapSegments(bytes, at, glyphs);
  }
  return glyphs;
}

function readCmapSegments(bytes: Buffer, at: number, into: Map<number, number>): void {
  const segX2 = bytes.readUInt16BE(at + 6);
  for (let s = 0; s < segX2; s += 2) {
    const end = bytes.readUInt16BE(at + 14 + s);
    const start = bytes.readUInt16BE(at + 16 + segX2 + s);
    const delta = bytes.readUInt16BE(at + 16 + 2 * segX2 + s);
    const rangeAt = at + 16 + 3 * segX2 + s;
    const range = bytes.readUInt16BE(rangeAt);
    for (let code = start; code <= end && code !== 0xffff; code++) {
      const raw = range === 0 ? code : bytes.readUInt16BE(rangeAt + range + 2 * (code - start));
      const glyph = range === 0 || raw !== 0 ? (raw + delta) & 0xffff : 0;
      if (glyph !== 0) into.set(code, glyph);
    }
  }
}

function readKern(bytes: Buffer, kern: FontTable | undefined): Map<number, number> {
  const pairs = new Map<number, number>();
  if (!kern) return pairs;
  let at = kern.offset + 4;
  for (let i = 0; i < bytes.readUInt16BE(kern.offset + 2); i++) {
    const coverage = bytes.readUInt16BE(at + 4);
    // Format 0, horizontal, kerning values: the only kind that text fonts carry.
    if (coverage >> 8 === 0 && (coverage & 7) === 1) {
      const count = bytes.readUInt16BE(at + 6);
      for (let p = 0; p < count; p++) {
        const pair = at + 14 + 6 * p;
        pairs.set(bytes.readUInt16BE(pair) * 65_536 + bytes.readUInt16BE(pair + 2), bytes.readInt16BE(pair + 4));
      }
      // The length field is 16 bits and overflows in fonts with many pairs, so the count decides.
      at += 14 + 6 * count;
    } else at += bytes.readUInt16BE(at + 2);
  }
  return pairs;
}

function readPostScriptName(bytes: Buffer, name: number): string {
  const strings = name + bytes.readUInt16BE(name + 4);
  for (let i = 0; i < bytes.readUInt16BE(name + 2); i++) {
    const record = name + 6 + 12 * i;
    if (bytes.readUInt16BE(record + 6) !== 6) continue;
    const start = strings + bytes.readUInt16BE(record + 10);
    const raw = bytes.subarray(start, start + bytes.readUInt16BE(record + 8));
    return [...raw]
      .filter((byte) => byte > 32 && byte < 127)
      .map((byte) => String.fromCharCode(byte))
      .join("");
  }
  return "Unnamed";
}

function readSimpleGlyph(bytes: Buffer, start: number): Point[][] {
  const contourCount = bytes.readInt16BE(start);
  const ends = Array.from({ length: contourCount }, (_, i) => bytes.readUInt16BE(start + 10 + 2 * i));
  const pointCount = (ends.at(-1) ?? -1) + 1;
  let at = start + 10 + 2 * contourCount;
  at += 2 + bytes.readUInt16BE(at);
  const flags: number[] = [];
  while (flags.length < pointCount) {
    const flag = bytes.readUInt8(at++);
    const repeats = flag & 8 ? bytes.readUInt8(at++) : 0;
    for (let r = 0; r <= repeats; r++) flags.push(flag);
  }
  const readAxis = (shortBit: number, sameBit: number): number[] => {
    let value = 0;
    return flags.map((flag) => {
      if (flag & shortBit) value += flag & sameBit ? bytes.readUInt8(at++) : -bytes.readUInt8(at++);
      else if (!(flag & sameBit)) {
        value += bytes.readInt16BE(at);
        at += 2;
      }
      return value;
    });
  };
  const xs = readAxis(2, 16);
  const ys = readAxis(4, 32);
  const points = flags.map((flag, i) => ({ x: xs[i] ?? 0, y: ys[i] ?? 0, onCurve: (flag & 1) === 1 }));
  return ends.map((end, i) => points.slice(i === 0 ? 0 : (ends[i - 1] ?? 0) + 1, end + 1));
}

interface Component {
  readonly glyph: number;
  readonly at: number;
  readonly dx: number;
  readonly dy: number;
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
}

function readComponents(bytes: Buffer, start: number): Component[] {
  const parts: Component[] = [];
  let at = start + 10;
  let flags: number;
  do {
    flags = bytes.readUInt16BE(at);
    const glyphAt = at + 2;
    const glyph = bytes.readUInt16BE(glyphAt);
    at += 4;
    const areWords = (flags & 1) !== 0;
    const areOffsets = (flags & 2) !== 0;
    const dx = areWords ? bytes.readInt16BE(at) : bytes.readInt8(at);
    const dy = areWords ? bytes.readInt16BE(at + 2) : bytes.readInt8(at + 1);
    at += areWords ? 4 : 2;
    const scale = (): number => {
      const value = bytes.readInt16BE(at) / 16_384;
      at += 2;
      return value;
    };
    let [xx, xy, yx, yy] = [1, 0, 0, 1];
    if (flags & 8) xx = yy = scale();
    else if (flags & 64) [xx, yy] = [scale(), scale()];
    else if (flags & 128) [xx, xy, yx, yy] = [scale(), scale(), scale(), scale()];
    parts.push({ glyph, at: glyphAt, dx: areOffsets ? dx : 0, dy: areOffsets ? dy : 0, xx, xy, yx, yy });
  } while (flags & 32);
  return parts;
}

/** Spells a contour out: between two control points TrueType leaves the middle point unsaid. */
function toSteps(contour: readonly Point[]): OutlineStep[] {
  const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, onCurve: true });
  const first = contour[0];
  const last = contour.at(-1);
  if (!first || !last) return [];
  const start = first.onCurve ? first : last.onCurve ? last : middle(first, last);
  const steps: OutlineStep[] = [{ kind: "move", x: start.x, y: start.y }];
  let control: Point | undefined;
  for (const point of [...(first.onCurve ? contour.slice(1) : contour), start]) {
    if (point.onCurve) {
      steps.push(
        control
          ? { kind: "quad", cx: control.x, cy: control.y, x: point.x, y: point.y }
          : { kind: "line", x: point.x, y: point.y },
      );
      control = undefined;
    } else {
      if (control) {
        const between = middle(control, point);
        steps.push({ kind: "quad", cx: control.x, cy: control.y, x: between.x, y: between.y });
      }
      control = point;
    }
  }
  steps.push({ kind: "close" });
  return steps;
}
