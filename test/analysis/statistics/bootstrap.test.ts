import {
  acceleration,
  bcaInterval,
  bootstrapInterval,
  percentileInterval,
  resampledStatistics,
} from "../../../analysis/statistics/bootstrap.ts";
import type { Statistic } from "../../../analysis/statistics/bootstrap.ts";
import { interpolatedQuantile, mean, standardDeviation } from "../../../analysis/statistics/descriptive.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import { resampledMeans } from "../../../analysis/statistics/resampled-means.ts";
import { reference } from "./check/reference.ts";

const { values, cases } = reference.bootstraps;
const statistics: Record<string, Statistic> = {
  mean: "mean",
  median: "median",
  p90: { quantile: 0.9, convention: "interpolated" },
};

describe("bootstrapInterval", () => {
  it.each(cases.filter(({ statistic }) => statistic === "mean"))(
    "reads SciPy's own resamples the way SciPy does ($method)",
    ({ method, distribution, interval }) => {
      const resamples = Float64Array.from(distribution!);
      const data = Float64Array.from(values);
      const { low, high } =
        method === "percentile"
          ? percentileInterval(resamples, 0.95)
          : bcaInterval(resamples, {
              estimate: mean(data),
              acceleration: acceleration(data, "mean"),
              confidence: 0.95,
            });
      expect(low).toBeCloseTo(interval[0], 8);
      expect(high).toBeCloseTo(interval[1], 8);
    },
  );

  it.each(cases)(
    "agrees with 200,000 of SciPy's resamples: $statistic, $method",
    ({ statistic, method, longInterval, longStandardError }) => {
      const ours = bootstrapInterval(values, { statistic: statistics[statistic]!, method, resamples: 100_000 });
      expect(Math.abs(ours.low - longInterval[0]) / longStandardError).toBeLessThan(0.04);
      expect(Math.abs(ours.high - longInterval[1]) / longStandardError).toBeLessThan(0.04);
      expect(Math.abs(ours.standardError / longStandardError - 1)).toBeLessThan(0.02);
    },
  );

  it("gives a function the same interval as the named statistic, the jackknife included", () => {
    const named = bootstrapInterval(values, { resamples: 20_000 });
    const custom = bootstrapInterval(values, { statistic: (drawn) => mean(drawn), resamples: 20_000, seed: 2 });
    expect(Math.abs(custom.low - named.low) / named.standardError).toBeLessThan(0.06);
    const data = Float64Array.from(values);
    expect(acceleration(data, (left) => mean(left))).toBeCloseTo(acceleration(data, "mean"), 10);
    expect(acceleration(data, (left) => interpolatedQuantile(left, 0.9))).toBeCloseTo(
      acceleration(data, { quantile: 0.9, convention: "interpolated" }),
      10,
    );
  });

  it("repeats for a seed, and changes with it", () => {
    expect(bootstrapInterval(values, { seed: 4 })).toEqual(bootstrapInterval(values, { seed: 4 }));
    expect(bootstrapInterval(values, { seed: 4 }).low).not.toBe(bootstrapInterval(values, { seed: 5 }).low);
  });

  it("collapses on constants, with every method", () => {
    for (const method of ["percentile", "bca", "studentized"] as const) {
      expect(bootstrapInterval([2, 2, 2, 2], { method })).toMatchObject({ low: 2, high: 2, estimate: 2 });
    }
  });

  it("refuses what it can't do", () => {
    expect(() => bootstrapInterval([1, 2], { method: "studentized", statistic: "median" })).toThrow("for the mean");
    expect(() => bootstrapInterval([1])).toThrow("needs at least 2 values");
    expect(() => bootstrapInterval([1, 2], { resamples: 1 })).toThrow("1 resamples");
  });
});

describe("resampledMeans", () => {
  const random = generator(77);
  const smooth = (n: number) => Float64Array.from({ length: n }, () => 1e6 + Math.exp(random.normal() / 2));
  it.each([
    ["one by one", smooth(300)],
    ["in blocks with a remainder", smooth(9_001)],
    ["in whole blocks", smooth(8_192)],
    ["by multiplicity", smooth(3_000).map((value) => Math.round(value))],
  ])("has the mean, spread and skew of resampling: %s", (_way, data) => {
    const resamples = 4_000;
    const n = data.length;
    const means = resampledMeans(data, resamples, generator(5));
    const centre = mean(data);
    const moment = (p: number) => data.reduce((total, value) => total + (value - centre) ** p, 0) / n;
    const expectedDeviation = Math.sqrt(moment(2) / n);
    expect(Math.abs(mean(means) - centre) / (expectedDeviation / Math.sqrt(resamples))).toBeLessThan(4);
    expect(Math.abs(standardDeviation(means) / expectedDeviation - 1)).toBeLessThan(4 / Math.sqrt(2 * resamples));
    const average = mean(means);
    const skew = means.reduce((total, value) => total + ((value - average) / expectedDeviation) ** 3, 0) / resamples;
    expect(Math.abs(skew - moment(3) / moment(2) ** 1.5 / Math.sqrt(n))).toBeLessThan(4 * Math.sqrt(6 / resamples));
  });
});

describe("resampled quantiles", () => {
  it.each([
    { quantile: 0.5, convention: "interpolated" },
    { quantile: 0.9, convention: "interpolated" },
    { quantile: 0.99, convention: "nearest-rank" },
    { quantile: 0, convention: "nearest-rank" },
  ] as const)("have the distribution of drawing and sorting ($quantile, $convention)", (statistic) => {
    const data = Float64Array.from(values);
    const quick = resampledStatistics(data, statistic, 20_000, generator(1)).sort();
    const slow = resampledStatistics(data, (drawn) => bruteQuantile(drawn, statistic), 20_000, generator(2)).sort();
    // Kolmogorov and Smirnov's distance of two samples of 20,000: 0.1 % critical value 0.0195.
    let distance = 0;
    for (const value of new Set([...quick, ...slow]))
      distance = Math.max(distance, Math.abs(countUpTo(quick, value) - countUpTo(slow, value)) / 20_000);
    expect(distance).toBeLessThan(0.0195);
  });
});

function bruteQuantile(
  drawn: Float64Array,
  { quantile, convention }: { quantile: number; convention: "interpolated" | "nearest-rank" },
): number {
  const sorted = drawn.slice().sort();
  if (convention === "interpolated") return interpolatedQuantile(sorted, quantile);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length - 1e-9) - 1)]!;
}

function countUpTo(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
