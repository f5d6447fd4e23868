import { cpusNeeded, cpusOfSide, startOrder } from "../../../core/plan/sides.ts";
import type { PlannedComparison } from "../../../core/plan/types.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import { definitionText, loadText, planInputs } from "../definition/load.ts";

const comparison = (over: Partial<PlannedComparison> = {}): PlannedComparison => ({
  mode: "duet",
  pattern: "ABBA",
  barrier: false,
  place: "split",
  ...over,
});
const sides = (over: Partial<PlannedComparison>, trials: number, vcpus = 4) =>
  Array.from({ length: trials }, (_, trialIndex) =>
    (["A", "B"] as const).map((arm) => cpusOfSide(comparison(over), { arm, trialIndex, vcpus })),
  );

describe("startOrder", () => {
  const orders = (pattern: PlannedComparison["pattern"], count: number) =>
    Array.from({ length: count }, (_, trialIndex) =>
      startOrder({ pattern }, { pointKey: "s.x=1", trialIndex, seed: 1_000 + trialIndex }),
    );
  it("takes turns, or lets A start always", () => {
    expect(orders("ABBA", 4)).toEqual(["AB", "BA", "AB", "BA"]);
    expect(orders("AB", 2)).toEqual(["AB", "AB"]);
  });
  it("draws by the trial's seed and point: the same again, about half of each", () => {
    const drawn = orders("random", 200);
    expect(drawn).toEqual(orders("random", 200));
    const first = drawn.filter((order) => order === "AB").length;
    expect(first).toBeGreaterThan(70);
    expect(first).toBeLessThan(130);
  });
});

describe("cpusOfSide", () => {
  it("splits the machine in halves that change hands every second trial", () => {
    expect(sides({}, 5)).toEqual([
      ["0-1", "2-3"],
      ["0-1", "2-3"],
      ["2-3", "0-1"],
      ["2-3", "0-1"],
      ["0-1", "2-3"],
    ]);
  });
  it("meets each order with each half equally often", () => {
    const seen = new Map<string, number>();
    for (let trialIndex = 0; trialIndex < 8; trialIndex++) {
      const order = startOrder(comparison(), { pointKey: "", trialIndex, seed: 0 });
      const key = `${order} ${String(cpusOfSide(comparison(), { arm: "A", trialIndex, vcpus: 2 }))}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(Object.fromEntries(seen)).toEqual({ "AB 0": 2, "BA 0": 2, "AB 1": 2, "BA 1": 2 });
  });
  it("gives sides that run one after the other the same half", () => {
    expect(sides({ mode: "interleaved" }, 3, 2)).toEqual([
      ["0", "0"],
      ["0", "0"],
      ["1", "1"],
    ]);
  });
  it("lets sides share, or the kernel decide", () => {
    expect(sides({ place: "same" }, 1)).toEqual([["0-3", "0-3"]]);
    expect(sides({ place: "same", cpus: 1 }, 1)).toEqual([["0", "0"]]);
    expect(sides({ place: "free" }, 1)).toEqual([[undefined, undefined]]);
  });
});

describe("a pair on a machine", () => {
  const plan = (vcpu: number, compare: string) =>
    planExperiment(
      loadText(
        definitionText({
          deployments: `{ c: { on: aws, places: [eu-west-1], roles: { client: { machine: { vcpu: ${vcpu} } } } } }`,
          trial: "{ jobs: { load: { on: client, run: x } } }",
          sweeps: `{ s: { compare: ${compare} } }`,
        }),
      ),
      planInputs(loadText(definitionText({}))),
    );
  it("needs twice a side's CPUs unless they share on purpose", () => {
    expect(cpusNeeded(comparison({ cpus: 2 }))).toBe(4);
    expect(cpusNeeded(comparison({ place: "free" }))).toBe(2);
    expect(cpusNeeded(comparison({ place: "same", cpus: 3 }))).toBe(3);
    expect(cpusNeeded(comparison({ mode: "interleaved", place: "free" }))).toBe(1);
  });
  it("is refused when planned on too small a one, with what to do", () => {
    expect(() => plan(1, "{ mode: duet }")).toThrow(/a pair needs 2 vCPUs, and client-0 \(m1\) has 1/);
    expect(() => plan(3, "{ mode: duet, cpus: 2 }")).toThrow(/needs 4 vCPUs/);
    expect(() => plan(1, "{ mode: duet, place: same }")).not.toThrow();
    expect(() => plan(4, "{ mode: duet, cpus: 2, place: split }")).not.toThrow();
  });
  it("is another trial when the sides are brought together otherwise", () => {
    const keys = ["{}", "{ barrier: true }", "{ place: split }", "{ place: split, cpus: 1 }", "{ pattern: AB }"].map(
      (compare) => plan(4, compare.replace("{", "{ mode: duet,").replace(", }", " }")).blocks[0]?.trials[0]?.trialKey,
    );
    expect(new Set(keys).size).toBe(keys.length);
    const apart = (compare: string) => plan(4, compare).blocks[0]?.trials[0]?.trialKey;
    // Sides that never meet have no barrier, and their block's order isn't part of a trial.
    expect(apart("{ mode: interleaved, pattern: AB }")).toBe(apart("{ mode: interleaved }"));
  });
});
