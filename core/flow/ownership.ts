import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, runKeys } from "../names/keys.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys } from "./effects.ts";

/** Whether this epoch still drives the run: the newest one does, an older one finds out here and ends. */
export async function isNewestEpoch(runId: string, epoch: number, fx: Pick<FlowEffects, "store">): Promise<boolean> {
  const newest = (await listKeys(fx.store, runKeys(runId).epochs)).at(-1);
  return newest === undefined || newest === runKeys(runId).epoch(epoch);
}

/** Refuses to go on for a run that was taken over, stopped, or whose deployment is closed. */
export async function requireOpen(
  at: { readonly runId: string; readonly epoch: number; readonly deploymentId?: string },
  fx: Pick<FlowEffects, "store">,
): Promise<void> {
  const why = await whyClosed(at, fx);
  if (why !== undefined) throw new FailureError({ class: "cancelled", message: why });
}

/** Why nothing may be started any more, or undefined while it may. */
export async function whyClosed(
  at: { readonly runId: string; readonly epoch: number; readonly deploymentId?: string },
  fx: Pick<FlowEffects, "store">,
): Promise<string | undefined> {
  const keys = runKeys(at.runId);
  if ((await fx.store.head(keys.stop(at.epoch))) !== undefined) return "the run was asked to stop";
  if (!(await isNewestEpoch(at.runId, at.epoch, fx))) return `a newer resume drives run ${at.runId}`;
  if (
    at.deploymentId !== undefined &&
    (await fx.store.head(deploymentKeys(at.runId, at.deploymentId).closed)) !== undefined
  ) {
    return `deployment ${at.deploymentId} is closed`;
  }
  return undefined;
}
