import { z } from "zod";
import type { FailureClass } from "../errors/failure.ts";
import { failureClasses } from "../errors/failure.ts";
import type { EventRecord } from "../records/schemas.ts";

/** A trial that a lane works on. */
export interface RunningTrial {
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly attempt: number;
  readonly deployment: string;
  readonly lane: number;
  readonly sinceMs: number;
}

/** What a person wants to know of a run, folded from its feed: the same for the terminal, the gallery and both engines. */
export interface Progress {
  readonly phase: "starting" | "provisioning" | "preparing" | "running" | "finishing" | "finished";
  readonly total: number;
  readonly valid: number;
  readonly failedAttempts: number;
  readonly running: readonly RunningTrial[];
  readonly startedMs: number | undefined;
  /** What the plan expects this epoch's trials to take, all lanes at work. */
  readonly expectedMs: number | undefined;
  readonly firstTrialMs: number | undefined;
  readonly lastAtMs: number | undefined;
  /** Trials done since this epoch began: what the time left is reckoned from. */
  readonly doneThisEpoch: number;
  readonly receipts: number;
  readonly stillThere: number;
  readonly outcome: string | undefined;
  /** Why the run is not complete; undefined while it goes on and when it is. */
  readonly outcomeClass: FailureClass | undefined;
  readonly stopping: boolean;
}

export const noProgress: Progress = {
  phase: "starting",
  total: 0,
  valid: 0,
  failedAttempts: 0,
  running: [],
  startedMs: undefined,
  expectedMs: undefined,
  firstTrialMs: undefined,
  lastAtMs: undefined,
  doneThisEpoch: 0,
  receipts: 0,
  stillThere: 0,
  outcome: undefined,
  outcomeClass: undefined,
  stopping: false,
};

const trialData = z.object({
  pointKey: z.string(),
  trialIndex: z.number(),
  attempt: z.number(),
  deployment: z.string(),
  lane: z.number(),
});
const admittedData = z.object({ remaining: z.number(), total: z.number(), expectedMs: z.number().optional() });
const finishedData = z.object({ class: z.enum(failureClasses).optional() });
const receiptData = z.object({ stillThere: z.number() });

/** Takes one more event of the feed; kinds it doesn't know change nothing but the time. */
export function foldProgress(progress: Progress, event: EventRecord): Progress {
  const at = Date.parse(event.at);
  const next: Progress = { ...progress, lastAtMs: at };
  switch (event.kind) {
    case "run-admitted": {
      const data = admittedData.safeParse(event.data);
      if (!data.success) return next;
      const { total, remaining, expectedMs } = data.data;
      return {
        ...noProgress,
        phase: "provisioning",
        total,
        valid: total - remaining,
        startedMs: at,
        expectedMs,
        lastAtMs: at,
        failedAttempts: progress.failedAttempts,
      };
    }
    case "setup-stage":
      return { ...next, phase: progress.phase === "running" ? "running" : "preparing" };
    case "trial-started": {
      const data = trialData.safeParse(event.data);
      if (!data.success) return next;
      const running = [...without(progress.running, data.data), { ...data.data, sinceMs: at }];
      return { ...next, phase: "running", running, firstTrialMs: progress.firstTrialMs ?? at };
    }
    case "trial-done":
    case "trial-failed": {
      const data = trialData.safeParse(event.data);
      if (!data.success) return next;
      const isDone = event.kind === "trial-done";
      return {
        ...next,
        running: without(progress.running, data.data),
        valid: progress.valid + (isDone ? 1 : 0),
        doneThisEpoch: progress.doneThisEpoch + 1,
        failedAttempts: progress.failedAttempts + (isDone ? 0 : 1),
      };
    }
    case "stop-asked":
      return { ...next, stopping: true };
    case "teardown":
      return { ...next, phase: progress.phase === "finished" ? "finished" : "finishing" };
    case "receipt": {
      const data = receiptData.safeParse(event.data);
      return {
        ...next,
        receipts: progress.receipts + 1,
        stillThere: progress.stillThere + (data.success ? data.data.stillThere : 0),
      };
    }
    case "run-finished":
      return {
        ...next,
        phase: "finished",
        outcome: event.text,
        outcomeClass: finishedData.safeParse(event.data).data?.class,
        running: [],
      };
    default:
      return next;
  }
}

const without = (
  running: readonly RunningTrial[],
  trial: { readonly pointKey: string; readonly trialIndex: number },
): RunningTrial[] => running.filter((r) => r.pointKey !== trial.pointKey || r.trialIndex !== trial.trialIndex);

/**
 * Milliseconds until the last trial, reckoned from this epoch's own pace; from the plan until a first trial has ended.
 *
 * @returns undefined before trials run, and when the first one takes longer than all were expected to
 */
export function remainingMs(progress: Progress, nowMs: number): number | undefined {
  if (progress.firstTrialMs === undefined) return undefined;
  if (progress.doneThisEpoch === 0) {
    const expected = (progress.expectedMs ?? 0) - (nowMs - progress.firstTrialMs);
    return expected > 0 ? expected : undefined;
  }
  const left = progress.total - progress.valid;
  return (left * (nowMs - progress.firstTrialMs)) / progress.doneThisEpoch;
}
