import { logarithms } from "../../../analysis/statistics/descriptive.ts";
import { groupEffect } from "../../../analysis/statistics/group-effect.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import { binomialLimits, exactBinomialInterval, wilsonInterval } from "../../../analysis/statistics/proportion.ts";
import { quantileInterval } from "../../../analysis/statistics/quantile-interval.ts";
import {
  fiellerInterval,
  geometricRatioInterval,
  pairedFiellerInterval,
  pairedRatioInterval,
  ratioBootstrap,
} from "../../../analysis/statistics/ratio.ts";
import { SampleError } from "../../../analysis/statistics/samples.ts";
import { tInterval, tTest, welchInterval } from "../../../analysis/statistics/t-interval.ts";
import { equivalenceP } from "../../../analysis/statistics/verdict.ts";
import { reference } from "./check/reference.ts";

const expected = reference.intervals;
const { a, b, c } = expected;

const expectInterval = (
  { low, high }: { low: number; high: number },
  [lowExpected, highExpected]: readonly [number, number],
  digits = 9,
) => {
  expect(low).toBeCloseTo(lowExpected, digits);
  expect(high).toBeCloseTo(highExpected, digits);
};

describe("tInterval and welchInterval", () => {
  it("equal SciPy's", () => {
    expectInterval(tInterval(a), expected.t);
    expectInterval(welchInterval(a, b), expected.welch);
    const logs = pairedLogs();
    expect(tInterval(logs).standardError).toBeCloseTo(expected.logStandardError, 12);
    expect(tTest(tInterval(logs))).toBeCloseTo(expected.tTestP, 12);
    expect(equivalenceP(tInterval(logs), expected.equivalenceMargin)).toBeCloseTo(expected.equivalenceP, 10);
  });
  it("collapses without spread and needs two values", () => {
    expect(tInterval([3, 3, 3])).toMatchObject({ low: 3, high: 3 });
    expect(tTest(tInterval([3, 3, 3]), 3)).toBe(1);
    expect(tTest(tInterval([3, 3, 3]), 2)).toBe(0);
    expect(() => tInterval([3])).toThrow(SampleError);
    expect(() => tInterval([3, 4], 95)).toThrow("the confidence is 95");
  });
});

function pairedLogs(): Float64Array {
  const logA = logarithms(a);
  return logarithms(c).map((value, i) => value - logA[i]!);
}

describe("wilsonInterval and exactBinomialInterval", () => {
  it("equal SciPy's", () => {
    expectInterval(wilsonInterval(44, 485), expected.wilson, 12);
    expectInterval(exactBinomialInterval(3, 20, 0.99), expected.clopperPearson, 12);
    expect(binomialLimits(200, 0.95, 0.999)).toEqual({
      low: expected.binomialLimits[0],
      high: expected.binomialLimits[1],
    });
  });
  it("stay inside 0 to 1 at the ends", () => {
    expect(wilsonInterval(0, 10).low).toBe(0);
    expect(wilsonInterval(10, 10).high).toBe(1);
    expect(exactBinomialInterval(0, 10).low).toBe(0);
    expect(exactBinomialInterval(10, 10).high).toBe(1);
    expect(() => wilsonInterval(3, 2)).toThrow("3 of 2");
  });
});

describe("fiellerInterval", () => {
  it("equals the ratios that a t test doesn't reject, independent and paired", () => {
    expectInterval(fiellerInterval(a, b), expected.fieller);
    expectInterval(pairedFiellerInterval(a, c), expected.pairedFieller);
  });
  it("is unbounded where the denominator can't be told from zero", () => {
    expect(fiellerInterval([-1, 1, 2], [3, 4, 5])).toMatchObject({ low: -Infinity, high: Infinity, bounded: false });
  });
  it("profits from pairs, as the other ratio intervals do", () => {
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    expect(width(pairedFiellerInterval(a, c))).toBeLessThan(width(fiellerInterval(a, c)) / 2);
    expect(width(pairedRatioInterval(a, c))).toBeLessThan(width(geometricRatioInterval(a, c)) / 2);
  });
});

describe("ratioBootstrap", () => {
  const { ratio, pairedRatio } = reference.bootstraps;
  // SciPy's are of 200,000 resamples; ours differ by what 50,000 leave to chance: 6 % of the standard error at most.
  it.each(["percentile", "bca"] as const)("agrees with SciPy on two independent series (%s)", (method) => {
    expectInterval(ratioBootstrap(ratio.a, ratio.b, { paired: false, method, resamples: 50_000 }), ratio[method], 2.2);
  });
  it("agrees with SciPy on pairs", () => {
    expectInterval(
      ratioBootstrap(pairedRatio.a, pairedRatio.b, { paired: true, resamples: 50_000 }),
      pairedRatio.bca,
      2.7,
    );
  });
});

describe("quantileInterval", () => {
  it("takes ranks whose coverage is at least nominal (David and Nagaraja's table for n = 10, median, 95 %: ranks 2 and 9)", () => {
    expect(quantileInterval([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.5)).toMatchObject({ low: 2, high: 9 });
  });
  it("has no upper end for a p99 of 100 values", () => {
    const interval = quantileInterval(
      Array.from({ length: 100 }, (_, i) => i),
      0.99,
    );
    expect(interval.high).toBe(Infinity);
    expect(interval.low).toBeGreaterThan(90);
  });
  it("covers in a simulation", () => {
    const random = generator(31);
    const simulations = 2_000;
    let covered = 0;
    for (let k = 0; k < simulations; k++) {
      const { low, high } = quantileInterval(
        Float64Array.from({ length: 80 }, () => random.exponential()),
        0.9,
      );
      if (low <= Math.log(10) && high >= Math.log(10)) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(binomialLimits(simulations, 0.95, 0.9999).low);
  });
});

describe("groupEffect", () => {
  it("flags an order that matters, and only that", () => {
    const run = (group: string, logRatio: number) => ({ group, logRatio });
    const fair = ["AB", "BA"].flatMap((group) => [0.01, 0.02, 0.015, 0.012].map((x) => run(group, x)));
    expect(groupEffect(fair)).toMatchObject({
      isFlagged: false,
      groups: [
        { group: "AB", runs: 4 },
        { group: "BA", runs: 4 },
      ],
    });
    const unfair = fair.map(({ group, logRatio }) => run(group, group === "BA" ? logRatio + 0.1 : logRatio));
    expect(groupEffect(unfair).isFlagged).toBe(true);
    expect(groupEffect(unfair).difference!.estimate).toBeCloseTo(0.1, 12);
    expect(groupEffect([run("AB", 0.1), run("BA", 0.2)]).difference).toBeUndefined();
    expect(() => groupEffect([run("AB", 0.1)])).toThrow("between 1 groups: AB");
  });
});
