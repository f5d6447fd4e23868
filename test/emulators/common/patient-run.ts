import type { VirtualClock } from "../../../engines/clock/virtual-clock.ts";

/** google-gax hands results on by setImmediate: a call takes two or three turns of the event loop without any I/O. */
const TURNS = 6;
const STEP_MS = 250;

/**
 * Drives a virtual clock as `VirtualClock.run` does, but waits several turns of the event loop before time moves, and
 * then moves it in steps: for clients that let go of the thread between a call and its answer.
 */
export async function patientRun<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let settled = false;
  work.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (;;) {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (settled as boolean) return work; // set by the callbacks above
    await clock.advanceTo(clock.now() + STEP_MS);
  }
}
