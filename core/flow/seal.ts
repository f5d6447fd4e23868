import { sealRun } from "../evidence/seal-run.ts";
import { runPrefix } from "../names/keys.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, tell } from "./effects.ts";

/**
 * Seals a run's evidence when its last part is in: called by whoever finishes the run and by each teardown, so that the
 * last of them does it. Deployments that are kept don't hold it up; their teardown seals again.
 */
export async function sealWhenLast(runId: string, fx: FlowEffects): Promise<void> {
  const deployments = new Set<string>();
  const closed = new Set<string>();
  for (const key of await listKeys(fx.store, `${runPrefix(runId)}/deployments/`, 100_000)) {
    const id = key.slice(runPrefix(runId).length + "/deployments/".length).split("/")[0] ?? "";
    deployments.add(id);
    if (key.endsWith(`${id}/receipt.json`)) closed.add(id);
  }
  const isTornDown = [...deployments].every((id) => closed.has(id));
  const sealed = await sealRun(fx.store, runId, { now: () => fx.clock.now(), writer: `seal:${fx.newId()}` });
  if (!isTornDown) return;
  await tell(fx, runId, "sealed", `evidence sealed: ${sealed.files} files, root ${sealed.rootDigest.slice(0, 16)}…`, {
    rootDigest: sealed.rootDigest,
    files: sealed.files,
    bytes: sealed.bytes,
  });
}
