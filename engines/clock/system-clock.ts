import type { Clock } from "../../core/effects/clock.ts";

/** setTimeout takes no more, and fires at once instead of refusing: 24.8 days. */
const maxTimerMs = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    for (let left = ms; ; left -= maxTimerMs) {
      await sleepOnce(Math.min(left, maxTimerMs), signal);
      if (left <= maxTimerMs) return;
    }
  },
};

const sleepOnce = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error); // an AbortSignal's reason is an Error unless the caller chose otherwise
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error); // as above
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
