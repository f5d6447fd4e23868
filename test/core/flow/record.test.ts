import type { Failure } from "../../../core/errors/failure.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import { freshBoard } from "../../../core/flow/board.ts";
import { claimBlock } from "../../../core/flow/claim.ts";
import { attemptFailure, recordOutcome } from "../../../core/flow/record.ts";
import type { AttemptState } from "../../../core/flow/states.ts";
import { attemptStateSchema, failureOfCaught } from "../../../core/flow/states.ts";
import { attemptKeys, deploymentKeys, runKeys } from "../../../core/names/keys.ts";
import type { Board } from "../../../core/records/schemas.ts";
import { boardSchema } from "../../../core/records/schemas.ts";
import type { FlowWorld } from "./flow-world.ts";
import { flowWorld, readyState, runId, topologyFixture } from "./flow-world.ts";

const deploymentId = `${runId}-main-1`;
const input = { runId, epoch: 1, deployment: "main", deploymentId };
const boardKey = runKeys(runId).board(deploymentId, 1);

/** A child that has begun the first trial of the first block. */
async function begun(
  options: Parameters<typeof flowWorld>[0] = {},
): Promise<{ world: FlowWorld; state: AttemptState }> {
  const world = await flowWorld({ experiment: { points: 2, trials: 2, lanes: 1, blockSize: 2 }, ...options });
  await world.put(runKeys(runId).epoch(1), {});
  await world.put(boardKey, freshBoard([0, 1], 1));
  await world.put(deploymentKeys(runId, deploymentId).topology, topologyFixture());
  world.listed.push(...["server", "client"].map((role) => readyState(`${deploymentId}-r0-l0-${role}-0`)));
  return { world, state: attemptStateSchema.parse(await claimBlock(input, "c1", world.fx)) };
}

const valid = (state: AttemptState): AttemptState => ({
  ...state,
  verdict: { step: { valid: true, manifestSha256: "a".repeat(64), summary: { p99Ms: 3 } } },
});
const failed = (state: AttemptState, error: string, message = "why"): AttemptState => ({
  ...state,
  failure: { Error: error, Cause: JSON.stringify({ class: "x", message }) },
});
const boardOf = async (world: FlowWorld): Promise<Board> => boardSchema.parse(await world.read(boardKey));

describe("recordOutcome", () => {
  it("names a valid attempt, for this run and for others, and goes on with the block", async () => {
    const { world, state } = await begun();
    const next = await recordOutcome(valid(state), "c1", world.fx);
    expect(next).toMatchObject({ kind: "attempt", block: 0, position: 1, trialIndex: 1, attempt: 1 });
    expect(await world.read(runKeys(runId).outcome("key-0-0"))).toMatchObject({ attempt: 1 });
    expect(await world.keys("results/")).toEqual([`results/key-0-0/${runId}.json`]);
    const last = attemptStateSchema.parse(next);
    expect(await recordOutcome(valid(last), "c1", world.fx)).toEqual({ kind: "done", reason: "the block is done" });
    expect((await boardOf(world)).lanes).toEqual([null]);
  });

  it("decides the same when it is asked again", async () => {
    const { world, state } = await begun({ change: withRetries({ command: 2 }) });
    const again = failed(state, "CommandFailure");
    await world.put(attemptKeys(state).manifest, {});
    const first = await recordOutcome(again, "c1", world.fx);
    expect(first).toMatchObject({ kind: "attempt", trialIndex: 0, attempt: 2 });
    expect(await recordOutcome(again, "c1", world.fx)).toEqual(first);
  });

  it("counts only this epoch's tries: those that an engine's death cut off were no failures", async () => {
    const { world, state } = await begun();
    const claim = (await world.read(attemptKeys(state).claim)) as object;
    for (const attempt of [2, 3, 4]) await world.put(attemptKeys({ ...state, attempt }).claim, { ...claim, epoch: 0 });
    await world.put(attemptKeys({ ...state, attempt: 5 }).claim, claim);
    await world.put(attemptKeys({ ...state, attempt: 5 }).manifest, {});
    const next = await recordOutcome(failed({ ...state, attempt: 5 }, "TransportFailure"), "c1", world.fx);
    expect(next).toMatchObject({ kind: "attempt", trialIndex: 0, attempt: 6 });
  });

  it("counts a trial that failed for good, and goes on with the block's next", async () => {
    const { world, state } = await begun();
    await world.put(attemptKeys(state).manifest, {});
    const next = await recordOutcome(failed(state, "CommandFailure"), "c1", world.fx);
    expect(next).toMatchObject({ kind: "attempt", position: 1 });
    expect((await boardOf(world)).failures).toEqual({ command: 1 });
  });

  it("after a stop: what is measured counts, the rest of the block is left", async () => {
    const { world, state } = await begun();
    await world.put(runKeys(runId).stop(1), { reason: "x", at: "", by: "" });
    expect(await recordOutcome(valid(state), "c1", world.fx)).toMatchObject({ kind: "done" });
    expect(await world.read(runKeys(runId).outcome("key-0-0"))).toBeDefined();
    expect(await boardOf(world)).toMatchObject({ lanes: [null], unfinished: [0], failures: {} });
  });

  it.each(["TransportFailure", "PreemptedFailure", "BootFailure", "CollectFailure", "States.Timeout"])(
    "closes a deployment whose host is gone when a trial fails with %s",
    async (error) => {
      const { world, state } = await begun();
      world.listed.pop();
      expect(await recordOutcome(failed(state, error), "c1", world.fx)).toMatchObject({ kind: "done" });
      expect(await world.read(deploymentKeys(runId, deploymentId).closed)).toMatchObject({
        lost: true,
        reason: "lost l0-client-0 (it is no longer there)",
      });
      expect((await boardOf(world)).unfinished).toEqual([0]);
      expect(await world.told("hosts-lost")).toHaveLength(1);
    },
  );

  it("doesn't ask whether hosts exist when the experiment's own command failed", async () => {
    const { world, state } = await begun();
    world.listed.pop();
    await world.put(attemptKeys(state).manifest, {});
    expect(await recordOutcome(failed(state, "CommandFailure"), "c1", world.fx)).toMatchObject({ position: 1 });
    expect(await world.read(deploymentKeys(runId, deploymentId).closed)).toBeUndefined();
  });

  it("believes a host that was told that its cloud takes it back, though the cloud still lists it as up", async () => {
    const { world, state } = await begun({ change: withRetries({ preempted: 2 }) });
    const failure = { class: "preempted", message: "gcp takes this spot machine back: TRUE", host: "l0-client-0" };
    const told = { ...state, failure: { Error: "PreemptedFailure", Cause: JSON.stringify(failure) } };
    expect(await recordOutcome(told, "c1", world.fx)).toMatchObject({ kind: "done" });
    expect(await world.read(deploymentKeys(runId, deploymentId).closed)).toMatchObject({
      lost: true,
      reason: "lost l0-client-0 (gcp takes this spot machine back: TRUE)",
    });
  });

  it("tells the feed a long message cut, and where the whole of it is", async () => {
    const { world, state } = await begun();
    await world.put(attemptKeys(state).manifest, {});
    await recordOutcome(failed(state, "CommandFailure", "x".repeat(300_000)), "c1", world.fx);
    const [text] = await world.told("trial-failed");
    expect(text?.length).toBeLessThan(2_500);
    expect(text).toContain("attempt-1/manifest.json");
  });
});

describe("attemptFailure", () => {
  const classify = (failure: { readonly class: string; readonly message: string }) =>
    failure.message.includes("disk") ? { class: "boot" as const, message: failure.message } : undefined;

  it("takes the first thing that went wrong, as the definition takes it", async () => {
    const { state } = await begun();
    const experiment = {
      classify: (failure: Failure) => classify(failure) ?? failure,
    };
    const both = { ...failed(state, "CommandFailure", "no disk"), collectFailure: { Error: "CollectFailure" } };
    expect(attemptFailure(both, experiment)).toMatchObject({ class: "boot" });
    expect(attemptFailure({ ...state, collectFailure: { Error: "CollectFailure" } }, experiment)).toMatchObject({
      class: "collect",
    });
    expect(attemptFailure(valid(state), experiment)).toBeUndefined();
    expect(attemptFailure(state, experiment)).toMatchObject({ class: "defect" });
  });
});

describe("failureOfCaught", () => {
  it.each([
    [
      "our own cause",
      { Error: "CommandFailure", Cause: '{"class":"command","message":"exit 3","host":"a"}' },
      "command",
      "exit 3",
    ],
    [
      "a thrown failure, with its hint",
      { Error: "QuotaFailure", Cause: "no more (try: ask for more)" },
      "quota",
      "no more",
    ],
    [
      "Lambda's wrapping",
      { Error: "BootFailure", Cause: '{"errorType":"BootFailure","errorMessage":"late"}' },
      "boot",
      "late",
    ],
    ["a timeout", { Error: "States.Timeout" }, "timeout", "the phase did not end in time"],
    ["silence", { Error: "States.HeartbeatTimeout" }, "transport", "the hosts fell silent and did not come back"],
    ["anything else", { Error: "TypeError", Cause: "x is not a function" }, "defect", "TypeError: x is not a function"],
    ["nothing at all", { Error: "Lambda.Unknown" }, "defect", "Lambda.Unknown: "],
  ])("reads %s", (_, caught, failureClass, message) => {
    expect(failureOfCaught(caught)).toMatchObject({ class: failureClass, message });
  });

  it("gives a thrown failure's hint back", () => {
    const thrown = new FailureError({ class: "quota", message: "no (more)", hint: "ask" });
    const caught = { Error: thrown.name, Cause: `${thrown.message} (try: ${thrown.hint ?? ""})` };
    expect(failureOfCaught(caught)).toEqual({ class: "quota", message: "no (more)", hint: "ask" });
  });
});

const withRetries =
  (retries: FlowWorld["experiment"]["plan"]["retries"]) =>
  (experiment: FlowWorld["experiment"]): FlowWorld["experiment"] => ({
    ...experiment,
    plan: { ...experiment.plan, retries },
  });
