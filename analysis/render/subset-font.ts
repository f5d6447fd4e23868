/**
 * Cuts a TrueType font down to the glyphs that a figure shows, so that an SVG or PDF can carry its fonts in a few
 * kilobytes. Glyphs are renumbered in the order of the original.
 */
import type { FontFile } from "./font-file.ts";

/** The glyphs asked for, the missing glyph, and the parts that composites are made of; ascending. */
export function closeOverComponents(font: FontFile, glyphs: Iterable<number>): number[] {
  const closed = new Set<number>([0]);
  const pending = [...glyphs];
  for (let glyph = pending.pop(); glyph !== undefined; glyph = pending.pop()) {
    if (closed.has(glyph)) continue;
    closed.add(glyph);
    pending.push(...font.componentsOf(glyph).map((component) => component.glyph));
  }
  return [...closed].sort((a, b) => a - b);
}

export interface FontSubset {
  readonly bytes: Buffer;
  /** From a glyph's number in the original to its number here. */
  readonly glyphs: ReadonlyMap<number, number>;
}

/**
 * @param codePoints what the subset must show
 * @param use "pdf" leaves out what a PDF says itself (character map, names, kerning)
 * @returns same bytes for the same set, in whatever order it came
 */
export function subsetFont(font: FontFile, codePoints: Iterable<number>, use: "web" | "pdf"): FontSubset {
  const shown = [...new Set(codePoints)]
    .sort((a, b) => a - b)
    .map((codePoint) => ({ codePoint, original: font.glyphOf(codePoint) }))
    .filter(({ original }) => original !== 0);
  const originals = closeOverComponents(
    font,
    shown.map(({ original }) => original),
  );
  const glyphs = new Map(originals.map((original, index) => [original, index]));
  const numberOf = (original: number): number => glyphs.get(original) ?? 0;
  const copy = (tag: string): Buffer | undefined => {
    const table = font.tables.get(tag);
    return table && Buffer.from(font.bytes.subarray(table.offset, table.offset + table.length));
  };

  const tables = new Map<string, Buffer>();
  const { glyf, loca } = cutGlyphs(font, originals, numberOf);
  tables.set("glyf", glyf);
  tables.set("loca", loca);
  const sourceHmtx = font.tables.get("hmtx")?.offset ?? 0;
  const hmtx = Buffer.alloc(4 * originals.length);
  originals.forEach((original, index) => {
    hmtx.writeUInt16BE(font.advanceOf(original), 4 * index);
    hmtx.writeInt16BE(leftSideBearing(font, original, sourceHmtx), 4 * index + 2);
  });
  tables.set("hmtx", hmtx);
  const head = copy("head");
  head?.writeInt16BE(1, 50); // loca is written with 32-bit offsets
  head?.writeUInt32BE(0, 8);
  const hhea = copy("hhea");
  hhea?.writeUInt16BE(originals.length, 34);
  const maxp = copy("maxp");
  maxp?.writeUInt16BE(originals.length, 4);
  for (const [tag, table] of Object.entries({ head, hhea, maxp })) if (table) tables.set(tag, table);
  // Hinting programs refer to these; without them the kept glyphs would be garbled at small sizes.
  for (const tag of ["cvt ", "fpgm", "prep"]) {
    const table = copy(tag);
    if (table) tables.set(tag, table);
  }
  if (use === "web") {
    const os2 = copy("OS/2");
    if (os2) tables.set("OS/2", os2);
    tables.set("cmap", buildCmap(shown.map(({ codePoint, original }) => ({ codePoint, glyph: numberOf(original) }))));
    tables.set("post", Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.alloc(28)]));
    tables.set("name", buildName(font.postScriptName));
    const kern = buildKern(font, originals);
    if (kern) tables.set("kern", kern);
  }
  return { bytes: assemble(tables), glyphs };
}

function cutGlyphs(
  font: FontFile,
  originals: readonly number[],
  numberOf: (original: number) => number,
): { glyf: Buffer; loca: Buffer } {
  const loca = Buffer.alloc(4 * (originals.length + 1));
  const outlines: Buffer[] = [];
  let at = 0;
  originals.forEach((original, index) => {
    loca.writeUInt32BE(at, 4 * index);
    const { start, end } = font.glyphRange(original);
    const outline = Buffer.alloc(Math.ceil((end - start) / 4) * 4);
    font.bytes.copy(outline, 0, start, end);
    for (const { glyph, glyphAt } of font.componentsOf(original)) outline.writeUInt16BE(numberOf(glyph), glyphAt);
    outlines.push(outline);
    at += outline.length;
  });
  loca.writeUInt32BE(at, 4 * originals.length);
  return { glyf: Buffer.concat(outlines), loca };
}

function leftSideBearing(font: FontFile, glyph: number, hmtx: number): number {
  const metricsCount = font.bytes.readUInt16BE((font.tables.get("hhea")?.offset ?? 0) + 34);
  return glyph < metricsCount
    ? font.bytes.readInt16BE(hmtx + 4 * glyph + 2)
    : font.bytes.readInt16BE(hmtx + 4 * metricsCount + 2 * (glyph - metricsCount));
}

/** A format 4 character map with one segment a character: larger than need be, but there are few. */
function buildCmap(mapping: readonly { codePoint: number; glyph: number }[]): Buffer {
  const segments = [...mapping, { codePoint: 0xffff, glyph: 0 }];
  const n = segments.length;
  const table = Buffer.alloc(12 + 16 + 8 * n);
  table.writeUInt16BE(1, 2);
  table.writeUInt16BE(3, 4);
  table.writeUInt16BE(1, 6);
  table.writeUInt32BE(12, 8);
  const searchRange = 2 * 2 ** Math.floor(Math.log2(n));
  [4, 16 + 8 * n, 0, 2 * n, searchRange, Math.log2(searchRange / 2), 2 * n - searchRange].forEach((value, i) =>
    table.writeUInt16BE(value, 12 + 2 * i),
  );
  segments.forEach(({ codePoint, glyph }, i) => {
    table.writeUInt16BE(codePoint, 26 + 2 * i);
    table.writeUInt16BE(codePoint, 28 + 2 * n + 2 * i);
    table.writeUInt16BE(codePoint === 0xffff ? 1 : (glyph - codePoint) & 0xffff, 28 + 4 * n + 2 * i);
  });
  return table;
}

function buildName(postScriptName: string): Buffer {
  const text = Buffer.from(postScriptName, "utf16le").swap16();
  const ids = [1, 4, 6];
  const header = Buffer.alloc(6 + 12 * ids.length);
  header.writeUInt16BE(ids.length, 2);
  header.writeUInt16BE(header.length, 4);
  ids.forEach((id, i) =>
    [3, 1, 0x409, id, text.length, 0].forEach((v, j) => header.writeUInt16BE(v, 6 + 12 * i + 2 * j)),
  );
  return Buffer.concat([header, text]);
}

/** Kerning between all kept glyphs, by their new numbers, which ascend as the format asks. */
function buildKern(font: FontFile, originals: readonly number[]): Buffer | undefined {
  const pairs = originals.flatMap((leftGlyph, left) =>
    originals
      .map((rightGlyph, right) => ({ left, right, value: font.kerningOf(leftGlyph, rightGlyph) }))
      .filter(({ value }) => value !== 0),
  );
  if (pairs.length === 0) return undefined;
  const table = Buffer.alloc(18 + 6 * pairs.length);
  const searchRange = 6 * 2 ** Math.floor(Math.log2(pairs.length));
  [0, 1, 0, (14 + 6 * pairs.length) & 0xffff, 1, pairs.length, searchRange, Math.log2(searchRange / 6)].forEach(
    (v, i) => table.writeUInt16BE(v, 2 * i),
  );
  table.writeUInt16BE(6 * pairs.length - searchRange, 16);
  pairs.forEach(({ left, right, value }, i) => {
    table.writeUInt16BE(left, 18 + 6 * i);
    table.writeUInt16BE(right, 20 + 6 * i);
    table.writeInt16BE(value, 22 + 6 * i);
  });
  return table;
}

function assemble(tables: ReadonlyMap<string, Buffer>): Buffer {
  const entries = [...tables].sort(([a], [b]) => (a < b ? -1 : 1));
  const searchRange = 16 * 2 ** Math.floor(Math.log2(entries.length));
  const directory = Buffer.alloc(12 + 16 * entries.length);
  directory.writeUInt32BE(0x00010000, 0);
  [entries.length, searchRange, Math.log2(searchRange / 16), 16 * entries.length - searchRange].forEach((v, i) =>
    directory.writeUInt16BE(v, 4 + 2 * i),
  );
  const bodies: Buffer[] = [];
  let at = directory.length;
  entries.forEach(([tag, body], i) => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    directory.write(tag, 12 + 16 * i, "latin1");
    directory.writeUInt32BE(checksum(padded), 16 + 16 * i);
    directory.writeUInt32BE(at, 20 + 16 * i);
    directory.writeUInt32BE(body.length, 24 + 16 * i);
    bodies.push(padded);
    at += padded.length;
  });
  const file = Buffer.concat([directory, ...bodies]);
  const headIndex = entries.findIndex(([tag]) => tag === "head");
  if (headIndex >= 0) {
    const head = file.readUInt32BE(20 + 16 * headIndex);
    file.writeUInt32BE((0xb1b0afba - checksum(file)) >>> 0, head + 8);
  }
  return file;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum = (sum + bytes.readUInt32BE(at)) >>> 0;
  return sum;
}
