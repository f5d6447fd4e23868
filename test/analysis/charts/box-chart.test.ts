import { boxChart, toBox } from "../../../analysis/charts/box-chart.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";

describe("toBox", () => {
  it("gives Tukey's five numbers, and what lies beyond the whiskers", () => {
    expect(toBox([7, 1, 2, 3, 4, 5, 6, 30])).toEqual([
      { low: 1, q1: 2.75, median: 4.5, q3: 6.25, high: 7 },
      { outlier: 30 },
    ]);
  });
  it("has whiskers of no length where a quartile is the end, and no box of nothing", () => {
    expect(toBox([5])).toEqual([{ low: 5, q1: 5, median: 5, q3: 5, high: 5 }]);
    expect(toBox([NaN])).toEqual([]);
    // All values inside the reach lie between the quartiles: a whisker never points inwards.
    expect(toBox([0, 0, 0, 0, 100]).every(({ low = 0, q1 = 0 }) => low <= q1)).toBe(true);
  });
});

describe("boxChart", () => {
  const rows = (["sequential", "duet"] as const).flatMap((method) =>
    toBox([1, 2, 3, 4, method === "duet" ? 9 : 4]).map((values) => ({ suite: "dacapo", method, ...values })),
  );
  it("draws a box, its whiskers and its median for each series, and the points beyond", async () => {
    const spec = boxChart(rows, {
      x: { field: "suite", title: "" },
      y: { title: "width" },
      series: { field: "method", order: ["sequential", "duet"] },
    });
    const layers = (spec as unknown as { layer: { mark: { type: string }; data?: { values: object[] } }[] }).layer; // toSpec makes layers
    expect(layers.map(({ mark, data }) => [mark.type, data?.values.length])).toEqual([
      ["rule", 2],
      ["bar", 2],
      ["tick", 2],
      ["point", 1],
    ]);
    expect((await renderFigure(spec, { formats: ["svg"] })).svg).toContain("<svg");
  });
});
