import { classifyRunFile } from "../../../core/evidence/run-files.ts";
import { attemptKeys, deploymentKeys, phaseKeys, runKeys } from "../../../core/names/keys.ts";

const attempt = { runId: "r1", pointKey: "clients=1", trialIndex: 2, attempt: 3 };
const run = runKeys("r1");
const keys = attemptKeys(attempt);
const deployment = deploymentKeys("r1", "d1");
const setUp = { kind: "deployment", runId: "r1", deployment: "d1", attempt: 1 } as const;
const setUpPhase = phaseKeys({ scope: setUp, phase: "prepare", stage: 0 });

describe("classifyRunFile", () => {
  it.each([
    ["seal", run.manifest],
    ["record", run.run],
    ["record", run.plan],
    ["record", run.definition],
    ["record", run.outcome("k")],
    ["record", run.historyChunk("r1.1", 0)],
    ["record", deployment.receipt],
    ["record", deployment.round(1)],
    ["record", deployment.topology],
    ["record", deployment.facts("h")],
    ["record", setUpPhase.done("h")],
    ["record", `${deployment.setup}/attempt-1/h/build.out`],
    ["bookkeeping", setUpPhase.armed(0)],
    ["bookkeeping", setUpPhase.beat("h")],
    ["bookkeeping", run.epoch(1)],
    ["bookkeeping", run.board("d", 1)],
    ["bookkeeping", run.tickets("d", 1)],
    ["bookkeeping", run.stop(1)],
    ["bookkeeping", `${run.events}1.json`],
    ["bookkeeping", keys.claim],
    ["bookkeeping", phaseKeys({ scope: { kind: "attempt", attempt }, phase: "jobs", stage: 0 }).done("h")],
    ["manifest", keys.manifest],
    ["artifact", keys.artifact("h", "out.log")],
    ["artifact", keys.artifact("h", "manifest.json")],
    ["artifact", keys.artifact("h", "phases/x")],
    ["live", keys.live("h", "out.log", 4)],
    ["live", `${deployment.setup}/attempt-1/live/h/build.out/000000`],
    ["record", "runs/r1/whatever.txt"],
  ])("knows %s: %s", (kind, key) => {
    expect(classifyRunFile("r1", key).kind).toBe(kind);
  });

  it("reads the attempt, and what a live piece is of", () => {
    expect(classifyRunFile("r1", keys.artifact("h", "x"))).toEqual({ kind: "artifact", attempt });
    expect(classifyRunFile("r1", keys.live("h", "a/out.log", 4))).toEqual({
      kind: "live",
      attempt,
      of: keys.artifact("h", "a/out.log"),
      chunk: 4,
    });
  });
});
