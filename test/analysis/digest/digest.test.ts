import fc from "fast-check";
import { ValueDigest, WindowedDigest, WindowRangeError } from "../../../analysis/digest/index.ts";

const nearestRank = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length - 1e-9 * values.length)) - 1]!;
const digestOf = (values: readonly number[], precisionBits = 10): ValueDigest => {
  const digest = new ValueDigest({ precisionBits });
  digest.addAll(values);
  return digest;
};
const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });

describe("ValueDigest", () => {
  it("gives nearest-rank percentiles within its stated error", () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(4, 10), (list, share, bits) => {
        const digest = digestOf(list, bits);
        const exact = nearestRank(list, share);
        const allowed = Math.abs(exact) * digest.relativeError * (1 + 1e-9) + Number.MIN_VALUE;
        expect(Math.abs(digest.quantile(share) - exact)).toBeLessThanOrEqual(allowed);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it("keeps count, sum, smallest and largest exactly", () => {
    const digest = digestOf([3, -1, 0, 2.5]);
    expect([digest.count, digest.sum, digest.mean, digest.min, digest.max]).toEqual([4, 4.5, 1.125, -1, 3]);
  });

  it("is the same merged from parts as added at once", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const merged = digestOf(a);
        merged.merge(digestOf(b));
        const whole = digestOf([...a, ...b]);
        for (const share of [0, 0.1, 0.5, 0.99, 1]) expect(merged.quantile(share)).toBe(whole.quantile(share));
        expect(merged.toCdf()).toEqual(whole.toCdf());
      }),
      { seed: 4 },
    );
    expect(() => digestOf([1]).merge(digestOf([1], 5))).toThrow("can't be merged");
  });

  it("counts what isn't a number apart", () => {
    const digest = digestOf([1, NaN, Infinity]);
    expect([digest.count, digest.invalidCount, digest.max]).toEqual([1, 2, 1]);
  });

  it("has no percentiles without values, and none beyond 0 and 1", () => {
    expect(new ValueDigest().quantile(0.5)).toBeNaN();
    expect(() => digestOf([1]).quantile(50)).toThrow("0 to 1, not 50");
  });

  it("draws a rising distribution that ends at 1 and keeps its tail", () => {
    const points = digestOf(Array.from({ length: 100_000 }, (_, i) => 1 / (1 - i / 100_000))).toCdf(200);
    expect(points.length).toBeLessThan(260);
    expect(points.at(-1)?.fraction).toBe(1);
    points.slice(1).forEach((point, i) => {
      expect(point.value).toBeGreaterThanOrEqual(points[i]!.value);
      expect(point.fraction).toBeGreaterThan(points[i]!.fraction);
    });
    expect(points.filter(({ fraction }) => fraction > 0.999).length).toBeGreaterThan(5);
  });

  it("stays small however many values it has seen", () => {
    const digest = new ValueDigest();
    for (let i = 0; i < 300_000; i++) digest.add(0.2 + (i % 997) / 500);
    // 0.2 to 2.2 spans five powers of two.
    expect(digest.toCdf(1e6).length).toBeLessThanOrEqual(5 * 1024);
  });
});

describe("WindowedDigest", () => {
  it("gives every window its rate, the empty ones too", () => {
    const windows = new WindowedDigest({ windowMs: 500 });
    windows.addAll([10_000, 10_100, 11_600], [1, 3, 2]);
    expect(windows.windows().map(({ elapsedSec, ratePerSec }) => [elapsedSec, ratePerSec])).toEqual([
      [0, 4],
      [0.5, 0],
      [1, 0],
      [1.5, 2],
    ]);
    expect(windows.windows()[0]!.startMs).toBe(10_000);
    expect(windows.windows()[1]!.digest.quantile(0.5)).toBeNaN();
  });

  it("refuses times that no run could span, with what may be wrong", () => {
    const windows = new WindowedDigest({ windowMs: 1 });
    windows.add(0, 1);
    expect(() => windows.add(1.7e12, 1)).toThrow(WindowRangeError);
    expect(() => new WindowedDigest({ windowMs: 1 }).add(NaN, 1)).toThrow(WindowRangeError);
  });
});
