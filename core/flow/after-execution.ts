import { deploymentKeys, parseDeploymentId, runKeys } from "../names/keys.ts";
import { runRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren, requireRecord } from "./effects.ts";
import { startTeardown } from "./teardown.ts";

/** How an execution of the sweep ended, in Step Functions' words. */
export interface EndedSweep {
  readonly runId: string;
  readonly epoch: number;
  readonly status: string;
}

/**
 * The rule on ended sweeps: a stopped execution runs no Catch, and some errors no Catch sees. Whatever its deployments
 * are then, each without a receipt is taken down, unless the run ended by itself and was to keep it.
 */
export async function afterSweep({ runId, epoch, status }: EndedSweep, fx: FlowEffects): Promise<void> {
  const run = await requireRecord(fx.store, runKeys(runId).run, runRecordSchema);
  const stopped = (await fx.store.head(runKeys(runId).stop(epoch))) !== undefined;
  const endedItself = !stopped && (status === "SUCCEEDED" || status === "FAILED");
  for (const deploymentId of await openDeploymentIds(runId, fx)) {
    const isClosed = (await fx.store.head(deploymentKeys(runId, deploymentId).closed)) !== undefined;
    if (endedItself && run.keep && !isClosed) continue;
    const deployment = parseDeploymentId(runId, deploymentId).name;
    const reason = `the sweep's execution ended: ${status}`;
    await startTeardown({ runId, epoch, deployment, deploymentId, reason }, fx);
  }
}

/** Deployments of a run that have no receipt yet. */
export async function openDeploymentIds(runId: string, fx: Pick<FlowEffects, "store">): Promise<string[]> {
  const open: string[] = [];
  for (const id of await listChildren(fx.store, runKeys(runId).deployments)) {
    if ((await fx.store.head(deploymentKeys(runId, id).receipt)) === undefined) open.push(id);
  }
  return open;
}
