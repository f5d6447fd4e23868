import { inlineFigure, shortPaths } from "../../../analysis/gallery/inline-figure.ts";

const line = (points: readonly (readonly [number, number])[]): string =>
  points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x},${y}`).join("");
/** As a browser reads it: steps from the point before. */
function pointsOf(path: string): [number, number][] {
  const points: [number, number][] = [];
  for (const [, command, text = ""] of path.matchAll(/([MLlZ])([^MLlZ]*)/g)) {
    const numbers = (text.match(/-?(?:\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    for (let i = 0; i + 1 < numbers.length; i += 2) {
      const [x, y] = command === "l" ? points.at(-1)! : [0, 0];
      points.push([x + numbers[i]!, y + numbers[i + 1]!]);
    }
  }
  return points;
}

describe("shortPaths", () => {
  const points = Array.from({ length: 80 }, (_, i): [number, number] => [
    Math.round(i * 37.4) / 100,
    Math.round(100 * (50 + 40 * Math.sin(i))) / 100,
  ]);
  const broken = `${line(points)}${line(points.map(([x, y]) => [x + 30, y - 45.5]))}Z`;

  it("draws the same points, gaps and ends, in fewer characters", () => {
    const svg = shortPaths(`<path d="${broken}"/>`);
    const d = /d="([^"]*)"/.exec(svg)![1]!;
    expect(d.match(/[MZ]/g)).toEqual(["M", "M", "Z"]);
    expect(pointsOf(d).map((point) => point.map((n) => Math.round(n * 100) / 100))).toEqual(
      [...points, ...points.map(([x, y]) => [x + 30, y - 45.5])].map((point) =>
        point.map((n) => Math.round(n * 100) / 100),
      ),
    );
    expect(d.length).toBeLessThan(0.75 * broken.length);
  });

  it("leaves short paths, and those with curves", () => {
    for (const path of [line(points.slice(0, 5)), `${broken}C1,2,3,4,5,6`, "M0,0h5v5h-5Z"])
      expect(shortPaths(`<path d="${path}"/>`)).toBe(`<path d="${path}"/>`);
  });
});

describe("inlineFigure", () => {
  const light = '<svg><path fill="#2668ab"/></svg>';
  it("has one drawing where the dark one differs in colours alone, else both", () => {
    const one = inlineFigure({ svg: light, svgDark: '<svg><path fill="#4b8fe0"/></svg>' }, "a").text;
    expect([one.match(/<svg/g)?.length, one]).toEqual([1, expect.stringContaining('class="recolored"')]);
    const two = inlineFigure({ svg: light, svgDark: '<svg><path fill="#123456"/></svg>' }, "a").text;
    expect([two.match(/<svg/g)?.length, two]).toEqual([2, expect.stringContaining('class="for-dark"')]);
    expect(inlineFigure({ svg: light }, "a").text).toContain("light-only");
  });
});
