import { randomUUID } from "node:crypto";
import type { Clock } from "../core/effects/clock.ts";
import { FailureError } from "../core/errors/failure.ts";
import type { FlowEffects } from "../core/flow/effects.ts";
import { buildCapability } from "../core/identity/index.ts";
import type { Experiment } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import type { Engine } from "../core/ports/engine.ts";
import type { Provider } from "../core/ports/provider.ts";
import type { Environment } from "./environment.ts";
import type { Need } from "./functions.ts";

/** How to log in to hosts, opened for one call and closed with it: no session outlives a call. */
export interface HostsPart {
  readonly agent: FlowEffects["agent"];
  readonly hostSetup: FlowEffects["hostSetup"];
  close(): Promise<void>;
}

/** What a function is made of, beside its handler; a part that isn't given isn't in its bundle either. */
export interface Parts {
  readonly hosts?: (options: {
    readonly environment: Environment;
    readonly store: ObjectStore;
    readonly clock: Clock;
    readonly secret: Uint8Array;
    readonly version: string;
  }) => Promise<HostsPart>;
  readonly providers?: (environment: Environment, clock: Clock) => (name: string) => Provider;
}

export interface OpenedEffects {
  readonly effects: FlowEffects;
  /** Gives what `watch` follows a bounded time to be heard, then lets go of hosts. */
  close(): Promise<void>;
}

/** What the runtime opens once and keeps between calls. */
export interface Base {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly engine: Engine;
  readonly secret: () => Promise<Uint8Array>;
  readonly openRun: (runId: string) => Promise<Experiment>;
  /** Follows hosts that were armed before and may be done already. */
  readonly follow: (flow: () => FlowEffects) => Follower;
}

export interface Follower {
  readonly watch: FlowEffects["watch"];
  close(): Promise<void>;
}

/** Longer than any run: a host may report until its own deadline, which is what bounds it. */
const capabilityLifeMs = 14 * 24 * 3_600_000;

/**
 * The flow's effects as one function has them: what its needs don't name refuses, here as in its role, so that a test
 * without a cloud finds a permission that is missing.
 */
export async function openEffects(base: Base, needs: readonly Need[], parts: Parts): Promise<OpenedEffects> {
  const { environment, clock, store, engine } = base;
  const has = (need: Need): boolean => needs.includes(need);
  const secret = has("secret") ? await base.secret() : undefined;
  const hosts =
    has("hosts") && parts.hosts !== undefined && secret !== undefined
      ? await parts.hosts({ environment, store, clock, secret, version: environment.version })
      : undefined;
  const provider = has("providers") ? parts.providers?.(environment, clock) : undefined;
  const follower = base.follow(() => effects);
  const effects: FlowEffects = {
    clock,
    store,
    engine: restrictEngine(engine, has),
    openRun: base.openRun,
    provider: provider ?? (() => refuse("providers")),
    agent: hosts?.agent ?? (() => refuse("hosts")),
    hostSetup: hosts?.hostSetup ?? (() => refuse("hosts")),
    push: (_runId, phase, host) => {
      if (secret === undefined || environment.endpointUrl === undefined) return refuse("secret");
      const expiresAt = clock.now() + capabilityLifeMs;
      const capability = buildCapability(secret, { scope: phase.scope, host: host.name, expiresAt });
      return { endpoint: environment.endpointUrl, capability };
    },
    watch: follower.watch,
    newId: randomUUID,
    version: environment.version,
  };
  return {
    effects,
    close: async () => {
      await follower.close();
      await hosts?.close();
    },
  };
}

const restrictEngine = (engine: Engine, has: (need: Need) => boolean): Engine => ({
  start: (...args) => (has("startsTeardown") ? engine.start(...args) : refuse("startsTeardown")),
  wake: (...args) => (has("wakes") ? engine.wake(...args) : refuse("wakes")),
  heartbeat: (...args) => (has("wakes") ? engine.heartbeat(...args) : refuse("wakes")),
  stop: () => refuse("stops"),
});

function refuse(need: string): never {
  throw new FailureError({
    class: "defect",
    message: `this function's role has no "${need}"`,
    hint: "lambdas/functions.ts says what each function needs",
  });
}
