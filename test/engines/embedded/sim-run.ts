import { readFileSync } from "node:fs";
import { unpackHistory } from "../../../core/evidence/history-chunk.ts";
import { toBytes } from "../../../core/flow/effects.ts";
import { answerHost } from "../../../core/flow/host-calls.ts";
import { buildCapability, verifyCapability } from "../../../core/identity/index.ts";
import { seededRandom } from "../../../core/effects/random.ts";
import { blobKey, runKeys, sweepExecution } from "../../../core/names/keys.ts";
import type { Experiment, Plan, PlannedHost, RenderedStep, TopologyHost } from "../../../core/plan/types.ts";
import type { Unit } from "../../../core/ports/host-agent.ts";
import type { ObjectStore } from "../../../core/ports/object-store.ts";
import type { RunRecord } from "../../../core/records/schemas.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import type { EmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import { createEmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import type { SimBehaviour } from "../../../providers/sim/sim-world.ts";
import { SimWorld } from "../../../providers/sim/sim-world.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { recordFixture } from "../../support/flow-fixtures.ts";

export const machineFiles = Object.fromEntries(
  ["sweep", "trial", "teardown"].map((name) => [
    `${name}.asl.json`,
    readFileSync(new URL(`../../../statemachines/${name}.asl.json`, import.meta.url), "utf8"),
  ]),
);

export const unitFixture = (overrides: Partial<Unit> = {}): Unit => ({
  name: "load",
  kind: "job",
  script: "true",
  env: {},
  files: [],
  workDir: ".",
  timeoutMs: 60_000,
  limits: {},
  ...overrides,
});

const plannedHost = (name: string, role: string, lane: number): PlannedHost => ({
  name,
  role,
  labels: [role],
  lane,
  index: 0,
  provider: "sim",
  shape: {
    type: "sim",
    image: "sim",
    architecture: "x86_64",
    vcpus: 2,
    memoryBytes: 1e9,
    spot: false,
    disks: [],
    options: {},
  },
  user: "sim",
  packages: [],
  sysctl: {},
  swapBytes: undefined,
  dollarsPerHour: 0,
});

export interface SimExperimentOptions {
  readonly points: number;
  readonly trials: number;
  readonly lanes: number;
  /** @default 1 */
  readonly clients?: number;
  readonly jobTimeoutMs?: number;
  readonly retries?: Plan["retries"];
  /** Trials of one point that one lane runs without letting go. @default 1 */
  readonly blockSize?: number;
}

/** One server and its clients a lane; `points` × `trials`, blocks of one trial each, in passes. */
export function simExperiment(options: SimExperimentOptions): Experiment {
  const clients = options.clients ?? 1;
  const jobTimeoutMs = options.jobTimeoutMs ?? 60_000;
  const points = Array.from({ length: options.points }, (_, i) => ({
    pointKey: `load.n=${i}`,
    sweep: "load",
    deployment: "main",
    parameters: { n: i },
    timeoutMs: jobTimeoutMs + 60_000,
    expectedMs: 10_000,
  }));
  const plan: Plan = {
    schema: "reprise/plan@1",
    experiment: "sim",
    title: "sim",
    definitionDigest: "0".repeat(64),
    bundle: { sha256: "0".repeat(64), bytes: 0 },
    sources: {},
    deployments: [
      {
        name: "main",
        lanes: options.lanes,
        places: { sim: [{ region: "sim-1" }, { region: "sim-2" }] },
        hosts: Array.from({ length: options.lanes }, (_, lane) => [
          plannedHost(`l${lane}-server-0`, "server", lane),
          ...Array.from({ length: clients }, (_unused, n) => plannedHost(`l${lane}-client-${n}`, "client", lane)),
        ]).flat(),
        setupStages: 1,
        setupTimeoutMs: 600_000,
        leaseMs: 4 * 24 * 3_600_000,
      },
    ],
    points,
    blocks: Array.from({ length: options.trials / (options.blockSize ?? 1) }, (_, pass) =>
      points.map((_unused, point) => ({
        deployment: "main",
        trials: Array.from({ length: options.blockSize ?? 1 }, (_alsoUnused, n) => {
          const trialIndex = pass * (options.blockSize ?? 1) + n;
          return { point, trialIndex, trialKey: `key-${point}-${trialIndex}`, seed: trialIndex };
        }),
      })),
    ).flat(),
    retries: options.retries ?? {},
    stopAfterFailures: undefined,
    budgetDollars: undefined,
  };
  const on = (hosts: readonly TopologyHost[], role: string, units: readonly Unit[]): RenderedStep[] =>
    hosts.filter((h) => h.role === role).map((h) => ({ host: h.name, units, collect: [] }));
  return {
    plan,
    stages: () => 1,
    renderSetup: (_deployment, _stage, topology) =>
      topology.hosts.map((h) => ({
        host: h.name,
        units: [unitFixture({ name: "install", kind: "command" })],
        collect: [],
      })),
    renderTrial: (phase, _stage, trial) => {
      const lane = trial.topology.hosts.filter((h) => h.lane === trial.lane);
      if (phase === "services") return on(lane, "server", [unitFixture({ name: "server", kind: "service" })]);
      if (phase === "jobs")
        return on(lane, "client", [unitFixture({ name: "load", kind: "job", timeoutMs: jobTimeoutMs })]);
      return [];
    },
    check: async () => [],
    summarize: async () => ({ opsPerSec: 1 }),
    classify: (failure) => failure,
  };
}

/**
 * `kill -9` in a simulation: after so many effects a process does nothing any more, not even fail. The effect that burns
 * it down may or may not happen, as the caller of a killed process can't know either.
 */
export class Fuse {
  private left: number;
  private readonly effects: number;
  readonly isLastDone: boolean;
  /** Resolves when it has burnt down. */
  readonly burnt: Promise<void>;
  private burnDown: () => void = () => undefined;
  constructor(effects: number, isLastDone: boolean) {
    this.effects = effects;
    this.left = effects;
    this.burnt = new Promise((resolve) => {
      this.burnDown = resolve;
    });
    this.isLastDone = isLastDone;
  }

  get isBurnt(): boolean {
    return this.hasBurnt();
  }

  /** Asked anew each time: a call in between burns it, which narrowing a property doesn't know. */
  private hasBurnt(): boolean {
    return this.left <= 0;
  }

  /** Effects so far. */
  get spent(): number {
    return this.effects - this.left;
  }

  /** Burns it down at once. */
  burn(): void {
    this.left = 0;
    this.burnDown();
  }

  /** The same object, until the fuse has burnt down. */
  protect<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, property, receiver) => {
        const member: unknown = Reflect.get(object, property, receiver);
        if (typeof member !== "function") return member;
        const call = member.bind(object) as (...args: unknown[]) => unknown; // a method of the target
        return (...args: unknown[]) => {
          if (property === "now" || property === "signPut") return call(...args);
          if (this.hasBurnt()) return dead;
          if (property !== "sleep") this.left--;
          if (this.isBurnt) this.burnDown();
          if (this.hasBurnt() && !this.isLastDone) return dead;
          const result = call(...args);
          if (this.hasBurnt()) return dead;
          return result instanceof Promise ? result.then((value: unknown) => (this.hasBurnt() ? dead : value)) : result;
        };
      },
    });
  }
}

/** Neither resolves nor rejects, and lists nothing for ever. */
const dead = Object.assign(new Promise<never>(() => undefined), {
  [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
});

export interface SimRun {
  readonly runId: string;
  readonly store: MemoryStore;
  readonly world: SimWorld;
  readonly clock: VirtualClock;
  readonly experiment: Experiment;
  /** Hosts that push find nobody there while it is true. */
  isEndpointDown: boolean;
  /** A control plane of its own on the same store and hosts; with a fuse it dies when that has burnt down. */
  engine(fuse?: Fuse): EmbeddedEngine;
  /** Starts one epoch; resolves when the sweep has ended. */
  sweep(engine: EmbeddedEngine, epoch: number): Promise<string>;
  /** Resolves when no execution runs any more, teardown included. */
  settle(engine: EmbeddedEngine): Promise<void>;
}

export async function createSimRun(options: {
  readonly experiment: Experiment;
  readonly behaviour?: Partial<SimBehaviour>;
  readonly record?: Partial<RunRecord>;
  readonly wrapStore?: (store: MemoryStore, clock: VirtualClock) => ObjectStore;
  readonly keepsHistory?: boolean;
  /** Hosts report and upload by themselves, instead of being asked. @default false */
  readonly pushes?: boolean;
  readonly uploadTtlMs?: number;
}): Promise<SimRun> {
  const clock = new VirtualClock();
  const { uploadTtlMs } = options;
  const store = new MemoryStore({ clock, ...(uploadTtlMs === undefined ? {} : { uploadTtlMs }) });
  const behaviour: SimBehaviour = {
    run: () => ({ durationMs: 1_000, exitCode: 0 }),
    bootMs: 20_000,
    ...options.behaviour,
  };
  let newest: { readonly engine: EmbeddedEngine; readonly fuse: Fuse | undefined } | undefined;
  const world = new SimWorld({
    clock,
    random: seededRandom(1),
    behaviour,
    control: {
      call: async (call, body) => {
        if (run.isEndpointDown || newest === undefined || newest.fuse?.isBurnt === true) throw new Error("refused");
        const { effects } = newest.engine;
        const verify = (token: string, now: number) => verifyCapability(secret, token, now);
        const answered = new AbortController();
        try {
          // An engine that dies in the middle of it never answers.
          return await Promise.race([
            answerHost(call, body, { flow: effects, verify }),
            clock.sleep(30_000, answered.signal).then(() => Promise.reject(new Error("timed out"))),
          ]);
        } finally {
          answered.abort();
        }
      },
      put: async (url, headers, body) => {
        if (run.isEndpointDown) throw new Error("refused");
        const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
        const answer = await store.upload(url, lower, once(body));
        return answer === "created" || answer === "mine" ? 200 : answer === "DifferentBytesThere" ? 412 : 403;
      },
    },
  });
  const runId = "sim-run";
  const { experiment } = options;
  const record = recordFixture({ runId, ...options.record });
  await store.putIfAbsent(runKeys(runId).run, toBytes(record), "test");
  await store.putIfAbsent(runKeys(runId).plan, toBytes(experiment.plan), "test");
  await store.putIfAbsent(blobKey(experiment.plan.bundle.sha256), new Uint8Array(), "test");
  let engines = 0;
  const run: SimRun = {
    isEndpointDown: false,
    runId,
    store,
    world,
    clock,
    experiment,
    engine: (fuse) => {
      const n = ++engines;
      let ids = 0;
      const guard = <T extends object>(target: T): T => (fuse === undefined ? target : fuse.protect(target));
      const engine = createEmbeddedEngine({
        runId,
        clock: guard(clock),
        random: seededRandom(n),
        newId: () => `e${n}-${(++ids).toString().padStart(8, "0")}`,
        store: guard(options.wrapStore?.(store, clock) ?? store),
        machineFiles,
        ...(options.keepsHistory === undefined ? {} : { keepsHistory: options.keepsHistory }),
        world: {
          openRun: async () => experiment,
          provider: () => guard(world.provider),
          agent: (_runId, host) => guard(world.agent(host)),
          hostSetup: async () => ({ authorizedKey: "", hostPrivateKey: "", hostKey: "SHA256:sim" }),
          push: (_runId, phase, host) =>
            options.pushes === true
              ? {
                  endpoint: "sim",
                  capability: buildCapability(secret, {
                    scope: phase.scope,
                    host: host.name,
                    expiresAt: clock.now() + 7 * 24 * 3_600_000,
                  }),
                }
              : undefined,
          version: "test",
        },
      });
      newest = { engine, fuse };
      return engine;
    },
    sweep: async (engine, epoch) => {
      const name = sweepExecution(runId, epoch);
      await engine.asl.start("sweep", name, { runId, epoch });
      return (await engine.asl.wait(name)).status;
    },
    settle: async (engine) => {
      for (let running = engine.asl.listRunning(); running.length > 0; running = engine.asl.listRunning()) {
        await Promise.all(running.map((execution) => engine.asl.wait(execution.name)));
      }
    },
  };
  return run;
}

export const secret = new Uint8Array(32).fill(7);

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

/** Everything of one epoch, teardown included; gives the sweep's status. */
export const runEpoch = (run: SimRun, epoch: number, engine: EmbeddedEngine = run.engine()): Promise<string> =>
  run.clock.run(
    run.sweep(engine, epoch).then(async (status) => {
      await run.settle(engine);
      return status;
    }),
  );

/** What the feed says, by kind. */
export async function feed(
  run: SimRun,
): Promise<{ readonly kind: string; readonly text: string; readonly at: string }[]> {
  const events: { readonly kind: string; readonly text: string; readonly at: string }[] = [];
  for await (const entry of run.store.list(runKeys(run.runId).events)) {
    const stored = await run.store.get(entry.key);
    events.push(JSON.parse(new TextDecoder().decode(stored!.body)) as (typeof events)[number]);
  }
  return events;
}

/** How many events each execution has, by name. */
export async function eventCounts(run: SimRun): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const [execution, line] of historyLines(run)) {
    expect(line.length).toBeLessThan(262_144);
    counts.set(execution, (counts.get(execution) ?? 0) + 1);
  }
  return counts;
}

/** Each event of each execution, as it is stored. */
export async function* historyLines(run: SimRun): AsyncGenerator<readonly [string, string]> {
  const prefix = runKeys(run.runId).histories;
  for await (const entry of run.store.list(prefix)) {
    const stored = await run.store.get(entry.key);
    const execution = entry.key.slice(prefix.length).split("/")[0] ?? "";
    for (const line of unpackHistory(stored!.body)) yield [execution, line];
  }
}

/** Trials with a valid attempt, as `pointKey/trialIndex/attempt`, sorted. */
export async function validResults(run: SimRun): Promise<string[]> {
  const valid: string[] = [];
  for await (const entry of run.store.list(runKeys(run.runId).outcomes)) {
    const stored = await run.store.get(entry.key);
    const outcome = JSON.parse(new TextDecoder().decode(stored!.body)) as {
      pointKey: string;
      trialIndex: number;
      attempt: number;
    };
    valid.push(`${outcome.pointKey}/${outcome.trialIndex}/${outcome.attempt}`);
  }
  return valid.sort();
}
