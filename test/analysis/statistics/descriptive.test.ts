import {
  RunningMoments,
  coefficientOfVariation,
  correlation,
  geometricMean,
  interpolatedQuantile,
  mean,
  median,
  nearestRankQuantile,
  robustDeviation,
  summarize,
  trimmedMean,
  variance,
  weightedMean,
  weightedQuantile,
} from "../../../analysis/statistics/descriptive.ts";
import { SampleError } from "../../../analysis/statistics/samples.ts";
import { reference } from "./check/reference.ts";

const { values, weights, ...expected } = reference.descriptive;

describe("descriptive statistics", () => {
  it("equal NumPy's and SciPy's", () => {
    expect(mean(values)).toBeCloseTo(expected.mean, 11);
    expect(variance(values)).toBeCloseTo(expected.variance, 10);
    expect(geometricMean(values)).toBeCloseTo(expected.geometricMean, 11);
    expect(trimmedMean(values, 0.1)).toBeCloseTo(expected.trimmedMean, 11);
    expect(robustDeviation(values)).toBeCloseTo(expected.robustDeviation, 9);
    expect(weightedMean(values, weights)).toBeCloseTo(expected.weightedMean, 11);
  });

  it.each(expected.nearestRank)("takes the nearest rank at $p", ({ p, value }) => {
    expect(nearestRankQuantile(values, p)).toBe(value);
  });
  it.each(expected.interpolated)("interpolates at $p", ({ p, value }) => {
    expect(interpolatedQuantile(values, p)).toBeCloseTo(value, 11);
  });
  it.each(expected.weightedQuantiles)("weighs at $p", ({ p, value }) => {
    expect(weightedQuantile(values, weights, p)).toBe(value);
  });

  it("keeps the two conventions apart: p90 of 1 to 10 is 9, or 9.1", () => {
    const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    expect(nearestRankQuantile(ten, 0.9)).toBe(9);
    expect(interpolatedQuantile(ten, 0.9)).toBeCloseTo(9.1, 12);
    expect(ten[0]).toBe(10); // the input keeps its order
  });

  it("takes a whole rank as whole, rounding or not", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0.07, 0.14, 0.28, 0.29, 0.56, 0.57, 0.58].map((p) => nearestRankQuantile(hundred, p))).toEqual([
      7, 14, 28, 29, 56, 57, 58,
    ]);
  });

  it("loses no digits to a large offset", () => {
    const offset = 1.7e18;
    const shifted = [1024, 2048, 4096, 8192].map((value) => offset + value);
    expect(variance(shifted)).toBe(variance([1024, 2048, 4096, 8192]));
    expect(mean([1e100, 1, -1e100])).toBeCloseTo(1 / 3, 12);
  });

  it("summarises one value without a spread", () => {
    expect(summarize([5])).toMatchObject({ count: 1, mean: 5, standardDeviation: 0, p99: 5 });
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("merges running moments as if they were one stream", () => {
    const left = new RunningMoments();
    const right = new RunningMoments();
    for (const [i, value] of values.entries()) (i < 10 ? left : right).add(value);
    left.merge(right);
    left.merge(new RunningMoments());
    expect(left.count).toBe(values.length);
    expect(left.mean).toBeCloseTo(expected.mean, 11);
    expect(left.variance).toBeCloseTo(expected.variance, 9);
    expect([left.min, left.max]).toEqual([Math.min(...values), Math.max(...values)]);
    expect(new RunningMoments().mean).toBeNaN();
  });

  it("correlates pairs, and finds nothing in a constant", () => {
    expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
    expect(correlation([1, 2, 3], [5, 5, 5])).toBe(0);
  });

  it.each([
    ["no values", () => mean([]), "needs at least 1 value, got 0"],
    ["one value", () => variance([1]), "needs at least 2 values, got 1"],
    ["a hole", () => mean([1, Number.NaN]), "value 1 is NaN"],
    ["a zero in a geometric mean", () => geometricMean([1, 0]), "value 1 is 0"],
    ["a mean of zero", () => coefficientOfVariation([-1, 1]), "mean 0"],
    ["a percentile for a share", () => interpolatedQuantile([1], 99), "a quantile of 99"],
    ["weights of another length", () => weightedMean([1, 2], [1]), "2 values but 1 weights"],
    ["a negative weight", () => weightedQuantile([1, 2], [1, -1], 0.5), "weight 1 is -1"],
  ])("refuses %s", (_name, attempt, message) => {
    expect(attempt).toThrow(SampleError);
    expect(attempt).toThrow(message);
  });
});
