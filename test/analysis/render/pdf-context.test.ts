import { inflateSync } from "node:zlib";
import { PdfContext } from "../../../analysis/render/pdf-context.ts";

/** The page's operators, and everything else of the file as text. */
function read(pdf: Buffer): { content: string; file: string } {
  const file = pdf.toString("latin1");
  const streams = [...file.matchAll(/\/Length (\d+) \/Filter \/FlateDecode>>\nstream\n/g)].map((match) => {
    const start = match.index + match[0].length;
    return inflateSync(pdf.subarray(start, start + Number(match[1]))).toString("latin1");
  });
  return { content: streams.find((stream) => stream.includes(" rg") || stream.includes(" RG")) ?? "", file };
}
const page = () => new PdfContext({ width: 100, height: 50, title: "Größe" });

describe("PdfContext", () => {
  it("turns the canvas's downward coordinates into the page's upward ones", () => {
    const context = page();
    context.translate(10, 5);
    context.beginPath();
    context.moveTo(0, 0);
    context.lineTo(20, 10);
    context.stroke();
    expect(read(context.toPdf()).content).toContain("10 45 m\n30 35 l\nS");
  });

  it("scales line widths and dashes, and takes them back on restore", () => {
    const context = page();
    context.save();
    context.scale(2, 2);
    context.lineWidth = 1.5;
    context.setLineDash([2, 1]);
    context.rect(0, 0, 1, 1);
    context.stroke();
    context.restore();
    context.beginPath();
    context.rect(0, 0, 1, 1);
    context.stroke();
    const { content } = read(context.toPdf());
    expect(content).toContain("3 w 0 J 0 j 10 M [4 2] 0 d");
    expect(content).toContain("1 w 0 J 0 j 10 M [] 0 d");
  });

  it("draws a full circle from four curves that meet", () => {
    const context = page();
    context.beginPath();
    context.arc(50, 25, 10, 0, 2 * Math.PI);
    context.fill();
    const { content } = read(context.toPdf());
    expect(content.match(/ c$/gm)).toHaveLength(4);
    expect(content).toContain("60 25 m");
    expect(content).toMatch(/60 25 c\nf/);
  });

  it("embeds TrueType subsets whose text can be read back, never Type 3", () => {
    const context = page();
    context.font = "10px Liberation Serif";
    context.fillText("AV µs", 10, 20);
    const { file } = read(context.toPdf());
    expect(file).toMatch(/\/Subtype \/CIDFontType2 \/BaseFont \/[A-Z]{6}\+LiberationSerif/);
    expect(file).toContain("/ToUnicode");
    expect(file).not.toContain("/Type3");
    const maps = [...file.matchAll(/\/Length (\d+) \/Filter \/FlateDecode>>\nstream\n/g)].map((match) => {
      const start = match.index + match[0].length;
      return inflateSync(Buffer.from(file.slice(start, start + Number(match[1])), "latin1")).toString("latin1");
    });
    expect(maps.join()).toContain("<00b5>");
  });

  it("uses transparency, gradients and clipping as a page's own", () => {
    const context = page();
    context.rect(0, 0, 50, 50);
    context.clip();
    context.globalAlpha = 0.25;
    const gradient = context.createLinearGradient(0, 0, 0, 50);
    gradient.addColorStop(0, "#ffffff");
    gradient.addColorStop(0.5, "rgb(10, 20, 30)");
    gradient.addColorStop(1, "#000000");
    context.fillStyle = gradient;
    context.fillRect(0, 0, 50, 50);
    const { file } = read(context.toPdf());
    expect(file).toContain("/ca 0.25 /CA 0.25");
    expect(file).toContain("/ShadingType 2");
    expect(file).toContain("/Bounds [0.5]");
  });

  it("holds no date, and gives the same bytes again", () => {
    const draw = (): Buffer => {
      const context = page();
      context.fillText("same", 5, 5);
      return context.toPdf();
    };
    expect(draw()).toEqual(draw());
    expect(draw().toString("latin1")).not.toContain("Date");
  });

  it("refuses bitmaps", () => {
    expect(() => page().drawImage()).toThrow("stays vector");
  });

  it("points its cross-reference table at its objects", () => {
    const context = page();
    context.fillText("x", 1, 1);
    const file = context.toPdf().toString("latin1");
    const start = Number(/startxref\n(\d+)/.exec(file)?.[1]);
    const entries = [...file.slice(start).matchAll(/^(\d{10}) 00000 n/gm)];
    expect(entries.length).toBeGreaterThan(5);
    entries.forEach((entry, index) => {
      expect(file.slice(Number(entry[1])).startsWith(`${index + 1} 0 obj`)).toBe(true);
    });
  });
});
