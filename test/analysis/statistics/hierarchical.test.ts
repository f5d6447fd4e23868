import {
  grandMeanInterval,
  hierarchicalBootstrap,
  optimalRepetitions,
  varianceComponents,
} from "../../../analysis/statistics/hierarchical.ts";
import type { Levels } from "../../../analysis/statistics/hierarchical.ts";
import { median } from "../../../analysis/statistics/descriptive.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import type { Generator } from "../../../analysis/statistics/generator.ts";
import { tInterval } from "../../../analysis/statistics/t-interval.ts";

/** Hosts of runs of iterations with the given standard deviation at each level. */
const draw = (
  random: Generator,
  [hosts, runs, iterations]: readonly [number, number, number],
  [s3, s2, s1]: readonly [number, number, number],
): number[][][] =>
  Array.from({ length: hosts }, () => {
    const host = s3 * random.normal();
    return Array.from({ length: runs }, () => {
      const run = host + s2 * random.normal();
      return Array.from({ length: iterations }, () => run + s1 * random.normal());
    });
  });

describe("grandMeanInterval", () => {
  it("is the t interval of the top level's means, whatever lies below", () => {
    const levels = [
      [
        [1, 3],
        [5, 7],
      ],
      [
        [2, 2],
        [4, 4],
      ],
      [[9], [1]],
    ];
    expect(grandMeanInterval(levels)).toEqual(tInterval([4, 3, 5]));
    expect(() => grandMeanInterval([[[1, 2]]])).toThrow("at least 2 values");
  });
  it("refuses empty and uneven units", () => {
    expect(() => grandMeanInterval([[1, 2], []])).toThrow("a unit without values");
    expect(() => varianceComponents([[1, 2], [[3]]] as Levels)).toThrow("different depths");
  });
});

describe("varianceComponents", () => {
  it("takes apart what a balanced design adds up, as computed by hand", () => {
    // Run means 1, 3 and 6, 8; iterations ±1 around them.
    const [iterations, runs, hosts] = varianceComponents([
      [
        [0, 2],
        [2, 4],
      ],
      [
        [5, 7],
        [7, 9],
      ],
    ]);
    expect(iterations).toEqual({ level: 1, observed: 2, component: 2, repetitions: 2 });
    expect(runs).toEqual({ level: 2, observed: 2, component: 1, repetitions: 2 });
    expect(hosts).toEqual({ level: 3, observed: 12.5, component: 11.5, repetitions: 2 });
  });
  it("estimates the components of a simulation", () => {
    const components = varianceComponents(draw(generator(4), [400, 6, 5], [3, 2, 1]));
    expect(components.map(({ component }) => Math.sqrt(component))).toEqual([
      expect.closeTo(1, 1),
      expect.closeTo(2, 1),
      expect.closeTo(3, 0),
    ]);
  });
  it("needs a repetition at every level", () => {
    expect(() => varianceComponents([[[1], [2]]])).toThrow("level 1 has one unit everywhere");
  });
});

describe("optimalRepetitions", () => {
  const level = (number: number, component: number) => ({
    level: number,
    observed: component,
    component,
    repetitions: 5,
  });
  it("is √(cost ratio × variance ratio), rounded up", () => {
    expect(optimalRepetitions([level(1, 4), level(2, 1)], [1, 25])).toEqual([{ level: 1, repetitions: 10 }]);
    expect(optimalRepetitions([level(1, 0.01), level(2, 1)], [1, 1])).toEqual([{ level: 1, repetitions: 1 }]);
  });
  it("is unbounded where the next level adds nothing", () => {
    expect(optimalRepetitions([level(1, 1), level(2, -0.1), level(3, 2)], [1, 2, 3])).toEqual([
      { level: 1, repetitions: Infinity },
      { level: 2, repetitions: 1 },
    ]);
    expect(() => optimalRepetitions([level(1, 1)], [0])).toThrow("costs 0");
  });
  it("buys a narrower interval than more or fewer iterations for the same money", () => {
    // Variance of the mean for a budget: runs = budget / (start + n·iteration).
    const varianceFor = (n: number) => ((1 + 4 / n) * (25 + n)) / 1_000;
    const [{ repetitions } = { repetitions: 0 }] = optimalRepetitions([level(1, 4), level(2, 1)], [1, 25]);
    for (const other of [1, 5, 8, 12, 20, 50]) expect(varianceFor(repetitions)).toBeLessThan(varianceFor(other));
  });
});

describe("hierarchicalBootstrap", () => {
  it("is wide where hosts differ, however many iterations they did", () => {
    const levels = draw(generator(1), [8, 5, 40], [1, 0.1, 0.1]);
    const hierarchical = hierarchicalBootstrap(levels, { resamples: 2_000 });
    const analytic = grandMeanInterval(levels);
    const width = hierarchical.high - hierarchical.low;
    expect(hierarchical.estimate).toBeCloseTo(analytic.estimate, 12);
    expect(hierarchical.topLevelUnits).toBe(8);
    // A percentile bootstrap of 8 units lacks the factor t/z·√(n/(n − 1)).
    expect(width / (analytic.high - analytic.low)).toBeGreaterThan(0.65);
    expect(width / (analytic.high - analytic.low)).toBeLessThan(1.02);
    const iterationsOnly = hierarchicalBootstrap(levels, { resamples: 500, draw: [false, false, true] });
    expect(iterationsOnly.high - iterationsOnly.low).toBeLessThan(width / 20);
  });
  it("pools drawn values for any statistic, and keeps undrawn levels whole", () => {
    const levels = [
      [1, 2, 3],
      [10, 20, 30],
    ];
    const whole = hierarchicalBootstrap(levels, { statistic: median, draw: [false, false], resamples: 50 });
    expect(whole).toMatchObject({ estimate: 6.5, low: 6.5, high: 6.5, standardError: 0 });
    const clusters = hierarchicalBootstrap(levels, { statistic: median, draw: [true, false], resamples: 500 });
    expect([clusters.low, clusters.high]).toEqual([2, 20]);
    expect(() => hierarchicalBootstrap(levels, { draw: [true] })).toThrow("1 flags for 2 levels");
  });
  it("keeps autocorrelation with blocks", () => {
    const random = generator(3);
    const runs = Array.from({ length: 2 }, () => {
      let state = 0;
      return Array.from({ length: 400 }, () => (state = 0.9 * state + random.normal()));
    });
    const widthOf = (blockLength: number) => {
      const { low, high } = hierarchicalBootstrap(runs, { draw: [false, true], blockLength, resamples: 1_000 });
      return high - low;
    };
    expect(widthOf(40) / widthOf(1)).toBeGreaterThan(2.5);
  });
  it("repeats for a seed", () => {
    const levels = [
      [1, 2],
      [3, 5],
      [4, 9],
    ];
    expect(hierarchicalBootstrap(levels, { seed: 9, resamples: 200 })).toEqual(
      hierarchicalBootstrap(levels, { seed: 9, resamples: 200 }),
    );
  });
});
