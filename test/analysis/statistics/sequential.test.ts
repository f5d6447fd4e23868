import { generator } from "../../../analysis/statistics/generator.ts";
import { binomialLimits } from "../../../analysis/statistics/proportion.ts";
import { anytimeInterval, judgeAnytime, judgeLook, planLooks } from "../../../analysis/statistics/sequential.ts";
import { tInterval } from "../../../analysis/statistics/t-interval.ts";
import { compareRuns } from "../../../analysis/statistics/verdict.ts";
import { reference } from "./check/reference.ts";

describe("planLooks", () => {
  it.each(reference.looks)(
    "equals integrals of the multivariate normal: $spending at $runs",
    ({ spending, runs, critical }) => {
      const { looks } = planLooks(runs, { spending });
      expect(looks.map((look) => look.critical)).toEqual(critical.map((c) => expect.closeTo(c, 4) as number));
      expect(looks.at(-1)!.spent).toBeCloseTo(0.05, 12);
    },
  );
  it("equals the published values for five equal looks (Lan and DeMets' program, R package ldbounds)", () => {
    const criticals = (spending: "obrienFleming" | "pocock") =>
      planLooks([10, 20, 30, 40, 50], { spending }).looks.map(({ critical }) => Number(critical.toFixed(3)));
    expect(criticals("obrienFleming")).toEqual([4.877, 3.357, 2.68, 2.29, 2.031]);
    expect(criticals("pocock")).toEqual([2.438, 2.427, 2.41, 2.397, 2.386]);
  });
  it("is a plain test for one look", () => {
    expect(planLooks([10]).looks[0]!.critical).toBeCloseTo(1.959963984540054, 10);
  });
  it("refuses looks out of order", () => {
    expect(() => planLooks([5, 5])).toThrow("looks after 5, 5 runs");
    expect(() => planLooks([1, 5])).toThrow("looks after 1, 5 runs");
  });
});

describe("judgeLook", () => {
  it("stops on a clear difference, goes on in doubt, and ends with the plan", () => {
    const plan = planLooks([5, 10, 15]);
    const clear = [0.1, 0.101, 0.099, 0.1, 0.1002];
    expect(judgeLook(clear, plan)).toMatchObject({ verdict: "different", direction: "higher", stop: true, runs: 5 });
    const doubt = [0.1, -0.1, 0.05, -0.02, 0.01];
    expect(judgeLook(doubt, plan)).toMatchObject({ verdict: "cannot tell", stop: false });
    expect(judgeLook([...doubt, ...doubt, ...doubt], plan)).toMatchObject({ verdict: "cannot tell", stop: true });
    expect(
      judgeLook(
        [...clear, ...clear].map((x) => x - 0.1),
        plan,
      ),
    ).toMatchObject({ verdict: "same", stop: true });
  });
  it("refuses an unplanned look, which would break the error control", () => {
    expect(() => judgeLook([1, 2, 3], planLooks([5, 10]))).toThrow("a look after 3 runs");
  });
  it("uses wider intervals than a single look", () => {
    const values = Array.from({ length: 10 }, (_, i) => 0.01 * (i % 3));
    expect(judgeLook(values, planLooks([10, 20])).interval!.high).toBeGreaterThan(compareRuns(values).interval!.high);
  });
});

describe("anytimeInterval", () => {
  it("solves its own equation: the mixture's evidence at both ends is 1/α", () => {
    const values = [0.1, 0.2, 0.15, 0.1, 0.2, 0.12, 0.18, 0.14];
    const { low, high, estimate } = anytimeInterval(values);
    const { standardError } = tInterval(values);
    for (const end of [low, high]) {
      const [n, t2] = [values.length, ((estimate - end) / standardError) ** 2];
      const evidence = (1 + n) ** -0.5 * ((1 + t2 / (n - 1)) / (1 + t2 / ((1 + n) * (n - 1)))) ** (n / 2);
      expect(evidence).toBeCloseTo(20, 8);
    }
  });
  it("excludes nothing from two values, and narrows with more", () => {
    expect(anytimeInterval([1, 2])).toMatchObject({ low: -Infinity, high: Infinity });
    const random = generator(1);
    const values = Float64Array.from({ length: 400 }, () => random.normal());
    const width = (n: number) => {
      const { low, high } = anytimeInterval(values.subarray(0, n));
      return high - low;
    };
    expect(width(400)).toBeLessThan(width(20) / 3);
    expect(judgeAnytime([0.1, 0.101, 0.099, 0.1, 0.1002, 0.0997])).toMatchObject({ verdict: "different", stop: true });
    expect(judgeAnytime([0.1, 0.101])).toMatchObject({ verdict: "cannot tell", stop: false });
  });
});

/** How often a rule raises a false alarm anywhere along the way, in A/A data. */
describe("false alarms when looking again and again", () => {
  const simulations = process.env["REPRISE_LONG"] === undefined ? 2_000 : 20_000;
  const timeoutMs = 300_000;
  const excludesZero = (interval: { low: number; high: number } | undefined) =>
    interval !== undefined && (interval.low > 0 || interval.high < 0);
  const shareOf = (seed: number, runs: number, alarms: (values: Float64Array) => boolean) => {
    const random = generator(seed);
    let count = 0;
    for (let k = 0; k < simulations; k++)
      if (alarms(Float64Array.from({ length: runs }, () => random.normal()))) count++;
    return count;
  };
  const limits = (share: number) => binomialLimits(simulations, share, 0.9999);

  it.each([
    ["obrienFleming", [5, 10, 15, 20, 30]],
    ["pocock", [5, 10, 15, 20, 30]],
    ["obrienFleming", [3, 6, 9]],
    ["pocock", [2, 4, 8]],
  ] as const)(
    "stay at 5 %% at planned looks (%s at %p)",
    (spending, runCounts) => {
      const plan = planLooks(runCounts, { spending });
      const count = shareOf(40, runCounts.at(-1)!, (values) =>
        plan.looks.some(({ runs }) => excludesZero(judgeLook(values.subarray(0, runs), plan, 0).interval)),
      );
      // The calibration itself is a simulation, good to a tenth of a point.
      expect(count).toBeLessThanOrEqual(limits(0.051).high);
      expect(count).toBeGreaterThanOrEqual(limits(0.049).low);
    },
    timeoutMs,
  );
  it(
    "stay below 5 % after every run with the anytime interval",
    () => {
      const count = shareOf(41, 40, (values) => {
        for (let n = 2; n <= values.length; n++) if (excludesZero(anytimeInterval(values.subarray(0, n)))) return true;
        return false;
      });
      expect(count).toBeLessThanOrEqual(limits(0.05).high);
      expect(count).toBeGreaterThan(0);
    },
    timeoutMs,
  );
  it(
    "pile up with the plain t interval: over 20 % in 30 runs",
    () => {
      const count = shareOf(42, 30, (values) => {
        for (let n = 3; n <= values.length; n++) if (excludesZero(tInterval(values.subarray(0, n)))) return true;
        return false;
      });
      expect(count / simulations).toBeGreaterThan(0.2);
    },
    timeoutMs,
  );
});
