import { setTimeout as sleepReal } from "node:timers/promises";
import type { Clock } from "../../../core/effects/clock.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";

/** How often time moves, ms of this machine. */
const tickMs = 10;
/** What one turn of the event loop counts for, at most: on a busy machine calls take more of its time, not more turns. */
const mostMs = 12;

/**
 * A clock for work on real machines that mostly waits: it runs ahead while nothing real is under way, and at this
 * machine's pace while something is (`during`), so that limits in its time mean what they say.
 */
export class HurriedClock implements Clock {
  private readonly inner: VirtualClock;
  private readonly rate: number;
  private underWay = 0;
  private isEnded = false;
  private readonly ticking: Promise<void>;

  /** @param rate how many times faster time passes while nothing real is under way */
  constructor(rate: number) {
    this.rate = rate;
    this.inner = new VirtualClock(Date.now());
    this.ticking = this.tick();
  }

  now(): number {
    return this.inner.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.inner.sleep(ms, signal);
  }

  /** Real work: until it is done, time keeps to this machine's pace. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.underWay += 1;
    try {
      return await work();
    } finally {
      this.underWay -= 1;
    }
  }

  /** Moves time on at once; who sleeps until then is woken in order. */
  leap(ms: number): Promise<void> {
    return this.inner.advanceTo(this.inner.now() + ms);
  }

  /** Time stands still from here on. */
  async end(): Promise<void> {
    this.isEnded = true;
    await this.ticking;
  }

  private async tick(): Promise<void> {
    for (let before = performance.now(); !this.hasEnded();) {
      await sleepReal(tickMs);
      const now = performance.now();
      const passed = Math.min(now - before, mostMs);
      before = now;
      await this.leap(Math.round(passed * (this.underWay > 0 ? 1 : this.rate)));
    }
  }

  /** Asked anew each time: `end` may have been called meanwhile. */
  private hasEnded(): boolean {
    return this.isEnded;
  }
}
