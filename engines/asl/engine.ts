import type { Clock } from "../../core/effects/clock.ts";
import type { Json } from "../../core/effects/json.ts";
import type { Random } from "../../core/effects/random.ts";
import type { Engine, TaskOutcome, TaskToken } from "../../core/ports/engine.ts";
import type { StateMachine } from "./definition.ts";
import {
  ExecutionAlreadyExistsError,
  ExecutionDoesNotExistError,
  InvalidExecutionInputError,
  InvalidNameError,
  InvalidOutputError,
  StateMachineDoesNotExistError,
} from "./errors.ts";
import { Execution } from "./execution.ts";
import type {
  EndedExecution,
  ExecutionDescription,
  ExecutionEffects,
  ExecutionRef,
  ExecutionSpec,
} from "./execution.ts";
import type { HistoryEvent } from "./history.ts";
import type { DistributedMapRequest } from "./interpreter.ts";
import { fitsPayload, jsonEquals } from "./json-data.ts";
import { limits } from "./limits.ts";
import { runMap } from "./map-run.ts";
import type { MapRun, ResultDestination, ResultSink } from "./map-run.ts";
import type { HandlerInvoker } from "./task.ts";
import { TaskTokens } from "./task-tokens.ts";

export interface AslEngineOptions {
  readonly machines: Readonly<Record<string, StateMachine>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Unguessable and never the same twice: task tokens, child executions and Map Runs are named by it. */
  readonly newId: () => string;
  readonly invoker: HandlerInvoker;
  /** Reads the JSON document that an ItemReader names. @default there is none: States.ItemReaderFailed */
  readonly readItems?: (source: { readonly bucket: string; readonly key: string }) => Promise<Json>;
  /** Takes a Map Run's results. @default there is none: States.ResultWriterFailed */
  readonly openResults?: (destination: ResultDestination) => ResultSink;
  /** Sees each event of each execution as it happens, children included. It must not throw. @default nobody looks */
  readonly onEvent?: (execution: ExecutionRef, event: HistoryEvent) => void;
  /** How many ended executions stay readable, the latest ones; children never do. @default 100 */
  readonly keepEnded?: number;
  /** Part of every ARN. @default "local" */
  readonly region?: string;
  /** @default "000000000000" */
  readonly accountId?: string;
  /** @default the service's */
  readonly maxPayloadBytes?: number;
  /** @default the service's */
  readonly maxHistoryEvents?: number;
}

const resolveOptions = (options: AslEngineOptions) => ({
  readItems: () => Promise.reject(new Error("this engine has no item reader")),
  openResults: () => {
    throw new Error("this engine has no result writer");
  },
  onEvent: () => undefined,
  keepEnded: 100,
  region: "local",
  accountId: "000000000000",
  maxPayloadBytes: limits.payloadBytes,
  maxHistoryEvents: limits.historyEvents,
  ...options,
});

/**
 * Step Functions in this process: runs state machines of our subset with handlers called in place.
 *
 * Nothing is durable: executions live and die with the process, all truth is in the store. On a virtual clock, with seeded
 * randomness and ids, the same inputs give the same histories to the byte.
 */
export class AslEngine {
  private readonly options: Required<AslEngineOptions>;
  private readonly tokens = new TaskTokens();
  private readonly executions = new Map<string, Execution>();
  private readonly mapRunsByExecution = new Map<string, Map<string, MapRun>>();
  /** Names of ended executions that aren't children, oldest first. */
  private readonly ended: string[] = [];

  constructor(options: AslEngineOptions) {
    this.options = resolveOptions(options);
  }

  /**
   * Starts an execution; it runs from the next turn on. The same name with the same input again is the same execution,
   * ended or not.
   *
   * @throws {StateMachineDoesNotExistError}
   * @throws {InvalidNameError}
   * @throws {InvalidExecutionInputError} beyond 256 KiB
   * @throws {ExecutionAlreadyExistsError} the name is taken by another input or machine
   */
  async start(
    machine: string,
    name: string,
    input: Json,
  ): Promise<{ readonly arn: string; readonly startedAt: string }> {
    const stateMachine = Object.hasOwn(this.options.machines, machine) ? this.options.machines[machine] : undefined;
    if (stateMachine === undefined) {
      throw new StateMachineDoesNotExistError(`there is no state machine "${machine}"`, {
        hint: `known are ${Object.keys(this.options.machines).join(", ")}`,
      });
    }
    if (!executionName.test(name)) {
      throw new InvalidNameError(`not an execution name: "${name}"`, {
        hint: '1 to 80 characters, no blanks and none of <>{}[]?*"#%\\^|~`$&,;:/',
      });
    }
    const text = JSON.stringify(input);
    if (!fitsPayload(text, this.options.maxPayloadBytes)) {
      throw new InvalidExecutionInputError(
        `the input of ${name} is larger than ${this.options.maxPayloadBytes} bytes`,
        {
          hint: "pass a key of the store, not what lies there",
        },
      );
    }
    const existing = this.executions.get(name);
    if (existing) {
      if (existing.ref.machine !== machine || !jsonEquals(existing.input, input)) {
        throw new ExecutionAlreadyExistsError(`${name} was started before with another input`, {
          hint: "give each execution a name of its own",
        });
      }
      return { arn: existing.ref.arn, startedAt: existing.startedAt };
    }
    const execution = this.launch({
      name,
      arn: this.arn("execution", `${machine}:${name}`),
      machine,
      stateMachineArn: this.arn("stateMachine", machine),
      flow: stateMachine,
      input: JSON.parse(text) as Json, // a copy: the caller keeps its own
      timeoutSec: stateMachine.TimeoutSeconds,
    });
    return { arn: execution.ref.arn, startedAt: execution.startedAt };
  }

  /**
   * Ends the task that waits for `token`.
   *
   * @returns "gone" when no task waits for it: it timed out, was stopped, or was woken before
   * @throws {InvalidOutputError} when the outcome is larger than the service takes; the task waits on
   */
  async wake(token: TaskToken, outcome: TaskOutcome): Promise<"woken" | "gone"> {
    return this.tokens.wake(token, this.checkOutcome(outcome));
  }

  /** Starts the task's heartbeat interval anew. */
  async heartbeat(token: TaskToken): Promise<"beaten" | "gone"> {
    return this.tokens.heartbeat(token);
  }

  /**
   * Ends an execution as ABORTED, and its child executions with it: no Catch runs.
   *
   * @throws {ExecutionDoesNotExistError}
   */
  async stop(name: string, error?: string, cause?: string): Promise<void> {
    this.find(name).stop(error, cause);
  }

  /** @throws {ExecutionDoesNotExistError} */
  describe(name: string): ExecutionDescription {
    return this.find(name).description;
  }

  /**
   * Resolves when the execution has ended, however.
   *
   * @throws {ExecutionDoesNotExistError}
   */
  async wait(name: string): Promise<EndedExecution> {
    return this.find(name).done;
  }

  /** Executions that haven't ended, children included, in the order of their start. */
  listRunning(): readonly ExecutionDescription[] {
    return [...this.executions.values()]
      .map((execution) => execution.description)
      .filter(({ status }) => status === "RUNNING");
  }

  /**
   * The events so far, oldest first. A child's are there while it runs: keep them with `onEvent`.
   *
   * @throws {ExecutionDoesNotExistError}
   */
  history(name: string): readonly HistoryEvent[] {
    return this.find(name).events;
  }

  /** The Map Runs of an execution, oldest first. */
  mapRuns(name: string): readonly MapRun[] {
    return [...(this.mapRunsByExecution.get(name)?.values() ?? [])];
  }

  /** Tokens that a task waits for; for tests that look for forgotten ones. */
  get waitingTokens(): number {
    return this.tokens.size;
  }

  private find(name: string): Execution {
    const execution = this.executions.get(name);
    if (execution === undefined) {
      throw new ExecutionDoesNotExistError(`there is no execution "${name}"`, {
        hint: `only running executions and the last ${this.options.keepEnded} that ended are known`,
      });
    }
    return execution;
  }

  private launch(spec: ExecutionSpec): Execution {
    const execution: Execution = new Execution(
      spec,
      this.effectsFor(() => execution),
    );
    this.executions.set(spec.name, execution);
    void execution.done.then(() => this.forget(execution));
    // Later, so that whoever starts an execution has its handle before anything happens.
    queueMicrotask(() => void execution.run());
    return execution;
  }

  private forget({ ref }: Execution): void {
    if (ref.mapRunArn !== undefined) this.drop(ref.name);
    else this.ended.push(ref.name);
    while (this.ended.length > this.options.keepEnded) this.drop(this.ended.shift() ?? "");
  }

  private drop(name: string): void {
    this.executions.delete(name);
    this.mapRunsByExecution.delete(name);
  }

  private effectsFor(self: () => Execution): ExecutionEffects {
    const { clock, random, invoker, newId, region, readItems, onEvent } = this.options;
    return {
      clock,
      random,
      invoker,
      newId,
      region,
      readItems,
      onEvent,
      tokens: this.tokens,
      payloadBytes: this.options.maxPayloadBytes,
      historyEvents: this.options.maxHistoryEvents,
      runDistributedMap: (request) => this.runDistributedMap(request, self().ref),
    };
  }

  private runDistributedMap(request: DistributedMapRequest, parent: ExecutionRef): Promise<Json> {
    const label = request.state.Label ?? request.stateName.replace(/[^A-Za-z0-9._-]/g, "").slice(0, 40);
    const machine = `${parent.machine}/${label}`;
    return runMap(request, {
      clock: this.options.clock,
      payloadBytes: this.options.maxPayloadBytes,
      mapRunArn: this.arn("mapRun", `${machine}:${this.options.newId()}`),
      executionArn: parent.arn,
      startChild: (flow, input, mapRunArn) => {
        const name = this.options.newId();
        return this.launch({
          name,
          arn: this.arn("execution", `${machine}:${name}`),
          machine,
          mapRunArn,
          stateMachineArn: this.arn("stateMachine", machine),
          flow,
          input,
          timeoutSec: undefined,
        });
      },
      openResults: this.options.openResults,
      onChange: (run) => {
        const runs = this.mapRunsByExecution.get(parent.name) ?? new Map<string, MapRun>();
        this.mapRunsByExecution.set(parent.name, runs.set(run.mapRunArn, run));
      },
    });
  }

  private arn(kind: string, rest: string): string {
    return `arn:aws:states:${this.options.region}:${this.options.accountId}:${kind}:${rest}`;
  }

  private checkOutcome(outcome: TaskOutcome): TaskOutcome {
    const refuse = (message: string): never => {
      throw new InvalidOutputError(message, { hint: "hand on a key of the store, not what lies there" });
    };
    switch (outcome.kind) {
      case "succeeded": {
        const text = JSON.stringify(outcome.output);
        const { maxPayloadBytes } = this.options;
        if (!fitsPayload(text, maxPayloadBytes)) refuse(`an output of more than ${maxPayloadBytes} bytes`);
        return { kind: "succeeded", output: JSON.parse(text) as Json }; // a copy: the caller keeps its own
      }
      case "failed":
        if (outcome.error.length > limits.errorLength) refuse(`an error of more than ${limits.errorLength} characters`);
        if (outcome.cause.length > limits.causeLength) refuse(`a cause of more than ${limits.causeLength} characters`);
        return outcome;
      default:
        return outcome satisfies never;
    }
  }
}

/** @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html */
// eslint-disable-next-line no-control-regex -- control characters are what the service refuses
const executionName = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]{1,80}$/;

/** The engine as the handlers of the flow see it. */
export const toEnginePort = (engine: AslEngine): Engine => ({
  start: async (machine, name, input) => {
    await engine.start(machine, name, input);
  },
  wake: (token, outcome) => engine.wake(token, outcome),
  heartbeat: (token) => engine.heartbeat(token),
  stop: (name, reason) => engine.stop(name, "Stopped", reason),
});
