import type { Sealed } from "../evidence/seal-run.ts";
import { sealRun } from "../evidence/seal-run.ts";
import type { FlowEffects } from "./effects.ts";
import { tell } from "./effects.ts";

/**
 * Seals a run's evidence: whoever finishes the run does it, then each teardown, then whoever keeps the histories; a seal
 * over nothing new changes nothing, and the last one has it all.
 */
export async function seal(runId: string, fx: FlowEffects): Promise<Sealed> {
  return sealRun(fx.store, runId, { now: () => fx.clock.now(), writer: `seal:${fx.newId()}` });
}

/** The last word of a run on this machine. */
export async function sealAtLast(runId: string, fx: FlowEffects): Promise<void> {
  await tellSealed(runId, await seal(runId, fx), fx);
}

export async function tellSealed(runId: string, sealed: Sealed, fx: FlowEffects): Promise<void> {
  await tell(fx, runId, "sealed", `evidence sealed: ${sealed.files} files, root ${sealed.rootDigest.slice(0, 16)}…`, {
    rootDigest: sealed.rootDigest,
    files: sealed.files,
    bytes: sealed.bytes,
  });
}
