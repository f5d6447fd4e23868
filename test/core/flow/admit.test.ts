import { admitRun } from "../../../core/flow/admit.ts";
import { afterSweep } from "../../../core/flow/after-execution.ts";
import { freshBoard } from "../../../core/flow/board.ts";
import { finishRun } from "../../../core/flow/finish.ts";
import { releaseDeployment } from "../../../core/flow/release.ts";
import { resumeSetup } from "../../../core/flow/resume-setup.ts";
import { deploymentStateSchema } from "../../../core/flow/states.ts";
import { deploymentKeys, phaseKeys, runKeys, sharedResultKey } from "../../../core/names/keys.ts";
import type { PhaseRef } from "../../../core/names/keys.ts";
import type { FlowWorld } from "./flow-world.ts";
import { flowWorld, readyState, runId, topologyFixture } from "./flow-world.ts";

const first = deploymentKeys(runId, `${runId}-main-1`);
const outcome = (trialKey: string, of = runId) => ({
  trialKey,
  runId: of,
  pointKey: "load.n=0",
  trialIndex: 0,
  attempt: 1,
  manifestSha256: "a",
  recordedAt: "",
});
const admit = (world: FlowWorld, epoch = 1) => admitRun({ runId, epoch }, `${runId}.${epoch}`, world.fx);

describe("admitRun", () => {
  it("lays out every block, and the same when asked again", async () => {
    const world = await flowWorld();
    const admitted = await admit(world);
    expect(admitted.deployments).toHaveLength(1);
    expect(admitted.deployments[0]).toMatchObject({
      deploymentId: `${runId}-main-1`,
      setupAttempt: 1,
      prepare: { stage: 0 },
    });
    expect(await world.read(runKeys(runId).board(`${runId}-main-1`, 1))).toMatchObject({ blocks: [[0, 3]] });
    expect(await admit(world)).toEqual(admitted);
  });

  it("refuses an epoch that another execution has, one that was stopped, and one that is not the newest", async () => {
    const taken = await flowWorld();
    await taken.store.putIfAbsent(runKeys(runId).epoch(1), new Uint8Array(), "somebody else");
    await expect(admit(taken)).rejects.toMatchObject({ name: "CancelledFailure" });
    const stopped = await flowWorld();
    await stopped.put(runKeys(runId).stop(1), {});
    await expect(admit(stopped)).rejects.toThrow("asked to stop");
    const old = await flowWorld();
    await old.put(runKeys(runId).epoch(2), {});
    await expect(admit(old)).rejects.toThrow("a newer resume");
  });

  it("runs only what has no valid result in this run; with --reuse, in any", async () => {
    const world = await flowWorld();
    await world.put(runKeys(runId).outcome("key-0-0"), outcome("key-0-0"));
    await world.put(sharedResultKey("key-1-0", "other"), outcome("key-1-0", "other"));
    await admit(world);
    expect(await world.read(runKeys(runId).board(`${runId}-main-1`, 1))).toMatchObject({ blocks: [[1, 3]] });
    const reusing = await flowWorld({ record: { reuse: "store" } });
    await reusing.put(sharedResultKey("key-1-0", "other"), outcome("key-1-0", "other"));
    await admit(reusing);
    expect(await reusing.read(runKeys(runId).board(`${runId}-main-1`, 1))).toMatchObject({
      blocks: [
        [0, 0],
        [2, 3],
      ],
    });
    expect(await reusing.read(runKeys(runId).outcome("key-1-0"))).toMatchObject({ runId: "other" });
  });

  it("takes down what a dead engine left when nothing is left to run", async () => {
    const world = await flowWorld({ experiment: { points: 1, trials: 1 } });
    await world.put(runKeys(runId).outcome("key-0-0"), outcome("key-0-0"));
    await world.put(first.topology, topologyFixture());
    expect((await admit(world, 2)).deployments).toEqual([]);
    expect(world.started).toEqual([`${runId}-main-1.2.teardown`]);
  });

  it("leaves a kept deployment up, and ends a teardown that was cut off all the same", async () => {
    const world = await flowWorld({ experiment: { points: 1, trials: 1 }, record: { keep: true } });
    await world.put(runKeys(runId).outcome("key-0-0"), outcome("key-0-0"));
    await world.put(first.topology, topologyFixture());
    await admit(world, 2);
    expect(world.started).toEqual([]);
    await world.put(first.closed, { reason: "", at: 1 });
    await admit(world, 3);
    expect(world.started).toEqual([`${runId}-main-1.3.teardown`]);
    await world.put(first.receipt, {});
    world.started.splice(0);
    await admit(world, 4);
    expect(world.started).toEqual([]);
  });

  it("uses hosts that are still up, and makes new ones when one is gone", async () => {
    const world = await flowWorld();
    await world.put(first.topology, topologyFixture());
    world.listed.push(...["server", "client"].map((role) => readyState(`${runId}-main-1-r0-l0-${role}-0`)));
    expect((await admit(world)).deployments[0]?.deploymentId).toBe(`${runId}-main-1`);
    world.listed.pop();
    expect((await admit(world, 2)).deployments[0]?.deploymentId).toBe(`${runId}-main-2`);
    expect(world.started).toEqual([`${runId}-main-1.2.teardown`]);
  });

  it.each([
    ["goes on with a round that is being made", 100_000, `${runId}-main-1`],
    ["starts afresh after one that was left half made", 200_000, `${runId}-main-2`],
  ])("%s", async (_, now, deploymentId) => {
    const world = await flowWorld();
    const round = { round: 0, places: {}, startedAt: 1_000, notAfter: 121_000, expiresAt: 9e9, intents: [] };
    await world.put(first.round(0), round);
    world.setTime(now);
    expect((await admit(world)).deployments[0]?.deploymentId).toBe(deploymentId);
  });
});

describe("resumeSetup", () => {
  const stageOf = (attempt: number, stage: number): ReturnType<typeof phaseKeys> => {
    const scope: PhaseRef["scope"] = { kind: "deployment", runId, deployment: `${runId}-main-1`, attempt };
    return phaseKeys({ scope, phase: "prepare", stage });
  };
  const result = (host: string, failure?: object) => ({
    stepId: "s",
    host,
    units: [],
    artifacts: [],
    missing: [],
    warnings: [],
    startedAt: 1,
    endedAt: 2,
    ...(failure === undefined ? {} : { failure }),
  });
  async function stage(
    world: FlowWorld,
    attempt: number,
    n: number,
    done: readonly object[],
    more = true,
  ): Promise<void> {
    const keys = stageOf(attempt, n);
    await world.put(keys.expected, { hosts: { a: "required", b: "required" }, output: { stage: n + 1, more } });
    for (const [i, record] of done.entries()) await world.put(keys.done(i === 0 ? "a" : "b"), record);
  }
  const both = [result("a"), result("b")];
  const at = (world: FlowWorld) => resumeSetup(runId, `${runId}-main-1`, world.fx);

  it("begins with the first stage", async () => {
    expect(await at(await flowWorld())).toEqual({ attempt: 1, stage: 0 });
  });

  it("goes on, under a new number, with the stage that was cut off", async () => {
    const world = await flowWorld();
    await stage(world, 1, 0, both);
    await stage(world, 1, 1, [result("a")]);
    expect(await at(world)).toEqual({ attempt: 2, stage: 1 });
    await stage(world, 2, 1, both);
    await stage(world, 2, 2, []);
    expect(await at(world)).toEqual({ attempt: 3, stage: 2 });
  });

  it("begins again after a stage in which a host failed", async () => {
    const world = await flowWorld();
    await stage(world, 1, 0, both);
    await stage(world, 1, 1, [result("a", { class: "command", message: "no" })]);
    expect(await at(world)).toEqual({ attempt: 2, stage: 0 });
  });

  it("finds it done, wherever its last stage was", async () => {
    const world = await flowWorld();
    await stage(world, 1, 0, both);
    await stage(world, 2, 1, both, false);
    expect(await at(world)).toEqual({ attempt: 2, stage: 1 });
  });
});

describe("releaseDeployment", () => {
  async function running(record: Parameters<typeof flowWorld>[0] = {}) {
    const world = await flowWorld(record);
    const [state] = (await admit(world)).deployments;
    return { world, state: deploymentStateSchema.parse(state) };
  }

  it("hands over to teardown, once", async () => {
    const { world, state } = await running();
    const released = { kind: "released", deploymentId: `${runId}-main-1`, kept: false };
    expect(await releaseDeployment(state, "x", world.fx)).toEqual(released);
    expect(await releaseDeployment(state, "x", world.fx)).toEqual(released);
    expect(world.started).toEqual([`${runId}-main-1.1.teardown`]);
  });

  it("keeps what is to be kept, unless the run was stopped", async () => {
    const { world, state } = await running({ record: { keep: true } });
    expect(await releaseDeployment(state, "x", world.fx)).toMatchObject({ kept: true });
    expect(world.started).toEqual([]);
    await world.put(runKeys(runId).stop(1), {});
    expect(await releaseDeployment(state, "x", world.fx)).toMatchObject({ kept: false });
    expect(world.started).toEqual([`${runId}-main-1.1.teardown`]);
  });

  it("says why a deployment failed, with a message that fits", async () => {
    const { world, state } = await running();
    const failure = {
      Error: "CommandFailure",
      Cause: JSON.stringify({ class: "command", message: "x".repeat(9_000) }),
    };
    const released = await releaseDeployment({ ...state, failure }, "x", world.fx);
    expect(released).toMatchObject({ kind: "released", failure: { class: "command" } });
    expect(JSON.stringify(released).length).toBeLessThan(1_500);
  });

  it("makes a successor of a lost one for what is left, the same when asked again", async () => {
    const { world, state } = await running();
    await world.put(first.closed, { reason: "lost a", at: 1, lost: true });
    const next = await releaseDeployment(state, "x", world.fx);
    expect(next).toMatchObject({ kind: "replaced", deploymentId: `${runId}-main-2`, replaced: 1 });
    expect(await releaseDeployment(state, "x", world.fx)).toEqual(next);
    expect(await world.read(runKeys(runId).board(`${runId}-main-2`, 1))).toMatchObject({ blocks: [[0, 3]] });
    expect(world.started).toEqual([`${runId}-main-1.1.teardown`]);
  });

  it.each([
    ["it happened ten times", { replaced: 10 }, {}, undefined],
    ["the run was stopped", {}, {}, runKeys(runId).stop(1)],
    ["a newer epoch drives the run", {}, {}, runKeys(runId).epoch(2)],
    ["its hosts are another run's", {}, { onDeployment: { runId: "k", deploymentId: "k-main-1" } }, undefined],
  ])("makes no successor when %s", async (_, overrides, record, key) => {
    const { world, state } = await running({ record });
    await world.put(first.closed, { reason: "lost a", at: 1, lost: true });
    if (key !== undefined) await world.put(key, {});
    expect(await releaseDeployment({ ...state, ...overrides }, "x", world.fx)).toMatchObject({
      kind: "released",
      failure: { class: "preempted", message: "lost a" },
    });
  });
});

describe("finishRun", () => {
  const finish = (world: FlowWorld, more: object = {}) => finishRun({ runId, epoch: 1, ...more }, world.fx);
  const withBoard = async (failures: object): Promise<FlowWorld> => {
    const world = await flowWorld({ experiment: { points: 1, trials: 1 } });
    await world.put(runKeys(runId).board(`${runId}-main-1`, 1), { ...freshBoard([0], 1), failures });
    return world;
  };

  it("is complete with every trial, whatever happened on the way", async () => {
    const world = await withBoard({ command: 1 });
    await world.put(runKeys(runId).outcome("key-0-0"), outcome("key-0-0"));
    expect(await finish(world, { released: [{ failure: { class: "preempted", message: "x" } }] })).toMatchObject({
      kind: "complete",
      valid: 1,
    });
  });

  it.each([
    ["the flow's own failure", { failure: { Error: "QuotaFailure", Cause: "no" } }, { timeout: 2 }, "QuotaFailure"],
    [
      "a deployment's",
      { released: [{}, { failure: { class: "boot", message: "late" } }] },
      { timeout: 2 },
      "BootFailure",
    ],
    ["what most trials failed of", {}, { timeout: 2, command: 3, integrity: 1 }, "CommandFailure"],
    ["a defect, when nobody said why", {}, {}, "DefectFailure"],
  ])("takes its class from %s", async (_, more, failures, error) => {
    expect(await finish(await withBoard(failures), more)).toMatchObject({ kind: "incomplete", error });
  });

  it("was stopped when it was stopped, whatever failed besides", async () => {
    const world = await withBoard({ command: 3 });
    await world.put(runKeys(runId).stop(1), { reason: "no time", at: "", by: "" });
    expect(await finish(world)).toMatchObject({
      error: "CancelledFailure",
      cause: expect.stringContaining("no time") as unknown,
    });
  });

  it("--until prepare is complete without trials, but not without hosts", async () => {
    const world = await flowWorld({ record: { until: "prepare" } });
    expect(await finish(world)).toMatchObject({ kind: "complete" });
    expect(await finish(world, { released: [{ failure: { class: "boot", message: "late" } }] })).toMatchObject({
      kind: "incomplete",
      error: "BootFailure",
    });
  });
});

describe("afterSweep", () => {
  it.each([
    ["a run that ended by itself keeps what it was to keep", "FAILED", true, false, []],
    ["one that was stopped from outside doesn't", "ABORTED", true, false, [`${runId}-main-1.1.teardown`]],
    ["nor one that was asked to stop", "FAILED", true, true, [`${runId}-main-1.1.teardown`]],
    ["what should be down by now is", "SUCCEEDED", false, false, [`${runId}-main-1.1.teardown`]],
  ])("%s", async (_, status, keep, stopped, started) => {
    const world = await flowWorld({ record: { keep } });
    await world.put(first.topology, topologyFixture());
    if (stopped) await world.put(runKeys(runId).stop(1), {});
    await afterSweep({ runId, epoch: 1, status }, world.fx);
    expect(world.started).toEqual(started);
  });
});
