import { z } from "zod";
import { packHistory } from "../core/evidence/history-chunk.ts";
import { afterSweep, openDeploymentIds } from "../core/flow/after-execution.ts";
import type { FlowEffects } from "../core/flow/effects.ts";
import { readRunManifest } from "../core/evidence/run-manifest.ts";
import { seal, tellSealed } from "../core/flow/seal.ts";
import { isSealedWhole } from "../core/flow/sealed-whole.ts";
import { runKeys } from "../core/names/keys.ts";
import { fromServiceName } from "../core/names/stack.ts";
import type { HistoryEvent } from "../engines/asl/history.ts";

/** What EventBridge says of an execution that ended, and what our own executions' inputs have in common. */
const eventSchema = z.object({
  detail: z.object({
    executionArn: z.string(),
    stateMachineArn: z.string(),
    name: z.string(),
    status: z.enum(["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]),
    input: z.string(),
  }),
});
const inputSchema = z.object({ runId: z.string(), epoch: z.number().int().min(1) });

export interface EndedEffects {
  readonly flow: FlowEffects;
  readonly machines: { readonly sweep: string; readonly teardown: string };
  readonly readHistory: (executionArn: string) => Promise<readonly HistoryEvent[]>;
}

/** A chunk of history holds so many events: an object of at most a few MB. */
const chunkEvents = 2_000;

/**
 * The rule on ended executions: keeps the history beside the run's evidence, where it outlives the service's 90 days; of
 * a sweep that ended it takes down what is up; and it seals the evidence, of which its history is a part.
 *
 * It may be called twice, and for one execution while for another: the same chunks are there already, the same teardown
 * is running, a seal over nothing new changes nothing.
 */
export async function afterEnded(event: unknown, effects: EndedEffects): Promise<{ readonly kept: number }> {
  const { flow } = effects;
  const { detail } = eventSchema.parse(event);
  const { runId, epoch } = inputSchema.parse(JSON.parse(detail.input));
  const kept = await keepHistory(runId, fromServiceName(detail.name), detail.executionArn, effects);
  if (detail.stateMachineArn === effects.machines.sweep) {
    await afterSweep({ runId, epoch, status: detail.status }, flow);
  }
  await sealAgain({ runId, epoch, isChild: isChild(detail, effects) }, flow);
  return { kept };
}

const isChild = (detail: { readonly stateMachineArn: string }, { machines }: EndedEffects): boolean =>
  detail.stateMachineArn !== machines.sweep && detail.stateMachineArn !== machines.teardown;

/**
 * Seals when this may have been the last, or when what was kept just now came after a seal, which would call it a
 * stranger. Not for each of thousands of children while their siblings run: a seal walks over the whole run.
 */
async function sealAgain(
  ended: { readonly runId: string; readonly epoch: number; readonly isChild: boolean },
  flow: FlowEffects,
): Promise<void> {
  const { runId, epoch } = ended;
  const isSealed = (await readRunManifest(flow.store, runId)).kind === "sealed";
  const isOver = (await openDeploymentIds(runId, flow)).length === 0;
  if (ended.isChild ? !(isSealed && isOver) : !(isSealed || isOver)) return;
  const sealed = await seal(runId, flow);
  // Whoever seals the last of it says so.
  if (sealed.outcome !== "same" && (await isSealedWhole(runId, epoch, flow))) await tellSealed(runId, sealed, flow);
}

async function keepHistory(
  runId: string,
  execution: string,
  arn: string,
  { flow, readHistory }: EndedEffects,
): Promise<number> {
  const events = await readHistory(arn);
  const keys = runKeys(runId);
  // The first chunk last: with it there the history is whole.
  for (let chunk = Math.ceil(events.length / chunkEvents) - 1; chunk >= 0; chunk--) {
    const body = packHistory(events.slice(chunk * chunkEvents, (chunk + 1) * chunkEvents));
    await flow.store.putIfAbsent(keys.historyChunk(execution, chunk), body, `history:${arn}`);
  }
  return events.length;
}
