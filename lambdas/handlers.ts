import { z } from "zod";
import type { Json } from "../core/effects/json.ts";
import { admitRun } from "../core/flow/admit.ts";
import { claimBlock } from "../core/flow/claim.ts";
import type { FlowEffects } from "../core/flow/effects.ts";
import { finishInputSchema, finishRun } from "../core/flow/finish.ts";
import { ensureHosts, observeHosts } from "../core/flow/provision.ts";
import { releaseDeployment } from "../core/flow/release.ts";
import { recordOutcome } from "../core/flow/record.ts";
import { seal } from "../core/flow/seal.ts";
import { startPhase, startPhaseInputSchema } from "../core/flow/start-phase.ts";
import {
  attemptStateSchema,
  claimInputSchema,
  deploymentStateSchema,
  sweepInputSchema,
  teardownInputSchema,
  teardownStateSchema,
} from "../core/flow/states.ts";
import { closeDeployment, destroyDeployment, observeGone, writeReceipt } from "../core/flow/teardown.ts";
import { verifyAttempt } from "../core/flow/verify.ts";

/**
 * The handlers that the state machines call, by the name that stands in `statemachines/*.asl.json`.
 *
 * Each parses its payload, calls one function of the core and gives back small JSON. Step Functions reaches them as
 * Lambda functions, the embedded engine calls them in process: the same code either way.
 */
export type Handler = (payload: unknown, fx: FlowEffects) => Promise<Json>;

// Each stands alone, and pure, so that a function's bundle holds its own handler and what that imports.
export const admit = /* @__PURE__ */ handler(sweepInputSchema, (input, execution, fx) =>
  admitRun(input, execution, fx),
);
export const ensure = /* @__PURE__ */ handler(deploymentStateSchema, (state, _, fx) => ensureHosts(state, fx));
export const observe = /* @__PURE__ */ handler(deploymentStateSchema, (state, _, fx) => observeHosts(state, fx));
export const claim = /* @__PURE__ */ handler(claimInputSchema, (input, execution, fx) =>
  claimBlock(input, execution, fx),
);
export const start: Handler = async (payload, fx) => {
  await startPhase(startPhaseInputSchema.parse(payload), fx);
  return null;
};
export const verify = /* @__PURE__ */ handler(attemptStateSchema, (state, execution, fx) =>
  verifyAttempt(state, execution, fx),
);
export const record = /* @__PURE__ */ handler(attemptStateSchema, (state, execution, fx) =>
  recordOutcome(state, execution, fx),
);
export const release = /* @__PURE__ */ handler(deploymentStateSchema, (state, execution, fx) =>
  releaseDeployment(state, execution, fx),
);
export const finish = /* @__PURE__ */ handler(finishInputSchema, async (input, _, fx) => {
  const finished = await finishRun(input, fx);
  await seal(input.runId, fx);
  return finished;
});
export const close = /* @__PURE__ */ handler(teardownInputSchema, (input, _, fx) => closeDeployment(input, fx));
export const destroy = /* @__PURE__ */ handler(teardownStateSchema, (state, _, fx) => destroyDeployment(state, fx));
export const lookGone = /* @__PURE__ */ handler(teardownStateSchema, (state, _, fx) => observeGone(state, fx));
export const receipt = /* @__PURE__ */ handler(teardownStateSchema, async (state, _, fx) => {
  const written = await writeReceipt(state, fx);
  await seal(state.runId, fx);
  return written;
});

export const handlers = /* @__PURE__ */ Object.freeze({
  admit,
  ensure,
  observe,
  claim,
  startPhase: start,
  verify,
  record,
  release,
  finish,
  close,
  destroy,
  observeGone: lookGone,
  receipt,
}) satisfies Record<string, Handler>;

export type HandlerName = keyof typeof handlers;

/** Wraps a function of the core: every Task of the state machines sends `{input, execution}`. */
function handler<S extends z.ZodType>(
  schema: S,
  run: (input: z.output<S>, execution: string, fx: FlowEffects) => Promise<object>,
): Handler {
  const envelope = z.object({ input: z.unknown(), execution: z.string() });
  return async (payload, fx) => {
    const { input, execution } = envelope.parse(payload);
    const result = await run(schema.parse(input), execution, fx);
    // Everything that crosses a state boundary is JSON already; this drops the `undefined`s that JSON has no word for.
    return JSON.parse(JSON.stringify(result)) as Json;
  };
}
