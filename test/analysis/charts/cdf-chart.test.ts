import fc from "fast-check";
import { toCdf } from "../../../analysis/charts/index.ts";

describe("toCdf", () => {
  it("gives each value the share of samples at or below it", () => {
    expect(toCdf([3, 1, 2, 2])).toEqual([
      { value: 1, fraction: 0.25 },
      { value: 2, fraction: 0.75 },
      { value: 3, fraction: 1 },
    ]);
  });

  it("keeps every step exact, rising and few, however many samples there are", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 2000 }), (samples) => {
        const points = toCdf(samples, 60);
        expect(points.length).toBeLessThanOrEqual(64);
        expect(points.at(-1)).toEqual({ value: Math.max(...samples), fraction: 1 });
        points.forEach(({ value, fraction }, i) => {
          expect(fraction).toBe(samples.filter((sample) => sample <= value).length / samples.length);
          if (i > 0) expect(value).toBeGreaterThan(points[i - 1]!.value);
        });
      }),
      { seed: 20 },
    );
  });

  it("keeps the tail's steps among a million samples", () => {
    const points = toCdf(Float64Array.from({ length: 1_000_000 }, (_, i) => i));
    expect(points.filter(({ fraction }) => fraction > 0.9999).length).toBeGreaterThan(30);
  });

  it("has no steps without samples and refuses NaN", () => {
    expect(toCdf([])).toEqual([]);
    expect(() => toCdf([1, NaN])).toThrow(RangeError);
  });
});
