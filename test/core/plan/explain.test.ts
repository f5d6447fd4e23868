import { explainTrial } from "../../../core/plan/explain.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { Plan, PlannedTrial } from "../../../core/plan/types.ts";
import { fixtureText, loadText, planInputs } from "../definition/load.ts";

const plan = (edit: (text: string) => string = (text) => text): Plan => {
  const definition = loadText(edit(fixtureText("quickstart/quickstart")));
  return planExperiment(definition, planInputs(definition));
};
const before = plan();
const trialOf = (of: Plan, pointKey: string, trialIndex = 0): PlannedTrial => {
  const trial = of.blocks
    .flatMap((block) => block.trials)
    .find((t) => of.points[t.point]?.pointKey === pointKey && t.trialIndex === trialIndex);
  if (trial === undefined) throw new Error(`no ${pointKey}`);
  return trial;
};
const explain = (now: Plan, pointKey: string, trialIndex = 0, validResults: ReadonlySet<string> = new Set()) =>
  explainTrial(now, trialOf(now, pointKey, trialIndex), { validResults, earlier: [{ runId: "run-1", plan: before }] });

describe("explainTrial", () => {
  it("says that nothing runs where a valid result is there", () => {
    const valid = new Set([trialOf(before, "load.clients=2").trialKey]);
    expect(explain(before, "load.clients=2", 0, valid).kind).toBe("valid");
  });

  it("says that an earlier run came to no result", () => {
    expect(explain(before, "load.clients=2")).toEqual({
      kind: "unfinished",
      reason: "run-1 planned it, but has no valid result of it",
    });
  });

  it("names what changed: commands, parameters, machines", () => {
    const now = plan((text) =>
      text
        .replace("--file log.bin", "--file other.bin")
        .replace("default: 128", "default: 256")
        .replace("parameters:\n", "parameters:\n  fsync: true\n")
        .replace("vcpu: 1", "vcpu: 2"),
    );
    expect(explain(now, "load.clients=2")).toEqual({
      kind: "changed",
      reason: "run-1 measured this point before a change",
      changes: [
        "parameter valueBytes: 128 is now 256",
        "parameter fsync is new (true)",
        "hosts client changed",
        "hosts server changed",
        "service server changed",
      ],
    });
  });

  it("tells new trials from new points", () => {
    const now = plan((text) => text.replace("trials: 3", "trials: 4").replace("[2, 4", "[1, 2, 4"));
    expect(explain(now, "load.clients=2", 3).reason).toBe("run-1 measured this point, but not trial 3");
    expect(explain(now, "load.clients=1").reason).toBe("no earlier run has this point");
    expect(explainTrial(now, trialOf(now, "load.clients=1"), { validResults: new Set(), earlier: [] }).reason).toBe(
      "no earlier run is known",
    );
  });
});
