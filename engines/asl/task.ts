import type { Clock } from "../../core/effects/clock.ts";
import type { Json } from "../../core/effects/json.ts";
import type { TaskToken } from "../../core/ports/engine.ts";
import { AbortedError } from "./errors.ts";
import { limits } from "./limits.ts";
import type { TaskTokens } from "./task-tokens.ts";

/** Runs the functions that tasks name: on AWS that is Lambda. */
export interface HandlerInvoker {
  /**
   * Gives what the handler returns, as JSON. What it throws becomes the task's failure: `name` the error, and
   * `{errorType, errorMessage, hint?}` as JSON text the cause, as Lambda's Node runtime reports it.
   *
   * @param options.signal aborts when the task timed out or its execution ended; the engine doesn't wait for the handler
   */
  invoke(functionName: string, payload: Json, options: { readonly signal: AbortSignal }): Promise<Json>;
}

/** How one attempt at a task ended. */
export type TaskEnd =
  | { readonly kind: "succeeded"; readonly output: Json }
  | { readonly kind: "failed"; readonly error: string; readonly cause: string }
  | { readonly kind: "timedOut"; readonly clock: "task" | "heartbeat" };

export interface TaskAttempt {
  readonly functionName: string;
  readonly payload: Json;
  /** Given for waitForTaskToken: then the handler's return ends nothing, the token's coming back does. */
  readonly token: TaskToken | undefined;
  readonly timeoutSec: number | undefined;
  readonly heartbeatSec: number | undefined;
  readonly signal: AbortSignal;
  /** Called when the handler of a waitForTaskToken has returned and the token hasn't come back yet. */
  readonly onSubmitted: (result: Json) => void;
}

export interface TaskEffects {
  readonly clock: Clock;
  readonly invoker: HandlerInvoker;
  readonly tokens: TaskTokens;
}

/**
 * One attempt at a task: the handler, its timeouts and its token race, and the first decides.
 *
 * The token is armed before the handler is called, since the handler may call back at once; a wake that was answered
 * "woken" is the outcome even when the handler goes on, or throws, afterwards.
 *
 * @throws {AbortedError} when `signal` aborts first
 */
export function performTask(task: TaskAttempt, { clock, invoker, tokens }: TaskEffects): Promise<TaskEnd> {
  return new Promise((resolve, reject) => {
    const timers = new AbortController();
    const handler = new AbortController();
    let isOver = false;
    const end = (finish: () => void): void => {
      if (isOver) return;
      isOver = true;
      if (task.token !== undefined) tokens.disarm(task.token);
      task.signal.removeEventListener("abort", onAbort);
      timers.abort(new AbortedError("the task has ended"));
      finish();
    };
    const settle = (taskEnd: TaskEnd): void => {
      end(() => resolve(taskEnd));
      // A handler whose task was woken early may finish its work, as a Lambda function would.
      if (taskEnd.kind === "timedOut") handler.abort(new AbortedError("the task timed out"));
    };
    const onAbort = (): void => {
      end(() => reject(new AbortedError("aborted")));
      handler.abort(new AbortedError("the execution ended or moved on"));
    };
    task.signal.addEventListener("abort", onAbort, { once: true });

    const startedAt = clock.now();
    let beatenAt = startedAt;
    const watch = async (deadline: () => number, which: "task" | "heartbeat"): Promise<void> => {
      for (let left = deadline() - clock.now(); left > 0; left = deadline() - clock.now()) {
        await clock.sleep(left, timers.signal);
      }
      settle({ kind: "timedOut", clock: which });
    };
    const { timeoutSec, heartbeatSec, token } = task;
    if (timeoutSec !== undefined) watch(() => startedAt + timeoutSec * 1_000, "task").catch(ignoreEnd);
    if (heartbeatSec !== undefined) watch(() => beatenAt + heartbeatSec * 1_000, "heartbeat").catch(ignoreEnd);
    if (token !== undefined) tokens.arm(token, { settle, beat: () => (beatenAt = clock.now()) });

    const call = async (): Promise<Json> =>
      asJson(await invoker.invoke(task.functionName, task.payload, { signal: handler.signal }));
    call().then(
      (result) => {
        if (token === undefined) settle({ kind: "succeeded", output: result });
        else if (!isOver) {
          try {
            task.onSubmitted(result);
          } catch (error) {
            end(() => reject(error instanceof Error ? error : new Error(String(error))));
          }
        }
      },
      (error: unknown) => settle({ kind: "failed", ...toFailure(error) }),
    );
  });
}

/** A sleep that was cut short because the task ended. */
const ignoreEnd = (): void => undefined;

/** What arrives on the other side of Lambda: a handler can neither share an object with the engine nor return a Date. */
function asJson(result: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(result ?? null)) as Json;
  } catch (error) {
    throw new UnserializableResultError(`the handler's result isn't JSON: ${String(error)}`);
  }
}

class UnserializableResultError extends Error {
  override readonly name = "Runtime.MarshalError"; // as Lambda's Node runtime calls it
}

/** Error and cause as Step Functions shows a Lambda function's: the cause stays valid JSON, however long the message. */
export function toFailure(error: unknown): { readonly error: string; readonly cause: string } {
  const name = error instanceof Error ? error.name : typeof error;
  const hint = error instanceof Error && "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  const errorType = name.slice(0, limits.errorLength);
  const causeOf = (message: string): string => JSON.stringify({ errorType, errorMessage: message, hint });
  const message = error instanceof Error ? error.message : String(error);
  const whole = causeOf(message);
  if (whole.length <= limits.causeLength) return { error: errorType, cause: whole };
  // Escapes take up to six characters each: cut for the worst case.
  const shortHint = hint?.slice(0, 500);
  const cut = message.slice(0, Math.floor((limits.causeLength - 4_000 - 6 * errorType.length) / 6));
  return {
    error: errorType,
    cause: JSON.stringify({ errorType, errorMessage: `${cut}… (${message.length} characters)`, hint: shortHint }),
  };
}
