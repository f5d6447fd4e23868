import { isoTime } from "../../core/effects/clock.ts";
import type { Clock } from "../../core/effects/clock.ts";
import type { Json } from "../../core/effects/json.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { ItemProcessor } from "./definition.ts";
import { AbortedError, StatesError, tooLarge } from "./errors.ts";
import type { EndedExecution, Execution } from "./execution.ts";
import { failureDetails } from "./history.ts";
import type { DistributedMapRequest } from "./interpreter.ts";
import { fitsPayload } from "./json-data.ts";
import { limits } from "./limits.ts";
import type { MapItem } from "./thread.ts";

/** Where a Map Run stands: one record a run, however many children. */
export interface MapRun {
  readonly mapRunArn: string;
  readonly executionArn: string;
  readonly status: "RUNNING" | "SUCCEEDED" | "FAILED" | "ABORTED";
  readonly startedAt: string;
  readonly stoppedAt?: string;
  readonly maxConcurrency: number;
  readonly toleratedFailureCount: number;
  readonly toleratedFailurePercentage: number;
  readonly itemCounts: ItemCounts;
}
export interface ItemCounts {
  readonly total: number;
  readonly pending: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly aborted: number;
}

/** What is known of a child at its end, in the field names of Step Functions' result files. */
export interface ChildResult {
  readonly ExecutionArn: string;
  readonly Name: string;
  readonly StateMachineArn: string;
  readonly Status: EndedExecution["status"];
  /** JSON text. */
  readonly Input: string;
  /** JSON text, of a succeeded child. */
  readonly Output?: string;
  readonly Error?: string;
  readonly Cause?: string;
  readonly StartDate: string;
  readonly StopDate: string;
}

/** Takes the results of one Map Run as its children end, in that order. */
export interface ResultSink {
  write(result: ChildResult): Promise<void>;
  /** After the last result: where the manifest lies. */
  close(): Promise<{ readonly bucket: string; readonly key: string }>;
}

export interface ResultDestination {
  readonly bucket: string;
  readonly prefix: string;
  readonly mapRunArn: string;
}

export interface MapRunEffects {
  readonly clock: Clock;
  readonly payloadBytes: number;
  readonly mapRunArn: string;
  readonly executionArn: string;
  /** Starts a child execution of `flow`. */
  readonly startChild: (flow: ItemProcessor, input: Json, mapRunArn: string) => Execution;
  readonly openResults: (destination: ResultDestination) => ResultSink;
  /** Called at the start and after each change. */
  readonly onChange: (run: MapRun) => void;
}

/**
 * Runs a distributed Map: a child execution an item, at most `maxConcurrency` at a time.
 *
 * Nothing of an ended child is kept but what the Map's output needs, and that only until it outgrows a payload: with a
 * result sink memory doesn't grow with the number of children.
 *
 * @returns `{MapRunArn, ResultWriterDetails}` with a destination, else the children's outputs in order; a tolerated
 *   failure stands among these as its `ChildResult`, as the service does it
 * @throws {StatesError} States.ExceedToleratedFailureThreshold, States.ItemReaderFailed, States.ResultWriterFailed
 */
export async function runMap(request: DistributedMapRequest, effects: MapRunEffects): Promise<Json> {
  const { thread } = request;
  const { mapRunArn } = effects;
  const counts = { total: 0, running: 0, succeeded: 0, failed: 0, timedOut: 0, aborted: 0 };
  const startedAt = isoTime(effects.clock.now());
  let status: MapRun["status"] = "RUNNING";
  let stoppedAt: string | undefined;
  const report = (): void =>
    effects.onChange({
      mapRunArn,
      executionArn: effects.executionArn,
      status,
      startedAt,
      ...(stoppedAt === undefined ? {} : { stoppedAt }),
      maxConcurrency: request.maxConcurrency,
      toleratedFailureCount: request.toleratedFailureCount ?? 0,
      toleratedFailurePercentage: request.toleratedFailurePercentage ?? 0,
      itemCounts: { ...counts, pending: counts.total - sum(counts) },
    });

  const end = (as: MapRun["status"]): void => {
    status = as;
    stoppedAt = isoTime(effects.clock.now());
    report();
  };

  // Calls, since both change while we wait.
  const isAborted = (): boolean => thread.signal.aborted;
  const isOver = (): boolean => isAborted() || status !== "RUNNING";
  const running = new Set<Execution>();
  const stopChildren = (): void => {
    for (const child of running) child.stop(undefined, undefined);
  };
  thread.record({ type: "MapRunStarted", mapRunStartedEventDetails: { mapRunArn } });
  thread.hasMapRun = true;
  thread.signal.addEventListener("abort", stopChildren, { once: true });
  try {
    report();
    const items = await tagged("States.ItemReaderFailed", request.items);
    counts.total = items.length;
    const { destination } = request;
    const sink =
      destination &&
      (await tagged("States.ResultWriterFailed", async () => effects.openResults({ ...destination, mapRunArn })));
    const outputs = sink ? undefined : new Outputs(items.length, effects.payloadBytes);
    const tolerated = toleratedFailures(request, items.length);
    let started = 0;
    let failed = 0;

    const work = async (): Promise<void> => {
      while (started < items.length && !isOver()) {
        const index = started++;
        const item: MapItem = { Index: index, Value: items[index] ?? null };
        const input = request.select(item);
        if (!fitsPayload(JSON.stringify(input), effects.payloadBytes)) throw tooLarge(request.stateName);
        const child = effects.startChild(request.state.ItemProcessor, input, mapRunArn);
        running.add(child);
        counts.running += 1;
        report();
        const ended = await child.done;
        running.delete(child);
        counts.running -= 1;
        counts[countOf[ended.status]] += 1;
        report();
        if (isOver()) return;
        if (ended.status !== "SUCCEEDED") failed += 1;
        outputs?.put(index, ended.status === "SUCCEEDED" ? ended.output : toChildResult(ended));
        if (sink) await tagged("States.ResultWriterFailed", () => sink.write(toChildResult(ended)));
        if (failed > tolerated) {
          throw new StatesError(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
          );
        }
      }
    };
    const limit = request.maxConcurrency === 0 ? limits.mapRunConcurrency : request.maxConcurrency;
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
    if (isAborted()) throw new AbortedError("aborted");

    const written = sink && (await tagged("States.ResultWriterFailed", () => sink.close()));
    const result = written
      ? { MapRunArn: mapRunArn, ResultWriterDetails: { Bucket: written.bucket, Key: written.key } }
      : (outputs?.toJson(request.stateName) ?? []);
    thread.record({ type: "MapRunSucceeded" });
    end("SUCCEEDED");
    return result;
  } catch (error) {
    const failure = thread.toStatesError(error);
    if (failure instanceof AbortedError || isAborted()) {
      end("ABORTED");
      throw failure;
    }
    thread.hasFailedWork = true;
    thread.hasMapRun = false;
    stopChildren();
    thread.record({ type: "MapRunFailed", mapRunFailedEventDetails: failureDetails(failure) });
    end("FAILED");
    throw failure;
  } finally {
    thread.hasMapRun = false;
    thread.signal.removeEventListener("abort", stopChildren);
  }
}

/** The smaller of the thresholds that are given: exceeding either is too much. */
function toleratedFailures(request: DistributedMapRequest, items: number): number {
  const { toleratedFailureCount: count, toleratedFailurePercentage: percentage } = request;
  const thresholds = [count, percentage === undefined ? undefined : (items * percentage) / 100];
  const given = thresholds.filter((threshold) => threshold !== undefined);
  return given.length === 0 ? 0 : Math.min(...given);
}

const countOf = { SUCCEEDED: "succeeded", FAILED: "failed", TIMED_OUT: "timedOut", ABORTED: "aborted" } as const;

const sum = (counts: Omit<ItemCounts, "total" | "pending">): number =>
  counts.running + counts.succeeded + counts.failed + counts.timedOut + counts.aborted;

/** Results in item order, given up as soon as they can no longer fit into a payload. */
class Outputs {
  private readonly outputs: Json[];
  private readonly maxBytes: number;
  private bytes = 0;

  constructor(length: number, maxBytes: number) {
    this.outputs = new Array<Json>(length).fill(null);
    this.maxBytes = maxBytes;
  }

  put(index: number, output: Json): void {
    this.bytes += Buffer.byteLength(JSON.stringify(output)) + 1;
    if (this.bytes > this.maxBytes) this.outputs.length = 0;
    else this.outputs[index] = output;
  }

  toJson(stateName: string): Json {
    if (this.bytes <= this.maxBytes) return this.outputs;
    throw tooLarge(stateName);
  }
}

function toChildResult(ended: EndedExecution): ChildResult & { readonly [key: string]: string } {
  const outcome: { Output?: string; Error?: string; Cause?: string } = {};
  if (ended.status === "SUCCEEDED") outcome.Output = JSON.stringify(ended.output);
  else {
    if (ended.error !== undefined) outcome.Error = ended.error;
    if (ended.cause !== undefined) outcome.Cause = ended.cause;
  }
  return {
    ExecutionArn: ended.arn,
    Name: ended.name,
    StateMachineArn: ended.arn.replace(/:execution:(.*):[^:]*$/, ":stateMachine:$1"),
    Status: ended.status,
    Input: JSON.stringify(ended.input),
    ...outcome,
    StartDate: ended.startedAt,
    StopDate: ended.stoppedAt,
  };
}

/** Effects that fail become the error that the language has for them. */
async function tagged<T>(error: string, effect: () => Promise<T>): Promise<T> {
  try {
    return await effect();
  } catch (thrown) {
    throw new StatesError(error, messageOf(thrown).slice(0, limits.causeLength));
  }
}
