import { describeMeasured, judgeClaims } from "../../../analysis/claims/index.ts";
import type { ClaimTrial, StatedClaim } from "../../../analysis/claims/index.ts";

const claim = (overrides: Partial<StatedClaim> = {}): StatedClaim => ({
  name: "peak",
  metric: "opsPerSec",
  of: { sweep: "new", where: {} },
  reduce: "max",
  relativeTo: { sweep: "old", where: {} },
  paper: "at least 3x",
  source: "Figure 7",
  ...overrides,
});

/** One trial a value; values by point, in order of passes. */
const trials = (sweep: string, points: Readonly<Record<string, readonly (number | undefined)[]>>): ClaimTrial[] =>
  Object.entries(points).flatMap(([clients, values]) =>
    values.map((value, trialIndex) => ({
      sweep,
      pointKey: `${sweep}.clients=${clients}`,
      parameters: { clients: Number(clients), mode: { batch: true } },
      trialIndex,
      metrics: value === undefined ? undefined : { opsPerSec: value },
    })),
  );

const old = trials("old", { 1: [10, 10.1, 9.9], 8: [20, 20.2, 19.8] });
const judgeOne = (stated: StatedClaim, all: readonly ClaimTrial[]) => judgeClaims([stated], all)[0]!;

describe("judgeClaims", () => {
  it("says that a claim holds where the whole interval does", () => {
    const judged = judgeOne(claim(), [...old, ...trials("new", { 1: [30, 31, 29], 8: [80, 81, 79] })]);
    expect(judged.verdict).toBe("holds");
    expect(judged.measured?.estimate).toBeCloseTo(4, 1);
    expect(judged).toMatchObject({ paper: "at least 3x (Figure 7)", wanted: "at least 3", passCount: 3 });
    expect(describeMeasured(judged)).toMatch(/^4 \[3\.\d+, 4\.\d+\] \(3 trials a point\)$/);
  });

  it("says that it fails where none of the interval does", () => {
    const judged = judgeOne(claim(), [...old, ...trials("new", { 8: [40, 41, 39] })]);
    expect(judged.verdict).toBe("fails");
    expect(judged.wouldTake).toBeUndefined();
  });

  it("cannot tell where the interval reaches over the bound, and says how many trials would", () => {
    const judged = judgeOne(claim(), [...old, ...trials("new", { 8: [58, 70, 64] })]);
    expect(judged.verdict).toBe("cannot tell");
    const needed = Number(/about (\d+) trials/.exec(judged.wouldTake ?? "")?.[1]);
    expect(needed).toBeGreaterThan(3);
    expect(needed).toBeLessThan(60);
  });

  it("lets a pass choose its own best point, so that the choice is in the interval", () => {
    const judged = judgeOne(
      claim({ relativeTo: undefined, paper: 10 }),
      trials("new", { 1: [10, 8, 8], 2: [8, 8, 10] }),
    );
    expect(judged.measured?.estimate).toBeCloseTo((10 + 8 + 10) / 3);
  });

  it("leaves out passes that lack a point, and says so", () => {
    const judged = judgeOne(
      claim({ relativeTo: undefined, paper: 5 }),
      trials("new", { 1: [5, 5, 5.1], 2: [4, undefined, 4] }),
    );
    expect(judged.passCount).toBe(2);
    expect(judged.reason).toContain("1 incomplete pass left out");
  });

  it("says which points have no result at all", () => {
    const judged = judgeOne(
      claim({ relativeTo: undefined, paper: 5 }),
      trials("new", { 1: [5, 5.02, 5.1], 2: [undefined, undefined, undefined] }),
    );
    expect(judged.reason).toContain("1 of 2 points of new have no result");
  });

  it("takes points by their values, nested ones and lists of them too", () => {
    const of = { sweep: "new", where: { clients: [1, 2], "mode.batch": true } };
    const judged = judgeOne(
      claim({ of, relativeTo: undefined, paper: 5 }),
      trials("new", { 1: [5, 5.1], 2: [4, 4], 3: [900, 900] }),
    );
    expect(judged.measured?.estimate).toBeCloseTo(5.05);
  });

  it.each([
    ["no trial is valid", trials("new", { 1: [undefined] }), "no trial of new is valid"],
    ["the run has no such point", [], "this run has no such point of new"],
    ["the metric is unknown", trials("new", { 1: [NaN] }), "no trial of new has a metric opsPerSec"],
    ["there is one trial", trials("new", { 1: [5] }), "one trial a point has no interval"],
  ])("cannot tell when %s", (_, all, reason) => {
    const judged = judgeOne(claim({ relativeTo: undefined, paper: 5 }), all);
    expect(judged.verdict).toBe("cannot tell");
    expect(judged.reason).toBe(reason);
    expect(judged.wouldTake).toBeTruthy();
  });

  it("names a pass that is far from the others, which stays in", () => {
    const stray = trials("new", { 8: [80, 81, 8, 79, 80] });
    const judged = judgeOne(claim(), [...trials("old", { 8: [20, 20, 20, 20, 20] }), ...stray]);
    expect(judged.measured?.estimate).toBe(4);
    expect(judged).toMatchObject({ verdict: "cannot tell" });
    expect(judged.reason).toContain("trial 2 of new is 0.1 times its median");
  });

  it("cannot tell from words", () => {
    const judged = judgeOne(claim({ paper: "much faster" }), old);
    expect(judged).toMatchObject({ verdict: "cannot tell", wanted: undefined });
  });
});
