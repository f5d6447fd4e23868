import { runKeys } from "../names/keys.ts";
import type { AttemptRef, PhaseRef } from "../names/keys.ts";
import { armedPhaseOf, attemptKeys, attemptPrefix, deploymentKeys, phaseKeys, phaseNames } from "../names/keys.ts";
import { armedRecordSchema, boardSchema, claimRecordSchema, stopRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren, listKeys, readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { failedOutcome } from "./phase.ts";

/**
 * Asks a run to end: no new trial starts, running ones are cut short, collected and recorded, then everything is torn
 * down. The flag is the truth; waking the waiting phases only hurries it on.
 */
export async function stopRun(
  runId: string,
  epoch: number,
  reason: string,
  by: string,
  fx: FlowEffects,
): Promise<void> {
  const at = new Date(fx.clock.now()).toISOString();
  const flag = runKeys(runId).stop(epoch);
  await fx.store.putIfAbsent(flag, toBytes({ reason, at, by }), by);
  // Whoever asked first has said why: an engine that is only told by a signal doesn't know.
  const asked = await requireRecord(fx.store, flag, stopRecordSchema);
  await tell(fx, runId, "stop-asked", `asked to stop: ${asked.reason}`, { epoch });
  const outcome = failedOutcome({ class: "cancelled", message: asked.reason });
  for (const prefix of await openScopes(runId, epoch, fx)) {
    for (const key of await listKeys(fx.store, `${prefix}/phases/`)) {
      // Collection goes on: what ran so far is evidence. Every other waiting phase is cut short.
      const phase = armedPhaseOf(key);
      if (phase === undefined || phase === "collect") continue;
      await fx.engine.wake((await requireRecord(fx.store, key, armedRecordSchema)).token, outcome);
    }
  }
}

/** Scopes whose phases may be waiting: attempts on held lanes, and set-ups of the run's deployments. */
async function openScopes(runId: string, epoch: number, fx: FlowEffects): Promise<string[]> {
  const { plan } = await fx.openRun(runId);
  const scopes: string[] = [];
  const keys = runKeys(runId);
  for (const deploymentId of await listChildren(fx.store, keys.deployments)) {
    const setups = deploymentKeys(runId, deploymentId).setupAttempts;
    for (const attempt of await listChildren(fx.store, setups)) scopes.push(`${setups}${attempt}`);
    const board = await readRecord(fx.store, keys.board(deploymentId, epoch), boardSchema);
    for (const holder of board?.value.lanes ?? []) {
      if (holder === null) continue;
      for (const trial of plan.blocks[holder.block]?.trials ?? []) {
        const point = plan.points[trial.point];
        if (point === undefined) continue;
        const ref = { runId, pointKey: point.pointKey, trialIndex: trial.trialIndex };
        scopes.push(...(await attemptsOf(ref, holder.execution, fx)));
      }
    }
  }
  return scopes;
}

async function attemptsOf(trial: Omit<AttemptRef, "attempt">, execution: string, fx: FlowEffects): Promise<string[]> {
  const prefixes: string[] = [];
  for (let attempt = 1; ; attempt++) {
    const ref = { ...trial, attempt };
    const claim = await readRecord(fx.store, attemptKeys(ref).claim, claimRecordSchema);
    if (claim === undefined) return prefixes;
    if (claim.value.execution === execution) prefixes.push(attemptPrefix(ref));
  }
}

/** The phases of an attempt that have begun, in order; for status and for evidence. */
export async function begunPhases(attempt: AttemptRef, fx: Pick<FlowEffects, "store">): Promise<PhaseRef[]> {
  const keys = await listKeys(fx.store, attemptKeys(attempt).phases);
  const begun: PhaseRef[] = [];
  for (const phase of phaseNames) {
    for (let stage = 0; ; stage++) {
      const ref: PhaseRef = { scope: { kind: "attempt", attempt }, phase, stage };
      if (!keys.includes(phaseKeys(ref).expected)) break;
      begun.push(ref);
    }
  }
  return begun;
}
