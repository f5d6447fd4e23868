import type { IterationRow } from "./iteration.ts";
import type { DuetRun } from "./runs.ts";

/** An iteration on any clock: start and duration in one unit. */
export interface TimedIteration {
  readonly start: number;
  readonly time: number;
}

/**
 * Artificial slow-down of one side of an asynchronous run: durations grow by the share, later iterations are pushed back by
 * what the earlier ones grew, gaps stay. Section 4.4 of the duet description.
 *
 * @param share 0.02 for 2 % more; negative for a speed-up
 */
export function slowDownIterations(iterations: readonly TimedIteration[], share: number): TimedIteration[] {
  let pushed = 0;
  return iterations.map(({ start, time }) => {
    const slowed = { start: start + pushed, time: time * (1 + share) };
    pushed += time * share;
    return slowed;
  });
}

/**
 * The same for one side of a run. In sequential and synchronous runs starts stay where they are, as in the original
 * analysis: nothing waits for the slowed side there.
 */
export function slowDownRun(run: DuetRun, share: number, side: "A" | "B" = "B"): DuetRun {
  let pushedNs = 0;
  const slow = (row: IterationRow): IterationRow => {
    const timeNs = Math.round(row.timeNs * (1 + share));
    const startNs = row.startNs === undefined ? undefined : row.startNs + BigInt(run.type === "duet" ? pushedNs : 0);
    pushedNs += timeNs - row.timeNs;
    return { ...row, timeNs, startNs, endNs: startNs === undefined ? undefined : startNs + BigInt(timeNs) };
  };
  return side === "A" ? { ...run, a: run.a.map(slow) } : { ...run, b: run.b.map(slow) };
}
