import { isoTime } from "../../core/effects/clock.ts";
import type { Clock } from "../../core/effects/clock.ts";
import type { Json } from "../../core/effects/json.ts";
import type { Random } from "../../core/effects/random.ts";
import { matchesRule } from "./choice.ts";
import { callbackResource } from "./definition.ts";
import type { FailState, Flow, MapState, ParallelState, State, TaskState, WaitState, WithRetry } from "./definition.ts";
import { AbortedError, EvaluationError, StatesError, tooLarge } from "./errors.ts";
import { failureDetails, inputDetails, outputDetails } from "./history.ts";
import { evaluateExpression } from "./intrinsics.ts";
import { fitsPayload, isArray, isObject } from "./json-data.ts";
import { evaluatePath, findPath, setAtPath } from "./path.ts";
import type { Path, Scope } from "./path.ts";
import { findCatcher, nextRetryDelayMs } from "./retry.ts";
import type { RetryCounts } from "./retry.ts";
import { performTask } from "./task.ts";
import type { HandlerInvoker } from "./task.ts";
import type { TaskTokens } from "./task-tokens.ts";
import { evaluateField, evaluateTemplate } from "./template.ts";
import type { Template } from "./template.ts";
import type { MapItem, Thread } from "./thread.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What `$$.Execution` and `$$.StateMachine` say. */
export interface ExecutionFacts {
  readonly Execution: { readonly Id: string; readonly Input: Json; readonly Name: string; readonly StartTime: string };
  readonly StateMachine: { readonly Id: string; readonly Name: string };
}

/** A distributed Map with everything evaluated that its state's input says. */
export interface DistributedMapRequest {
  readonly state: MapState;
  readonly stateName: string;
  readonly items: () => Promise<readonly Json[]>;
  readonly select: (item: MapItem) => Json;
  readonly maxConcurrency: number;
  /** undefined: no such threshold. Without any, no failure is tolerated. */
  readonly toleratedFailureCount: number | undefined;
  readonly toleratedFailurePercentage: number | undefined;
  readonly destination: { readonly bucket: string; readonly prefix: string } | undefined;
  readonly thread: Thread;
}

export interface InterpreterEffects {
  readonly clock: Clock;
  readonly random: Random;
  readonly invoker: HandlerInvoker;
  readonly tokens: TaskTokens;
  readonly newId: () => string;
  readonly region: string;
  readonly payloadBytes: number;
  /** Reads the JSON document that an ItemReader names. */
  readonly readItems: (source: { readonly bucket: string; readonly key: string }) => Promise<Json>;
  /** Runs the items as child executions; gives the Map's result. */
  readonly runDistributedMap: (request: DistributedMapRequest) => Promise<Json>;
}

interface Transition {
  readonly output: Json;
  /** undefined: the flow ends here. */
  readonly next: string | undefined;
}

/** Runs flows for one execution: what each state does to its input, and which state follows. */
export class Interpreter {
  private readonly facts: ExecutionFacts;
  private readonly effects: InterpreterEffects;

  constructor(facts: ExecutionFacts, effects: InterpreterEffects) {
    this.facts = facts;
    this.effects = effects;
  }

  /**
   * From the flow's first state to its end.
   *
   * @throws {StatesError} what a state reported and nothing caught
   * @throws {AbortedError} when the thread was aborted
   */
  async runFlow(flow: Flow, input: Json, thread: Thread): Promise<Json> {
    let name = flow.StartAt;
    let data = input;
    for (;;) {
      const state = flow.States[name];
      if (state === undefined) throw new StatesError("States.Runtime", `there is no state '${name}'`); // parsing checks
      const { output, next } = await this.runState(name, state, data, thread);
      if (next === undefined) return output;
      name = next;
      data = output;
    }
  }

  private async runState(name: string, state: State, input: Json, thread: Thread): Promise<Transition> {
    const enteredEventId = thread.record({
      type: `${state.Type}StateEntered`,
      stateEnteredEventDetails: { name, ...inputDetails(JSON.stringify(input)) },
    });
    const enteredAt = isoTime(this.effects.clock.now());
    thread.visit = { name, type: state.Type, enteredEventId, enteredAt };
    try {
      return await this.dispatch(name, state, input, thread);
    } catch (error) {
      throw thread.toStatesError(error);
    } finally {
      if (!thread.signal.aborted) thread.visit = undefined;
    }
  }

  private async dispatch(name: string, state: State, input: Json, thread: Thread): Promise<Transition> {
    switch (state.Type) {
      case "Pass": {
        const scope = this.scope(state.InputPath, input, thread);
        const result = state.Result === undefined ? this.evaluate(state.Parameters, scope) : state.Result;
        const combined = this.combine(state.ResultPath, input, result);
        return this.exit(name, state, combined, thread);
      }
      case "Succeed":
        return this.exit(name, state, this.scope(state.InputPath, input, thread).input, thread);
      case "Fail":
        throw this.failure(state, input, thread);
      case "Choice": {
        const scope = this.scope(state.InputPath, input, thread);
        const next = state.Choices.find(({ rule }) => matchesRule(rule, scope))?.Next ?? state.Default;
        if (next === undefined) {
          throw new EvaluationError("No choice matched and there is no Default.", "States.NoChoiceMatched");
        }
        return { ...this.exit(name, state, scope.input, thread), next };
      }
      case "Wait": {
        const scope = this.scope(state.InputPath, input, thread);
        await this.effects.clock.sleep(this.waitMs(state, scope), thread.signal);
        return this.exit(name, state, scope.input, thread);
      }
      case "Task":
        return this.withRetry(name, state, input, thread, (retryCount) =>
          this.attemptTask(state, input, thread, retryCount),
        );
      case "Parallel":
        return this.withRetry(name, state, input, thread, (retryCount) =>
          this.attemptParallel(state, input, thread, retryCount),
        );
      case "Map":
        return this.withRetry(name, state, input, thread, (retryCount) =>
          this.attemptMap(name, state, input, thread, retryCount),
        );
      default:
        return state satisfies never;
    }
  }

  /** The last steps of every state that has an output: OutputPath, the size limit, the event. */
  private exit(
    name: string,
    state: Exclude<State, FailState>,
    combined: Json,
    thread: Thread,
    exited?: { readonly beside: number },
  ): Transition {
    const context = this.contextOf(thread);
    const output = state.OutputPath === null ? {} : evaluatePath(state.OutputPath, { input: combined, context });
    const text = JSON.stringify(output);
    this.checkSize(text, name);
    if (exited) thread.previousEventId = exited.beside;
    thread.record({
      type: `${state.Type}StateExited`,
      stateExitedEventDetails: { name, ...outputDetails(text) },
    });
    return { output, next: "Next" in state ? state.Next : undefined };
  }

  // --- Retry and Catch ---------------------------------------------------------------------------------------------

  private async withRetry(
    name: string,
    state: TaskState | ParallelState | MapState,
    input: Json,
    thread: Thread,
    attempt: (retryCount: number) => Promise<Json>,
  ): Promise<Transition> {
    const counts: RetryCounts = new Map();
    for (let retryCount = 0; ; retryCount++) {
      let result: Json;
      thread.beginAttempt();
      try {
        result = await attempt(retryCount);
      } catch (thrown) {
        const failure = thread.toStatesError(thrown);
        if (failure instanceof AbortedError) throw failure;
        const delayMs = nextRetryDelayMs(state.Retry, counts, failure, this.effects.random);
        if (delayMs !== undefined) {
          await this.effects.clock.sleep(delayMs, thread.signal);
          continue;
        }
        if (thread.hasFailedWork && state.Type !== "Task") thread.record({ type: `${state.Type}StateFailed` });
        const catcher = findCatcher(state.Catch, failure);
        if (catcher === undefined) throw failure;
        const errorOutput = { Error: failure.error ?? null, Cause: failure.errorCause ?? null };
        const caught = this.combine(catcher.ResultPath, input, errorOutput);
        // A caught error goes round OutputPath, as in the service.
        return { ...this.exit(name, { ...state, OutputPath: wholeInput }, caught, thread), next: catcher.Next };
      }
      const beside = thread.previousEventId;
      if (state.Type !== "Task") thread.record({ type: `${state.Type}StateSucceeded` });
      return this.exit(name, state, result, thread, { beside });
    }
  }

  /** ResultSelector and ResultPath. */
  private applyResult(state: WithRetry, input: Json, result: Json, thread: Thread, retryCount: number): Json {
    const scope = { input: result, context: this.contextOf(thread, { retryCount }) };
    return this.combine(state.ResultPath, input, this.evaluate(state.ResultSelector, scope));
  }

  // --- Task --------------------------------------------------------------------------------------------------------

  private async attemptTask(state: TaskState, input: Json, thread: Thread, retryCount: number): Promise<Json> {
    const isCallback = state.Resource === callbackResource;
    const token = isCallback ? this.effects.newId() : undefined;
    const scope = this.scope(state.InputPath, input, thread, { retryCount, token });
    const parameters = this.evaluate(state.Parameters, scope);
    const text = JSON.stringify(parameters);
    const functionName = isObject(parameters) ? parameters["FunctionName"] : undefined;
    if (typeof functionName !== "string") throw new EvaluationError("FunctionName is not a string.");
    const timeoutSec = secondsOf("TimeoutSecondsPath", state.TimeoutSeconds, state.TimeoutSecondsPath, scope);
    const heartbeatSec = secondsOf("HeartbeatSecondsPath", state.HeartbeatSeconds, state.HeartbeatSecondsPath, scope);
    this.checkSize(text, thread.visit?.name ?? "");

    const resource = { resourceType: "lambda", resource: isCallback ? "invoke.waitForTaskToken" : "invoke" } as const;
    thread.record({
      type: "TaskScheduled",
      taskScheduledEventDetails: {
        ...resource,
        region: this.effects.region,
        parameters: text,
        ...(timeoutSec === undefined ? {} : { timeoutInSeconds: timeoutSec }),
        ...(heartbeatSec === undefined ? {} : { heartbeatInSeconds: heartbeatSec }),
      },
    });
    thread.record({ type: "TaskStarted", taskStartedEventDetails: resource });

    const sent = JSON.parse(text) as { Payload?: Json }; // a copy: the handler may change what it gets
    const end = await performTask(
      {
        functionName,
        payload: sent.Payload === undefined ? {} : sent.Payload,
        token,
        timeoutSec,
        heartbeatSec,
        signal: thread.signal,
        onSubmitted: (result) => {
          const output = JSON.stringify(invocationResult(result));
          thread.record({
            type: "TaskSubmitted",
            taskSubmittedEventDetails: { ...resource, ...outputDetails(output) },
          });
        },
      },
      this.effects,
    );
    switch (end.kind) {
      case "succeeded": {
        const result = isCallback ? end.output : invocationResult(end.output);
        const output = JSON.stringify(result);
        if (!fitsPayload(output, this.effects.payloadBytes)) {
          const failure = tooLarge(resource.resourceType);
          const details = { ...resource, ...failureDetails(failure) };
          thread.record({ type: "TaskFailed", taskFailedEventDetails: details });
          throw failure;
        }
        thread.record({ type: "TaskSucceeded", taskSucceededEventDetails: { ...resource, ...outputDetails(output) } });
        return this.applyResult(state, input, result, thread, retryCount);
      }
      case "failed": {
        const failure = new StatesError(end.error, end.cause);
        const details = { ...resource, ...failureDetails(failure) };
        thread.record({ type: "TaskFailed", taskFailedEventDetails: details });
        throw failure;
      }
      case "timedOut": {
        const failure = new StatesError("States.Timeout", "", { isHeartbeatTimeout: end.clock === "heartbeat" });
        const details = { ...resource, ...failureDetails(failure) };
        thread.record({ type: "TaskTimedOut", taskTimedOutEventDetails: details });
        throw failure;
      }
      default:
        return end satisfies never;
    }
  }

  // --- Parallel and Map --------------------------------------------------------------------------------------------

  private async attemptParallel(state: ParallelState, input: Json, thread: Thread, retryCount: number): Promise<Json> {
    const scope = this.scope(state.InputPath, input, thread, { retryCount });
    const branchInput = this.evaluate(state.Parameters, scope);
    thread.record({ type: "ParallelStateStarted" });
    const results = await this.forkAndJoin(thread, {
      count: state.Branches.length,
      limit: state.Branches.length,
      fork: (_, previousEventId) => thread.fork({ previousEventId }),
      run: (index, child) => this.runFlow(branchOf(state, index), branchInput, child),
    });
    return this.applyResult(state, input, results, thread, retryCount);
  }

  private async attemptMap(
    name: string,
    state: MapState,
    input: Json,
    thread: Thread,
    retryCount: number,
  ): Promise<Json> {
    const scope = this.scope(state.InputPath, input, thread, { retryCount });
    const maxConcurrency = state.MaxConcurrencyPath
      ? integerAt("MaxConcurrencyPath", state.MaxConcurrencyPath, scope)
      : state.MaxConcurrency;
    if (maxConcurrency < 0) throw new EvaluationError("MaxConcurrency cannot be negative.");
    const select = (item: MapItem): Json =>
      state.ItemSelector
        ? this.evaluate(state.ItemSelector, {
            input: scope.input,
            context: this.contextOf(thread, { retryCount, mapItem: item }),
          })
        : item.Value;
    const result =
      state.ItemProcessor.ProcessorConfig.Mode === "INLINE"
        ? await this.mapInline(name, state, itemsOf(state, scope), select, maxConcurrency, thread)
        : await this.mapDistributed(name, state, scope, select, maxConcurrency, thread);
    return this.applyResult(state, input, result, thread, retryCount);
  }

  private mapInline(
    name: string,
    state: MapState,
    items: readonly Json[],
    select: (item: MapItem) => Json,
    maxConcurrency: number,
    thread: Thread,
  ): Promise<Json> {
    const selectOrFail = (item: MapItem): Json => {
      try {
        return select(item);
      } catch (error) {
        throw thread.toStatesError(error); // it is the Map that failed, not a state of the iteration
      }
    };
    thread.record({ type: "MapStateStarted", mapStateStartedEventDetails: { length: items.length } });
    return this.forkAndJoin(thread, {
      count: items.length,
      limit: maxConcurrency === 0 ? items.length : maxConcurrency,
      fork: (index, previousEventId) => {
        const iteration = { name, index };
        const mapItem = { Index: index, Value: items[index] ?? null };
        const child = thread.fork({ iteration, mapItem, previousEventId });
        child.record({ type: "MapIterationStarted", mapIterationStartedEventDetails: iteration });
        return child;
      },
      run: async (_, child) => {
        const { mapItem } = child;
        if (mapItem === undefined) throw new AbortedError("not an iteration"); // `fork` gives each its item
        return this.runFlow(state.ItemProcessor, selectOrFail(mapItem), child);
      },
    });
  }

  private async mapDistributed(
    name: string,
    state: MapState,
    scope: Scope,
    select: (item: MapItem) => Json,
    maxConcurrency: number,
    thread: Thread,
  ): Promise<Json> {
    const { ItemReader: reader, ResultWriter: writer } = state;
    // With a reader the count isn't known yet, and the service says 0.
    const given = reader ? undefined : itemsOf(state, scope);
    thread.record({ type: "MapStateStarted", mapStateStartedEventDetails: { length: given?.length ?? 0 } });
    const toleratedFailureCount = state.ToleratedFailureCountPath
      ? integerAt("ToleratedFailureCountPath", state.ToleratedFailureCountPath, scope)
      : state.ToleratedFailureCount;
    if ((toleratedFailureCount ?? 0) < 0) throw new EvaluationError("ToleratedFailureCount cannot be negative.");
    const toleratedFailurePercentage = state.ToleratedFailurePercentagePath
      ? numberAt("ToleratedFailurePercentagePath", state.ToleratedFailurePercentagePath, scope)
      : state.ToleratedFailurePercentage;
    if (Math.abs((toleratedFailurePercentage ?? 0) - 50) > 50) {
      throw new EvaluationError("ToleratedFailurePercentage must be between 0 and 100.");
    }
    const source = reader && stringFields(this.evaluate(reader.Parameters, scope));
    const target = writer && stringFields(this.evaluate(writer.Parameters, scope));
    return this.effects.runDistributedMap({
      state,
      stateName: name,
      items: async () => {
        if (reader === undefined || source === undefined) return given ?? [];
        const document = await this.effects.readItems({ bucket: source("Bucket"), key: source("Key") });
        // As the service: with a reader, ItemsPath selects inside what was read.
        const items = findPath(state.ItemsPath, { input: document, context: scope.context });
        if (!isArray(items)) throw new Error("Attempting to map over non-iterable node.");
        return items.slice(0, reader.ReaderConfig.MaxItems);
      },
      select,
      maxConcurrency,
      toleratedFailureCount,
      toleratedFailurePercentage,
      destination: target && { bucket: target("Bucket"), prefix: target("Prefix", "") },
      thread,
    });
  }

  /**
   * Runs `count` children, at most `limit` at a time, and gives their results in order. The first failure aborts the
   * others and is thrown. The chain of events goes on from the child that ended last.
   */
  private forkAndJoin(
    thread: Thread,
    work: {
      readonly count: number;
      readonly limit: number;
      readonly fork: (index: number, previousEventId: number) => Thread;
      readonly run: (index: number, child: Thread) => Promise<Json>;
    },
  ): Promise<readonly Json[]> {
    return new Promise((resolve, reject) => {
      const results = new Array<Json>(work.count).fill(null);
      let started = 0;
      let ended = 0;
      let isOver = false;
      const over = (finish: () => void): void => {
        isOver = true;
        thread.signal.removeEventListener("abort", onAbort);
        finish();
      };
      const onAbort = (): void => over(() => reject(new AbortedError("aborted")));
      const fork = (previousEventId: number): (() => void) => {
        const index = started++;
        const child = work.fork(index, previousEventId);
        return () =>
          void work.run(index, child).then(
            (result) => {
              if (!isOver) onEnd(index, child, result);
            },
            (error: unknown) => {
              if (!isOver) onFailure(child, error);
            },
          );
      };
      const onEnd = (index: number, child: Thread, result: Json): void => {
        results[index] = result;
        ended += 1;
        try {
          // What comes next hangs on the child's last state, the iteration's own event stands beside.
          const lastStateId = child.previousEventId;
          if (child.iteration) {
            child.record({ type: "MapIterationSucceeded", mapIterationSucceededEventDetails: child.iteration });
          }
          thread.join(child);
          if (started < work.count) fork(lastStateId)();
          if (ended < work.count) return;
          thread.previousEventId = child.previousEventId;
        } catch (error) {
          onFailure(child, error);
          return;
        }
        over(() => resolve(results));
      };
      const onFailure = (child: Thread, error: unknown): void => {
        const failure = child.toStatesError(error);
        over(() => {
          try {
            if (child.iteration) {
              child.recordAside({ type: "MapIterationFailed", mapIterationFailedEventDetails: child.iteration });
            }
          } catch {
            // The history is full; the failure is what counts.
          }
          thread.abortChildren(child);
          thread.previousEventId = child.previousEventId;
          thread.hasFailedWork = true;
          reject(failure);
        });
      };
      thread.signal.addEventListener("abort", onAbort, { once: true });
      if (work.count === 0) {
        over(() => resolve(results));
        return;
      }
      try {
        const launches = Array.from({ length: Math.min(work.limit, work.count) }, () => fork(thread.previousEventId));
        for (const launch of launches) launch();
      } catch (error) {
        over(() => {
          thread.dropChildren();
          reject(thread.toStatesError(error));
        });
      }
    });
  }

  // --- Wait and Fail -----------------------------------------------------------------------------------------------

  private waitMs(state: WaitState, scope: Scope): number {
    if (state.Seconds !== undefined) return state.Seconds * 1_000;
    const now = this.effects.clock.now();
    if (state.Timestamp !== undefined) return Math.max(0, (parseTimestamp(state.Timestamp) ?? now) - now);
    if (state.SecondsPath) {
      const { text } = state.SecondsPath;
      const value = evaluatePath(state.SecondsPath, scope);
      if (typeof value !== "number" || !Number.isInteger(value)) {
        const problem = "The SecondsPath parameter cannot be parsed as a long value";
        throw new EvaluationError(`${problem}: ${text} == ${JSON.stringify(value)}`);
      }
      if (value < 0)
        throw new EvaluationError(`The SecondsPath parameter references a negative value: ${text} == ${value}`);
      return value * 1_000;
    }
    const value = state.TimestampPath && evaluatePath(state.TimestampPath, scope);
    const until = typeof value === "string" ? parseTimestamp(value) : undefined;
    if (until === undefined) {
      throw new EvaluationError(
        "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: " +
          `${state.TimestampPath?.text ?? ""} == ${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
    }
    return Math.max(0, until - now);
  }

  private failure(state: FailState, input: Json, thread: Thread): StatesError {
    const scope = { input, context: this.contextOf(thread) };
    const textAt = (field: "ErrorPath" | "CausePath"): string | undefined => {
      const expression = state[field];
      if (expression === undefined) return undefined;
      const value =
        expression.kind === "path" ? evaluateField(field, expression, scope) : evaluateExpression(expression, scope);
      if (typeof value !== "string")
        throw new EvaluationError(`The ${field} field refers to a value that is no string.`);
      return value;
    };
    return new StatesError(state.Error ?? textAt("ErrorPath"), state.Cause ?? textAt("CausePath"));
  }

  // --- data --------------------------------------------------------------------------------------------------------

  private scope(
    inputPath: Path | null,
    rawInput: Json,
    thread: Thread,
    more: { readonly retryCount?: number; readonly token?: string | undefined } = {},
  ): Scope {
    const context = this.contextOf(thread, more);
    return { input: inputPath === null ? {} : evaluatePath(inputPath, { input: rawInput, context }), context };
  }

  /** A payload template, where absent means the input itself. */
  private evaluate(template: Template | undefined, scope: Scope): Json {
    return template === undefined ? scope.input : evaluateTemplate(template, scope);
  }

  private combine(resultPath: Path | null, input: Json, result: Json): Json {
    if (resultPath === null) return input;
    return resultPath.steps.length === 0 ? result : setAtPath(input, resultPath, result);
  }

  /** The context object, built when a path asks for it. */
  private contextOf(
    thread: Thread,
    more: {
      readonly retryCount?: number | undefined;
      readonly token?: string | undefined;
      readonly mapItem?: MapItem;
    } = {},
  ): () => Json {
    return () => {
      const { visit } = thread;
      const item = more.mapItem ?? thread.mapItem;
      return {
        ...this.facts,
        ...(visit && {
          State: {
            EnteredTime: visit.enteredAt,
            Name: visit.name,
            ...(more.retryCount === undefined ? {} : { RetryCount: more.retryCount }),
          },
        }),
        ...(more.token === undefined ? {} : { Task: { Token: more.token } }),
        ...(item && { Map: { Item: { Index: item.Index, Value: item.Value } } }),
      };
    };
  }

  private checkSize(text: string, stateName: string): void {
    if (!fitsPayload(text, this.effects.payloadBytes)) throw tooLarge(stateName);
  }
}

const wholeInput: Path = { text: "$", root: "input", steps: [], isDefinite: true };

/** What the lambda:invoke integration makes of a function's answer. */
const invocationResult = (payload: Json): Json => ({ ExecutedVersion: "$LATEST", Payload: payload, StatusCode: 200 });

function branchOf(state: ParallelState, index: number): Flow {
  const branch = state.Branches[index];
  if (branch === undefined) throw new StatesError("States.Runtime", `there is no branch ${index}`); // the count is theirs
  return branch;
}

function itemsOf(state: MapState, scope: Scope): readonly Json[] {
  const items = evaluatePath(state.ItemsPath, scope);
  if (!isArray(items)) throw new EvaluationError(`Reference path "${state.ItemsPath.text}" must point to array.`);
  return items;
}

function integerAt(field: string, path: Path, scope: Scope): number {
  const value = evaluatePath(path, scope);
  if (typeof value === "number" && Number.isInteger(value)) return value;
  const shown = JSON.stringify(typeof value === "object" ? JSON.stringify(value) : value);
  throw new EvaluationError(`The ${field} field refers to value ${shown} which is not a valid integer: ${path.text}`);
}

function numberAt(field: string, path: Path, scope: Scope): number {
  const value = evaluatePath(path, scope);
  if (typeof value === "number") return value;
  const shown = JSON.stringify(typeof value === "object" ? JSON.stringify(value) : value);
  throw new EvaluationError(`The ${field} field refers to value ${shown} which is not a valid float: ${path.text}`);
}

function secondsOf(
  field: string,
  seconds: number | undefined,
  path: Path | undefined,
  scope: Scope,
): number | undefined {
  if (path === undefined) return seconds;
  const value = integerAt(field, path, scope);
  if (value < 1)
    throw new EvaluationError(`The ${field} field refers to ${value}, which is not positive: ${path.text}`);
  return value;
}

/** The fields of an evaluated ItemReader's or ResultWriter's Parameters. */
function stringFields(parameters: Json): (name: string, fallback?: string) => string {
  return (name, fallback) => {
    const value = (isObject(parameters) ? parameters[name] : undefined) ?? fallback;
    if (typeof value !== "string") throw new EvaluationError(`${name} is not a string.`);
    return value;
  };
}
