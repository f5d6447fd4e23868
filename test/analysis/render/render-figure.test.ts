import { FigureSpecError, renderFigure } from "../../../analysis/render/index.ts";
import type { FigureSpec } from "../../../analysis/render/index.ts";

const spec: FigureSpec = {
  data: {
    values: [
      { clients: 1, ops: 10 },
      { clients: 2, ops: 19 },
    ],
  },
  mark: "bar",
  encoding: {
    x: { field: "clients", type: "ordinal", title: "clients" },
    y: { field: "ops", type: "quantitative", title: "throughput (ops/s)" },
  },
};
const withHints = (reprise: object): FigureSpec => ({ ...spec, usermeta: { reprise } });

describe("renderFigure", () => {
  it("gives the same bytes in every format for the same spec", async () => {
    const [first, second] = [await renderFigure(spec), await renderFigure(structuredClone(spec))];
    expect(second.svg).toEqual(first.svg);
    expect(second.png?.equals(first.png!)).toBe(true);
    expect(second.pdf?.equals(first.pdf!)).toBe(true);
  });

  it("comes out exactly as wide as its column", async () => {
    const figure = await renderFigure(withHints({ width: "double", aspect: 0.3 }));
    expect(figure.widthIn).toBe(7);
    expect(figure.heightIn).toBeCloseTo(2.1);
    expect(figure.svg).toContain('width="7in" height="2.1in"');
    expect(figure.pdf?.toString("latin1")).toContain("/MediaBox [0 0 504 151.2]");
    expect([figure.png?.readUInt32BE(16), figure.png?.readUInt32BE(20)]).toEqual([2100, 630]);
  });

  it("lets options stand over the spec's hints", async () => {
    const { widthIn } = await renderFigure(withHints({ width: "double" }), { width: 2.5, formats: ["svg"] });
    expect(widthIn).toBe(2.5);
  });

  it("makes only the formats asked for", async () => {
    const figure = await renderFigure(spec, { formats: ["pdf"] });
    expect(Object.keys(figure)).not.toContain("svg");
    expect(figure.pdf?.subarray(0, 5).toString()).toBe("%PDF-");
  });

  it("embeds fonts in an SVG and keeps its text as text", async () => {
    const { svg } = await renderFigure(spec, { formats: ["svg"] });
    expect(svg).toContain("@font-face");
    expect(svg).toContain(">throughput (ops/s)</text>");
    expect((await renderFigure(spec, { formats: ["svg"], embedsFonts: false })).svg).not.toContain("@font-face");
  });

  it("lists legend entries in the order given, wrapped inside the page", async () => {
    const names = ["zeta with a long name", "alpha with a long name", "midway with a long name"];
    const legend = { entries: names.map((label, i) => ({ label, swatch: "bar", color: `@series/${i}` })) };
    const { svg = "", warnings } = await renderFigure(withHints({ legend }), { formats: ["svg"] });
    const at = names.map((name) => svg.indexOf(name));
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(warnings).toEqual([]);
  });

  it("warns of a character that the fonts lack and of text that leaves the page", async () => {
    const odd: FigureSpec = {
      ...spec,
      encoding: { ...spec.encoding, x: { field: "clients", title: "客".repeat(60) } },
    };
    const { warnings } = await renderFigure(odd, { formats: ["svg"] });
    expect(warnings.join("\n")).toContain("lack these characters: 客");
    expect(warnings.join("\n")).toContain("leaves the page");
  });

  it("names what is wrong with a spec that Vega can't draw", async () => {
    const broken = { data: { values: [] } } as unknown as FigureSpec;
    await expect(renderFigure(broken)).rejects.toBeInstanceOf(FigureSpecError);
  });

  it("refuses a hint it doesn't know", async () => {
    await expect(renderFigure(withHints({ wdith: 3 }))).rejects.toThrow("wdith");
  });
});
