import { luminanceOf, parseColor } from "../../../analysis/render/color.ts";
import { resolveTheme, resolveTokens, seriesDashes, seriesShapes } from "../../../analysis/render/themes.ts";
import type { ThemeName } from "../../../analysis/render/themes.ts";

type Vector = readonly [number, number, number];
type Matrix = readonly [Vector, Vector, Vector];

/** Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB. */
const deficiencies: Readonly<Record<string, Matrix>> = {
  none: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function toLab(color: string, matrix: Matrix): Vector {
  const { red, green, blue } = parseColor(color)!;
  const linear = [red, green, blue].map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const [r = 0, g = 0, b = 0] = matrix.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, factor, i) => sum + factor * linear[i]!, 0),
      ),
    ),
  );
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
const distance = (a: Vector, b: Vector): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const pairs = <T>(items: readonly T[]): [T, T][] =>
  items.flatMap((a, i) => items.slice(i + 1).map((b): [T, T] => [a, b]));

describe("resolveTheme", () => {
  it.each(
    (["paper", "screen-dark"] as const).flatMap((name) =>
      Object.entries(deficiencies).map(([kind, matrix]) => [name, kind, matrix] as const),
    ),
  )("keeps six series of %s apart under %s", (name, _, matrix) => {
    const { series } = resolveTheme(name).colors;
    const closest = (count: number): number =>
      Math.min(...pairs(series.slice(0, count)).map(([a, b]) => distance(toLab(a, matrix), toLab(b, matrix))));
    // Ten is several times what an eye tells apart side by side.
    expect(closest(4)).toBeGreaterThan(20);
    expect(closest(6)).toBeGreaterThan(10);
  });

  it("keeps the first four series of a grey print apart", () => {
    const lightness = resolveTheme("paper")
      .colors.series.slice(0, 4)
      .map((c) => toLab(c, deficiencies["none"]!)[0]);
    expect(Math.min(...pairs(lightness).map(([a, b]) => Math.abs(a - b)))).toBeGreaterThan(9);
  });

  it.each(["paper", "screen", "screen-dark"] as ThemeName[])("has text on %s that reads well", (name) => {
    const { colors } = resolveTheme(name);
    const luminance = (color: string): number => luminanceOf(parseColor(color)!);
    for (const text of [colors.ink, colors.muted, colors.good, colors.bad]) {
      const [a = 0, b = 0] = [luminance(text), luminance(colors.background)].sort((p, q) => q - p);
      expect((a + 0.05) / (b + 0.05)).toBeGreaterThan(4.2);
    }
  });

  it("orders the sequential scale by lightness", () => {
    const steps = resolveTheme("paper").colors.sequential.map((color) => luminanceOf(parseColor(color)!));
    expect(steps).toEqual([...steps].sort((a, b) => b - a));
  });

  it("keeps a paper's text at 7 points or more", () => {
    expect(Math.min(...Object.values(resolveTheme("paper").fontSize))).toBeGreaterThanOrEqual(7);
  });

  it("has a mark and a dash of its own for each of eight series", () => {
    expect(new Set(seriesShapes).size).toBe(8);
    expect(new Set(seriesDashes.map((dash) => dash.join())).size).toBe(8);
  });
});

describe("resolveTokens", () => {
  const theme = resolveTheme("paper");
  it("fills in what the theme decides, and leaves rows alone", () => {
    const spec = {
      color: "@series/1",
      dash: "@dash/0",
      size: "@font/note",
      data: { values: [{ a: "@ink" }] },
      at: "@you",
    };
    expect(resolveTokens(spec, theme)).toEqual({
      color: "#da6600",
      dash: [],
      size: 7,
      data: { values: [{ a: "@ink" }] },
      at: "@you",
    });
  });
});
