/** The only time there is: everything that waits or stamps takes one of these. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. May step when the host's clock does; never use it to order events of several hosts. */
  now(): number;
  /**
   * Resolves after `ms` milliseconds, or rejects with the signal's reason as soon as it aborts.
   *
   * A sleeper that outlives its purpose must be aborted: the virtual clock counts every sleeper as work still to come.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** `2026-11-21T02:31:00.000Z`, the one form of time in records. */
export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();
