import type { FlowEffects } from "../../../core/flow/effects.ts";
import { toBytes } from "../../../core/flow/effects.ts";
import { runKeys } from "../../../core/names/keys.ts";
import type { Experiment, Topology } from "../../../core/plan/types.ts";
import type { HostAgent } from "../../../core/ports/host-agent.ts";
import type { Provider, ResourceState } from "../../../core/ports/provider.ts";
import type { RunRecord } from "../../../core/records/schemas.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import type { SimExperimentOptions } from "../../engines/embedded/sim-run.ts";
import { simExperiment } from "../../engines/embedded/sim-run.ts";
import { fakeEffects, idleAgent, recordFixture, topologyHostFixture } from "../../support/flow-fixtures.ts";

export const runId = "r";

export interface FlowWorld {
  readonly fx: FlowEffects;
  readonly store: MemoryStore;
  readonly experiment: Experiment;
  /** Executions that were started, by name. */
  readonly started: string[];
  /** What was waked, `token kind`. */
  readonly woken: string[];
  /** What the provider lists; all that was asked for, ready, unless a test changes it. */
  readonly listed: ResourceState[];
  readonly destroyed: string[];
  setTime(ms: number): void;
  put(key: string, value: unknown): Promise<void>;
  /** Reads a record as JSON. */
  read(key: string): Promise<unknown>;
  keys(prefix: string): Promise<string[]>;
  /** The texts of the feed, by kind. */
  told(kind: string): Promise<string[]>;
}

/** A submitted run over a store in memory, a provider that does as it is told, and an engine that only takes notes. */
export async function flowWorld(
  options: {
    readonly experiment?: Partial<SimExperimentOptions>;
    readonly change?: (experiment: Experiment) => Experiment;
    readonly record?: Partial<RunRecord>;
    readonly agent?: (host: string) => HostAgent;
    readonly createsHosts?: boolean;
  } = {},
): Promise<FlowWorld> {
  let now = 1_000;
  const clock = { now: () => now, sleep: () => Promise.reject(new Error("no sleep here")) };
  const store = new MemoryStore({ clock });
  const plain = simExperiment({ points: 2, trials: 2, lanes: 1, ...options.experiment });
  const experiment = options.change?.(plain) ?? plain;
  const started: string[] = [];
  const woken: string[] = [];
  const listed: ResourceState[] = [];
  const destroyed: string[] = [];
  const provider: Provider = {
    name: "sim",
    capabilities: {
      spot: false,
      hostKiller: true,
      createsHosts: options.createsHosts ?? true,
      reachesControl: false,
      nameLimit: 100,
      visibilityDelayMs: 0,
    },
    ensure: async (intents) => intents.map(({ name }) => ({ kind: "accepted", name })),
    observe: async () => listed,
    connect: async () => undefined,
    extend: async () => undefined,
    beginDestroy: async (deployment) => {
      destroyed.push(deployment);
      listed.splice(0);
    },
    sweep: async function* () {
      // Nothing is tagged.
    },
    destroyResource: async () => undefined,
  };
  const fx = fakeEffects({
    clock,
    store,
    openRun: async () => experiment,
    provider: () => provider,
    agent: (_run, host) => options.agent?.(host.name) ?? idleAgent(),
    hostSetup: async () => ({ authorizedKey: "", hostPrivateKey: "", hostKey: "" }),
    engine: {
      start: async (_machine, name) => {
        if (!started.includes(name)) started.push(name);
      },
      wake: async (token, outcome) => {
        woken.push(`${token} ${outcome.kind}`);
        return "woken";
      },
    },
  });
  const put = async (key: string, value: unknown): Promise<void> => {
    await store.putIfAbsent(key, toBytes(value), "test");
  };
  const keys = async (prefix: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const entry of store.list(prefix)) found.push(entry.key);
    return found;
  };
  const read = async (key: string): Promise<unknown> => {
    const stored = await store.get(key);
    return stored === undefined ? undefined : (JSON.parse(new TextDecoder().decode(stored.body)) as unknown);
  };
  await put(runKeys(runId).run, recordFixture(options.record));
  return {
    fx,
    store,
    experiment,
    started,
    woken,
    listed,
    destroyed,
    setTime: (ms) => {
      now = ms;
    },
    put,
    read,
    keys,
    told: async (kind) => {
      const texts: string[] = [];
      for (const key of await keys(runKeys(runId).events)) {
        const event = (await read(key)) as { kind: string; text: string }; // our own feed
        if (event.kind === kind) texts.push(event.text);
      }
      return texts;
    },
  };
}

/** A server and a client on lane 0, as the sim experiment plans them. */
export const topologyFixture = (overrides: Partial<Topology> = {}): Topology => ({
  schema: "reprise/topology@1",
  deployment: "main",
  deploymentId: `${runId}-main-1`,
  round: 0,
  hosts: ["server", "client"].map((role) =>
    topologyHostFixture({ name: `l0-${role}-0`, role, labels: [role], place: { region: "sim-1" } }),
  ),
  ...overrides,
});

export const readyState = (name: string): ResourceState => ({ name, id: name, resourceKind: "host", state: "ready" });
