import { z } from "zod";
import type { Failure, FailureClass } from "../errors/failure.ts";
import { failureClasses, failureErrorName } from "../errors/failure.ts";
import { runKeys } from "../names/keys.ts";
import type { Plan } from "../plan/types.ts";
import type { Board } from "../records/schemas.ts";
import { boardSchema, runRecordSchema, stopRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord, tell } from "./effects.ts";
import { caughtSchema, failureOfCaught } from "./states.ts";

export const finishInputSchema = z.object({
  runId: z.string(),
  epoch: z.number().int(),
  failure: caughtSchema.optional(),
  /** What became of each deployment. */
  released: z
    .array(z.object({ failure: z.object({ class: z.enum(failureClasses), message: z.string() }).optional() }))
    .optional(),
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
  const stopped = await readRecord(fx.store, runKeys(runId).stop(input.epoch), stopRecordSchema);
  const failures = await failuresByClass(input, fx);
  const failure = stopped === undefined ? whyIncomplete(input, failures) : stoppedFailure(stopped.value.reason);
  const isComplete = until === "trials" ? valid === total && stopped === undefined : failure === undefined;
  const missing = total - valid;
  if (isComplete) {
    const text =
      until === "trials" ? `done: ${valid} of ${total} trials valid` : `done: hosts are ready (--until ${until})`;
    await tell(fx, runId, "run-finished", text, { valid, total, epoch: input.epoch });
    return { kind: "complete", valid, total };
  }
  const why = failure ?? { class: "defect", message: "ended early" };
  const text = `${why.message}: ${valid} of ${total} trials valid, ${missing} missing${describeClasses(failures)}`;
  await tell(fx, runId, "run-finished", text, { valid, total, epoch: input.epoch, class: why.class });
  return { kind: "incomplete", valid, total, error: failureErrorName(why.class), cause: text };
}

const stoppedFailure = (reason: string): Failure => ({ class: "cancelled", message: `stopped (${reason})` });

/** The flow's own failure first, then a deployment's, then what most of the failed trials have in common. */
function whyIncomplete(input: FinishInput, failures: Board["failures"]): Failure | undefined {
  if (input.failure !== undefined) return failureOfCaught(input.failure);
  const ofDeployment = input.released?.find((released) => released.failure !== undefined)?.failure;
  if (ofDeployment !== undefined) return ofDeployment;
  const most = failureClasses.reduce<FailureClass | undefined>(
    (best, next) => ((failures[next] ?? 0) > (best === undefined ? 0 : (failures[best] ?? 0)) ? next : best),
    undefined,
  );
  return most === undefined ? undefined : { class: most, message: "ended" };
}

async function failuresByClass(
  { runId, epoch }: FinishInput,
  fx: Pick<FlowEffects, "store">,
): Promise<Board["failures"]> {
  // By deployment's name: a successor's board goes on counting from its predecessor's.
  const newest = new Map<string, Board["failures"]>();
  for (const key of await listKeys(fx.store, runKeys(runId).boards)) {
    const match = /\/([^/]+)-\d+\.(\d+)\.json$/.exec(key);
    if (match?.[1] === undefined || Number(match[2]) !== epoch) continue;
    const { failures } = await requireRecord(fx.store, key, boardSchema);
    const known = newest.get(match[1]);
    if (known === undefined || sum(failures) >= sum(known)) newest.set(match[1], failures);
  }
  const total: Partial<Record<FailureClass, number>> = {};
  for (const failures of newest.values())
    for (const failureClass of failureClasses)
      if (failures[failureClass] !== undefined)
        total[failureClass] = (total[failureClass] ?? 0) + failures[failureClass];
  return total;
}

const sum = (failures: Board["failures"]): number => Object.values(failures).reduce((a, b) => a + b, 0);

const describeClasses = (failures: Board["failures"]): string => {
  const parts = Object.entries(failures).map(([failureClass, count]) => `${count} ${failureClass}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
};

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
