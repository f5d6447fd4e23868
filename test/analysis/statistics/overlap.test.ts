import fc from "fast-check";
import { completeJoin, filterByOverlap, relativeOverlapTime, walkJoin } from "../../../analysis/statistics/overlap.ts";
import type { Span } from "../../../analysis/statistics/overlap.ts";
import {
  overlapLogRatio,
  sequentialLogRatio,
  synchronousLogRatio,
  windowLogRatio,
} from "../../../analysis/statistics/run-ratio.ts";

const spans = (...times: readonly (readonly [number, number])[]): Span[] =>
  times.map(([start, end]) => ({ start, end }));

describe("completeJoin", () => {
  it("finds every overlapping pair and no other, sorted or not", () => {
    const span = fc
      .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 15 }))
      .map(([start, length]) => ({ start, end: start + length }));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 12 }), fc.array(span, { maxLength: 12 }), (a, b) => {
        const brute = a.flatMap((x, i) =>
          b.flatMap((y, j) => {
            const overlap = Math.min(x.end, y.end) - Math.max(x.start, y.start);
            return overlap > 0 ? [`${i},${j},${overlap}`] : [];
          }),
        );
        expect(
          completeJoin(a, b)
            .map((pair) => `${pair.a},${pair.b},${pair.overlap}`)
            .sort(),
        ).toEqual(brute.sort());
      }),
      { numRuns: 500, seed: 2 },
    );
  });
  it("refuses a span that ends before it starts", () => {
    expect(() => completeJoin(spans([5, 4]), [])).toThrow("iteration 0 of A from 5 to 4");
  });
});

describe("walkJoin", () => {
  it("finds a part of the complete join", () => {
    const long = spans([0, 30], [31, 60]);
    const short = spans([1, 9], [10, 18], [19, 27], [28, 36]);
    expect(walkJoin(long, short)).toHaveLength(2);
    expect(completeJoin(long, short)).toHaveLength(5);
  });
});

describe("filterByOverlap", () => {
  it("asks for more than the share of both", () => {
    const [a, b] = [spans([0, 10]), spans([5, 15], [6, 26])];
    const pairs = completeJoin(a, b);
    expect(filterByOverlap(pairs, a, b, 0.5)).toEqual([]); // 5 of 10 isn't more than a half
    expect(filterByOverlap(pairs, a, b, 0.49)).toHaveLength(1);
    expect(relativeOverlapTime(pairs, a, b)).toBeCloseTo(9 / 20, 12);
    expect(relativeOverlapTime([], [], [])).toBe(0);
  });
});

describe("per-run log ratios", () => {
  it("pair synchronous iterations by index and report skew and what is left over", () => {
    const result = synchronousLogRatio(spans([0, 10], [10, 20], [20, 30]), spans([1, 21], [12, 32]));
    expect(result).toMatchObject({ pairs: 2, unpaired: 1, maximumStartSkew: 2 });
    expect(result.logRatio).toBeCloseTo(Math.log(2), 12);
    expect(result.relativeStartSkew).toBeCloseTo(2 / 15, 12);
    expect(() => synchronousLogRatio(spans([0, 1]), [])).toThrow("without a pair");
  });
  it("compare iterations inside the common window", () => {
    const a = spans([0, 10], [10, 20], [20, 30]);
    const b = spans([10, 25], [25, 40]);
    expect(windowLogRatio(a, b)).toEqual({
      logRatio: Math.log(1.5),
      countA: 2,
      countB: 1,
      window: { start: 10, end: 30 },
    });
    expect(() => windowLogRatio(spans([0, 5]), spans([6, 9]))).toThrow("0 iterations of A and 0 of B");
  });
  it("resist an outlier with medians and trimmed means", () => {
    const a = Array.from({ length: 20 }, (_, i) => ({ start: i, end: i + 1 }));
    const b = a.map(({ start, end }, i) => ({ start, end: i === 3 ? end + 9 : end }));
    expect(windowLogRatio(a, b).logRatio).toBeGreaterThan(0.3);
    expect(windowLogRatio(a, b, "median").logRatio).toBe(0);
    expect(synchronousLogRatio(a, b, "trimmed").logRatio).toBeCloseTo(0, 12);
    expect(sequentialLogRatio([1, 1, 100], [2, 2, 2], "median")).toBeCloseTo(Math.log(2), 12);
  });
  it("weigh overlapping pairs by their common time", () => {
    const a = spans([0, 10]);
    const b = spans([-5, 5], [5, 25]);
    expect(overlapLogRatio(a, b)).toEqual({
      logRatio: expect.closeTo((5 * 0 + 5 * Math.log(2)) / 10, 12) as number,
      pairs: 2,
    });
    expect(() => overlapLogRatio(spans([0, 1]), spans([1, 2]))).toThrow("no iterations of A and B overlap");
  });
});
