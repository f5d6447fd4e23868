import { readRunManifest } from "../evidence/run-manifest.ts";
import { deploymentKeys, runKeys, sweepExecution } from "../names/keys.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren } from "./effects.ts";

/**
 * Whether a run's seal has the last that is to come: the history of its newest sweep, and one of a teardown for each
 * deployment with a receipt. A deployment that is kept has neither, and isn't waited for. A history's first chunk is
 * written last.
 */
export async function isSealedWhole(runId: string, epoch: number, fx: Pick<FlowEffects, "store">): Promise<boolean> {
  const root = await readRunManifest(fx.store, runId);
  if (root.kind !== "sealed") return false;
  const executions = new Set(root.manifest.histories.map(({ key }) => key.split("/")[1] ?? ""));
  if (!executions.has(sweepExecution(runId, epoch))) return false;
  for (const { deploymentId } of await receiptsOf(runId, fx)) {
    const isTeardown = (name: string): boolean => name.startsWith(`${deploymentId}.`) && name.endsWith(".teardown");
    if (![...executions].some(isTeardown)) return false;
  }
  return true;
}

/** When a run's newest receipt was written, by the store's own time; undefined when there is none. */
export async function newestReceiptMs(runId: string, fx: Pick<FlowEffects, "store">): Promise<number | undefined> {
  const times = (await receiptsOf(runId, fx)).map(({ writtenAtMs }) => writtenAtMs);
  return times.length === 0 ? undefined : Math.max(...times);
}

async function receiptsOf(
  runId: string,
  fx: Pick<FlowEffects, "store">,
): Promise<readonly { readonly deploymentId: string; readonly writtenAtMs: number }[]> {
  const receipts = [];
  for (const deploymentId of await listChildren(fx.store, runKeys(runId).deployments)) {
    const receipt = await fx.store.head(deploymentKeys(runId, deploymentId).receipt);
    if (receipt !== undefined) receipts.push({ deploymentId, writtenAtMs: receipt.modifiedAt });
  }
  return receipts;
}
