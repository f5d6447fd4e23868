import type { TaskOutcome, TaskToken } from "../../core/ports/engine.ts";

/** A task that waits for its token to come back. */
export interface Callback {
  /** Called at most once, and only while the task waits. */
  readonly settle: (outcome: TaskOutcome) => void;
  readonly beat: () => void;
}

/**
 * The tokens that something waits for.
 *
 * A token is known from before its task is invoked until the task ends, whatever ends it: a wake that was taken is the
 * outcome, and any other is answered "gone".
 */
export class TaskTokens {
  private readonly callbacks = new Map<TaskToken, Callback>();

  get size(): number {
    return this.callbacks.size;
  }

  arm(token: TaskToken, callback: Callback): void {
    this.callbacks.set(token, callback);
  }

  disarm(token: TaskToken): void {
    this.callbacks.delete(token);
  }

  wake(token: TaskToken, outcome: TaskOutcome): "woken" | "gone" {
    const callback = this.callbacks.get(token);
    if (callback === undefined) return "gone";
    this.callbacks.delete(token);
    callback.settle(outcome);
    return "woken";
  }

  heartbeat(token: TaskToken): "beaten" | "gone" {
    const callback = this.callbacks.get(token);
    if (callback === undefined) return "gone";
    callback.beat();
    return "beaten";
  }
}
