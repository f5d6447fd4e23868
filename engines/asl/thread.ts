import type { Json } from "../../core/effects/json.ts";
import type { State } from "./definition.ts";
import { AbortedError, EvaluationError, StatesError } from "./errors.ts";
import type { EventBody, History, MapIteration } from "./history.ts";

/** The state a thread is in. */
export interface Visit {
  readonly name: string;
  readonly type: State["Type"];
  readonly enteredEventId: number;
  /** ISO 8601. */
  readonly enteredAt: string;
}

/** The item that `$$.Map.Item` speaks of. */
export interface MapItem {
  readonly Index: number;
  readonly Value: Json;
}

/**
 * One line of control through states: an execution's own, a branch of a Parallel, an iteration of a Map.
 *
 * It knows the last event of its chain and its running children, so that a failure can abort and record what ran beside
 * it. Once aborted it records nothing more.
 */
export class Thread {
  previousEventId = 0;
  visit: Visit | undefined;
  /** Set while a Map Run of this thread's Map state is going on. */
  hasMapRun = false;
  /** Set when the latest attempt failed in a branch, an iteration or a Map Run, not in the state's own data. */
  hasFailedWork = false;
  readonly iteration: MapIteration | undefined;
  readonly mapItem: MapItem | undefined;
  private readonly history: History;
  private readonly children = new Set<Thread>();
  private readonly controller = new AbortController();

  private constructor(history: History, iteration?: MapIteration, mapItem?: MapItem) {
    this.history = history;
    this.iteration = iteration;
    this.mapItem = mapItem;
  }

  static root(history: History): Thread {
    return new Thread(history);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  fork(of: {
    readonly iteration?: MapIteration;
    readonly mapItem?: MapItem;
    readonly previousEventId: number;
  }): Thread {
    const child = new Thread(this.history, of.iteration, of.mapItem ?? this.mapItem);
    child.previousEventId = of.previousEventId;
    this.children.add(child);
    return child;
  }

  join(child: Thread): void {
    this.children.delete(child);
  }

  /** @throws {AbortedError} when the thread's surroundings have ended */
  record(body: EventBody): number {
    if (this.signal.aborted) throw new AbortedError("aborted");
    this.previousEventId = this.history.record(this.previousEventId, body);
    return this.previousEventId;
  }

  /** Records beside the chain: what follows hangs on the same event as this one does. */
  recordAside(body: EventBody): number {
    const { previousEventId } = this;
    const id = this.record(body);
    this.previousEventId = previousEventId;
    return id;
  }

  beginAttempt(): void {
    this.hasFailedWork = false;
  }

  /** Ends the thread and all below it without a word in the history. */
  abort(): void {
    this.dropChildren();
    this.controller.abort(new AbortedError("aborted"));
  }

  /** Aborts what still runs below this thread because `failed`, one of the children, failed; recorded as in the service. */
  abortChildren(failed: Thread): void {
    this.join(failed);
    for (const child of this.children) {
      child.recordAbort(failed.previousEventId);
      child.abort();
    }
    this.children.clear();
  }

  dropChildren(): void {
    for (const child of this.children) child.abort();
    this.children.clear();
  }

  private recordAbort(cause: number): void {
    for (const child of this.children) child.recordAbort(cause);
    const record = (body: EventBody): void => {
      if (!this.history.isFull) this.history.record(cause, body); // at the limit the failure itself matters more
    };
    if (this.hasMapRun) record({ type: "MapRunAborted" });
    const type = this.visit?.type;
    if (type === "Task" || type === "Wait" || type === "Map" || type === "Parallel") {
      record({ type: `${type}StateAborted` });
    }
    if (this.iteration) record({ type: "MapIterationAborted", mapIterationAbortedEventDetails: this.iteration });
  }

  /** Anything thrown inside a state as what the state reports. Aborts pass as they are. */
  toStatesError(error: unknown): StatesError | AbortedError {
    if (error instanceof StatesError || error instanceof AbortedError) return error;
    const place = this.visit
      ? `'${this.visit.name}' (entered at the event id #${this.visit.enteredEventId})`
      : "unknown";
    const message = error instanceof Error ? error.message : String(error);
    const name = error instanceof EvaluationError ? error.error : "States.Runtime";
    return new StatesError(name, `An error occurred while executing the state ${place}. ${message}`);
  }
}
