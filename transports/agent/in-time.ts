import type { Clock } from "../../core/effects/clock.ts";

/** What a promise comes to, or "late" where it hasn't after so long. */
export async function inTime<T>(promise: Promise<T>, timeoutMs: number, clock: Clock): Promise<T | "late"> {
  const enough = new AbortController();
  const late = clock.sleep(timeoutMs, enough.signal).then(
    () => "late" as const,
    () => "late" as const, // it came in time, and nobody hears this
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    enough.abort();
  }
}
