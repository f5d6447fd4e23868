import { isoTime } from "../../core/effects/clock.ts";
import type { Clock } from "../../core/effects/clock.ts";
import type { Json } from "../../core/effects/json.ts";
import type { Flow } from "./definition.ts";
import { AbortedError, StatesError } from "./errors.ts";
import { failureDetails, History, inputDetails, outputDetails } from "./history.ts";
import type { HistoryEvent } from "./history.ts";
import { Interpreter } from "./interpreter.ts";
import type { InterpreterEffects } from "./interpreter.ts";
import { Thread } from "./thread.ts";

/** Which execution an event belongs to. */
export interface ExecutionRef {
  readonly name: string;
  readonly arn: string;
  readonly machine: string;
  /** Of a distributed Map's child: the Map Run that started it. */
  readonly mapRunArn?: string | undefined;
}

export type ExecutionDescription = ExecutionRef & { readonly input: Json; readonly startedAt: string } & (
    { readonly status: "RUNNING" } | EndedStatus
  );
export type EndedStatus = { readonly stoppedAt: string } & (
  | { readonly status: "SUCCEEDED"; readonly output: Json }
  | {
      readonly status: "FAILED" | "TIMED_OUT" | "ABORTED";
      readonly error: string | undefined;
      readonly cause: string | undefined;
    }
);
export type EndedExecution = Extract<ExecutionDescription, { readonly stoppedAt: string }>;

type Outcome =
  | { readonly status: "SUCCEEDED"; readonly output: Json }
  | { readonly status: "FAILED" | "TIMED_OUT" | "ABORTED"; readonly failure: StatesError };

export interface ExecutionSpec extends ExecutionRef {
  readonly stateMachineArn: string;
  readonly flow: Flow;
  readonly input: Json;
  readonly timeoutSec: number | undefined;
}

export interface ExecutionEffects extends InterpreterEffects {
  readonly clock: Clock;
  readonly historyEvents: number;
  readonly onEvent: (execution: ExecutionRef, event: HistoryEvent) => void;
}

/** One execution of a flow, from its start to its one end. */
export class Execution {
  readonly ref: ExecutionRef;
  readonly input: Json;
  readonly startedAt: string;
  /** Resolves at the end, whatever it is. */
  readonly done: Promise<EndedExecution>;
  private readonly spec: ExecutionSpec;
  private readonly effects: ExecutionEffects;
  private readonly history: History;
  private readonly root: Thread;
  private readonly timer = new AbortController();
  private readonly resolveDone: (ended: EndedExecution) => void;
  private ended: EndedExecution | undefined;

  constructor(spec: ExecutionSpec, effects: ExecutionEffects) {
    const { name, arn, machine, mapRunArn } = spec;
    this.spec = spec;
    this.effects = effects;
    this.ref = mapRunArn === undefined ? { name, arn, machine } : { name, arn, machine, mapRunArn };
    this.input = spec.input;
    this.startedAt = isoTime(effects.clock.now());
    const onEvent = (event: HistoryEvent): void => effects.onEvent(this.ref, event);
    this.history = new History({ clock: effects.clock, maxEvents: effects.historyEvents, onEvent });
    this.root = Thread.root(this.history);
    const { promise, resolve } = withResolvers<EndedExecution>();
    this.done = promise;
    this.resolveDone = resolve;
    this.history.record(0, {
      type: "ExecutionStarted",
      executionStartedEventDetails: inputDetails(JSON.stringify(spec.input)),
    });
  }

  get description(): ExecutionDescription {
    return this.ended ?? { ...this.ref, input: this.input, startedAt: this.startedAt, status: "RUNNING" };
  }

  get events(): readonly HistoryEvent[] {
    return this.history.events;
  }

  /** Returns when the execution has ended. */
  async run(): Promise<void> {
    if (this.ended !== undefined) return; // stopped in the same turn
    const { flow, input, timeoutSec } = this.spec;
    if (timeoutSec !== undefined) {
      this.effects.clock.sleep(timeoutSec * 1_000, this.timer.signal).then(
        () => this.end({ status: "TIMED_OUT", failure: new StatesError("States.Timeout", undefined) }),
        () => undefined, // the execution ended before
      );
    }
    const interpreter = new Interpreter(
      {
        Execution: { Id: this.ref.arn, Input: input, Name: this.ref.name, StartTime: this.startedAt },
        StateMachine: { Id: this.spec.stateMachineArn, Name: this.ref.machine },
      },
      this.effects,
    );
    try {
      this.end({ status: "SUCCEEDED", output: await interpreter.runFlow(flow, input, this.root) });
    } catch (error) {
      const failure = this.root.toStatesError(error);
      if (!(failure instanceof AbortedError)) this.end({ status: "FAILED", failure });
    }
  }

  /** Ends the execution as ABORTED, its children with it; no Catch runs. Nothing happens when it has ended. */
  stop(error: string | undefined, cause: string | undefined): void {
    this.end({ status: "ABORTED", failure: new StatesError(error, cause) });
  }

  private end(outcome: Outcome): void {
    if (this.ended !== undefined) return;
    const { ref, input, startedAt } = this;
    const base = { ...ref, input, startedAt, stoppedAt: isoTime(this.effects.clock.now()) };
    if (outcome.status === "SUCCEEDED") {
      this.ended = { ...base, ...outcome };
      const details = outputDetails(JSON.stringify(outcome.output));
      this.history.close(this.root.previousEventId, {
        type: "ExecutionSucceeded",
        executionSucceededEventDetails: details,
      });
    } else {
      const { status, failure } = outcome;
      this.ended = { ...base, status, error: failure.error, cause: failure.errorCause };
      const details = failureDetails(failure);
      // A stop and a timeout follow from no state: the service hangs them on 0.
      if (status === "FAILED") {
        this.history.close(this.root.previousEventId, {
          type: "ExecutionFailed",
          executionFailedEventDetails: details,
        });
      } else if (status === "ABORTED") {
        this.history.close(0, { type: "ExecutionAborted", executionAbortedEventDetails: details });
      } else {
        this.history.close(0, { type: "ExecutionTimedOut", executionTimedOutEventDetails: details });
      }
    }
    this.timer.abort(new AbortedError("the execution has ended"));
    this.root.abort();
    this.resolveDone(this.ended);
  }
}

/** Promise.withResolvers, which Node 20 doesn't have. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
