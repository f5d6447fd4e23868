import { logarithms } from "../../../analysis/statistics/descriptive.ts";
import { tInterval, welchInterval } from "../../../analysis/statistics/t-interval.ts";
import {
  about,
  compareRuns,
  compareSeries,
  decide,
  describeComparison,
  judgeClaim,
} from "../../../analysis/statistics/verdict.ts";
import { SampleError } from "../../../analysis/statistics/samples.ts";

/** Log ratios with exactly this mean and sample deviation. */
const runs = (mean: number, deviation: number, count = 10): number[] => {
  const raw = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 1 : -1) * (1 + i / count));
  const centre = raw.reduce((a, b) => a + b) / count;
  const spread = Math.sqrt(raw.reduce((total, value) => total + (value - centre) ** 2, 0) / (count - 1));
  return raw.map((value) => mean + (deviation * (value - centre)) / spread);
};

describe("compareRuns", () => {
  it("says different, with the direction, where the interval lies beyond the margin", () => {
    const slower = compareRuns(runs(Math.log(1.05), 0.01));
    expect(slower).toMatchObject({
      verdict: "different",
      direction: "higher",
      runs: 10,
      hosts: 1,
      scope: "these hosts only",
    });
    expect(slower.change).toBeCloseTo(0.05, 12);
    const t = tInterval(runs(Math.log(1.05), 0.01));
    expect(slower.interval!.low).toBeCloseTo(Math.expm1(t.low), 12);
    expect(slower.interval!.high).toBeCloseTo(Math.expm1(t.high), 12);
    expect(compareRuns(runs(Math.log(0.95), 0.01))).toMatchObject({ verdict: "different", direction: "lower" });
  });
  it("says same where the 90 % interval lies within the margin, though the 95 % interval doesn't", () => {
    const values = runs(0, 0.016);
    const comparison = compareRuns(values);
    expect(comparison.interval!.high).toBeGreaterThan(0.01);
    expect(comparison.equivalenceInterval!.high).toBeLessThan(0.01);
    expect(comparison).toMatchObject({ verdict: "same", direction: undefined });
    expect(compareRuns(runs(0.004, 0.001))).toMatchObject({ verdict: "same" }); // significant, and too small to matter
    expect(compareRuns(runs(0.004, 0.001)).p).toBeLessThan(0.001);
  });
  it("cannot tell else, and says why", () => {
    expect(compareRuns(runs(0.02, 0.05))).toMatchObject({
      verdict: "cannot tell",
      reason: expect.stringContaining("more runs") as string,
    });
    expect(compareRuns(runs(0.012, 0.005))).toMatchObject({
      verdict: "cannot tell",
      reason: expect.stringContaining("there is a change") as string,
    });
    expect(compareRuns([0.5])).toMatchObject({ verdict: "cannot tell", interval: undefined, p: undefined, runs: 1 });
    expect(compareRuns([0.5]).change).toBeCloseTo(Math.expm1(0.5), 12);
  });
  it("takes margin and confidence from its options", () => {
    expect(compareRuns(runs(0.02, 0.01), { margin: 0.05 }).verdict).toBe("same");
    expect(compareRuns(runs(0.02, 0.01), { margin: 0 }).verdict).toBe("different");
    const strict = compareRuns(runs(0.02, 0.01), { confidence: 0.99 });
    const loose = compareRuns(runs(0.02, 0.01));
    expect(strict.interval!.low).toBeLessThan(loose.interval!.low);
    expect(() => compareRuns([], {})).toThrow(SampleError);
    expect(() => compareRuns([1, 2], { margin: 1.5 })).toThrow("a margin of 1.5");
  });
  it("takes hosts as units from five on", () => {
    const onHosts = (count: number) =>
      Array.from({ length: count }, (_, h) =>
        [0, 0.001, -0.001].map((x) => ({ host: `h${h}`, logRatio: 0.1 * h + x })),
      ).flat();
    const five = compareRuns(onHosts(5));
    expect(five).toMatchObject({ scope: "hosts like these", hosts: 5, runs: 15, signFlipP: undefined });
    const t = tInterval([0, 0.1, 0.2, 0.3, 0.4]);
    expect(five.interval!.low).toBeCloseTo(Math.expm1(t.low), 10);
    const three = compareRuns(onHosts(3));
    expect(three).toMatchObject({ scope: "these hosts only", hosts: 3 });
    // Runs within hosts hardly vary, so for these three hosts the mean is known well.
    expect(three.interval!.high - three.interval!.low).toBeLessThan(0.003);
    expect(three.change).toBeCloseTo(Math.expm1(0.1), 10);
  });
  it("takes runs as units where each host did one", () => {
    const one = compareRuns([0.01, 0.02, 0.03].map((logRatio, i) => ({ logRatio, host: `h${i}` })));
    expect(one.interval!.low).toBeCloseTo(Math.expm1(tInterval([0.01, 0.02, 0.03]).low), 12);
  });
  it("is as sure as it gets without spread", () => {
    expect(compareRuns([0.1, 0.1, 0.1]).verdict).toBe("different");
    expect(compareRuns([0.1, 0.1, 0.1]).p).toBeLessThan(1e-20);
    expect(compareRuns([0, 0, 0])).toMatchObject({ verdict: "same", p: 1 });
  });
});

describe("compareSeries", () => {
  const a = [100, 101, 99, 100.5];
  it("is Welch's interval of logarithms, judged by the same rule", () => {
    const comparison = compareSeries(a, [110, 111, 109, 110.5, 110]);
    const t = welchInterval(logarithms(a), logarithms([110, 111, 109, 110.5, 110]));
    expect(comparison).toMatchObject({
      verdict: "different",
      direction: "higher",
      runs: 9,
      hosts: 1,
      signFlipP: undefined,
    });
    expect(comparison.interval!.low).toBeCloseTo(Math.expm1(t.low), 12);
    expect(comparison.change).toBeCloseTo(0.1, 2);
    expect(compareSeries([110, 111, 109], a)).toMatchObject({ verdict: "different", direction: "lower" });
    expect(compareSeries([100, 100.1, 99.9, 100], [100, 100.05, 99.95, 100]).verdict).toBe("same");
    expect(compareSeries(a, [90, 120, 100]).verdict).toBe("cannot tell");
  });
  it("cannot tell from one trial of a side, and refuses what has no logarithm", () => {
    expect(compareSeries(a, [110])).toMatchObject({ verdict: "cannot tell", interval: undefined });
    expect(() => compareSeries(a, [])).toThrow("a comparison: B needs at least 1 value");
    expect(() => compareSeries([0, 1], a)).toThrow("a comparison: A: value 0 is 0");
  });
  it("takes hosts as units from five on both sides", () => {
    const onHosts = (count: number, level: number) =>
      Array.from({ length: count }, (_, h) =>
        [1, 1.001].map((x) => ({ value: level * (1 + h / 10) * x, host: `h${h}` })),
      ).flat();
    const general = compareSeries(onHosts(5, 100), onHosts(6, 101));
    expect(general).toMatchObject({ scope: "hosts like these", hosts: 6, verdict: "cannot tell" });
    expect(compareSeries(onHosts(2, 100), onHosts(6, 101))).toMatchObject({ scope: "these hosts only" });
  });
});

describe("decide", () => {
  it.each([
    [0.0101, 0.05, "different"],
    [0.01, 0.05, "cannot tell"],
    [-0.05, -0.0101, "different"],
    [-0.05, -0.01, "cannot tell"],
    [-0.01, 0.01, "same"],
    [-0.01, 0.0101, "cannot tell"],
  ] as const)("judges %p to %p as %s", (low, high, verdict) => {
    expect(decide({ low, high }, { low, high }, 0.01).verdict).toBe(verdict);
  });
});

describe("describeComparison", () => {
  it("speaks of times, rates and amounts", () => {
    const comparison = compareRuns(runs(Math.log(1.05), 0.01));
    expect(describeComparison(comparison)).toMatch(
      /^B is 5 % slower than A \(4\.2\d % to 5\.7\d % at 95 %, 10 runs on 1 host\)\.$/,
    );
    expect(describeComparison(comparison, "faster")).toContain("B is 5 % faster");
    expect(describeComparison(compareRuns(runs(-0.1, 0.01)), "more")).toContain("less than A");
    expect(describeComparison(compareRuns(runs(0, 0.001)))).toContain("the same as A within 1 %");
    expect(describeComparison(compareRuns([0.2]))).toContain(
      "Cannot tell whether B differs from A: measured 22.14 % (1 run on 1 host)",
    );
  });
});

describe("judgeClaim", () => {
  it.each([
    ["at least 3", { kind: "atLeast", value: 3 } as const, [3, 4], "holds"],
    ["at least 3", { kind: "atLeast", value: 3 } as const, [2.9, 4], "cannot tell"],
    ["at least 3", { kind: "atLeast", value: 3 } as const, [2, 2.9], "fails"],
    ["at most 3", { kind: "atMost", value: 3 } as const, [1, 3], "holds"],
    ["at most 3", { kind: "atMost", value: 3 } as const, [3.1, 4], "fails"],
    ["about 5", about(5, 0.1), [4.6, 5.4], "holds"],
    ["about 5", about(5, 0.1), [4.4, 5.4], "cannot tell"],
    ["about 5", about(5, 0.1), [5.6, 6], "fails"],
    ["about −5", about(-5, 0.1), [-5.4, -4.6], "holds"],
    ["an unbounded interval", about(5, 0.1), [-Infinity, Infinity], "cannot tell"],
    ["an undefined one", about(5, 0.1), [Number.NaN, 5], "cannot tell"],
  ] as const)("%s: %p", (_name, claim, [low, high], verdict) => {
    expect(judgeClaim(claim, { low, high }).verdict).toBe(verdict);
  });
  it("cannot tell from one trial", () => {
    expect(judgeClaim(about(1, 1), undefined)).toEqual({
      verdict: "cannot tell",
      reason: "too few trials for an interval",
    });
  });
});
