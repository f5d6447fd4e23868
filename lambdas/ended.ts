import { z } from "zod";
import { packHistory } from "../core/evidence/history-chunk.ts";
import { afterSweep, openDeploymentIds } from "../core/flow/after-execution.ts";
import type { FlowEffects } from "../core/flow/effects.ts";
import { sealAtLast } from "../core/flow/seal.ts";
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
 * a sweep that ended it takes down what is up; after the last teardown it seals the evidence.
 *
 * It may be called twice: the same chunks are there already, the same teardown is running.
 */
export async function afterEnded(event: unknown, effects: EndedEffects): Promise<{ readonly kept: number }> {
  const { flow } = effects;
  const { detail } = eventSchema.parse(event);
  const { runId, epoch } = inputSchema.parse(JSON.parse(detail.input));
  const kept = await keepHistory(runId, fromServiceName(detail.name), detail.executionArn, effects);
  if (detail.stateMachineArn === effects.machines.sweep) {
    await afterSweep({ runId, epoch, status: detail.status }, flow);
  }
  const isFlow = detail.stateMachineArn === effects.machines.sweep || isTeardown(detail, effects);
  if (isFlow && (await openDeploymentIds(runId, flow)).length === 0) await sealAtLast(runId, flow);
  return { kept };
}

const isTeardown = (detail: { readonly stateMachineArn: string }, { machines }: EndedEffects): boolean =>
  detail.stateMachineArn === machines.teardown;

async function keepHistory(
  runId: string,
  execution: string,
  arn: string,
  { flow, readHistory }: EndedEffects,
): Promise<number> {
  const events = await readHistory(arn);
  const keys = runKeys(runId);
  for (let from = 0; from < events.length; from += chunkEvents) {
    const body = packHistory(events.slice(from, from + chunkEvents));
    await flow.store.putIfAbsent(keys.historyChunk(execution, from / chunkEvents), body, `history:${arn}`);
  }
  return events.length;
}
