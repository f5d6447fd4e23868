import type { HistoryEvent } from "./history.ts";

/**
 * A history as a table: id, the id it follows, UTC time, seconds since the start, type, and what the event is about.
 *
 * One line an event, in the order of ids; inputs and outputs are cut to what a line holds.
 */
export function renderHistory(events: readonly HistoryEvent[], options: { readonly width?: number } = {}): string[] {
  const width = options.width ?? 160;
  const startMs = Date.parse(events[0]?.timestamp ?? "");
  const rows = events.map((event) => ({
    id: String(event.id),
    previous: String(event.previousEventId),
    time: event.timestamp.replace("T", " ").replace("Z", ""),
    elapsed: `${((Date.parse(event.timestamp) - startMs) / 1_000).toFixed(3)}s`,
    type: event.type,
    about: describeEvent(event),
  }));
  const header = {
    id: "ID",
    previous: "AFTER",
    time: "TIME (UTC)",
    elapsed: "ELAPSED",
    type: "TYPE",
    about: "DETAILS",
  };
  const table = [header, ...rows];
  const widthOf = (column: keyof typeof header): number => Math.max(...table.map((row) => row[column].length));
  const widths = { id: widthOf("id"), previous: widthOf("previous"), time: widthOf("time") };
  const more = { elapsed: widthOf("elapsed"), type: widthOf("type") };
  return table.map((row) => {
    const line = [
      row.id.padStart(widths.id),
      row.previous.padStart(widths.previous),
      row.time.padEnd(widths.time),
      row.elapsed.padStart(more.elapsed),
      row.type.padEnd(more.type),
      row.about,
    ]
      .join("  ")
      .trimEnd();
    return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
  });
}

function describeEvent(event: HistoryEvent): string {
  const text = (...parts: readonly (string | undefined)[]): string =>
    parts.filter((part) => part !== undefined && part !== "").join("  ");
  const failure = ({ error, cause }: { error?: string; cause?: string }): string =>
    text(error ?? "(no error name)", cause && oneLine(messageOf(cause)));
  const iteration = ({ name, index }: { name: string; index: number }): string => `${name} #${index}`;
  switch (event.type) {
    case "ExecutionStarted":
      return `input ${oneLine(event.executionStartedEventDetails.input)}`;
    case "ExecutionSucceeded":
      return `output ${oneLine(event.executionSucceededEventDetails.output)}`;
    case "ExecutionFailed":
      return failure(event.executionFailedEventDetails);
    case "ExecutionAborted":
      return failure(event.executionAbortedEventDetails);
    case "ExecutionTimedOut":
      return failure(event.executionTimedOutEventDetails);
    case "PassStateEntered":
    case "TaskStateEntered":
    case "ChoiceStateEntered":
    case "WaitStateEntered":
    case "SucceedStateEntered":
    case "FailStateEntered":
    case "ParallelStateEntered":
    case "MapStateEntered":
      return text(event.stateEnteredEventDetails.name, `input ${oneLine(event.stateEnteredEventDetails.input)}`);
    case "PassStateExited":
    case "TaskStateExited":
    case "ChoiceStateExited":
    case "WaitStateExited":
    case "SucceedStateExited":
    case "ParallelStateExited":
    case "MapStateExited":
      return text(event.stateExitedEventDetails.name, `output ${oneLine(event.stateExitedEventDetails.output)}`);
    case "MapStateStarted":
      return `${event.mapStateStartedEventDetails.length} items`;
    case "MapIterationStarted":
      return iteration(event.mapIterationStartedEventDetails);
    case "MapIterationSucceeded":
      return iteration(event.mapIterationSucceededEventDetails);
    case "MapIterationFailed":
      return iteration(event.mapIterationFailedEventDetails);
    case "MapIterationAborted":
      return iteration(event.mapIterationAbortedEventDetails);
    case "MapRunStarted":
      return event.mapRunStartedEventDetails.mapRunArn;
    case "MapRunFailed":
      return failure(event.mapRunFailedEventDetails);
    case "TaskScheduled": {
      const { resourceType, resource, parameters, timeoutInSeconds, heartbeatInSeconds } =
        event.taskScheduledEventDetails;
      return text(
        `${resourceType}:${resource}`,
        timeoutInSeconds === undefined ? undefined : `timeout ${timeoutInSeconds}s`,
        heartbeatInSeconds === undefined ? undefined : `heartbeat ${heartbeatInSeconds}s`,
        oneLine(parameters),
      );
    }
    case "TaskStarted":
      return resourceName(event.taskStartedEventDetails);
    case "TaskSubmitted":
      return resourceName(event.taskSubmittedEventDetails);
    case "TaskSucceeded":
      return `output ${oneLine(event.taskSucceededEventDetails.output)}`;
    case "TaskFailed":
      return failure(event.taskFailedEventDetails);
    case "TaskTimedOut":
      return failure(event.taskTimedOutEventDetails);
    case "ParallelStateStarted":
    case "ParallelStateSucceeded":
    case "ParallelStateFailed":
    case "ParallelStateAborted":
    case "MapStateSucceeded":
    case "MapStateFailed":
    case "MapStateAborted":
    case "MapRunSucceeded":
    case "MapRunAborted":
    case "TaskStateAborted":
    case "WaitStateAborted":
      return "";
    default:
      return event satisfies never;
  }
}

const resourceName = ({ resourceType, resource }: { resourceType: string; resource: string }): string =>
  `${resourceType}:${resource}`;

/** A handler's cause is JSON around its message and hint: those are what a reader looks for. */
function messageOf(cause: string): string {
  try {
    const { errorMessage, hint } = JSON.parse(cause) as { errorMessage?: unknown; hint?: unknown }; // null throws as well
    if (typeof errorMessage !== "string") return cause;
    return typeof hint === "string" ? `${errorMessage} (${hint})` : errorMessage;
  } catch {
    return cause;
  }
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").slice(0, 200);
