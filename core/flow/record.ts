import type { Failure, FailureClass } from "../errors/failure.ts";
import { attemptKeys, runKeys, runPrefix, sharedResultKey } from "../names/keys.ts";
import type { Plan } from "../plan/types.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, tell, toBytes } from "./effects.ts";
import { beginTrial, releaseLane } from "./claim.ts";
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

export type Recorded = AttemptState | { readonly kind: "done"; readonly reason: string };

/**
 * Ends an attempt: names it as the valid one, or decides by the failure's class whether the trial gets another; then
 * goes on with the block's next trial or lets the lane go.
 */
export async function recordOutcome(state: AttemptState, execution: string, fx: FlowEffects): Promise<Recorded> {
  const { runId, epoch, deployment, lane, block } = state;
  const failure = attemptFailure(state);
  const verdict = state.verdict?.step;
  const isValid = failure === undefined && verdict !== undefined;
  const place = { runId, epoch, deployment, lane, block };
  if (isValid) {
    const outcome = {
      trialKey: state.trialKey,
      runId,
      pointKey: state.pointKey,
      trialIndex: state.trialIndex,
      attempt: state.attempt,
      manifestSha256: verdict.manifestSha256,
      recordedAt: new Date(fx.clock.now()).toISOString(),
    };
    await fx.store.putIfAbsent(runKeys(runId).outcome(state.trialKey), toBytes(outcome), execution);
    await fx.store.putIfAbsent(sharedResultKey(state.trialKey, runId), toBytes(outcome), execution);
  }
  await tell(fx, runId, isValid ? "trial-done" : "trial-failed", describe(state, failure), {
    pointKey: state.pointKey,
    trialIndex: state.trialIndex,
    attempt: state.attempt,
    lane,
    deployment,
    summary: verdict?.summary ?? {},
    ...(failure === undefined ? {} : { class: failure.class, message: failure.message, hint: failure.hint }),
  });

  const why = await whyClosed(state, fx);
  if (why !== undefined) {
    await releaseLane(place, execution, 0, fx);
    return { kind: "done", reason: why };
  }
  const { plan } = await fx.openRun(runId);
  const triesAgain = failure !== undefined && (await attemptsSoFar(state, fx)) < allowedAttempts(plan, failure.class);
  const next = await beginTrial(
    { ...place, position: triesAgain ? state.position : state.position + 1 },
    execution,
    fx,
  );
  if (next !== undefined) return next;
  await releaseLane(place, execution, isValid ? 0 : 1, fx);
  return { kind: "done", reason: "the block is done" };
}

/** Why the attempt is not valid: the first thing that went wrong, in the order of its phases. */
export function attemptFailure(state: AttemptState): Failure | undefined {
  if (state.failure !== undefined) return failureOfCaught(state.failure);
  if (state.collectFailure !== undefined) return failureOfCaught(state.collectFailure);
  const verdict = state.verdict?.step;
  if (verdict === undefined) return { class: "defect", message: "the attempt ended without a verdict" };
  if (verdict.valid) return undefined;
  return { class: verdict.class ?? "integrity", message: verdict.message ?? "the result is not valid" };
}

const allowedAttempts = (plan: Plan, failureClass: FailureClass): number =>
  plan.retries[failureClass] ?? defaultAttempts[failureClass];

async function attemptsSoFar(state: AttemptState, fx: FlowEffects): Promise<number> {
  const folder = `${runPrefix(state.runId)}/${state.pointKey}/trial-${state.trialIndex}/`;
  return (await listKeys(fx.store, folder)).filter((key) => key.endsWith("/claim.json")).length;
}

const describe = (state: AttemptState, failure: Failure | undefined): string => {
  const name = `${state.pointKey} trial ${state.trialIndex}`;
  if (failure === undefined) return `${name} done`;
  const keys = attemptKeys(state);
  return `${name}, attempt ${state.attempt}: ${failure.class}: ${failure.message} (${keys.manifest})`;
};
