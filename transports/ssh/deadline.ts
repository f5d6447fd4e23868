import type { Clock } from "../../core/effects/clock.ts";

/** How a bounded call ended before its work did. */
export type Ended = "deadline" | "canceled";

/** One signal for "time is up" and "the caller no longer wants it"; `close` it when the work is done. */
export class Deadline {
  private readonly controller = new AbortController();
  private readonly timer = new AbortController();
  private endedBy: Ended | undefined;
  private readonly detach: () => void;

  constructor(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined) {
    const cancel = (): void => this.finish("canceled");
    this.detach = () => signal?.removeEventListener("abort", cancel);
    if (signal?.aborted) {
      cancel();
      return;
    }
    signal?.addEventListener("abort", cancel, { once: true });
    void clock.sleep(timeoutMs, this.timer.signal).then(
      () => this.finish("deadline"),
      () => undefined, // the work was done first
    );
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get ended(): Ended | undefined {
    return this.endedBy;
  }

  close(): void {
    this.detach();
    this.timer.abort();
  }

  private finish(by: Ended): void {
    if (this.endedBy !== undefined) return;
    this.endedBy = by;
    this.controller.abort(new Error(by === "deadline" ? "the task's time is up" : "canceled"));
  }
}
