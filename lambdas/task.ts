import { FailureError } from "../core/errors/failure.ts";
import { RepriseError, messageOf } from "../core/errors/reprise-error.ts";
import type { Json } from "../core/effects/json.ts";
import { openBase } from "./base.ts";
import type { Base, Parts } from "./effects.ts";
import { openEffects } from "./effects.ts";
import { taskFunctions } from "./functions.ts";
import type { Handler, HandlerName } from "./handlers.ts";
import { aboutPayload, writeLog } from "./log.ts";
import type { WriteLine } from "./log.ts";

/** What Lambda hands over beside the event. */
export interface CallContext {
  readonly awsRequestId?: string;
}

/** Half of what a state hands on (256 KiB): the rest is the state's own input beside the answer. */
const mostAnswerChars = 128 * 1024;

export type TaskFunction = (event: unknown, context?: CallContext) => Promise<Json>;

/** Writes to stdout, which the runtime keeps line by line. */
export const stdoutLine: WriteLine = (line) => void process.stdout.write(line);

/** A handler as a Lambda function of the state machines. */
export function asTask(name: HandlerName, handler: Handler, parts: Parts = {}): TaskFunction {
  let base: Base | undefined;
  return async (event, context = {}) => {
    base ??= openBase(process.env);
    return runTask({ name, handler, parts, event, requestId: context.awsRequestId }, { base, write: stdoutLine });
  };
}

/** One call: opens what the handler needs, runs it, says in one line what came of it. */
export async function runTask(
  call: {
    readonly name: HandlerName;
    readonly handler: Handler;
    readonly parts: Parts;
    readonly event: unknown;
    readonly requestId?: string | undefined;
  },
  effects: { readonly base: Base; readonly write: WriteLine },
): Promise<Json> {
  const { base, write } = effects;
  const startedAt = base.clock.now();
  const log = (rest: { readonly level: "info" | "error"; readonly [field: string]: unknown }): void =>
    writeLog(write, {
      function: call.name,
      ...aboutPayload(call.event),
      requestId: call.requestId,
      durationMs: base.clock.now() - startedAt,
      ...rest,
    });
  try {
    const opened = await openEffects(base, taskFunctions[call.name].needs, call.parts);
    try {
      const answer = await call.handler(call.event, opened.effects);
      const chars = JSON.stringify(answer).length;
      if (chars > mostAnswerChars) {
        throw new FailureError({ class: "defect", message: `${call.name} answers with ${chars} characters` });
      }
      log({ level: "info", answer: kindOf(answer) });
      return answer;
    } finally {
      await opened.close();
    }
  } catch (error) {
    const hint = error instanceof RepriseError ? error.hint : undefined;
    const name = error instanceof Error ? error.name : "Error";
    log({ level: "error", error: name, message: messageOf(error), hint });
    throw toShownError(error);
  }
}

const kindOf = (answer: Json): string | undefined =>
  typeof answer === "object" && answer !== null && "kind" in answer && typeof answer["kind"] === "string"
    ? answer["kind"]
    : undefined;

/**
 * What the console shows of a failed state is its error's name and message: the hint goes with the message, and the stack
 * of bundled code, which says nothing there, is left to the log.
 */
export function toShownError(error: unknown): Error {
  const hint = error instanceof RepriseError ? error.hint : undefined;
  const message = messageOf(error);
  const shown = new Error(hint === undefined ? message : `${message} (try: ${hint})`, { cause: error });
  shown.name = error instanceof Error ? error.name : "Error";
  shown.stack = `${shown.name}: ${shown.message}`;
  return shown;
}
