import fc from "fast-check";
import { extentOf, numberAxis } from "../../../analysis/charts/axes.ts";
import { lineChart } from "../../../analysis/charts/line-chart.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";

const linear = (values: number[], more = {}) => numberAxis(values, { title: "t", ...more });
const ticksOf = (axis: ReturnType<typeof numberAxis>): number[] => axis.axis["values"] as number[];
const domainOf = (axis: ReturnType<typeof numberAxis>): number[] => axis.scale["domain"] as number[];

describe("extentOf", () => {
  it("passes over what isn't finite", () => {
    expect(extentOf([NaN, 3, -1, Infinity])).toEqual([-1, 3]);
  });
  it("has none for no numbers", () => {
    expect(extentOf([NaN])).toBeUndefined();
  });
});

describe("numberAxis", () => {
  it.each([
    ["from zero to a round number", [3, 47], {}, [0, 10, 20, 30, 40, 50]],
    ["around zero", [-6.3, 4.4], {}, [-8, -6, -4, -2, 0, 2, 4, 6]],
    ["away from zero when asked", [97, 99], { zero: false }, [97, 97.5, 98, 98.5, 99]],
    ["of one value only", [5], { zero: false }, [2, 3, 4, 5, 6, 7, 8]],
    ["of zeros only", [0, 0], {}, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    ["of no values at all", [], {}, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  ])("puts round ticks on a linear axis %s", (_, values, more, ticks) => {
    expect(ticksOf(linear(values, more))).toEqual(ticks);
  });

  it("encloses any values by a few ticks that start and end the axis", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (values, zero) => {
          const axis = linear(values, { zero });
          const [low = NaN, high = NaN] = domainOf(axis);
          const ticks = ticksOf(axis);
          const slack = Math.max(...values.map(Math.abs), 1e-290) * 1e-6;
          expect(low).toBeLessThanOrEqual(Math.min(...values) + slack);
          expect(high).toBeGreaterThanOrEqual(Math.max(...values) - slack);
          expect(ticks.length).toBeGreaterThanOrEqual(2);
          expect(ticks.length).toBeLessThanOrEqual(9);
          expect([ticks[0], ticks.at(-1)]).toEqual([low, high]);
        },
      ),
      { seed: 20, numRuns: 500 },
    );
  });

  it("labels powers on a log axis and keeps the digits between as minor ticks", () => {
    const axis = linear([0.3, 800], { scale: "log" });
    expect(domainOf(axis)).toEqual([0.2, 1000]);
    expect(ticksOf(axis)).toContain(0.3);
    expect(axis.axis["labelExpr"]).toContain("[1,10,100,1000]");
  });

  it("labels ones, twos and fives on a short log axis", () => {
    expect(linear([12, 90], { scale: "log" }).axis["labelExpr"]).toContain("[10,20,50,100]");
  });

  it("has powers of two for client counts", () => {
    expect(ticksOf(linear([1, 2, 4, 8, 16], { scale: "log2" }))).toEqual([1, 2, 4, 8, 16]);
  });

  it("ignores what a log scale can't show", () => {
    expect(domainOf(linear([0, -4, 10, 1000], { scale: "log" }))).toEqual([10, 1000]);
  });

  it("keeps to a domain and ticks that are given", () => {
    const axis = linear([1, 2], { domain: [0, 7], ticks: [0, 3.5, 7] });
    expect([domainOf(axis), ticksOf(axis)]).toEqual([
      [0, 7],
      [0, 3.5, 7],
    ]);
  });

  it("calls an author's ticks by their own numbers, however few they are", async () => {
    const drawn = async (ticks: number[], values: number[]): Promise<string> => {
      const spec = lineChart(
        values.map((x) => ({ x, y: x })),
        {
          x: { field: "x", title: "x", domain: [values[0] ?? 0, values.at(-1) ?? 1], ticks },
          y: { field: "y", title: "y" },
        },
      );
      return (await renderFigure(spec, { formats: ["svg"], embedsFonts: false })).svg ?? "";
    };
    expect(await drawn([4, 8, 12], [3, 14])).toMatch(/>12</);
    expect(await drawn([250_000, 1_000_000, 3_250_000], [0, 4_000_000])).toMatch(/>3.25M</);
  });
});
