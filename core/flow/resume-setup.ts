import { deploymentKeys, phaseKeys } from "../names/keys.ts";
import type { PhaseRef } from "../names/keys.ts";
import { expectedRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren, readRecord } from "./effects.ts";
import { doneResults, phaseOutcome } from "./phase.ts";

/**
 * Where set-up goes on: after the last stage that all hosts finished, under a number of its own, for what a dead engine
 * had begun would report to where it was; from the first stage when a host failed in it.
 */
export async function resumeSetup(
  runId: string,
  deploymentId: string,
  fx: Pick<FlowEffects, "store">,
): Promise<{ readonly attempt: number; readonly stage: number }> {
  let stage = 0;
  let attempt = 0;
  for (const child of await listChildren(fx.store, deploymentKeys(runId, deploymentId).setupAttempts)) {
    const number = Number(/^attempt-(\d+)$/.exec(child)?.[1]);
    if (!Number.isInteger(number)) continue;
    attempt = Math.max(attempt, number);
  }
  for (let n = 1; n <= attempt; n++) {
    for (let at = stage; ; at++) {
      const ref: PhaseRef = {
        scope: { kind: "deployment", runId, deployment: deploymentId, attempt: n },
        phase: "prepare",
        stage: at,
      };
      const expected = await readRecord(fx.store, phaseKeys(ref).expected, expectedRecordSchema);
      if (expected === undefined) break;
      const outcome = phaseOutcome(expected.value, await doneResults(ref, fx));
      if (outcome?.kind === "failed") stage = 0;
      if (outcome?.kind !== "succeeded") break;
      // All of it is done: the last stage is looked at once more, and found done.
      if (!expected.value.output.more) return { attempt: n, stage: at };
      stage = at + 1;
    }
  }
  return { attempt: attempt + 1, stage };
}
