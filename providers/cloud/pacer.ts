import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";

export interface PacerOptions {
  /** Calls a second when the cloud never complains. */
  readonly ratePerSec: number;
  /** Calls that may be made at once after a rest. */
  readonly burst: number;
  readonly clock: Clock;
  /** Calls of one key that may wait. @default 256 */
  readonly maxWaiting?: number;
  /** A call that would have to wait longer is refused at once: provider calls end within a minute. @default 30_000 */
  readonly maxWaitMs?: number;
}

/**
 * How long the cloud asked to wait, where an error is its "too many requests": its Retry-After in ms, or 0 where it
 * didn't say; undefined for every other error.
 */
export type ThrottledMs = (error: unknown) => number | undefined;

export interface Pacer {
  /**
   * Makes the call when its key's turn has come. It is made once: a throttled call's error is handed on, after the key's
   * pace was halved, for only the caller knows whether it may be repeated.
   *
   * @param key a cloud and region: their limits are counted so
   * @throws {PacedOutError} when too many calls wait, or this one would wait too long
   */
  pace<T>(key: string, call: () => Promise<T>, throttledMs: ThrottledMs, signal?: AbortSignal): Promise<T>;
}

/** Our own throttle, in the words of the clouds': the flow waits `retryAfterMs` and asks again. */
export class PacedOutError extends FailureError {
  readonly retryAfterMs: number;
  constructor(key: string, why: string, retryAfterMs: number) {
    super({
      class: "throttled",
      message: `calls to ${key} are held back: ${why}`,
      hint: "other programs may use up the account's request rate; the calls are repeated by themselves",
    });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Slower than this is no pace; a cloud that wants less says so by Retry-After. */
const leastShare = 1 / 32;
/** What a success gives back of the full rate: some 40 calls from the lowest pace to the full one. */
const recoveryShare = 1 / 40;

/** An adaptive token bucket a key: halves at each throttle, recovers by a fixed step at each success (AIMD). */
export function createPacer(options: PacerOptions): Pacer {
  const lanes = new Map<string, Lane>();
  return {
    async pace(key, call, throttledMs, signal) {
      let lane = lanes.get(key);
      if (lane === undefined) lanes.set(key, (lane = new Lane(key, options)));
      await lane.turn(signal);
      const pace = lane.generation;
      try {
        const value = await call();
        lane.recover();
        return value;
      } catch (error) {
        const asked = throttledMs(error);
        if (asked !== undefined) lane.slowDown(asked, pace);
        throw error;
      }
    },
  };
}

class Lane {
  private readonly key: string;
  private readonly options: PacerOptions;
  private share = 1;
  private tokens: number;
  private filledAt: number;
  /** Nothing is sent before this instant. */
  private closedUntil = 0;
  private waiting = 0;
  /** Counts the slow-downs: calls that were under way together are one complaint. */
  generation = 0;

  constructor(key: string, options: PacerOptions) {
    this.key = key;
    this.options = options;
    this.tokens = options.burst;
    this.filledAt = options.clock.now();
  }

  /** Takes a token, on credit if need be: the debt is how long to wait, so that turns come in the order of asking. */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { clock, maxWaiting = 256, maxWaitMs = 30_000 } = this.options;
    this.fill();
    const now = clock.now();
    const waitMs = Math.max(this.closedUntil - now, 0) + Math.max(0, ((1 - this.tokens) / this.rate()) * 1000);
    if (this.waiting >= maxWaiting)
      throw new PacedOutError(this.key, `${this.waiting} calls wait already`, Math.ceil(waitMs));
    if (waitMs > maxWaitMs)
      throw new PacedOutError(this.key, `the next would wait ${Math.round(waitMs / 1000)} s`, Math.ceil(waitMs));
    this.tokens -= 1;
    if (waitMs === 0) return;
    this.waiting += 1;
    try {
      await clock.sleep(waitMs, signal);
    } catch (error) {
      this.tokens += 1; // not used
      throw error;
    } finally {
      this.waiting -= 1;
    }
    // Throttled while this one waited: it asks for a turn anew, behind the pause.
    if (clock.now() < this.closedUntil) {
      this.tokens += 1;
      await this.turn(signal);
    }
  }

  recover(): void {
    this.fill();
    this.share = Math.min(1, this.share + recoveryShare);
  }

  slowDown(askedMs: number, generation: number): void {
    this.fill();
    if (generation === this.generation) {
      this.generation += 1;
      this.share = Math.max(leastShare, this.share / 2);
      this.tokens = Math.min(this.tokens, 0);
    }
    this.closedUntil = Math.max(this.closedUntil, this.options.clock.now() + askedMs);
  }

  private rate(): number {
    return this.options.ratePerSec * this.share;
  }

  /** While the cloud wants quiet nothing accrues: else all that waited would go at once. */
  private fill(): void {
    const now = this.options.clock.now();
    const since = Math.max(this.filledAt, Math.min(this.closedUntil, now));
    this.tokens = Math.min(this.options.burst, this.tokens + (Math.max(0, now - since) / 1000) * this.rate());
    this.filledAt = now;
  }
}
