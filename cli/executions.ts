import { z } from "zod";
import type { HistoryEvent } from "../engines/asl/history.ts";

/** One execution of a state machine, as a line of a list. */
export interface ExecutionSummary {
  readonly execution: string;
  readonly startedAt: string | undefined; // ISO 8601
  readonly events: number;
  /** `Succeeded`, `Failed`, `Aborted`, `TimedOut`; undefined while it runs, or when its engine died. */
  readonly ended: string | undefined;
  /** Attempts at trials that it made, in order: `load.clients=4 trial 0, attempt 2`. */
  readonly attempts: readonly string[];
}

const claimed = z.object({ pointKey: z.string(), trialIndex: z.number(), attempt: z.number() });

/** Tells what an execution did by its history. */
export function summariseExecution(execution: string, events: readonly HistoryEvent[]): ExecutionSummary {
  const attempts: string[] = [];
  for (const event of events) {
    if (event.type !== "TaskStateExited" || event.stateExitedEventDetails.name !== "ClaimLane") continue;
    const output = claimed.safeParse(JSON.parse(event.stateExitedEventDetails.output));
    if (!output.success) continue; // nothing was left to do
    const { pointKey, trialIndex, attempt } = output.data;
    attempts.push(`${pointKey} trial ${trialIndex}, attempt ${attempt}`);
  }
  const last = events.at(-1)?.type ?? "";
  return {
    execution,
    startedAt: events[0]?.timestamp,
    events: events.length,
    ended: /^Execution(Succeeded|Failed|Aborted|TimedOut)$/.exec(last)?.[1],
    attempts,
  };
}
