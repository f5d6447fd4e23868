import type { EC2Client } from "@aws-sdk/client-ec2";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { createPacer, PacedOutError } from "../cloud/pacer.ts";
import type { Pacer } from "../cloud/pacer.ts";
import { readAwsError } from "./errors.ts";
import type { CloudFailure } from "./errors.ts";

/** A call that AWS refused, or that got no answer however often it was made. */
export class AwsCallError extends FailureError {
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  constructor(read: CloudFailure, cause: unknown) {
    super(read.failure, { cause });
    this.code = read.code;
    this.retryAfterMs = read.retryAfterMs;
  }
}

/** Whether `error` is AWS's no with one of these codes. */
export const hasCode = (error: unknown, ...codes: readonly string[]): error is AwsCallError =>
  error instanceof AwsCallError && codes.includes(error.code);

/** One call of a provider's method: its caller's signal, and until when it may go on. */
export interface Work {
  readonly signal: AbortSignal | undefined;
  readonly until: number;
}

export interface CallOptions {
  /** Codes that are an answer here, though asking again might help elsewhere. */
  readonly final?: readonly string[];
}

/** EC2's request buckets: launches are counted apart, reads are cheaper than changes. */
export type Bucket = "launch" | "read" | "change";

export interface Ec2Effects {
  readonly ec2: (region: string) => EC2Client;
  readonly clock: Clock;
  readonly random: Random;
}

/** Providers' calls are under a minute; this leaves the caller some of it. */
const workMs = 45_000;
const callMs = 20_000;
const attempts = 5;
const firstPauseMs = 500;

/**
 * The way of every call to EC2: paced by cloud and region, bounded, repeated while AWS says that asking again helps.
 *
 * The SDK's own retries are off: they would repeat launches that failed for capacity (those come as 5xx), on the machine's
 * clock. Everything sent through here may be sent twice: creations have names or tokens, deletions are final.
 */
export class Ec2Api {
  private readonly effects: Ec2Effects;
  private readonly pacers: Readonly<Record<Bucket, Pacer>>;

  constructor(effects: Ec2Effects) {
    this.effects = effects;
    const { clock } = effects;
    /** @see "Request throttling for the Amazon EC2 API": token buckets of RunInstances, of reads, of other changes. */
    this.pacers = {
      launch: createPacer({ ratePerSec: 2, burst: 5, clock }),
      read: createPacer({ ratePerSec: 20, burst: 50, clock }),
      change: createPacer({ ratePerSec: 5, burst: 50, clock }),
    };
  }

  begin(signal?: AbortSignal): Work {
    return { signal, until: this.effects.clock.now() + workMs };
  }

  get clock(): Clock {
    return this.effects.clock;
  }

  /**
   * @param operation AWS's name of the call; reads begin with Describe or Get
   * @throws {AwsCallError} AWS's no, or its silence
   */
  async call<T>(
    region: string,
    operation: string,
    send: (client: EC2Client, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    work: Work,
    options: CallOptions = {},
  ): Promise<T> {
    const { clock } = this.effects;
    const client = this.effects.ec2(region);
    const pacer = this.pacers[bucketOf(operation)];
    let last: CloudFailure | undefined;
    for (let attempt = 1; ; attempt++) {
      work.signal?.throwIfAborted();
      try {
        return await pacer.pace(
          `aws/${region}`,
          () => this.bounded((abortSignal) => send(client, { abortSignal }), work),
          throttledMs,
          work.signal,
        );
      } catch (error) {
        if (work.signal?.aborted === true) throw error;
        if (error instanceof PacedOutError) {
          // What AWS said itself explains more than how long we hold back for it.
          if (last === undefined) throw error;
          throw new AwsCallError({ ...last, retryAfterMs: last.retryAfterMs ?? error.retryAfterMs }, error);
        }
        const read = readAwsError(error, `${operation} in ${region}`);
        last = read;
        const pauseMs = Math.max(read.retryAfterMs ?? 0, this.pauseMs(attempt));
        const isOver = attempt >= attempts || clock.now() + pauseMs >= work.until;
        if (!read.isTransient || isOver || options.final?.includes(read.code) === true)
          throw new AwsCallError(read, error);
        await clock.sleep(pauseMs, work.signal);
      }
    }
  }

  /** Full jitter over a doubling interval, so that many hosts' calls part. */
  private pauseMs(attempt: number): number {
    return Math.round(firstPauseMs * 2 ** (attempt - 1) * (0.5 + this.effects.random.next() / 2));
  }

  /** Ends a call that gets no answer; AWS may have acted on it. */
  private async bounded<T>(send: (signal: AbortSignal) => Promise<T>, work: Work): Promise<T> {
    const { clock } = this.effects;
    const call = new AbortController();
    const done = new AbortController();
    const cancel = (): void => call.abort(work.signal?.reason);
    work.signal?.addEventListener("abort", cancel, { once: true });
    const limitMs = Math.max(1_000, Math.min(callMs, work.until - clock.now()));
    void clock.sleep(limitMs, done.signal).then(
      () => call.abort(new Error(`no answer within ${limitMs} ms`)),
      () => undefined, // answered first
    );
    try {
      return await send(call.signal);
    } catch (error) {
      if (!call.signal.aborted || work.signal?.aborted === true) throw error;
      throw Object.assign(new Error(`no answer within ${limitMs} ms`, { cause: error }), { name: "TimeoutError" });
    } finally {
      work.signal?.removeEventListener("abort", cancel);
      done.abort();
    }
  }
}

const bucketOf = (operation: string): Bucket =>
  operation === "RunInstances" ? "launch" : /^(Describe|Get)/.test(operation) ? "read" : "change";

function throttledMs(error: unknown): number | undefined {
  const { failure, retryAfterMs } = readAwsError(error, "");
  return failure.class === "throttled" ? (retryAfterMs ?? 0) : undefined;
}
