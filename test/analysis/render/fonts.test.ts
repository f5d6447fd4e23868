import { FontFileError, parseFontFile } from "../../../analysis/render/font-file.ts";
import { subsetFont } from "../../../analysis/render/subset-font.ts";
import { loadTypeface, measureText, setText, typefaceOf } from "../../../analysis/render/typefaces.ts";

const codePoints = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0)!);

describe("parseFontFile", () => {
  it("refuses what isn't a TrueType font, and says what would do", () => {
    expect(() => parseFontFile(Buffer.from("OTTO, a font of another kind"))).toThrow(FontFileError);
    expect(() => parseFontFile(Buffer.alloc(0))).toThrow("not a TrueType font");
  });

  // Advance widths of Times, which the serif has by design: see the Adobe font metrics of Times-Roman.
  it.each([
    ["A", 722],
    ["i", 278],
    ["0", 500],
    [" ", 250],
  ])("reads the width of %j", (character, thousandths) => {
    const { file } = loadTypeface("serif", "regular");
    const width = file.advanceOf(file.glyphOf(character.codePointAt(0)!));
    expect((width * 1000) / file.unitsPerEm).toBeCloseTo(thousandths, -0.5);
  });

  it("draws composite glyphs from their parts", () => {
    const { file } = loadTypeface("sans", "regular");
    const contours = (text: string): number =>
      file.outlineOf(file.glyphOf(text.codePointAt(0)!)).filter(({ kind }) => kind === "close").length;
    expect(contours("é")).toBe(contours("e") + 1);
    expect(contours(" ")).toBe(0);
  });
});

describe("setText", () => {
  it("kerns pairs", () => {
    const { file } = loadTypeface("serif", "regular");
    const apart = setText(file, "A").width + setText(file, "V").width;
    expect(setText(file, "AV").width).toBeLessThan(apart);
  });
});

describe("measureText", () => {
  it("grows with size and weight", () => {
    const width = (style: object): number => measureText({ font: "Open Sans", fontSize: 10, ...style }, "throughput");
    expect(width({ fontSize: 20 })).toBeCloseTo(2 * width({}));
    expect(width({ fontWeight: "bold" })).toBeGreaterThan(width({}));
  });
});

describe("typefaceOf", () => {
  it("falls to the sans for a family that isn't shipped", () => {
    expect(typefaceOf({ font: "Comic Sans MS" })).toMatchObject({ family: "sans", weight: "regular" });
    expect(typefaceOf({ font: "Liberation Serif", fontWeight: 700 })).toMatchObject({
      family: "serif",
      weight: "bold",
    });
  });
});

describe("subsetFont", () => {
  const { file } = loadTypeface("serif", "regular");

  it("reads back with the same widths, kerning and outlines, in a small part of the size", () => {
    const subset = subsetFont(file, codePoints("AVé 10"), "web");
    const read = parseFontFile(subset.bytes);
    expect(subset.bytes.length).toBeLessThan(12_000);
    for (const character of "AVé 10") {
      const [before, after] = [file.glyphOf(character.codePointAt(0)!), read.glyphOf(character.codePointAt(0)!)];
      expect(read.advanceOf(after)).toBe(file.advanceOf(before));
      expect(read.outlineOf(after)).toEqual(file.outlineOf(before));
    }
    expect(setText(read, "AV").width).toBe(setText(file, "AV").width);
    expect(read.glyphOf("B".codePointAt(0)!)).toBe(0);
  });

  it("gives the same bytes for the same characters in any order", () => {
    expect(subsetFont(file, codePoints("latency"), "web").bytes).toEqual(
      subsetFont(file, codePoints("ycnetal"), "web").bytes,
    );
  });

  it("writes checksums that add up", () => {
    const { bytes } = subsetFont(file, codePoints("x"), "pdf");
    let sum = 0;
    for (let at = 0; at < bytes.length; at += 4) sum = (sum + bytes.readUInt32BE(at)) >>> 0;
    expect(sum).toBe(0xb1b0afba);
  });
});
