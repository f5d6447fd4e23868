import type { Clock } from "../../core/effects/clock.ts";
import type { Json } from "../../core/effects/json.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { RepriseError } from "../../core/errors/reprise-error.ts";
import type { FlowEffects } from "../../core/flow/effects.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import type { HandlerName } from "../../lambdas/handlers.ts";
import { handlers } from "../../lambdas/handlers.ts";
import { composeStateMachine } from "../asl/compose.ts";
import { AslEngine, toEnginePort } from "../asl/engine.ts";
import type { HandlerInvoker } from "../asl/task.ts";
import { HistorySink } from "./history-sink.ts";
import type { GrowthOptions } from "./puller.ts";
import { Puller } from "./puller.ts";

export interface EmbeddedOptions {
  readonly runId: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Unguessable, never the same twice. */
  readonly newId: () => string;
  readonly store: ObjectStore;
  /** Text of `statemachines/*.asl.json` by file name. */
  readonly machineFiles: Readonly<Record<string, string>>;
  /** The world's side of the effects; the engine adds itself and the puller. */
  readonly world: Omit<FlowEffects, "clock" | "store" | "engine" | "watch" | "newId">;
  /** Copies what grows on hosts while steps run. @default files land when their step has ended */
  readonly growth?: GrowthOptions;
  /** Keeps event histories in the store. @default true */
  readonly keepsHistory?: boolean;
}

export interface EmbeddedEngine {
  readonly asl: AslEngine;
  readonly effects: FlowEffects;
  /** Waits for what is under way here to be written; hosts go on by themselves. */
  close(): Promise<void>;
}

/** The name that stands for the store in the state machines' S3 integrations. */
const bucket = "store";

/**
 * The control plane in this process: the state machines of `statemachines/`, the handlers of `lambdas/`, a store.
 *
 * It drives one run. Nothing here is durable but the store: after a crash a new one takes the run up.
 */
export function createEmbeddedEngine(options: EmbeddedOptions): EmbeddedEngine {
  const { clock, random, newId, store, world, machineFiles } = options;
  const sink = options.keepsHistory === false ? undefined : new HistorySink(options.runId, { store, clock, newId });
  const puller = new Puller(() => effects, options.growth);
  const invoker: HandlerInvoker = { invoke: (name, payload) => invokeHandler(name, payload, effects) };
  const substitutions = { bucket, ...Object.fromEntries(Object.keys(handlers).map((name) => [name, name])) };
  const asl = new AslEngine({
    machines: {
      sweep: composeStateMachine(machineFiles, "sweep.asl.json", substitutions),
      teardown: composeStateMachine(machineFiles, "teardown.asl.json", substitutions),
    },
    clock,
    random,
    newId,
    invoker,
    readItems: async ({ key }) => {
      const stored = await store.get(key);
      if (stored === undefined) throw new Error(`the store has no ${key}`);
      return JSON.parse(new TextDecoder().decode(stored.body)) as Json; // our own tickets file
    },
    // Children end with their outcome in the store; the Map's own results say nothing more.
    openResults: ({ prefix }) => ({ write: async () => undefined, close: async () => ({ bucket, key: prefix }) }),
    onEvent: (execution, event) => sink?.add(execution, event),
  });
  const effects: FlowEffects = {
    ...world,
    clock,
    store,
    newId,
    engine: toEnginePort(asl),
    watch: (phase, hosts) => {
      puller.watch(phase, hosts);
    },
  };
  return {
    asl,
    effects,
    close: async () => {
      await puller.close();
      await sink?.flush();
    },
  };
}

async function invokeHandler(name: string, payload: Json, fx: FlowEffects): Promise<Json> {
  if (!Object.hasOwn(handlers, name))
    throw new FailureError({ class: "defect", message: `there is no handler ${name}` });
  try {
    return await handlers[name as HandlerName](payload, fx); // hasOwn above
  } catch (error) {
    throw error instanceof RepriseError ? withHint(error) : error;
  }
}

/** The console shows a failed state's message alone: the hint goes with it. */
function withHint(error: RepriseError): Error {
  const shown = new Error(error.hint === undefined ? error.message : `${error.message} (try: ${error.hint})`, {
    cause: error,
  });
  shown.name = error.name;
  return shown;
}
