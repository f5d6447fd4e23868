import type { Json } from "../../../core/effects/json.ts";
import { seededRandom } from "../../../core/effects/random.ts";
import { parseStateMachine } from "../../../engines/asl/definition.ts";
import { AslEngine } from "../../../engines/asl/engine.ts";
import type { AslEngineOptions } from "../../../engines/asl/engine.ts";
import type { EndedExecution, ExecutionRef } from "../../../engines/asl/execution.ts";
import type { HistoryEvent } from "../../../engines/asl/history.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";

export type Handler = (payload: Json, options: { readonly signal: AbortSignal }) => Promise<Json> | Json;

export class ApplicationError extends Error {
  override readonly name: string;
  readonly hint: string | undefined;
  constructor(name: string, message = "no luck", hint?: string) {
    super(message);
    this.name = name;
    this.hint = hint;
  }
}

export interface World {
  readonly engine: AslEngine;
  readonly clock: VirtualClock;
  /** Handler calls in order: name, payload, second of virtual time. */
  readonly calls: { readonly handler: string; readonly payload: Json; readonly atSec: number }[];
  readonly events: { readonly execution: ExecutionRef; readonly event: HistoryEvent }[];
  /** Drives `work` to its end in virtual time. */
  readonly run: <T>(work: Promise<T>) => Promise<T>;
  readonly nowSec: () => number;
}

export const epoch = Date.UTC(2026, 10, 21);

/** An engine on a virtual clock that starts at 2026-11-21T00:00:00Z, with one machine, "machine". */
export function worldOf(
  definition: unknown,
  handlers: Readonly<Record<string, Handler>> = {},
  options: Partial<AslEngineOptions> & { readonly seed?: number } = {},
): World {
  const clock = new VirtualClock(epoch);
  const nowSec = (): number => (clock.now() - epoch) / 1_000;
  const calls: World["calls"] = [];
  const events: World["events"] = [];
  let ids = 0;
  const engine = new AslEngine({
    machines: { machine: parseStateMachine(definition) },
    clock,
    random: seededRandom(options.seed ?? 1),
    newId: () => `id-${++ids}`,
    invoker: {
      async invoke(handler, payload, { signal }) {
        calls.push({ handler, payload, atSec: nowSec() });
        const found = handlers[handler];
        if (found === undefined) throw new ApplicationError("Lambda.ResourceNotFoundException", `no ${handler}`);
        return found(payload, { signal });
      },
    },
    onEvent: (execution, event) => events.push({ execution, event }),
    ...options,
  });
  return { engine, clock, calls, events, nowSec, run: (work) => clock.run(work) };
}

/** Starts "machine" as "e" and runs it to its end. */
export async function execute(world: World, input: Json = {}, name = "e"): Promise<EndedExecution> {
  return world.run(
    (async () => {
      await world.engine.start("machine", name, input);
      return world.engine.wait(name);
    })(),
  );
}

/** One execution of `definition`: its end and the world it ran in. */
export async function runMachine(
  definition: unknown,
  input: Json = {},
  handlers: Readonly<Record<string, Handler>> = {},
  options: Parameters<typeof worldOf>[2] = {},
): Promise<World & { readonly end: EndedExecution; readonly history: readonly HistoryEvent[] }> {
  const world = worldOf(definition, handlers, options);
  const end = await execute(world, input);
  return { ...world, end, history: world.engine.history("e") };
}

/** The output of an execution that must succeed. */
export async function outputOf(
  definition: unknown,
  input: Json = {},
  handlers: Record<string, Handler> = {},
): Promise<Json> {
  const { end } = await runMachine(definition, input, handlers);
  if (end.status !== "SUCCEEDED") throw new Error(`${end.status}: ${end.error ?? ""} ${end.cause ?? ""}`);
  return end.output;
}

/** A machine of one state, which ends. */
export const single = (state: Record<string, unknown>): unknown => ({
  StartAt: "S",
  States: { S: { ...state, ...(["Succeed", "Fail", "Choice"].includes(String(state["Type"])) ? {} : { End: true }) } },
});

/** A Task on a handler; its output is the handler's own result. */
export const task = (handler: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke",
  Parameters: { FunctionName: handler, "Payload.$": "$" },
  OutputPath: "$.Payload",
  ...more,
});

export const callback = (handler: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
  Parameters: { FunctionName: handler, Payload: { "token.$": "$$.Task.Token", "input.$": "$" } },
  ...more,
});

/** `3<-2 PassStateExited S`: the history in short. */
export const brief = (history: readonly HistoryEvent[]): string[] =>
  history.map((event) => {
    const details = Object.values(event).find((value) => typeof value === "object") as
      { name?: string; index?: number; error?: string } | undefined;
    const name = [details?.name, details?.index, details?.error].filter((part) => part !== undefined).join(" ");
    return `${event.id}<-${event.previousEventId} ${event.type}${name === "" ? "" : ` ${name}`}`;
  });

export const typesOf = (history: readonly HistoryEvent[]): string[] => history.map(({ type }) => type);

/** Typed, since the matcher's own type is any. */
export const containing = (text: string): string => expect.stringContaining(text) as string;
