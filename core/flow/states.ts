import { z } from "zod";
import type { Failure } from "../errors/failure.ts";
import { failureClasses, parseFailureErrorName } from "../errors/failure.ts";

/** What travels between states: ids, counters and timeouts, never contents (design decision 2: 256 KiB). */

/** What Catch adds: the error's name and a cause that is JSON where it is ours. */
/** What Catch hands on. */
export interface Caught {
  readonly Error: string;
  readonly Cause?: string | undefined;
}

/** An interpreter may say null for a cause that nobody gave. */
export const caughtSchema = z
  .object({ Error: z.string(), Cause: z.string().nullish() })
  .transform(({ Error, Cause }): Caught => (typeof Cause === "string" ? { Error, Cause } : { Error }));

const stageSchema = z.object({ stage: z.number().int().min(0), more: z.boolean() });

/** The input of every execution of the sweep, all that `aws stepfunctions start-execution` needs. */
export const sweepInputSchema = z.object({ runId: z.string(), epoch: z.number().int().min(1) });
export type SweepInput = z.infer<typeof sweepInputSchema>;

export const deploymentStateSchema = z.object({
  runId: z.string(),
  epoch: z.number().int(),
  deployment: z.string(),
  deploymentId: z.string(),
  until: z.enum(["provision", "prepare", "trials"]),
  /** Key of the tickets' file and prefix of the map's own results. */
  tickets: z.string(),
  mapResults: z.string(),
  lanes: z.number().int().min(1),
  /** How often its hosts were lost and made anew in this epoch. */
  replaced: z.number().int().min(0),
  /** Number of this set-up of the deployment's hosts: one that failed or was cut off is not looked at again. */
  setupAttempt: z.number().int().min(1),
  prepare: stageSchema,
  timeouts: z.object({ prepareSec: z.number().int(), heartbeatSec: z.number().int() }),
  failure: caughtSchema.optional(),
});
export type DeploymentState = z.infer<typeof deploymentStateSchema>;

export const claimInputSchema = z.object({
  runId: z.string(),
  epoch: z.number().int(),
  deployment: z.string(),
  deploymentId: z.string(),
  ticket: z.number().int().optional(),
});
export type ClaimInput = z.infer<typeof claimInputSchema>;

export const attemptStateSchema = z.object({
  kind: z.literal("attempt"),
  runId: z.string(),
  epoch: z.number().int(),
  deployment: z.string(),
  deploymentId: z.string(),
  lane: z.number().int(),
  /** Index into Plan.blocks, and of the trial in it. */
  block: z.number().int(),
  position: z.number().int(),
  pointKey: z.string(),
  trialIndex: z.number().int(),
  attempt: z.number().int(),
  trialKey: z.string(),
  services: stageSchema,
  jobs: stageSchema,
  timeouts: z.object({
    resetSec: z.number().int(),
    servicesSec: z.number().int(),
    jobsSec: z.number().int(),
    collectSec: z.number().int(),
    heartbeatSec: z.number().int(),
  }),
  failure: caughtSchema.optional(),
  collectFailure: caughtSchema.optional(),
  verdict: z
    .object({
      step: z.object({
        valid: z.boolean(),
        manifestSha256: z.string(),
        class: z.enum(failureClasses).optional(),
        message: z.string().optional(),
        summary: z.record(z.string(), z.number()),
      }),
    })
    .optional(),
});
export type AttemptState = z.infer<typeof attemptStateSchema>;

export const teardownInputSchema = z.object({
  runId: z.string(),
  epoch: z.number().int(),
  deployment: z.string(),
  deploymentId: z.string(),
  reason: z.string(),
});
export type TeardownInput = z.infer<typeof teardownInputSchema>;

export const teardownStateSchema = teardownInputSchema.extend({
  waitSec: z.number().int(),
  /** How often the cloud was asked: bounds the loop. */
  asked: z.number().int(),
  openedAt: z.string(),
});
export type TeardownState = z.infer<typeof teardownStateSchema>;

const ownCauseSchema = z.object({
  class: z.enum(failureClasses),
  message: z.string(),
  hint: z.string().optional(),
  host: z.string().optional(),
  evidence: z.string().optional(),
});

/** Reads what a Catch kept. A cause that isn't ours is quoted, cut. */
export function failureOfCaught(caught: Caught): Failure {
  const cause = caught.Cause ?? "";
  if (caught.Error === "States.Timeout") {
    return {
      class: "timeout",
      message: "the phase did not end in time",
      hint: "raise `trial.timeout`, or look at the last lines of the logs",
    };
  }
  if (caught.Error === "States.HeartbeatTimeout") {
    return {
      class: "transport",
      message: "the hosts fell silent and did not come back",
      hint: "look at the hosts' console; is the network up?",
    };
  }
  const own = ownCauseSchema.safeParse(parseJson(cause));
  if (own.success) return own.data;
  const text = lambdaMessage(cause);
  const failureClass = parseFailureErrorName(caught.Error);
  if (failureClass === undefined) return { class: "defect", message: `${caught.Error}: ${text}`.slice(0, 2_000) };
  // A handler's own failure, whose hint was put behind its message for the console.
  const [, message = text, hint] = /^(.*) \(try: (.*)\)$/s.exec(text) ?? [];
  return { class: failureClass, message: message.slice(0, 2_000), ...(hint === undefined ? {} : { hint }) };
}

/** Lambda wraps an error as {errorType, errorMessage, trace}. */
function lambdaMessage(cause: string): string {
  const wrapped = z.object({ errorMessage: z.string() }).safeParse(parseJson(cause));
  return wrapped.success ? wrapped.data.errorMessage : cause;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
