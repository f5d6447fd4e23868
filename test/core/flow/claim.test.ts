import fc from "fast-check";
import { freshBoard, remainingBlocks, toRanges } from "../../../core/flow/board.ts";
import { claimBlock, countFailure, releaseLane } from "../../../core/flow/claim.ts";
import type { ClaimInput } from "../../../core/flow/states.ts";
import { attemptKeys, deploymentKeys, runKeys } from "../../../core/names/keys.ts";
import type { ObjectStore } from "../../../core/ports/object-store.ts";
import type { Board } from "../../../core/records/schemas.ts";
import { boardSchema } from "../../../core/records/schemas.ts";
import type { FlowWorld } from "./flow-world.ts";
import { flowWorld, runId } from "./flow-world.ts";

const deploymentId = `${runId}-main-1`;
const input: ClaimInput = { runId, epoch: 1, deployment: "main", deploymentId };
const boardKey = runKeys(runId).board(deploymentId, 1);

async function withBoard(
  options: { readonly points?: number; readonly lanes?: number; readonly stopAfterFailures?: number } = {},
): Promise<FlowWorld> {
  const { points = 3, lanes = 2, stopAfterFailures } = options;
  const world = await flowWorld({
    experiment: { points, trials: 1, lanes },
    change: (experiment) => ({ ...experiment, plan: { ...experiment.plan, stopAfterFailures } }),
  });
  await world.put(runKeys(runId).epoch(1), { epoch: 1 });
  await world.put(boardKey, freshBoard([...Array(points).keys()], lanes));
  return world;
}

const boardOf = async (world: FlowWorld): Promise<Board> => boardSchema.parse(await world.read(boardKey));

describe("claimBlock", () => {
  it("gives free lanes the next blocks in plan order, then tells to wait, then that nothing is left", async () => {
    const { fx } = await withBoard();
    expect(await claimBlock(input, "c1", fx)).toMatchObject({ kind: "attempt", lane: 0, block: 0, attempt: 1 });
    expect(await claimBlock(input, "c2", fx)).toMatchObject({ kind: "attempt", lane: 1, block: 1 });
    expect(await claimBlock(input, "c3", fx)).toMatchObject({ kind: "wait", deploymentId });
    await releaseLane({ ...input, lane: 0 }, "c1", "done", fx);
    expect(await claimBlock(input, "c3", fx)).toMatchObject({ kind: "attempt", lane: 0, block: 2 });
    expect(await claimBlock(input, "c4", fx)).toEqual({ kind: "finished", reason: "every block is claimed" });
  });

  it("gives the same again to whoever asks again", async () => {
    const world = await withBoard();
    const first = await claimBlock(input, "c1", world.fx);
    expect(await claimBlock(input, "c1", world.fx)).toEqual(first);
    expect((await boardOf(world)).next).toBe(1);
    expect(await world.keys(`runs/${runId}/load.n=0/`)).toHaveLength(1);
  });

  it.each([
    ["the run was asked to stop", runKeys(runId).stop(1), "the run was asked to stop"],
    ["a newer epoch has begun", runKeys(runId).epoch(2), `a newer resume drives run ${runId}`],
    ["the deployment is closed", deploymentKeys(runId, deploymentId).closed, `deployment ${deploymentId} is closed`],
  ])("claims nothing once %s", async (_, key, reason) => {
    const world = await withBoard();
    await world.put(key, {});
    expect(await claimBlock(input, "c1", world.fx)).toEqual({ kind: "finished", reason });
    expect((await boardOf(world)).next).toBe(0);
  });

  it("lets a lane go whose block is already measured", async () => {
    const world = await withBoard();
    await world.put(runKeys(runId).outcome("key-0-0"), {});
    expect(await claimBlock(input, "c1", world.fx)).toMatchObject({ kind: "finished" });
    expect((await boardOf(world)).lanes).toEqual([null, null]);
  });

  it("takes a new number after attempts of other executions, whether they ended or not", async () => {
    const world = await withBoard();
    const trial = { runId, pointKey: "load.n=0", trialIndex: 0 };
    for (const attempt of [1, 2]) await world.put(attemptKeys({ ...trial, attempt }).claim, claimFixture("dead"));
    await world.put(attemptKeys({ ...trial, attempt: 1 }).manifest, { outcome: { kind: "failed" } });
    expect(await claimBlock(input, "c1", world.fx)).toMatchObject({ kind: "attempt", attempt: 3 });
  });

  it("never gives a block twice or a lane to two, whatever the order of the store's answers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), async (s, lanes) => {
        const world = await withBoard({ points: 5, lanes });
        const fx = { ...world.fx, store: scheduled(world.store, s) };
        const claims = ["a", "b", "c", "d", "e"].flatMap((child) => [
          claimBlock(input, child, fx),
          claimBlock(input, child, fx),
        ]);
        const claimed = await s.waitFor(Promise.all(claims));
        const held = claimed.flatMap((claim) => (claim.kind === "attempt" ? [`${claim.lane} ${claim.block}`] : []));
        expect(new Set(held).size).toBe(Math.min(lanes, 5));
        const board = await boardOf(world);
        expect(board.next).toBe(Math.min(lanes, 5));
        expect(new Set(board.lanes.map((lane) => lane?.block)).size).toBe(lanes);
      }),
      { numRuns: 50 },
    );
  });
});

describe("countFailure and releaseLane", () => {
  it("count a trial once, by its class, and stop the run after so many", async () => {
    const world = await withBoard({ points: 5, lanes: 1, stopAfterFailures: 2 });
    for (const child of ["c1", "c2"]) {
      await claimBlock(input, child, world.fx);
      const lane = { ...input, lane: 0 };
      await countFailure({ ...lane, position: 0 }, child, "command", world.fx);
      await countFailure({ ...lane, position: 0 }, child, "command", world.fx);
      await releaseLane(lane, child, "done", world.fx);
      await releaseLane(lane, child, "done", world.fx);
    }
    expect((await boardOf(world)).failures).toEqual({ command: 2 });
    expect(await claimBlock(input, "c3", world.fx)).toEqual({ kind: "finished", reason: "2 trials failed" });
  });

  it("leave for a successor what was let go early, is still held, or was never claimed", async () => {
    const world = await withBoard({ points: 5, lanes: 2 });
    await claimBlock(input, "c1", world.fx);
    await claimBlock(input, "c2", world.fx);
    await releaseLane({ ...input, lane: 0 }, "c1", "unfinished", world.fx);
    await claimBlock(input, "c3", world.fx);
    await releaseLane({ ...input, lane: 0 }, "c3", "done", world.fx);
    expect(remainingBlocks(await boardOf(world))).toEqual([0, 1, 3, 4]);
  });

  it("change nothing for one who doesn't hold the lane", async () => {
    const world = await withBoard();
    await claimBlock(input, "c1", world.fx);
    const before = await boardOf(world);
    await releaseLane({ ...input, lane: 0 }, "c2", "done", world.fx);
    await countFailure({ ...input, lane: 0, position: 0 }, "c2", "command", world.fx);
    expect(await boardOf(world)).toEqual(before);
  });
});

describe("toRanges", () => {
  it("keeps a board small, and says the same", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 200 })), (numbers) => {
        const sorted = numbers.sort((a, b) => a - b);
        expect(toRanges(sorted).flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i))).toEqual(
          sorted,
        );
      }),
    );
    expect(toRanges([...Array(10_000).keys()])).toEqual([[0, 9_999]]);
  });
});

const claimFixture = (execution: string) => ({
  execution,
  epoch: 1,
  deployment: "main",
  deploymentId,
  lane: 0,
  block: 0,
  position: 0,
  trialKey: "key-0-0",
  claimedAt: "2026-01-01T00:00:00.000Z",
});

/** Lets the schedule decide when each call of the store takes effect. */
function scheduled(store: ObjectStore, s: fc.Scheduler): ObjectStore {
  const turn = () => s.schedule(Promise.resolve());
  return {
    putIfAbsent: async (...args) => turn().then(() => store.putIfAbsent(...args)),
    replace: async (...args) => turn().then(() => store.replace(...args)),
    get: async (key) => turn().then(() => store.get(key)),
    head: async (key) => turn().then(() => store.head(key)),
    read: (...args) => store.read(...args),
    putFile: (...args) => store.putFile(...args),
    signPut: (...args) => store.signPut(...args),
    list: (...args) => store.list(...args),
  };
}
