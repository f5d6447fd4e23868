import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { Pacer } from "../cloud/pacer.ts";
import { createPacer } from "../cloud/pacer.ts";
import { AzureError, toAzureError } from "./errors.ts";

export interface ArmEffects {
  readonly clock: Clock;
  readonly random: Random;
}

/** One HTTP request has so long; ARM answers within seconds, or not at all. */
const attemptMs = 20_000;
const longestPauseMs = 8_000;
const mostTransient = 4;

/**
 * Calls to Azure Resource Manager: paced, bounded in time, and repeated where repeating helps.
 *
 * All that we send may be repeated: PUTs and DELETEs go by name, and a lost reply is asked for again.
 */
export class ArmCalls {
  readonly effects: ArmEffects;
  private readonly reads: Pacer;
  private readonly writes: Pacer;

  constructor(effects: ArmEffects) {
    this.effects = effects;
    const { clock } = effects;
    // ARM's own buckets of a subscription and region, less what other programs may want:
    // learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    this.reads = createPacer({ ratePerSec: 20, burst: 200, clock });
    this.writes = createPacer({ ratePerSec: 8, burst: 150, clock });
  }

  /** Calls that belong together: all of them end within `budgetMs` from now. */
  open(budgetMs: number, signal?: AbortSignal): ArmSession {
    return new ArmSession(this.effects, { read: this.reads, write: this.writes }, budgetMs, signal);
  }
}

export interface Call<T> {
  /** For messages: `virtual machine server-0 in eastus`. */
  readonly doing: string;
  readonly kind: "read" | "write";
  readonly send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>;
}

export class ArmSession {
  readonly deadline: number;
  private readonly effects: ArmEffects;
  private readonly pacers: Readonly<Record<"read" | "write", Pacer>>;
  readonly signal: AbortSignal | undefined;

  constructor(
    effects: ArmEffects,
    pacers: Readonly<Record<"read" | "write", Pacer>>,
    budgetMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.effects = effects;
    this.pacers = pacers;
    this.deadline = effects.clock.now() + budgetMs;
    this.signal = signal;
  }

  /**
   * Makes a call, again after lost connections, Azure's own errors, throttling and passing conflicts, while there's time.
   *
   * @throws {AzureError} of its last answer
   */
  async call<T>(call: Call<T>): Promise<T> {
    let transient = 0;
    for (let attempt = 0; ; attempt++) {
      this.signal?.throwIfAborted();
      try {
        const isThrottled = (error: unknown): number | undefined =>
          error instanceof AzureError && error.kind === "throttled" ? (error.answer.retryAfterMs ?? 0) : undefined;
        return await this.pacers[call.kind].pace("azure", () => this.attempt(call), isThrottled, this.signal);
      } catch (error) {
        if (!(error instanceof AzureError)) throw error;
        if (error.kind === "transient") transient++;
        const waitMs = this.pauseBefore(error, attempt);
        if (waitMs === undefined || transient >= mostTransient) throw error;
        await this.pause(waitMs);
      }
    }
  }

  /** What isn't there is `undefined`. */
  async find<T>(doing: string, send: Call<T>["send"]): Promise<T | undefined> {
    try {
      return await this.call({ doing, kind: "read", send });
    } catch (error) {
      if (error instanceof AzureError && error.kind === "missing") return undefined;
      throw error;
    }
  }

  /**
   * Asks again until the answer is there, in growing steps.
   *
   * @throws {FailureError} class throttled when the time is over: the caller asks for the same again, and goes on
   */
  async until<T>(doing: string, look: () => Promise<T | undefined>): Promise<T> {
    for (let looks = 0; ; looks++) {
      const found = await look();
      if (found !== undefined) return found;
      await this.pause(Math.min(3_000, 1_000 + 500 * looks), doing);
    }
  }

  /** @throws {FailureError} class throttled when it would outlast the session */
  async pause(ms: number, doing = "Azure"): Promise<void> {
    if (this.effects.clock.now() + ms >= this.deadline) {
      throw new FailureError({ class: "throttled", message: `${doing}: not finished within this call's time` });
    }
    await this.effects.clock.sleep(ms, this.signal);
  }

  private pauseBefore(error: AzureError, attempt: number): number | undefined {
    const backoffMs = Math.min(longestPauseMs, 500 * 2 ** attempt) * (0.5 + this.effects.random.next() / 2);
    const waitMs = ((): number | undefined => {
      switch (error.kind) {
        case "busy":
          return Math.max(1_000, Math.min(3_000, backoffMs));
        case "throttled":
          return error.answer.retryAfterMs ?? backoffMs;
        case "transient":
          return Math.max(backoffMs, error.answer.retryAfterMs ?? 0);
        case "missing":
        case "deleting":
        case "exists":
        case "refused":
          return undefined;
        default:
          return error.kind satisfies never;
      }
    })();
    return waitMs !== undefined && this.effects.clock.now() + waitMs < this.deadline ? waitMs : undefined;
  }

  private async attempt<T>(call: Call<T>): Promise<T> {
    const { clock } = this.effects;
    const stop = new AbortController();
    const done = new AbortController();
    const onAbort = (): void => stop.abort(this.signal?.reason);
    this.signal?.addEventListener("abort", onAbort, { once: true });
    const ms = Math.max(1, Math.min(attemptMs, this.deadline - clock.now()));
    const timedOut = clock.sleep(ms, done.signal).then(
      () => {
        stop.abort(new NoAnswerError(`no answer within ${ms} ms`));
        return true;
      },
      () => false, // answered in time
    );
    const aborted = new Promise<never>((_, reject) => {
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason as Error), { once: true }); // both reasons are Errors
    });
    aborted.catch(() => undefined);
    const sent = call.send({ abortSignal: stop.signal });
    sent.catch(() => undefined); // told by the race, or too late for anybody
    try {
      return await Promise.race([sent, aborted]);
    } catch (error) {
      this.signal?.throwIfAborted();
      throw toAzureError(stop.signal.aborted ? stop.signal.reason : error, call.doing);
    } finally {
      done.abort(answered); // a reason of its own costs nothing, the usual one a stack trace
      this.signal?.removeEventListener("abort", onAbort);
      await timedOut;
    }
  }
}

const answered = "answered";

/** Nothing was heard: what was asked may have happened. */
class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
  readonly code = "ETIMEDOUT";
}
