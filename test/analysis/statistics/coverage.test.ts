import { bootstrapInterval } from "../../../analysis/statistics/bootstrap.ts";
import { mean } from "../../../analysis/statistics/descriptive.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import type { Generator } from "../../../analysis/statistics/generator.ts";
import { grandMeanInterval, hierarchicalBootstrap } from "../../../analysis/statistics/hierarchical.ts";
import { signFlipTest } from "../../../analysis/statistics/permutation.ts";
import { binomialLimits, wilsonInterval } from "../../../analysis/statistics/proportion.ts";
import { hodgesLehmannCentre, mannWhitney } from "../../../analysis/statistics/rank.ts";
import { fiellerInterval, pairedFiellerInterval, ratioBootstrap } from "../../../analysis/statistics/ratio.ts";
import type { Interval } from "../../../analysis/statistics/samples.ts";
import { tInterval, welchInterval } from "../../../analysis/statistics/t-interval.ts";
import { compareRuns } from "../../../analysis/statistics/verdict.ts";

/**
 * Whether intervals cover as often as they promise, by simulation with fixed seeds. Counts must lie within the binomial
 * limits that hold 99.99 % of the time, so that a test fails for a wrong method and not for chance.
 * REPRISE_LONG=1 runs ten times as many.
 */
const scale = process.env["REPRISE_LONG"] === undefined ? 1 : 10;
const certainty = 0.9999;

function countCovered(
  simulations: number,
  seed: number,
  truth: number,
  interval: (random: Generator) => Interval,
): number {
  const random = generator(seed);
  let covered = 0;
  for (let k = 0; k < simulations; k++) {
    const { low, high } = interval(random);
    if (low <= truth && truth <= high) covered++;
  }
  return covered;
}

const normals = (random: Generator, n: number) => Float64Array.from({ length: n }, () => random.normal());

/** R runs of iterations that share their run's luck: intra-run correlation `icc`. */
const correlatedRuns = (random: Generator, runs: number, iterations: number, icc: number): number[][] =>
  Array.from({ length: runs }, () => {
    const own = Math.sqrt(icc) * random.normal();
    return Array.from({ length: iterations }, () => own + Math.sqrt(1 - icc) * random.normal());
  });

describe("nominal 95 % intervals cover 95 %", () => {
  const simulations = 2_000 * scale;
  it.each<readonly [string, number, number, (random: Generator) => Interval]>([
    ["t of 5 values", 1, 0, (random) => tInterval(normals(random, 5))],
    ["t of 10 values", 2, 0, (random) => tInterval(normals(random, 10))],
    ["t of 20 values", 3, 0, (random) => tInterval(normals(random, 20))],
    [
      "t of run means of 10 correlated runs",
      4,
      0,
      (random) => tInterval(correlatedRuns(random, 10, 25, 0.3).map(mean)),
    ],
    [
      "Welch's, unequal spreads",
      5,
      1,
      (random) =>
        welchInterval(
          normals(random, 8).map((x) => 3 * x),
          normals(random, 15).map((x) => x + 1),
        ),
    ],
    [
      "Fieller's of pairs",
      6,
      1.2,
      (random) => {
        const a = normals(random, 10).map((x) => 10 + x);
        return pairedFiellerInterval(
          a,
          a.map((x) => 1.2 * x + 0.3 * random.normal()),
        );
      },
    ],
    [
      "Kalibera and Jones' over hosts, runs, iterations",
      7,
      0,
      (random) =>
        grandMeanInterval(
          Array.from({ length: 6 }, () => {
            const host = random.normal();
            return correlatedRuns(random, 3, 4, 0.5).map((run) => run.map((x) => host + x));
          }),
        ),
    ],
    ["the verdict's of 10 runs", 8, 0, (random) => compareRuns(normals(random, 10).map((x) => 0.02 * x)).interval!],
  ])("%s", (_name, seed, truth, interval) => {
    const covered = countCovered(simulations, seed, truth, interval);
    const { low, high } = binomialLimits(simulations, 0.95, certainty);
    expect(covered).toBeGreaterThanOrEqual(low);
    expect(covered).toBeLessThanOrEqual(high);
    expect(wilsonInterval(covered, simulations).estimate).toBeGreaterThan(0.93);
    expect(wilsonInterval(covered, simulations).estimate).toBeLessThan(0.97);
  });
});

describe("conservative intervals cover at least 95 %", () => {
  it.each<readonly [string, number, (random: Generator) => Interval]>([
    [
      "Fieller's of independent series",
      1.2,
      (random) =>
        fiellerInterval(
          normals(random, 6).map((x) => 10 + x),
          normals(random, 6).map((x) => 12 + x),
        ),
    ],
    ["Hodges and Lehmann's exact centre", 0, (random) => hodgesLehmannCentre(normals(random, 9))],
  ])("%s", (_name, truth, interval) => {
    const simulations = 1_500 * scale;
    expect(countCovered(simulations, 11, truth, interval)).toBeGreaterThanOrEqual(
      binomialLimits(simulations, 0.95, certainty).low,
    );
  });
});

describe("what bootstraps really cover", () => {
  const simulations = 400 * scale;
  const coverage = (seed: number, interval: (random: Generator, seed: number) => Interval) => {
    let inner = 0;
    return countCovered(simulations, seed, 0, (random) => interval(random, ++inner)) / simulations;
  };

  it("BCa of 5 values: about 0.82, as published; of 30 values near 0.94", () => {
    const five = coverage(21, (random, seed) => bootstrapInterval(normals(random, 5), { resamples: 1_000, seed }));
    expect(five).toBeLessThan(0.88);
    expect(five).toBeGreaterThan(0.76);
    const thirty = coverage(22, (random, seed) => bootstrapInterval(normals(random, 30), { resamples: 1_000, seed }));
    expect(thirty).toBeGreaterThan(0.9);
  });
  it("the studentized bootstrap of 8 values keeps its promise", () => {
    const studentized = coverage(23, (random, seed) =>
      bootstrapInterval(normals(random, 8), { method: "studentized", resamples: 1_000, seed }),
    );
    expect(studentized).toBeGreaterThan(0.91);
  });
  it("bootstrapping merged iterations covers about half of what it promises, run means do well", () => {
    const merged = coverage(24, (random, seed) =>
      bootstrapInterval(correlatedRuns(random, 10, 25, 0.3).flat(), { resamples: 500, method: "percentile", seed }),
    );
    expect(merged).toBeGreaterThan(0.38);
    expect(merged).toBeLessThan(0.6);
  });
  it("the hierarchical bootstrap of 12 runs in 12 hosts covers much more, but less than t", () => {
    const hierarchical = coverage(25, (random, seed) =>
      hierarchicalBootstrap(correlatedRuns(random, 12, 10, 0.5), { resamples: 400, seed }),
    );
    expect(hierarchical).toBeGreaterThan(0.87);
    expect(hierarchical).toBeLessThan(0.98);
  });
  it("the ratio bootstrap of 25 pairs is near nominal", () => {
    const ratio = coverage(26, (random, seed) => {
      const a = normals(random, 25).map((x) => 10 + x);
      const { low, high } = ratioBootstrap(
        a,
        a.map((x) => x + 0.5 * random.normal()),
        { paired: true, resamples: 600, seed },
      );
      return { low: low - 1, high: high - 1 };
    });
    expect(ratio).toBeGreaterThan(0.89);
  });
});

describe("false-positive rates", () => {
  const simulations = 2_000 * scale;
  const alarms = (seed: number, alarm: (random: Generator) => boolean) => {
    const random = generator(seed);
    let count = 0;
    for (let k = 0; k < simulations; k++) if (alarm(random)) count++;
    return count;
  };
  const within = (count: number, share: number) => {
    const { low, high } = binomialLimits(simulations, share, certainty);
    expect(count).toBeGreaterThanOrEqual(low);
    expect(count).toBeLessThanOrEqual(high);
  };

  it("of exact tests is what their discrete distribution allows", () => {
    // 9 runs: p values are multiples of 1/256, the largest at or below 0.05 is 12/256.
    within(
      alarms(31, (random) => signFlipTest(normals(random, 9)).p <= 0.05),
      12 / 256,
    );
    // 5 against 5: P(U ≤ 2) = 4/252 on each side, and 7/252 would exceed 0.025.
    within(
      alarms(32, (random) => mannWhitney(normals(random, 5), normals(random, 5)).p <= 0.05),
      8 / 252,
    );
  });
  it("of the verdict is 5 % without a margin, nearly nothing with 1 %, and 5 % each way at the margin itself", () => {
    const runs = (random: Generator, change = 0) => normals(random, 10).map((x) => Math.log1p(change) + 0.01 * x);
    within(
      alarms(33, (random) => compareRuns(runs(random), { margin: 0 }).verdict === "different"),
      0.05,
    );
    expect(alarms(34, (random) => compareRuns(runs(random)).verdict === "different")).toBeLessThan(simulations * 0.002);
    // A true change of exactly the margin: "different" is a one-sided 2.5 % error, "same" a 5 % one.
    within(
      alarms(35, (random) => compareRuns(runs(random, 0.01)).verdict === "different"),
      0.025,
    );
    within(
      alarms(36, (random) => compareRuns(runs(random, 0.01)).verdict === "same"),
      0.05,
    );
  });
  it("of comparing iterations as if they were independent is many times nominal", () => {
    const count = alarms(
      37,
      (random) =>
        mannWhitney(correlatedRuns(random, 5, 20, 0.3).flat(), correlatedRuns(random, 5, 20, 0.3).flat(), "normal").p <=
        0.05,
    );
    expect(count / simulations).toBeGreaterThan(0.25);
  });
});
