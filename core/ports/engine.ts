import type { Json } from "../effects/json.ts";

/** The three state machines of `statemachines/`. */
export type MachineName = "sweep" | "teardown";
/** `{runId}.{epoch}` and `{runId}.{epoch}.teardown`; unique for ever, so a repeated start is one start. */
export type ExecutionName = string;
/** Names one waiting task. Never leaves the control side: hosts hold capabilities instead. */
export type TaskToken = string;

export type TaskOutcome =
  | { readonly kind: "succeeded"; readonly output: Json }
  | { readonly kind: "failed"; readonly error: string; readonly cause: string };

/** What handlers may ask of whatever runs the state machines: Step Functions or the embedded engine. */
export interface Engine {
  start(machine: MachineName, name: ExecutionName, input: Json): Promise<void>;
  /** "gone": the task no longer waits (timed out, stopped, woken before). */
  wake(token: TaskToken, outcome: TaskOutcome): Promise<"woken" | "gone">;
  heartbeat(token: TaskToken): Promise<"beaten" | "gone">;
  stop(name: ExecutionName, reason: string): Promise<void>;
}
