import fc from "fast-check";
import { generator } from "../../../analysis/statistics/generator.ts";
import { changepoints, noiseVariance, steadyState } from "../../../analysis/statistics/steady-state.ts";
import { reference } from "./check/reference.ts";

const cost = (values: readonly number[]): number => {
  const centre = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((total, value) => total + (value - centre) ** 2, 0);
};
const totalCost = (values: readonly number[], starts: readonly number[], penalty: number): number =>
  starts.reduce((total, start, i) => total + cost(values.slice(start, starts[i + 1] ?? values.length)), 0) +
  penalty * (starts.length - 1);

describe("changepoints", () => {
  it.each(reference.steps)("equals ruptures' PELT (penalty $penalty)", ({ values, penalty, starts }) => {
    expect(changepoints(values, penalty)).toEqual(starts);
  });
  it("finds the cheapest of all segmentations", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 11 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        (values, penalty, shortest) => {
          let best = Infinity;
          for (let mask = 0; mask < 1 << (values.length - 1); mask++) {
            const starts = [0, ...values.slice(1).flatMap((_, i) => ((mask >> i) & 1 ? [i + 1] : []))];
            if (starts.length > 1 && starts.some((start, i) => (starts[i + 1] ?? values.length) - start < shortest))
              continue;
            best = Math.min(best, totalCost(values, starts, penalty));
          }
          expect(totalCost(values, changepoints(values, penalty, shortest), penalty)).toBeCloseTo(best, 8);
        },
      ),
      { numRuns: 300, seed: 3 },
    );
  });
  it("is quick on long series", () => {
    const random = generator(1);
    const values = Float64Array.from({ length: 6_000 }, (_, i) => Math.floor(i / 600) + random.normal() * 0.2);
    expect(changepoints(values, 15 * Math.log(6_000) * 0.04)).toHaveLength(10);
  });
});

describe("noiseVariance", () => {
  it("isn't inflated by steps", () => {
    const random = generator(2);
    const values = Float64Array.from({ length: 2_000 }, (_, i) => (i < 1_000 ? 100 : 0) + random.normal());
    expect(noiseVariance(values)).toBeCloseTo(1, 0);
    expect(noiseVariance([1, 1, 1, 2, 2, 2])).toBeCloseTo(0.1, 12); // mostly equal: mean square, 1/5/2
  });
});

describe("steadyState", () => {
  const random = generator(7);
  const times = (...parts: readonly (readonly [count: number, level: number])[]) =>
    parts.flatMap(([count, level]) => Array.from({ length: count }, () => level * Math.exp(0.01 * random.normal())));

  it.each([
    ["flat", times([50, 2]), 0, false],
    ["warm-up", times([5, 9], [10, 3], [35, 2]), 15, false],
    ["slowdown", times([10, 3], [15, 2], [25, 2.2]), 25, false],
    ["no steady state", times([20, 2], [15, 3], [10, 2.2]), 22, true],
  ] as const)("classifies %s", (name, values, steadyFrom, isFallback) => {
    expect(steadyState(values)).toMatchObject({ class: name, steadyFrom, isFallback });
  });
  it("takes a last segment of exactly a third", () => {
    expect(steadyState(times([20, 3], [10, 2]))).toMatchObject({ class: "warm-up", steadyFrom: 20 });
    expect(steadyState(times([21, 3], [9, 2]))).toMatchObject({ class: "no steady state", isFallback: true });
  });
  it("isn't fooled by one collection pause, but drops a slow first iteration", () => {
    const paused = times([40, 2]);
    paused[33] = 20;
    expect(steadyState(paused)).toMatchObject({ class: "flat", steadyFrom: 0 });
    const cold = times([40, 2]);
    cold[0] = 20;
    const state = steadyState(cold);
    expect(state.class).toBe("warm-up");
    expect(state.steadyFrom).toBeLessThanOrEqual(2);
  });
  it("keeps equivalent segments together when a tolerance is given", () => {
    const drift = times([25, 2], [25, 2.08]);
    expect(steadyState(drift).class).toBe("slowdown");
    expect(steadyState(drift, { tolerance: 0.05 })).toMatchObject({ class: "flat", steadyFrom: 0 });
  });
  it("says of constants that they are flat, and of too few that it can't know", () => {
    expect(steadyState([5, 5, 5, 5, 5, 5])).toMatchObject({ class: "flat", steadyFrom: 0 });
    expect(steadyState([5, 4, 3])).toMatchObject({ class: "no steady state", steadyFrom: 1, isFallback: true });
    expect(() => steadyState([5, 0, 5, 5])).toThrow("value 1 is 0");
  });
});
