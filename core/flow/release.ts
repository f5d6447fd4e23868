import type { Failure, FailureClass } from "../errors/failure.ts";
import { deploymentKeys, runKeys } from "../names/keys.ts";
import type { RunRecord } from "../records/schemas.ts";
import { boardSchema, closedRecordSchema, runRecordSchema } from "../records/schemas.ts";
import { remainingBlocks } from "./board.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, requireRecord, tell } from "./effects.ts";
import { closeIfLost } from "./lost-hosts.ts";
import { openDeployment } from "./open-deployment.ts";
import { isNewestEpoch } from "./ownership.ts";
import type { DeploymentState } from "./states.ts";
import { failureOfCaught } from "./states.ts";
import { startTeardown } from "./teardown.ts";

/** A deployment that loses its hosts so often in one epoch is given up. */
const mostReplacements = 10;

export type Released =
  | {
      readonly kind: "released";
      readonly deploymentId: string;
      readonly kept: boolean;
      /** Why it did not come to its end. */
      readonly failure?: { readonly class: FailureClass; readonly message: string };
    }
  | (DeploymentState & { readonly kind: "replaced" });

/**
 * Ends a deployment's part of the sweep: hands it to the teardown machine, unless it is to be kept. One whose hosts were
 * lost gets a successor for the trials that it leaves.
 */
export async function releaseDeployment(state: DeploymentState, execution: string, fx: FlowEffects): Promise<Released> {
  const { runId, epoch, deployment, deploymentId } = state;
  const run = await requireRecord(fx.store, runKeys(runId).run, runRecordSchema);
  const caught = state.failure === undefined ? undefined : failureOfCaught(state.failure);
  const experiment = await fx.openRun(runId);
  const failure = caught === undefined ? undefined : experiment.classify(caught);
  if (failure !== undefined) {
    await closeIfLost(state, failure, fx);
    await tell(fx, runId, "deployment-failed", `${deployment}: ${failure.class}: ${failure.message}`, {
      deployment,
      class: failure.class,
      message: failure.message,
      hint: failure.hint,
    });
  }
  const stopped = (await fx.store.head(runKeys(runId).stop(epoch))) !== undefined;
  const closed = await readRecord(fx.store, deploymentKeys(runId, deploymentId).closed, closedRecordSchema);
  const lost: Failure | undefined =
    closed?.value.lost === true ? { class: "preempted", message: closed.value.reason } : undefined;
  if (run.keep && !stopped && closed === undefined) {
    await tell(fx, runId, "deployment-kept", `${deploymentId} stays up until it expires or \`reprise teardown\``, {
      deploymentId,
    });
    return { kind: "released", deploymentId, kept: true, ...shortFailure(failure) };
  }
  const reason =
    lost?.message ??
    (failure === undefined ? (stopped ? "stopped" : "the run is done") : `${failure.class}: ${failure.message}`);
  await startTeardown({ runId, epoch, deployment, deploymentId, reason }, fx);
  if (lost !== undefined && !stopped) {
    const successor = await replaceDeployment(run, state, execution, fx);
    if (successor !== undefined) return successor;
  }
  return { kind: "released", deploymentId, kept: false, ...shortFailure(lost ?? failure) };
}

/** A new deployment for what the lost one leaves; undefined when nothing is left, or when it happened too often. */
async function replaceDeployment(
  run: RunRecord,
  state: DeploymentState,
  execution: string,
  fx: FlowEffects,
): Promise<Released | undefined> {
  const { runId, epoch } = state;
  // Borrowed hosts are another run's to replace.
  if (run.onDeployment !== undefined || state.replaced >= mostReplacements) return undefined;
  if (!(await isNewestEpoch(runId, epoch, fx))) return undefined;
  const board = await requireRecord(fx.store, runKeys(runId).board(state.deploymentId, epoch), boardSchema);
  const blocks = remainingBlocks(board);
  if (blocks.length === 0 && run.until === "trials") return undefined;
  const { plan } = await fx.openRun(runId);
  const deployment = plan.deployments.find(({ name }) => name === state.deployment);
  if (deployment === undefined) return undefined;
  const replaced = state.replaced + 1;
  const next = await openDeployment(
    { run, epoch, deployment, blocks, replaced, failures: board.failures, execution },
    fx,
  );
  await tell(fx, runId, "deployment-replaced", `${next.deploymentId} takes the place of ${state.deploymentId}`, {
    deployment: state.deployment,
    deploymentId: next.deploymentId,
    blocks: blocks.length,
  });
  return { kind: "replaced", ...next };
}

const shortFailure = (failure: Failure | undefined) =>
  failure === undefined ? {} : { failure: { class: failure.class, message: failure.message.slice(0, 1_000) } };
