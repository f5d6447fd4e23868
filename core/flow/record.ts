import type { Failure, FailureClass } from "../errors/failure.ts";
import { attemptKeys } from "../names/keys.ts";
import type { Experiment, Plan } from "../plan/types.ts";
import { claimRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, tell } from "./effects.ts";
import { beginTrial, countFailure, nameValid, releaseLane } from "./claim.ts";
import { closeIfLost } from "./lost-hosts.ts";
import { whyClosed } from "./ownership.ts";
import type { AttemptState } from "./states.ts";
import { failureOfCaught } from "./states.ts";

/** How often a trial is tried in all, by the class of its last failure, where the definition doesn't say. */
const defaultAttempts: Readonly<Record<FailureClass, number>> = {
  capacity: 2,
  quota: 1,
  throttled: 3,
  auth: 1,
  invalid: 1,
  preempted: 2,
  boot: 2,
  transport: 3,
  command: 1,
  timeout: 1,
  collect: 2,
  integrity: 1,
  budget: 1,
  cancelled: 1,
  defect: 1,
};

/** The feed is for people; the manifest has a message's whole text. */
const toldLength = 1_000;

export type Recorded = AttemptState | { readonly kind: "done"; readonly reason: string };

/**
 * Ends an attempt: names it as the valid one, or decides by the failure's class whether the trial gets another; then
 * goes on with the block's next trial or lets the lane go.
 */
export async function recordOutcome(state: AttemptState, execution: string, fx: FlowEffects): Promise<Recorded> {
  const { runId, epoch, deployment, deploymentId, lane, block, position } = state;
  const experiment = await fx.openRun(runId);
  const failure = attemptFailure(state, experiment);
  const verdict = state.verdict?.step;
  const isValid = failure === undefined && verdict !== undefined;
  const place = { runId, epoch, deployment, deploymentId, lane, block };
  if (isValid) await nameValid({ ...state, manifestSha256: verdict.manifestSha256 }, execution, fx);
  await tell(fx, runId, isValid ? "trial-done" : "trial-failed", describe(state, failure), {
    pointKey: state.pointKey,
    trialIndex: state.trialIndex,
    attempt: state.attempt,
    lane,
    deployment,
    summary: verdict?.summary ?? {},
    ...(failure === undefined
      ? {}
      : { class: failure.class, message: failure.message.slice(0, toldLength), hint: failure.hint }),
  });

  if (failure !== undefined) await closeIfLost(state, failure, fx);
  const why = await whyClosed(state, fx);
  if (why !== undefined) {
    const isLast = position + 1 >= (experiment.plan.blocks[block]?.trials.length ?? 0);
    await releaseLane(place, execution, isValid && isLast ? "done" : "unfinished", fx);
    return { kind: "done", reason: why };
  }
  const triesAgain =
    failure !== undefined && (await attemptsSoFar(state, fx)) < allowedAttempts(experiment.plan, failure.class);
  if (failure !== undefined && !triesAgain) await countFailure({ ...place, position }, execution, failure.class, fx);
  const next = await beginTrial({ ...place, position: triesAgain ? position : position + 1 }, execution, fx);
  if (next !== undefined) return next;
  await releaseLane(place, execution, "done", fx);
  return { kind: "done", reason: "the block is done" };
}

/** Why the attempt is not valid: the first thing that went wrong, in the order of its phases, as the definition takes it. */
export function attemptFailure(state: AttemptState, experiment: Pick<Experiment, "classify">): Failure | undefined {
  const failure = firstFailure(state);
  return failure === undefined ? undefined : experiment.classify(failure);
}

function firstFailure(state: AttemptState): Failure | undefined {
  if (state.failure !== undefined) return failureOfCaught(state.failure);
  if (state.collectFailure !== undefined) return failureOfCaught(state.collectFailure);
  const verdict = state.verdict?.step;
  if (verdict === undefined) return { class: "defect", message: "the attempt ended without a verdict" };
  if (verdict.valid) return undefined;
  return { class: verdict.class ?? "integrity", message: verdict.message ?? "the result is not valid" };
}

const allowedAttempts = (plan: Plan, failureClass: FailureClass): number =>
  plan.retries[failureClass] ?? defaultAttempts[failureClass];

/**
 * Tries at this trial up to this one, of this epoch: those that an engine's death cut off were no failures. Later ones
 * don't count, so that asking twice gives the same answer.
 */
async function attemptsSoFar(state: AttemptState, fx: FlowEffects): Promise<number> {
  let tries = 0;
  for (let attempt = state.attempt; attempt >= 1; attempt--) {
    const claim = await readRecord(fx.store, attemptKeys({ ...state, attempt }).claim, claimRecordSchema);
    if (claim?.value.epoch !== state.epoch) break;
    tries++;
  }
  return tries;
}

const describe = (state: AttemptState, failure: Failure | undefined): string => {
  const name = `${state.pointKey} trial ${state.trialIndex}`;
  if (failure === undefined) return `${name} done`;
  const keys = attemptKeys(state);
  return `${name}, attempt ${state.attempt}: ${failure.class}: ${failure.message.slice(0, toldLength)} (${keys.manifest})`;
};
