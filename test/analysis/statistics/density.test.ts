import {
  empiricalDistribution,
  histogram,
  kernelDensity,
  ridgeline,
  silvermanBandwidth,
} from "../../../analysis/statistics/density.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import { reference } from "./check/reference.ts";

const { values, ...expected } = reference.descriptive;

describe("histogram", () => {
  it("counts like NumPy, the last bar closed", () => {
    expect(histogram(values, { bins: 8 }).map(({ count }) => count)).toEqual(expected.histogram);
    expect(histogram(values)).toHaveLength(expected.histogramAutoBins);
  });
  it("has areas that add up to 1", () => {
    const area = histogram(values).reduce((total, { low, high, density }) => total + (high - low) * density, 0);
    expect(area).toBeCloseTo(1, 12);
  });
  it("gives a constant one bar with a width, and ignores values outside a range", () => {
    expect(histogram([3, 3, 3], { bins: 1 })).toEqual([{ low: 2.5, high: 3.5, count: 3, density: 1 }]);
    expect(histogram([1, 2, 3, 99], { bins: 3, range: [0, 3] }).map(({ count }) => count)).toEqual([0, 1, 2]);
  });
});

describe("empiricalDistribution", () => {
  it("steps once a distinct value, up to 1", () => {
    expect(empiricalDistribution([2, 1, 2, 4])).toEqual([
      { value: 1, share: 0.25 },
      { value: 2, share: 0.75 },
      { value: 4, share: 1 },
    ]);
  });
  it("thins long tables and keeps both ends", () => {
    const steps = empiricalDistribution(
      Array.from({ length: 10_000 }, (_, i) => i),
      100,
    );
    expect(steps.length).toBeLessThanOrEqual(101);
    expect(steps[0]).toEqual({ value: 0, share: 0.0001 });
    expect(steps.at(-1)).toEqual({ value: 9_999, share: 1 });
  });
});

describe("kernelDensity", () => {
  it("equals the direct sum of SciPy's kernels", () => {
    const curve = kernelDensity(values, { points: 7, range: [60, 180] });
    expect(silvermanBandwidth(values)).toBeCloseTo(expected.bandwidth, 10);
    for (const [i, point] of expected.density.entries()) {
      expect(curve[i]!.value).toBeCloseTo(point.value, 10);
      expect(curve[i]!.density).toBeCloseTo(point.density, 10);
    }
  });
  it("bins many values without a visible error, and integrates to 1", () => {
    const random = generator(4);
    const many = Float64Array.from({ length: 20_000 }, () => Math.exp(random.normal() * 0.3));
    const curve = kernelDensity(many, { points: 300 });
    const step = curve[1]!.value - curve[0]!.value;
    expect(curve.reduce((total, { density }) => total + density * step, 0)).toBeCloseTo(1, 3);
    const bandwidth = silvermanBandwidth(many);
    const peak = Math.max(...curve.map(({ density }) => density));
    for (const at of [0, 70, 150, 260]) {
      const point = curve[at]!;
      let exact = 0;
      for (const value of many) exact += Math.exp(-0.5 * ((point.value - value) / bandwidth) ** 2);
      exact /= many.length * bandwidth * Math.sqrt(2 * Math.PI);
      expect(Math.abs(point.density - exact) / peak).toBeLessThan(1e-3);
    }
  });
  it("draws a constant as one narrow hump", () => {
    const curve = kernelDensity([5, 5, 5]);
    expect(Math.max(...curve.map(({ density }) => density))).toBeGreaterThan(10);
  });
});

describe("ridgeline", () => {
  it("puts groups on one axis, with heights of the whole plot's peak", () => {
    const rows = ridgeline(
      new Map([
        ["1 client", [1, 1.1, 1.2]],
        ["8 clients", [5, 6, 7]],
      ]),
      { points: 50 },
    );
    const axis = (group: string) => rows.filter((row) => row.group === group).map(({ value }) => value);
    expect(axis("1 client")).toEqual(axis("8 clients"));
    expect(Math.max(...rows.map(({ height }) => height))).toBe(1);
    const peakOf = (group: string) =>
      Math.max(...rows.filter((row) => row.group === group).map(({ height }) => height));
    expect(peakOf("8 clients")).toBeLessThan(0.5);
  });
});
