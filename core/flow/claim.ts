import { attemptManifestSchema } from "../evidence/attempt-manifest.ts";
import { sha256Hex } from "../evidence/sha256.ts";
import type { FailureClass } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import type { AttemptRef } from "../names/keys.ts";
import { attemptKeys, deploymentKeys, runKeys, runPrefix, sharedResultKey } from "../names/keys.ts";
import type { Experiment, PlannedPoint, PlannedTrial } from "../plan/types.ts";
import { claimRecordSchema, topologySchema } from "../records/schemas.ts";
import type { BoardRef } from "./board.ts";
import { blockAt, failedTrials, updateBoard, withFailure } from "./board.ts";
import { whyNotAdmitted } from "./budget.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren, readRecord, tell, toBytes } from "./effects.ts";
import { heartbeatSec } from "./open-deployment.ts";
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
      readonly deploymentId: string;
    }
  | { readonly kind: "finished"; readonly reason: string };

/**
 * Claims a free lane and the next block in plan order, in one write; then begins the block's first open trial.
 *
 * The order of blocks is the board's, whichever child asks first (design decision 8). Asked again by the same
 * execution, it gives what that execution holds.
 */
export async function claimBlock(input: ClaimInput, execution: string, fx: FlowEffects): Promise<Claimed> {
  const { runId, epoch, deployment, deploymentId } = input;
  const why = await whyClosed(input, fx);
  if (why !== undefined) return { kind: "finished", reason: why };
  const experiment = await fx.openRun(runId);
  const spent = await whyNoNext(input, execution, experiment, fx);
  if (spent !== undefined) return { kind: "finished", reason: spent };
  const claimed = await updateBoard<LaneAndBlock | string | undefined>(input, fx, (board) => {
    const held = board.lanes.findIndex((lane) => lane?.execution === execution);
    if (held >= 0) return { answer: { lane: held, block: board.lanes[held]?.block ?? 0 } };
    const limit = experiment.plan.stopAfterFailures;
    const failed = failedTrials(board);
    if (limit !== undefined && failed >= limit) return { answer: `${failed} trials failed` };
    const block = blockAt(board, board.next);
    if (block === undefined) return { answer: "every block is claimed" };
    const lane = board.lanes.findIndex((holder) => holder === null);
    if (lane < 0) return { answer: undefined };
    const lanes = board.lanes.map((holder, index) => (index === lane ? { execution, block } : holder));
    return { next: { ...board, next: board.next + 1, lanes }, answer: { lane, block } };
  });
  if (claimed === undefined) return { kind: "wait", waitSec: 1, runId, epoch, deployment, deploymentId };
  if (typeof claimed === "string") return { kind: "finished", reason: claimed };
  const place = { runId, epoch, deployment, deploymentId, ...claimed };
  const state = await beginTrial({ ...place, position: 0 }, execution, fx);
  if (state !== undefined) return state;
  await releaseLane(place, execution, "done", fx);
  return { kind: "finished", reason: "every trial of the block has a valid result" };
}

/** Why no further block may be claimed for money's sake; said once, and counted as what the run then lacks. */
async function whyNoNext(
  at: ClaimInput,
  execution: string,
  experiment: Experiment,
  fx: FlowEffects,
): Promise<string | undefined> {
  if (experiment.plan.budgetDollars === undefined) return undefined;
  const waiting = await updateBoard<PlannedTrial | undefined>(at, fx, (board) => {
    if (board.lanes.some((lane) => lane?.execution === execution)) return { answer: undefined }; // asked again
    const block = blockAt(board, board.next);
    return { answer: block === undefined ? undefined : experiment.plan.blocks[block]?.trials[0] };
  });
  if (waiting === undefined) return undefined;
  const refusal = await whyNotAdmitted(at, experiment.plan, requirePoint(experiment, waiting.point).timeoutMs, fx);
  if (refusal === undefined) return undefined;
  const isFirst = await updateBoard<boolean>(at, fx, (board) => {
    if (board.failures.budget !== undefined) return { answer: false };
    return { next: { ...board, failures: withFailure(board.failures, "budget") }, answer: true };
  });
  if (isFirst) await tell(fx, at.runId, "budget-spent", refusal.message, { deployment: at.deployment });
  return `budget: ${refusal.message}`;
}

interface LaneAndBlock {
  readonly lane: number;
  readonly block: number;
}

interface BlockPlace extends LaneAndBlock {
  readonly runId: string;
  readonly epoch: number;
  readonly deployment: string;
  readonly deploymentId: string;
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
    const point = requirePoint(experiment, trial.point);
    if (await adoptFinished(place.runId, point, trial, fx)) continue;
    // The block was claimed within the budget; what is left of it, and further attempts, must fit too.
    if ((await whyNotAdmitted(place, experiment.plan, point.timeoutMs, fx)) !== undefined) return undefined;
    return beginAttempt({ ...place, position }, trial, execution, fx);
  }
  return undefined;
}

/**
 * Names the attempt that an engine judged valid before it died, without having said so: what was measured isn't measured
 * again.
 */
async function adoptFinished(
  runId: string,
  point: PlannedPoint,
  trial: PlannedTrial,
  fx: FlowEffects,
): Promise<boolean> {
  const { pointKey } = point;
  const { trialIndex, trialKey } = trial;
  for (const attempt of await earlierAttempts({ runId, pointKey, trialIndex }, fx)) {
    const stored = await fx.store.get(attemptKeys({ runId, pointKey, trialIndex, attempt }).manifest);
    if (stored === undefined) continue;
    const manifest = attemptManifestSchema.safeParse(JSON.parse(new TextDecoder().decode(stored.body)));
    if (!manifest.success || manifest.data.outcome.kind !== "valid" || manifest.data.trialKey !== trialKey) continue;
    const ref = { runId, pointKey, trialIndex, attempt };
    await nameValid({ ...ref, trialKey, manifestSha256: sha256Hex(stored.body) }, "adopted", fx);
    const { lane, deployment, summary } = manifest.data;
    await tell(fx, runId, "trial-done", `${pointKey} trial ${trialIndex} was done`, {
      ...ref,
      lane,
      deployment: deployment.name,
      summary,
    });
    return true;
  }
  return false;
}

/** Numbers of the attempts that were claimed so far, growing. */
async function earlierAttempts(trial: Omit<AttemptRef, "attempt">, fx: FlowEffects): Promise<number[]> {
  const folder = `${runPrefix(trial.runId)}/${trial.pointKey}/trial-${trial.trialIndex}/`;
  return (await listChildren(fx.store, folder))
    .flatMap((name) => /^attempt-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Names the valid attempt of a trial; the first that is named stands. */
export async function nameValid(
  valid: AttemptRef & { readonly trialKey: string; readonly manifestSha256: string },
  writer: string,
  fx: FlowEffects,
): Promise<void> {
  const { runId, pointKey, trialIndex, attempt, trialKey, manifestSha256 } = valid;
  const recordedAt = new Date(fx.clock.now()).toISOString();
  const body = toBytes({ trialKey, runId, pointKey, trialIndex, attempt, manifestSha256, recordedAt });
  await fx.store.putIfAbsent(runKeys(runId).outcome(trialKey), body, writer);
  if (await isOfPlannedMachine(valid, fx)) await fx.store.putIfAbsent(sharedResultKey(trialKey, runId), body, writer);
}

/**
 * Whether the attempt ran on the machines that its trial's key speaks of. On a fallback cloud it didn't: its result counts
 * in this run, whose definition allows that, and is nobody else's.
 */
async function isOfPlannedMachine(ref: AttemptRef, fx: FlowEffects): Promise<boolean> {
  const { plan } = await fx.openRun(ref.runId);
  if (!plan.deployments.some((deployment) => (deployment.alternatives ?? []).length > 0)) return true;
  const claim = await readRecord(fx.store, attemptKeys(ref).claim, claimRecordSchema);
  if (claim === undefined) return false;
  const topology = await readRecord(
    fx.store,
    deploymentKeys(ref.runId, claim.value.deploymentId).topology,
    topologySchema,
  );
  return topology !== undefined && topology.value.alternative === undefined;
}

/** Allocates the next attempt number by create-if-absent; an attempt of this execution that has no manifest yet is taken up again. */
export async function beginAttempt(
  place: BlockPlace,
  trial: PlannedTrial,
  execution: string,
  fx: FlowEffects,
): Promise<AttemptState> {
  const { runId, epoch, deployment, deploymentId } = place;
  const experiment = await fx.openRun(runId);
  const point = requirePoint(experiment, trial.point);
  const ref = (attempt: number): AttemptRef => ({
    runId,
    pointKey: point.pointKey,
    trialIndex: trial.trialIndex,
    attempt,
  });
  const earlier = await earlierAttempts({ runId, pointKey: point.pointKey, trialIndex: trial.trialIndex }, fx);
  for (let attempt = earlier.at(-1) ?? 1; ; attempt++) {
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

/** How a lane's block ended: `unfinished` when the deployment was closed before its last trial. */
export type BlockEnd = "done" | "unfinished";

/** Lets the lane go. */
export async function releaseLane(at: LaneRef, execution: string, end: BlockEnd, fx: FlowEffects): Promise<void> {
  await updateBoard(at, fx, (board) => {
    const holder = board.lanes[at.lane];
    if (holder?.execution !== execution) return { answer: undefined };
    const lanes = board.lanes.map((other, index) => (index === at.lane ? null : other));
    const unfinished = end === "done" ? board.unfinished : [...board.unfinished, holder.block];
    return { next: { ...board, lanes, unfinished }, answer: undefined };
  });
}

/** Counts a trial that ended without a valid result; asked again, it counts it once. */
export async function countFailure(
  at: LaneRef & { readonly position: number },
  execution: string,
  failureClass: FailureClass,
  fx: FlowEffects,
): Promise<void> {
  await updateBoard(at, fx, (board) => {
    const holder = board.lanes[at.lane];
    if (holder?.execution !== execution || (holder.counted ?? -1) >= at.position) return { answer: undefined };
    const lanes = board.lanes.map((other, index) => (index === at.lane ? { ...holder, counted: at.position } : other));
    return { next: { ...board, lanes, failures: withFailure(board.failures, failureClass) }, answer: undefined };
  });
}

interface LaneRef extends BoardRef {
  readonly lane: number;
}
