import type { Clock } from "../../../core/effects/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/**
 * What will happen in a cloud by itself: machines that come up, operations that end, timers that delete.
 *
 * Lazy: events run, in order of time, when somebody looks (`settle` at each request). Nothing sleeps, so thousands of
 * schedules cost nothing. Whoever needs events at their very moment (real hosts, simulated ones) also runs `drive`.
 */
export class Timeline {
  private readonly clock: Clock;
  private readonly events: Event[] = [];
  private order = 0;
  private nowMs: number;
  private wakeDriver: (() => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
    this.nowMs = clock.now();
  }

  /** The moment that the cloud believes in: an event's own due time while it runs, however late it is looked at. */
  now(): number {
    return this.nowMs;
  }

  /** @returns a function that calls the event off */
  after(delayMs: number, action: () => void): () => void {
    const event: Event = { at: this.nowMs + Math.max(0, delayMs), order: this.order++, action };
    const events = this.events;
    let i = events.length;
    while (i > 0 && later(events[i - 1]!, event)) i--; // i - 1 is inside
    events.splice(i, 0, event);
    if (i === 0) this.wakeDriver?.();
    return () => {
      const at = events.indexOf(event);
      if (at >= 0) events.splice(at, 1);
    };
  }

  /** Runs everything that is due by the clock. */
  settle(): void {
    const until = this.clock.now();
    for (let next = this.events[0]; next !== undefined && next.at <= until; next = this.events[0]) {
      this.events.shift();
      this.nowMs = Math.max(this.nowMs, next.at);
      next.action();
    }
    this.nowMs = Math.max(this.nowMs, until);
  }

  /** Lets events happen at their moment, looked at or not, until `signal` aborts. */
  async drive(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.settle();
      const earlier = new AbortController();
      this.wakeDriver = () => earlier.abort();
      const onAbort = (): void => earlier.abort();
      signal.addEventListener("abort", onAbort, { once: true });
      const next = this.events[0];
      try {
        if (next === undefined) await aborted(earlier.signal);
        else await this.clock.sleep(next.at - this.clock.now(), earlier.signal);
      } catch {
        // Woken early: an earlier event came in, or the drive ends.
      } finally {
        signal.removeEventListener("abort", onAbort);
        this.wakeDriver = undefined;
      }
    }
  }
}

const later = (a: Event, b: Event): boolean => a.at > b.at || (a.at === b.at && a.order > b.order);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
