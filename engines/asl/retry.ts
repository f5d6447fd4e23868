import type { Random } from "../../core/effects/random.ts";
import type { Path } from "./path.ts";
import type { StatesError } from "./errors.ts";

/** A retrier with its defaults filled in. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds: number;
  readonly MaxAttempts: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds?: number | undefined;
  readonly JitterStrategy: "FULL" | "NONE";
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly ResultPath: Path | null;
  readonly Next: string;
}

/**
 * Whether a retrier's or catcher's names cover an error.
 *
 * - States.Runtime ends the execution whatever is written, as the service does even where it is named.
 * - States.DataLimitExceeded is terminal to the wildcards but may be named. (The service has been seen to let States.ALL
 *   catch it from a task; its documentation says it doesn't. A definition that names it behaves the same everywhere.)
 * - States.TaskFailed covers everything but timeouts.
 * - A missed heartbeat is a States.Timeout that States.HeartbeatTimeout covers as well.
 */
export function coversError(names: readonly string[], failure: StatesError): boolean {
  if (failure.error === "States.Runtime") return false;
  const isTerminal = failure.error === "States.DataLimitExceeded";
  const isTimeout = failure.error === "States.Timeout";
  return names.some((name) => {
    switch (name) {
      case "States.ALL":
        return !isTerminal;
      case "States.TaskFailed":
        return !isTerminal && !isTimeout;
      case "States.HeartbeatTimeout":
        return failure.isHeartbeatTimeout || failure.error === name;
      default:
        return name === failure.error;
    }
  });
}

/** Attempts made so far, one count a retrier; lives as long as the state is entered. */
export type RetryCounts = Map<Retrier, number>;

/**
 * The pause before the next attempt in milliseconds, or undefined when there is none.
 *
 * Only the first retrier that covers the error counts: when its attempts are used up, no later one is asked.
 */
export function nextRetryDelayMs(
  retriers: readonly Retrier[],
  counts: RetryCounts,
  failure: StatesError,
  random: Random,
): number | undefined {
  const retrier = retriers.find(({ ErrorEquals }) => coversError(ErrorEquals, failure));
  if (retrier === undefined) return undefined;
  const attempts = counts.get(retrier) ?? 0;
  if (attempts >= retrier.MaxAttempts) return undefined;
  counts.set(retrier, attempts + 1);
  const backoffSec = retrier.IntervalSeconds * retrier.BackoffRate ** attempts;
  const delayMs = 1_000 * Math.min(backoffSec, retrier.MaxDelaySeconds ?? 99_999_999);
  return Math.round(retrier.JitterStrategy === "FULL" ? random.next() * delayMs : delayMs);
}

export const findCatcher = (catchers: readonly Catcher[], failure: StatesError): Catcher | undefined =>
  catchers.find(({ ErrorEquals }) => coversError(ErrorEquals, failure));
