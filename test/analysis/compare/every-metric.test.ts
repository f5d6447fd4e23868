import { comparisonsOfRun, compareMetrics, withRatios } from "../../../analysis/compare/every-metric.ts";
import { judgeClaims } from "../../../analysis/claims/judge-claims.ts";
import type { Trial, TrialComparison } from "../../../analysis/trials.ts";
import { trialFixture } from "../trial-fixture.ts";

const sides: TrialComparison = { mode: "duet", barrier: false, place: "free", arm: undefined, order: "AB" };
const duet = (trialIndex: number, summary: Record<string, number>): Trial =>
  trialFixture({ pointKey: "s.default", sweep: "s", trialIndex, comparison: sides, summary });
const side = (arm: "A" | "B", trialIndex: number, p99Ms: number, mode: "interleaved" | "independent" = "interleaved") =>
  trialFixture({
    pointKey: `s.default+arm=${arm}`,
    sweep: "s",
    trialIndex,
    comparison: { ...sides, mode, arm, order: undefined },
    summary: { p99Ms },
  });

describe("withRatios", () => {
  it("gives a duet's trial B over A of each metric that both sides have", () => {
    const [trial] = withRatios([duet(0, { "p99Ms.A": 10, "p99Ms.B": 12, "onlyMs.A": 1, failures: 0 })]);
    expect(trial?.summary).toEqual({ "p99Ms.A": 10, "p99Ms.B": 12, "onlyMs.A": 1, failures: 0, "p99Ms.ratio": 1.2 });
  });

  it("gives both sides of an interleaved pair the pair's own, and independent ones none", () => {
    const trials = withRatios([
      side("A", 0, 10),
      side("B", 0, 11),
      side("A", 1, 20),
      side("B", 1, 30),
      side("A", 2, 5),
    ]);
    expect(trials.map(({ summary }) => summary["p99Ms.ratio"])).toEqual([1.1, 1.1, 1.5, 1.5, undefined]);
    const apart = [side("A", 0, 10, "independent"), side("B", 0, 11, "independent")];
    expect(withRatios(apart)).toEqual(apart);
  });

  it("lets a claim speak of the comparison, free of what both sides met", () => {
    // The machine doubles its speed; B's five percent stay.
    const trials = withRatios(
      [1, 2, 1, 2, 1, 2].map((speed, i) => duet(i, { "ms.A": 100 / speed, "ms.B": 105 / speed + i / 1e3 })),
    );
    const claim = {
      name: "c",
      metric: "ms.ratio",
      of: { sweep: "s", where: {} },
      reduce: "mean",
      tolerance: 0.01,
    } as const;
    const verdicts = (paper: number) =>
      judgeClaims(
        [{ ...claim, paper }],
        trials.map((trial) => ({ ...trial, metrics: trial.summary })),
      ).map(({ verdict }) => verdict);
    expect(verdicts(1.05)).toEqual(["holds"]);
    expect(verdicts(1.1)).toEqual(["fails"]);
  });
});

describe("comparisonsOfRun", () => {
  it("compares every metric of trials with sides, and leaves out what can't be compared", () => {
    const trials = [0, 1, 2].map((i) =>
      duet(i, { "p99Ms.A": 10 + i, "p99Ms.B": 20 + 2 * i, "failures.A": 0, "failures.B": 0 }),
    );
    const found = comparisonsOfRun([...trials, trialFixture()]);
    expect(found.map(({ point, metric, comparison }) => [point, metric, comparison.verdict])).toEqual([
      ["s.default", "p99Ms", "different"],
    ]);
    expect(compareMetrics(["failures"], trials, undefined).problems).toHaveLength(1);
    expect(comparisonsOfRun([trialFixture()])).toEqual([]);
  });
});
