import type { FlowEffects } from "../../core/flow/effects.ts";
import type { TopologyHost } from "../../core/plan/types.ts";
import type { Engine } from "../../core/ports/engine.ts";
import type { HostAgent, HostStep } from "../../core/ports/host-agent.ts";
import type { RunRecord } from "../../core/records/schemas.ts";
import { MemoryStore } from "../../stores/memory/memory-store.ts";

export const topologyHostFixture = (overrides: Partial<TopologyHost> = {}): TopologyHost => ({
  name: "server-0",
  role: "server",
  labels: ["server"],
  lane: 0,
  index: 0,
  provider: "sim",
  place: { region: "sim" },
  privateAddress: "10.0.0.1",
  publicAddress: "10.0.0.1",
  network: "sim",
  portBase: 20_000,
  sshPort: 22,
  user: "sim",
  hostKey: "SHA256:x",
  machineType: "sim",
  image: "sim",
  ...overrides,
});

/** What `submit` writes of a run before anything happens; its id is `r`. */
export const recordFixture = (overrides: Partial<RunRecord> = {}): RunRecord => ({
  schema: "reprise/run-record@1",
  runId: "r",
  experiment: "sim",
  definitionDigest: "0".repeat(64),
  planDigest: "0".repeat(64),
  owner: "test",
  createdAt: "2026-01-01T00:00:00.000Z",
  repriseVersion: "test",
  until: "trials",
  keep: false,
  reuse: "run",
  deploymentsAtOnce: 1,
  ...overrides,
});

export const stepFixture = (overrides: Partial<HostStep> = {}): HostStep => ({
  stepId: "p.t0.a1.collect-0",
  fence: { runId: "r", epoch: 1, attempt: 1 },
  attemptDir: "attempts/p.t0.a1",
  units: [],
  waitsForGo: false,
  guardsServices: false,
  stops: "none",
  resets: false,
  collect: [],
  deadlineAt: 1e15,
  push: undefined,
  ...overrides,
});

const unasked = (what: string) => async (): Promise<never> => {
  throw new Error(`the test did not expect ${what}`);
};

/** A host that takes every step and never says a word of it. */
export const idleAgent = (): HostAgent => ({
  prepare: unasked("prepare"),
  putFile: async () => undefined,
  arm: async () => ({ kind: "armed" }),
  go: async () => undefined,
  status: async () => ({ kind: "armed" }),
  wait: async () => ({ kind: "armed" }),
  stop: async () => undefined,
  remove: async () => ({ left: [] }),
  outputs: async () => [],
  read: () => {
    throw new Error("the test did not expect read");
  },
  acknowledge: async () => undefined,
  clockOffset: async () => ({ offsetMs: 0, errorMs: 0 }),
});

/** Effects in memory; what a test doesn't name fails when it is used. */
export function fakeEffects(
  overrides: Omit<Partial<FlowEffects>, "engine"> & { readonly engine?: Partial<Engine> } = {},
): FlowEffects {
  const { engine, ...rest } = overrides;
  let ids = 0;
  return {
    clock: { now: () => 0, sleep: unasked("sleep") },
    store: new MemoryStore({ clock: { now: () => 0 } }),
    openRun: unasked("openRun"),
    provider: () => {
      throw new Error("the test did not expect a provider");
    },
    agent: () => idleAgent(),
    hostSetup: unasked("hostSetup"),
    push: () => undefined,
    watch: () => undefined,
    newId: () => `id${++ids}`,
    version: "test",
    ...rest,
    engine: {
      start: unasked("start"),
      wake: async () => "gone",
      heartbeat: async () => "gone",
      stop: unasked("stop"),
      ...engine,
    },
  };
}
