import type { Plan } from "../plan/types.ts";
import { failureErrorName } from "../errors/failure.ts";
import { runKeys } from "../names/keys.ts";
import { runRecordSchema } from "../records/schemas.ts";
import { z } from "zod";
import type { FlowEffects } from "./effects.ts";
import { requireRecord, tell } from "./effects.ts";
import { caughtSchema, failureOfCaught } from "./states.ts";

export const finishInputSchema = z.object({
  runId: z.string(),
  epoch: z.number().int(),
  failure: caughtSchema.optional(),
});
export type FinishInput = z.infer<typeof finishInputSchema>;

export type Finished =
  | { readonly kind: "complete"; readonly valid: number; readonly total: number }
  | {
      readonly kind: "incomplete";
      readonly valid: number;
      readonly total: number;
      readonly error: string;
      readonly cause: string;
    };

/** How a run ended: complete when every planned trial has a valid attempt, or when it was to end earlier anyway. */
export async function finishRun(input: FinishInput, fx: FlowEffects): Promise<Finished> {
  const { runId } = input;
  const { until } = await requireRecord(fx.store, runKeys(runId).run, runRecordSchema);
  const { plan } = await fx.openRun(runId);
  const { valid, total } = await countTrials(runId, plan, fx);
  const stopped = (await fx.store.head(runKeys(runId).stop(input.epoch))) !== undefined;
  const failure = input.failure === undefined ? undefined : failureOfCaught(input.failure);
  const isComplete = failure === undefined && !stopped && (until !== "trials" || valid === total);
  const missing = total - valid;
  const text = isComplete
    ? `done: ${valid} of ${total} trials valid`
    : `${stopped ? "stopped" : (failure?.message ?? "ended")}: ${valid} of ${total} trials valid, ${missing} missing`;
  const failureClass = stopped ? "cancelled" : (failure?.class ?? "integrity");
  await tell(fx, runId, "run-finished", text, {
    valid,
    total,
    epoch: input.epoch,
    ...(isComplete ? {} : { class: failureClass }),
  });
  if (isComplete) return { kind: "complete", valid, total };
  return { kind: "incomplete", valid, total, error: failureErrorName(failureClass), cause: text };
}

/** Planned trials and those with a valid attempt. */
export async function countTrials(
  runId: string,
  plan: Plan,
  fx: Pick<FlowEffects, "store">,
): Promise<{ readonly valid: number; readonly total: number }> {
  const planned = new Set(plan.blocks.flatMap((block) => block.trials.map((trial) => trial.trialKey)));
  const outcomes = runKeys(runId).outcomes;
  let valid = 0;
  for await (const entry of fx.store.list(outcomes)) {
    if (planned.has(entry.key.slice(outcomes.length, -".json".length))) valid++;
  }
  return { valid, total: planned.size };
}
