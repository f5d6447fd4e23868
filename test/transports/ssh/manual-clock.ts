import type { Clock } from "../../../core/effects/clock.ts";

/**
 * A clock that moves when it is told to.
 *
 * Not the virtual clock: that one jumps as soon as the event loop is quiet, and a handshake in progress looks quiet.
 */
export class ManualClock implements Clock {
  private nowMs = Date.UTC(2026, 0, 1);
  private sleepers: { readonly wakeAt: number; readonly ms: number; readonly wake: () => void }[] = [];
  private waiting: { readonly ms: number; readonly seen: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  /** What is slept right now, ms each. */
  get sleeping(): readonly number[] {
    return this.sleepers.map(({ ms }) => ms);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const remove = (): void => {
        this.sleepers = this.sleepers.filter((each) => each !== sleeper);
      };
      const onAbort = (): void => {
        remove();
        reject(new Error("aborted"));
      };
      const sleeper = {
        wakeAt: this.nowMs + ms,
        ms,
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          remove();
          resolve();
        },
      };
      if (signal?.aborted) {
        onAbort();
        return;
      }
      signal?.addEventListener("abort", onAbort, { once: true });
      this.sleepers.push(sleeper);
      for (const { ms: awaited, seen } of this.waiting) if (awaited === ms) seen();
    });
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const sleeper of [...this.sleepers]) if (sleeper.wakeAt <= this.nowMs) sleeper.wake();
  }

  /** Resolves once something sleeps for exactly so long. */
  async asleepFor(ms: number): Promise<void> {
    if (this.sleeping.includes(ms)) return;
    await new Promise<void>((seen) => this.waiting.push({ ms, seen }));
  }

  /** Lets each sleep of this length end as soon as it begins. */
  skip(ms: number): void {
    this.waiting.push({ ms, seen: () => setImmediate(() => this.advance(ms)) });
  }
}
