import type { Clock } from "../../core/effects/clock.ts";

interface Sleeper {
  readonly wakeAt: number;
  readonly order: number;
  /** Its place in the heap. */
  at: number;
  readonly wake: () => void;
}

/**
 * A clock that jumps: time stands still while anything computes and leaps to the next sleeper when all is quiet.
 *
 * `run` drives it. Quiet means that a full turn of the event loop brought nothing new, so everything behind it must be
 * in memory: real I/O under a virtual clock would look like silence.
 */
export class VirtualClock implements Clock {
  private nowMs: number;
  private order = 0;
  private readonly heap: Sleeper[] = [];

  constructor(startAt: number = Date.UTC(2026, 0, 1)) {
    this.nowMs = startAt;
  }

  now(): number {
    return this.nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error); // an AbortSignal's reason is an Error unless the caller chose otherwise
        return;
      }
      const sleeper: Sleeper = {
        wakeAt: this.nowMs + Math.max(0, ms),
        order: this.order++,
        at: -1,
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.remove(sleeper);
        reject(signal?.reason as Error); // as above
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.push(sleeper);
    });
  }

  /** How many sleepers wait; for tests that look for forgotten ones. */
  get sleepers(): number {
    return this.heap.length;
  }

  /** Moves time on to `epochMs` without waking anybody late: sleepers due until then wake in order. */
  async advanceTo(epochMs: number): Promise<void> {
    await quiet();
    for (let next = this.heap[0]; next !== undefined && next.wakeAt <= epochMs; next = this.heap[0]) {
      this.nowMs = Math.max(this.nowMs, next.wakeAt);
      this.pop();
      next.wake();
      await quiet();
    }
    this.nowMs = Math.max(this.nowMs, epochMs);
  }

  /**
   * Drives time until `work` settles, and gives its value.
   *
   * @throws Error when `work` neither settles nor sleeps: it waits for something that can never come.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false as boolean; // widened: the compiler can't see `finally` change it
    const watched = work.finally(() => {
      settled = true;
    });
    watched.catch(() => undefined); // reported by the return below
    for (;;) {
      await quiet();
      if (settled) return watched;
      const next = this.pop();
      if (next === undefined) {
        await quiet();
        if (settled as boolean) return watched;
        throw new Error("virtual clock: the work waits for ever (nothing sleeps, nothing runs)");
      }
      this.nowMs = Math.max(this.nowMs, next.wakeAt);
      next.wake();
    }
  }

  private push(sleeper: Sleeper): void {
    this.place(sleeper, this.heap.length);
    this.rise(sleeper);
  }

  private pop(): Sleeper | undefined {
    const top = this.heap[0];
    if (top !== undefined) this.remove(top);
    return top;
  }

  /** Timeouts are mostly aborted, not reached: removal costs a logarithm, and an aborted sleeper is kept nowhere. */
  private remove(sleeper: Sleeper): void {
    if (this.heap[sleeper.at] !== sleeper) return;
    const last = this.heap.pop();
    if (last === undefined || last === sleeper) return;
    this.place(last, sleeper.at);
    this.rise(last);
    this.sink(last);
  }

  private place(sleeper: Sleeper, at: number): void {
    this.heap[at] = sleeper;
    sleeper.at = at;
  }

  private rise(sleeper: Sleeper): void {
    for (;;) {
      const at = sleeper.at;
      const parent = at > 0 ? this.heap[(at - 1) >> 1] : undefined;
      if (parent === undefined || before(parent, sleeper)) return;
      this.place(sleeper, parent.at);
      this.place(parent, at);
    }
  }

  private sink(sleeper: Sleeper): void {
    for (;;) {
      const at = sleeper.at;
      const left = this.heap[2 * at + 1];
      const right = this.heap[2 * at + 2];
      const child = left !== undefined && right !== undefined && before(right, left) ? right : left;
      if (child === undefined || before(sleeper, child)) return;
      this.place(sleeper, child.at);
      this.place(child, at);
    }
  }
}

const before = (a: Sleeper, b: Sleeper): boolean => a.wakeAt < b.wakeAt || (a.wakeAt === b.wakeAt && a.order < b.order);

/** One full turn of the event loop: every promise chain that could move has moved. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
