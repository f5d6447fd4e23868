import { logarithms } from "../../../analysis/statistics/descriptive.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import { signFlipTest } from "../../../analysis/statistics/permutation.ts";
import {
  effectSize,
  hodgesLehmannCentre,
  hodgesLehmannShift,
  mannWhitney,
  wilcoxonSignedRank,
} from "../../../analysis/statistics/rank.ts";
import { reference } from "./check/reference.ts";

const { ranks, intervals } = reference;

describe("mannWhitney", () => {
  it.each(ranks.mannWhitneyExact)("equals SciPy's exact test", ({ a, b, statistic, p }) => {
    expect(mannWhitney(a, b)).toMatchObject({ statistic, method: "exact" });
    expect(mannWhitney(a, b).p).toBeCloseTo(p, 12);
  });
  it.each(ranks.mannWhitneyNormal)("equals SciPy's normal approximation, ties corrected", ({ a, b, statistic, p }) => {
    const result = mannWhitney(a, b, "normal");
    expect(result.statistic).toBe(statistic);
    expect(result.p).toBeCloseTo(p, 12);
  });
  it.each(ranks.mannWhitneyTied)("is exact with ties: all assignments enumerated by SciPy", ({ a, b, p }) => {
    expect(mannWhitney(a, b, "exact").p).toBeCloseTo(p, 12);
  });
  it("takes the approximation for long series, and finds nothing in constants", () => {
    expect(mannWhitney(ranks.longShift.a, ranks.longShift.b).method).toBe("normal");
    expect(mannWhitney([1, 1, 1], [1, 1]).p).toBe(1);
    expect(mannWhitney(new Array<number>(40).fill(1), new Array<number>(40).fill(1)).p).toBe(1);
  });
});

describe("wilcoxonSignedRank", () => {
  it.each(ranks.wilcoxonExact)("equals SciPy's exact test", ({ differences, statistic, p }) => {
    expect(wilcoxonSignedRank(differences).statistic).toBe(statistic);
    expect(wilcoxonSignedRank(differences).p).toBeCloseTo(p, 12);
  });
  it.each(ranks.wilcoxonNormal)("equals SciPy's normal approximation", ({ differences, statistic, p }) => {
    expect(wilcoxonSignedRank(differences, "normal").statistic).toBe(statistic);
    expect(wilcoxonSignedRank(differences, "normal").p).toBeCloseTo(p, 12);
  });
  it.each(ranks.wilcoxonTied)("is exact with ties and zeros: all signs enumerated", ({ differences, p }) => {
    expect(wilcoxonSignedRank(differences).p).toBeCloseTo(p, 12);
  });
  it("finds nothing in zeros", () => {
    expect(wilcoxonSignedRank([0, 0])).toEqual({ statistic: 0, p: 1, method: "exact" });
  });
});

describe("Hodges and Lehmann", () => {
  it.each([
    ["short", ranks.shift],
    ["long, with ties", ranks.longShift],
  ])("shifts by the median difference, with the test's interval (%s)", (_name, { a, b, estimate, interval }) => {
    const shift = hodgesLehmannShift(a, b);
    expect(shift.estimate).toBeCloseTo(estimate, 11);
    expect(shift.low).toBeCloseTo(interval[0], 11);
    expect(shift.high).toBeCloseTo(interval[1], 11);
  });
  it("centres at the median of pair means", () => {
    const { values, estimate, interval } = ranks.centre;
    const centre = hodgesLehmannCentre(values);
    expect(centre.estimate).toBeCloseTo(estimate, 12);
    expect(centre.low).toBeCloseTo(interval[0], 12);
    expect(centre.high).toBeCloseTo(interval[1], 12);
  });
  it("never forms the differences of long series", () => {
    const random = generator(8);
    const draw = (n: number, shift: number) => Float64Array.from({ length: n }, () => random.normal() + shift);
    const shift = hodgesLehmannShift(draw(30_000, 0), draw(20_000, 0.25));
    expect(shift.low).toBeLessThan(0.25);
    expect(shift.high).toBeGreaterThan(0.25);
    expect(shift.high - shift.low).toBeLessThan(0.045);
    expect(hodgesLehmannCentre(draw(20_000, 0.5)).estimate).toBeCloseTo(0.5, 1);
  });
  it("says that three values bound nothing at 95 %", () => {
    expect(hodgesLehmannCentre([1, 2, 3])).toMatchObject({ estimate: 2, low: -Infinity, high: Infinity });
    expect(hodgesLehmannShift([1, 1], [1, 1])).toMatchObject({ estimate: 0, low: -Infinity });
  });
});

describe("effectSize", () => {
  it("counts pairs, ties half", () => {
    const { a, b, value } = ranks.a12;
    expect(effectSize(a, b).a12).toBeCloseTo(value, 12);
    expect(effectSize(a, b).cliffsDelta).toBeCloseTo(2 * value - 1, 12);
    expect(effectSize(a, b).a12).toBeCloseTo(mannWhitney(a, b).statistic / (a.length * b.length), 12);
  });
  it("names sizes", () => {
    expect(effectSize([1, 2, 3], [1, 2, 3]).magnitude).toBe("negligible");
    expect(effectSize([1, 2, 3], [7, 8, 9])).toEqual({ a12: 1, cliffsDelta: 1, magnitude: "large" });
  });
});

describe("signFlipTest", () => {
  const logA = logarithms(intervals.a);
  const logs = logarithms(intervals.c).map((value, i) => value - logA[i]!);
  it("equals SciPy's permutation test, exactly", () => {
    const result = signFlipTest(logs);
    expect(result).toMatchObject({ method: "exact", patterns: 512 });
    expect(result.p).toBeCloseTo(intervals.signFlipP, 12);
  });
  it("looks at all 2²⁰ patterns of 20 runs", () => {
    const random = generator(6);
    const twenty = Array.from({ length: 20 }, () => random.normal());
    const { p, patterns } = signFlipTest(twenty);
    expect(patterns).toBe(2 ** 20);
    // Against counting every pattern from scratch.
    const observed = Math.abs(twenty.reduce((total, value) => total + value, 0));
    const partial = (values: number[]) =>
      Array.from({ length: 1 << values.length }, (_, mask) =>
        values.reduce((total, value, i) => total + ((mask >> i) & 1 ? value : -value), 0),
      );
    const [left, right] = [partial(twenty.slice(0, 10)), partial(twenty.slice(10))];
    let far = 0;
    for (const x of left) for (const y of right) if (Math.abs(x + y) >= observed * (1 - 1e-12)) far++;
    expect(p).toBe(far / 2 ** 20);
  });
  it("can't go below 2^(1 − R), and counts ties of rounding as ties", () => {
    expect(signFlipTest([1, 1, 1]).p).toBe(0.25);
    expect(signFlipTest([0.1, 0.2, -0.3]).p).toBe(1);
  });
  it("samples above 20 runs, close to exact and seeded", () => {
    const random = generator(2);
    const many = Array.from({ length: 30 }, () => random.normal() + 0.3);
    const sampled = signFlipTest(many, { seed: 3 });
    expect(sampled.method).toBe("sampled");
    expect(sampled).toEqual(signFlipTest(many, { seed: 3 }));
    expect(Math.abs(sampled.p - wilcoxonSignedRank(many).p)).toBeLessThan(0.06);
    expect(signFlipTest(new Array<number>(25).fill(1)).p).toBeLessThan(0.001);
  });
});
