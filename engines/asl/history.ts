import { isoTime } from "../../core/effects/clock.ts";
import type { Clock } from "../../core/effects/clock.ts";
import type { State } from "./definition.ts";
import { StatesError } from "./errors.ts";

/**
 * An event as GetExecutionHistory gives it, with the timestamp as ISO text.
 *
 * `previousEventId` is the event that led to this one: each branch and iteration is a chain of its own.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
 */
export type HistoryEvent = {
  readonly timestamp: string;
  readonly id: number;
  readonly previousEventId: number;
} & EventBody;

type StateType = State["Type"];
interface Failure {
  readonly error?: string;
  readonly cause?: string;
}
interface Resource {
  readonly resourceType: "lambda";
  readonly resource: "invoke" | "invoke.waitForTaskToken";
}
interface DataDetails {
  readonly truncated: false;
}
interface Output {
  readonly output: string;
  readonly outputDetails: DataDetails;
}

export type EventBody =
  | {
      readonly type: "ExecutionStarted";
      readonly executionStartedEventDetails: { readonly input: string; readonly inputDetails: DataDetails };
    }
  | { readonly type: "ExecutionSucceeded"; readonly executionSucceededEventDetails: Output }
  | { readonly type: "ExecutionFailed"; readonly executionFailedEventDetails: Failure }
  | { readonly type: "ExecutionAborted"; readonly executionAbortedEventDetails: Failure }
  | { readonly type: "ExecutionTimedOut"; readonly executionTimedOutEventDetails: Failure }
  | {
      readonly type: `${StateType}StateEntered`;
      readonly stateEnteredEventDetails: {
        readonly name: string;
        readonly input: string;
        readonly inputDetails: DataDetails;
      };
    }
  | {
      readonly type: `${Exclude<StateType, "Fail">}StateExited`;
      readonly stateExitedEventDetails: { readonly name: string } & Output;
    }
  | { readonly type: `${"Task" | "Wait" | "Map" | "Parallel"}StateAborted` }
  | { readonly type: `${"Map" | "Parallel"}State${"Succeeded" | "Failed"}` | "ParallelStateStarted" }
  | { readonly type: "MapStateStarted"; readonly mapStateStartedEventDetails: { readonly length: number } }
  | { readonly type: "MapIterationStarted"; readonly mapIterationStartedEventDetails: MapIteration }
  | { readonly type: "MapIterationSucceeded"; readonly mapIterationSucceededEventDetails: MapIteration }
  | { readonly type: "MapIterationFailed"; readonly mapIterationFailedEventDetails: MapIteration }
  | { readonly type: "MapIterationAborted"; readonly mapIterationAbortedEventDetails: MapIteration }
  | { readonly type: "MapRunStarted"; readonly mapRunStartedEventDetails: { readonly mapRunArn: string } }
  | { readonly type: "MapRunSucceeded" | "MapRunAborted" }
  | { readonly type: "MapRunFailed"; readonly mapRunFailedEventDetails: Failure }
  | {
      readonly type: "TaskScheduled";
      readonly taskScheduledEventDetails: Resource & {
        readonly region: string;
        readonly parameters: string;
        readonly timeoutInSeconds?: number;
        readonly heartbeatInSeconds?: number;
      };
    }
  | { readonly type: "TaskStarted"; readonly taskStartedEventDetails: Resource }
  | { readonly type: "TaskSubmitted"; readonly taskSubmittedEventDetails: Resource & Output }
  | { readonly type: "TaskSucceeded"; readonly taskSucceededEventDetails: Resource & Output }
  | { readonly type: "TaskFailed"; readonly taskFailedEventDetails: Resource & Failure }
  | { readonly type: "TaskTimedOut"; readonly taskTimedOutEventDetails: Resource & Failure };

export interface MapIteration {
  readonly name: string;
  readonly index: number;
}

export type HistoryEventType = EventBody["type"];

export const inputDetails = (input: string) => ({ input, inputDetails: { truncated: false } }) as const;
export const outputDetails = (output: string) => ({ output, outputDetails: { truncated: false } }) as const;
export const failureDetails = ({ error, errorCause }: Pick<StatesError, "error" | "errorCause">): Failure => ({
  ...(error === undefined ? {} : { error }),
  ...(errorCause === undefined || errorCause === "" ? {} : { cause: errorCause }),
});

/** Numbers and dates the events of one execution, keeps them, and passes each on as it happens. */
export class History {
  private readonly recorded: HistoryEvent[] = [];
  private readonly clock: Clock;
  private readonly maxEvents: number;
  private readonly onEvent: (event: HistoryEvent) => void;

  constructor(options: {
    readonly clock: Clock;
    readonly maxEvents: number;
    readonly onEvent: (event: HistoryEvent) => void;
  }) {
    this.clock = options.clock;
    this.maxEvents = options.maxEvents;
    this.onEvent = options.onEvent;
  }

  get events(): readonly HistoryEvent[] {
    return this.recorded;
  }

  /** Room is left for one event alone, the closing one. */
  get isFull(): boolean {
    return this.recorded.length >= this.maxEvents - 1;
  }

  /** @throws {StatesError} States.Runtime, which ends the execution, when only the closing event still fits */
  record(previousEventId: number, body: EventBody): number {
    if (this.isFull) {
      const cause = `The execution reached the maximum number of history events (${this.maxEvents}).`;
      throw new StatesError("States.Runtime", cause);
    }
    return this.append(previousEventId, body);
  }

  /** Records the closing event, for which there is always room. */
  close(previousEventId: number, body: EventBody): void {
    this.append(previousEventId, body);
  }

  private append(previousEventId: number, body: EventBody): number {
    const id = this.recorded.length + 1;
    const event: HistoryEvent = { timestamp: isoTime(this.clock.now()), id, previousEventId, ...body };
    this.recorded.push(event);
    this.onEvent(event);
    return id;
  }
}
