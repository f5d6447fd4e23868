import type { Clock } from "../../core/effects/clock.ts";
import { FailureError, toFailure } from "../../core/errors/failure.ts";
import type { Failure } from "../../core/errors/failure.ts";
import { Deadline } from "./deadline.ts";

export interface FanOut {
  /** Hosts worked on at a time. */
  readonly concurrency: number;
  /** For all hosts together; what has not ended by then is aborted and counts as failed. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** All hosts that failed, at once; its class is that of the first failure that is not merely a lost way to a host. */
export class HostsFailedError extends FailureError {
  readonly failures: readonly Failure[];
  constructor(failures: readonly [Failure, ...Failure[]], total: number) {
    const told = failures.slice(0, 5).map((failure) => `${failure.host ?? "?"}: ${failure.message}`);
    if (failures.length > told.length) told.push(`and ${failures.length - told.length} more`);
    const leading = failures.find(({ class: each }) => each !== "transport" && each !== "cancelled") ?? failures[0];
    super({
      class: leading.class,
      message: `${failures.length} of ${total} hosts failed: ${told.join("; ")}`,
      hint: leading.hint,
      host: leading.host,
    });
    this.failures = failures;
  }
}

/**
 * Does the same on all hosts, a bounded number at a time, and lets every one of them come to its end.
 *
 * @returns the results in the order of the hosts
 * @throws {HostsFailedError} when any failed, after all have settled
 */
export async function forEachHost<H extends { readonly host: string }, T>(
  hosts: readonly H[],
  work: (host: H, signal: AbortSignal) => Promise<T>,
  fanOut: FanOut,
): Promise<T[]> {
  const deadline = new Deadline(fanOut.clock, fanOut.deadlineMs, fanOut.signal);
  const results: T[] = [];
  const failures: (readonly [index: number, Failure])[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < hosts.length; index = next++) {
      const host = hosts[index] as H; // inside the list, by the loop's condition
      try {
        deadline.signal.throwIfAborted();
        results[index] = await work(host, deadline.signal);
      } catch (error) {
        failures.push([index, { host: host.host, ...failureOf(error, deadline) }]);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(fanOut.concurrency, hosts.length) }, worker));
  } finally {
    deadline.close();
  }
  const [first, ...rest] = failures.sort(([a], [b]) => a - b).map(([, failure]) => failure);
  if (first !== undefined) throw new HostsFailedError([first, ...rest], hosts.length);
  return results;
}

function failureOf(error: unknown, deadline: Deadline): Failure {
  if (error instanceof FailureError || !deadline.signal.aborted) return toFailure(error);
  return deadline.ended === "canceled"
    ? { class: "cancelled", message: "canceled" }
    : { class: "timeout", message: "not done by the deadline of all hosts" };
}
