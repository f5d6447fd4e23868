import { FailureError } from "../errors/failure.ts";
import type { AttemptRef } from "../names/keys.ts";
import { attemptKeys, runKeys, runPrefix } from "../names/keys.ts";
import type { Experiment, PlannedPoint, PlannedTrial } from "../plan/types.ts";
import type { Board } from "../records/schemas.ts";
import { boardSchema, claimRecordSchema, deploymentPointerSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { heartbeatSec } from "./admit.ts";
import { whyClosed } from "./ownership.ts";
import type { AttemptState, ClaimInput } from "./states.ts";

export type Claimed =
  | AttemptState
  | {
      readonly kind: "wait";
      readonly waitSec: number;
      readonly runId: string;
      readonly epoch: number;
      readonly deployment: string;
    }
  | { readonly kind: "finished"; readonly reason: string };

/** Compare-and-swap on the board meets at most one rival a lane; more rounds than this is a defect. */
const boardRounds = 200;

/**
 * Claims a free lane and the next block in plan order, in one write; then begins the block's first open trial.
 *
 * The order of blocks is the board's, whichever child asks first (design decision 8). Asked again by the same
 * execution, it gives what that execution holds.
 */
export async function claimBlock(input: ClaimInput, execution: string, fx: FlowEffects): Promise<Claimed> {
  const { runId, epoch, deployment } = input;
  const why = await whyClosed({ runId, epoch }, fx);
  if (why !== undefined) return { kind: "finished", reason: why };
  const experiment = await fx.openRun(runId);
  const claimed = await updateBoard<LaneAndBlock | string | undefined>(input, fx, (board) => {
    const held = board.lanes.findIndex((lane) => lane?.execution === execution);
    if (held >= 0) return { answer: { lane: held, block: board.lanes[held]?.block ?? 0 } };
    const limit = experiment.plan.stopAfterFailures;
    if (limit !== undefined && board.failedTrials >= limit) return { answer: `${board.failedTrials} trials failed` };
    const block = board.blocks[board.next];
    if (block === undefined) return { answer: "every block is claimed" };
    const lane = board.lanes.findIndex((holder) => holder === null);
    if (lane < 0) return { answer: undefined };
    const lanes = board.lanes.map((holder, index) => (index === lane ? { execution, block } : holder));
    return { next: { ...board, next: board.next + 1, lanes }, answer: { lane, block } };
  });
  if (claimed === undefined) return { kind: "wait", waitSec: 1, runId, epoch, deployment };
  if (typeof claimed === "string") return { kind: "finished", reason: claimed };
  const state = await beginTrial({ runId, epoch, deployment, ...claimed, position: 0 }, execution, fx);
  if (state !== undefined) return state;
  await releaseLane({ runId, epoch, deployment, lane: claimed.lane }, execution, 0, fx);
  return { kind: "finished", reason: "every trial of the block has a valid result" };
}

interface LaneAndBlock {
  readonly lane: number;
  readonly block: number;
}

interface BlockPlace extends LaneAndBlock {
  readonly runId: string;
  readonly epoch: number;
  readonly deployment: string;
  readonly position: number;
}

/** Begins an attempt at the block's next trial without a valid result, from `position` on; undefined when none is left. */
export async function beginTrial(
  place: BlockPlace,
  execution: string,
  fx: FlowEffects,
): Promise<AttemptState | undefined> {
  const experiment = await fx.openRun(place.runId);
  const trials = experiment.plan.blocks[place.block]?.trials ?? [];
  for (let position = place.position; position < trials.length; position++) {
    const trial = trials[position];
    if (trial === undefined) break;
    if ((await fx.store.head(runKeys(place.runId).outcome(trial.trialKey))) !== undefined) continue;
    return beginAttempt({ ...place, position }, trial, execution, fx);
  }
  return undefined;
}

/** Allocates the next attempt number by create-if-absent; an attempt of this execution that has no manifest yet is taken up again. */
export async function beginAttempt(
  place: BlockPlace,
  trial: PlannedTrial,
  execution: string,
  fx: FlowEffects,
): Promise<AttemptState> {
  const { runId, epoch, deployment } = place;
  const experiment = await fx.openRun(runId);
  const point = requirePoint(experiment, trial.point);
  const deploymentId = (
    await requireRecord(fx.store, runKeys(runId).deployment(deployment, epoch), deploymentPointerSchema)
  ).deploymentId;
  const ref = (attempt: number): AttemptRef => ({
    runId,
    pointKey: point.pointKey,
    trialIndex: trial.trialIndex,
    attempt,
  });
  const trialFolder = `${runPrefix(runId)}/${point.pointKey}/trial-${trial.trialIndex}/`;
  const claims = (await listKeys(fx.store, trialFolder)).filter((key) => key.endsWith("/claim.json"));
  for (let attempt = Math.max(1, claims.length); ; attempt++) {
    const keys = attemptKeys(ref(attempt));
    const existing = await readRecord(fx.store, keys.claim, claimRecordSchema);
    if (existing !== undefined) {
      const isOurs = existing.value.execution === execution && (await fx.store.head(keys.manifest)) === undefined;
      if (!isOurs) continue;
    } else {
      const claim = {
        execution,
        epoch,
        deployment,
        deploymentId,
        lane: place.lane,
        block: place.block,
        position: place.position,
        trialKey: trial.trialKey,
        claimedAt: new Date(fx.clock.now()).toISOString(),
      };
      if ((await fx.store.putIfAbsent(keys.claim, toBytes(claim), execution)) === "other") continue;
      await tell(
        fx,
        runId,
        "trial-started",
        `${point.pointKey} trial ${trial.trialIndex}${attempt > 1 ? `, attempt ${attempt}` : ""}`,
        {
          pointKey: point.pointKey,
          trialIndex: trial.trialIndex,
          attempt,
          lane: place.lane,
          deployment,
        },
      );
    }
    return {
      kind: "attempt",
      ...place,
      deploymentId,
      pointKey: point.pointKey,
      trialIndex: trial.trialIndex,
      attempt,
      trialKey: trial.trialKey,
      services: { stage: 0, more: experiment.stages("services", point) > 0 },
      jobs: { stage: 0, more: true },
      timeouts: {
        resetSec: 300,
        servicesSec: Math.ceil(point.timeoutMs / 1000),
        jobsSec: Math.ceil(point.timeoutMs / 1000),
        collectSec: 1_800,
        heartbeatSec,
      },
    };
  }
}

export function requirePoint(experiment: Experiment, index: number): PlannedPoint {
  const point = experiment.plan.points[index];
  if (point === undefined) throw new FailureError({ class: "defect", message: `the plan has no point ${index}` });
  return point;
}

/** Lets the lane go; `failures` counts trials that ended without a valid result. */
export async function releaseLane(
  at: { readonly runId: string; readonly epoch: number; readonly deployment: string; readonly lane: number },
  execution: string,
  failures: number,
  fx: FlowEffects,
): Promise<void> {
  await updateBoard(at, fx, (board) => {
    if (board.lanes[at.lane]?.execution !== execution) return { answer: undefined };
    const lanes = board.lanes.map((holder, index) => (index === at.lane ? null : holder));
    return { next: { ...board, lanes, failedTrials: board.failedTrials + failures }, answer: undefined };
  });
}

/** Reads, decides, and writes if nobody else did meanwhile. */
async function updateBoard<A>(
  at: { readonly runId: string; readonly epoch: number; readonly deployment: string },
  fx: FlowEffects,
  decide: (board: Board) => { readonly next?: Board; readonly answer: A },
): Promise<A> {
  const key = runKeys(at.runId).board(at.deployment, at.epoch);
  for (let round = 0; round < boardRounds; round++) {
    const board = await readRecord(fx.store, key, boardSchema);
    if (board === undefined) throw new FailureError({ class: "defect", message: `no board at ${key}` });
    const { next, answer } = decide(board.value);
    if (next === undefined) return answer;
    if ((await fx.store.replace(key, toBytes(next), board.etag)) !== "conflict") return answer;
  }
  throw new FailureError({ class: "throttled", message: `the board ${key} changed under ${boardRounds} tries` });
}
