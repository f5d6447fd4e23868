import type { Clock } from "../../core/effects/clock.ts";

interface Sleeper {
  readonly wakeAt: number;
  readonly order: number;
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
    const heap = this.heap;
    heap.push(sleeper);
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i] as Sleeper, heap[parent] as Sleeper)) break; // i and parent are inside the heap
      [heap[i], heap[parent]] = [heap[parent] as Sleeper, heap[i] as Sleeper];
      i = parent;
    }
  }

  private pop(): Sleeper | undefined {
    const heap = this.heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    heap[0] = last;
    this.sink(0);
    return top;
  }

  private remove(sleeper: Sleeper): void {
    const i = this.heap.indexOf(sleeper);
    if (i < 0) return;
    this.heap.splice(i, 1);
    // Aborts are rare: rebuilding is simpler than repairing and still linear.
    const rest = this.heap.splice(0);
    for (const s of rest) this.push(s);
  }

  private sink(start: number): void {
    const heap = this.heap;
    let i = start;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && before(heap[right] as Sleeper, heap[left] as Sleeper) ? right : left; // both inside
      if (!before(heap[child] as Sleeper, heap[i] as Sleeper)) return;
      [heap[i], heap[child]] = [heap[child] as Sleeper, heap[i] as Sleeper];
      i = child;
    }
  }
}

const before = (a: Sleeper, b: Sleeper): boolean => a.wakeAt < b.wakeAt || (a.wakeAt === b.wakeAt && a.order < b.order);

/** One full turn of the event loop: every promise chain that could move has moved. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
