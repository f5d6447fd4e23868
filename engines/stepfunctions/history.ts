import type { HistoryEvent as ServiceEvent, SFNClient } from "@aws-sdk/client-sfn";
import { GetExecutionHistoryCommand } from "@aws-sdk/client-sfn";
import type { HistoryEvent } from "../asl/history.ts";
import { sfnFailure } from "./sfn-engine.ts";

/** An execution has at most 25,000 events; a page at most 1,000. */
const mostPages = 30;

/**
 * The whole history of an execution, in the shape that the embedded engine writes.
 *
 * @throws FailureError when the service doesn't answer or knows no such execution
 */
export async function readHistory(client: SFNClient, executionArn: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const answer = await client
      .send(
        new GetExecutionHistoryCommand({
          executionArn,
          maxResults: 1_000,
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
      )
      .catch((error: unknown) => {
        throw sfnFailure(`history of ${executionArn}`, error);
      });
    events.push(...(answer.events ?? []).map(toOurEvent));
    nextToken = answer.nextToken;
    if (nextToken === undefined) return events;
  }
  return events;
}

/** The same event with its time as text: what the SDK made a Date of. */
function toOurEvent(event: ServiceEvent): HistoryEvent {
  const { timestamp, id, previousEventId, ...body } = event;
  return {
    timestamp: (timestamp ?? new Date(0)).toISOString(),
    id: id ?? 0,
    previousEventId: previousEventId ?? 0,
    ...body,
  } as HistoryEvent; // the service's own description of its events is what our type was written from
}

/**
 * What the service bills for an execution: every state it entered, again for each retry, and the start.
 *
 * @see https://aws.amazon.com/step-functions/pricing/ "a state transition each time a step of the workflow is executed"
 */
export const billedTransitions = (events: readonly HistoryEvent[]): number =>
  1 + events.filter(({ type }) => type.endsWith("StateEntered")).length + retriesOf(events);

/** A retry shows as another TaskScheduled within one visit of a state. */
function retriesOf(events: readonly HistoryEvent[]): number {
  const byId = new Map(events.map((event) => [event.id, event]));
  return events.filter(({ type, previousEventId }) => {
    if (type !== "TaskScheduled") return false;
    return byId.get(previousEventId)?.type.endsWith("StateEntered") === false;
  }).length;
}

/** Standard workflows, us-east-1 and most other regions; read from the pricing page, to be confirmed on a bill. */
export const dollarsPerTransition = 25 / 1_000_000;
