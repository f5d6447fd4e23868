import { toBytes } from "../../../core/flow/effects.ts";
import { attemptKeys, deploymentKeys, runKeys } from "../../../core/names/keys.ts";
import type { TopologyHost } from "../../../core/plan/types.ts";
import type { HostFacts, StepResult } from "../../../core/ports/host-agent.ts";
import type { Key, ObjectStore } from "../../../core/ports/object-store.ts";
import type { AttemptEvidence, AttemptManifest, AttemptOutcome } from "../../../core/evidence/attempt-manifest.ts";
import { buildAttemptManifest, writeAttemptManifest } from "../../../core/evidence/attempt-manifest.ts";
import { collectArtifacts } from "../../../core/evidence/collect-artifacts.ts";
import { partPath } from "../../../core/evidence/parts.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { chunks, digestOf, text } from "../../stores/store-contract.ts";

export const startOfTests = Date.UTC(2026, 10, 21, 3);
export const newStore = () => new MemoryStore({ clock: { now: () => startOfTests } });

export const hostFixture = (name: string, overrides: Partial<TopologyHost> = {}): TopologyHost => ({
  name,
  role: name.replace(/-\d+$/, ""),
  labels: [],
  lane: 0,
  index: 0,
  provider: "local",
  place: { region: "here", zone: undefined },
  privateAddress: "127.0.0.1",
  publicAddress: "127.0.0.1",
  network: "local",
  portBase: 20_000,
  sshPort: 2_222,
  user: "bench",
  hostKey: "SHA256:x",
  machineType: "local",
  image: "local",
  ...overrides,
});

export const factsFixture: HostFacts = {
  bootId: "b00t",
  instanceId: undefined,
  cpuModel: "Some CPU @ 3 GHz",
  cpuCount: 4,
  microcode: "0x1",
  memoryBytes: 8 * 1024 ** 3,
  kernel: "6.1.0",
  os: "Debian GNU/Linux 12",
  architecture: "x86_64",
  clockSource: "tsc",
  virtualization: undefined,
  versions: { node: "v20.20.2" },
};

export const stepFixture = (overrides: Partial<StepResult>): StepResult => ({
  stepId: "s",
  host: "server-0",
  units: [],
  artifacts: [],
  missing: [],
  warnings: [],
  startedAt: startOfTests,
  endedAt: startOfTests + 2_000,
  ...overrides,
});

/** What a host leaves: content by path. */
export type Files = Readonly<Record<string, string>>;

export async function landFile(store: ObjectStore, key: Key, content: string): Promise<void> {
  await store.putFile(key, chunks(content), digestOf(text(content)));
}

export const promise = (path: string, content: string) => ({ path, ...digestOf(text(content)) });

export interface TrialFixture {
  readonly runId?: string;
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly attempt?: number;
  readonly outcome?: AttemptOutcome;
  readonly parameters?: AttemptEvidence["parameters"];
  readonly summary?: Readonly<Record<string, number>>;
  readonly files?: Files;
  /** Runs before the manifest is built, to land what hosts don't promise. */
  readonly extra?: (store: ObjectStore, prefix: Key) => Promise<readonly StepResult[]>;
}

export const trialKeyOf = (trial: TrialFixture): string => `key-${trial.pointKey}-${trial.trialIndex}`;

/** Lands one attempt with its manifest, and its outcome when it is valid. */
export async function landAttempt(store: ObjectStore, trial: TrialFixture): Promise<AttemptManifest> {
  const { runId = "r1", pointKey, trialIndex, attempt = 1, outcome = { kind: "valid" } } = trial;
  const ref = { runId, pointKey, trialIndex, attempt };
  const keys = attemptKeys(ref);
  await store.putIfAbsent(keys.claim, toBytes({ execution: "e" }), "e");
  await store.putIfAbsent(`${keys.phases}jobs-0.done.server-0.json`, toBytes({}), "host");
  const files = trial.files ?? { "out.log": `log of ${pointKey} ${trialIndex} ${attempt}` };
  for (const [path, content] of Object.entries(files)) await landFile(store, keys.artifact("server-0", path), content);
  const own = stepFixture({ artifacts: Object.entries(files).map(([path, content]) => promise(path, content)) });
  const results = [own, ...((await trial.extra?.(store, keys.manifest.replace("/manifest.json", ""))) ?? [])];
  const collected = await collectArtifacts(store, ref, results);
  const manifest = buildAttemptManifest({
    ref,
    experiment: "quickstart",
    sweep: "load",
    parameters: trial.parameters ?? { clients: 4 },
    trialKey: trialKeyOf(trial),
    seed: 7,
    epoch: 1,
    lane: 0,
    outcome,
    deployment: { name: "main", id: `${runId}-main1`, round: 1 },
    hosts: [{ host: hostFixture("server-0"), facts: factsFixture, clock: { offsetMs: 0, errorMs: 0.5 } }],
    phases: [{ phase: "jobs", stage: 0, results }],
    ...collected,
    checks: [{ name: "rows", passed: true, detail: "3 rows" }],
    summary: trial.summary ?? { throughputOps: 1000.5 },
    sources: { system: { repository: "https://example.org/s.git", commit: "abc", diffDigest: undefined } },
    definitionDigest: "d".repeat(64),
    planDigest: "e".repeat(64),
    repriseVersion: "0.1.0",
    startedAt: startOfTests,
    endedAt: startOfTests + 2_500,
  });
  const { sha256 } = await writeAttemptManifest(store, manifest, "e");
  if (outcome.kind === "valid") {
    const record = {
      trialKey: trialKeyOf(trial),
      ...ref,
      manifestSha256: sha256,
      recordedAt: "2026-11-21T03:00:00.000Z",
    };
    await store.putIfAbsent(runKeys(runId).outcome(trialKeyOf(trial)), toBytes(record), "e");
  }
  return manifest;
}

/** Everything of a run beside its attempts. */
export async function landRun(store: ObjectStore, trials: readonly TrialFixture[], runId = "r1"): Promise<void> {
  const keys = runKeys(runId);
  const points = [...new Set(trials.map(({ pointKey }) => pointKey))];
  const put = (key: Key, value: unknown) => store.putIfAbsent(key, toBytes(value), "e");
  await put(keys.run, {
    schema: "reprise/run-record@1",
    runId,
    experiment: "quickstart",
    definitionDigest: "d".repeat(64),
    planDigest: "e".repeat(64),
    owner: "me",
    createdAt: "2026-11-21T03:00:00.000Z",
    repriseVersion: "0.1.0",
    until: "trials",
    keep: false,
    reuse: "run",
    deploymentsAtOnce: 1,
  });
  await put(keys.plan, {
    schema: "reprise/plan@1",
    points: points.map((pointKey) => ({ pointKey, sweep: "load" })),
    blocks: trials
      .filter(({ attempt = 1 }) => attempt === 1)
      .map((trial) => ({
        trials: [{ point: points.indexOf(trial.pointKey), trialIndex: trial.trialIndex, trialKey: trialKeyOf(trial) }],
      })),
  });
  await store.putIfAbsent(keys.definition, text("experiment: quickstart\n"), "e");
  await put(keys.epoch(1), { epoch: 1 });
  await put(keys.board("main", 1), { next: 0 });
  await put(`${keys.events}2026-11-21T03-00-00-000Z-1.json`, { kind: "trial-done" });
  await put(keys.historyChunk(`${runId}.1`, 0), { id: 1 });
  const deployment = deploymentKeys(runId, `${runId}-main1`);
  await put(deployment.round(1), { round: 1 });
  await put(deployment.receipt, { schema: "reprise/receipt@1" });
  await put(deployment.facts("server-0"), factsFixture);
  await put(`${deployment.setup}/attempt-1/phases/prepare-0.armed.0000.json`, { token: "t" });
  await put(`${deployment.setup}/attempt-1/phases/prepare-0.done.server-0.json`, { host: "server-0" });
  await landFile(store, `${deployment.setup}/attempt-1/server-0/build.out`, "built");
  for (const trial of trials) await landAttempt(store, { ...trial, runId });
}

/** A run with all kinds of evidence: a retried trial, a file in parts, pieces of a file that never came whole. */
export async function landFullRun(store: ObjectStore, runId = "r1"): Promise<void> {
  await landRun(
    store,
    [
      { pointKey: "clients=1", trialIndex: 0, files: { "out.log": "one", "a/metrics.csv": "t,v\n1,2\n", empty: "" } },
      {
        pointKey: "clients=1",
        trialIndex: 1,
        outcome: { kind: "failed", failure: { class: "command", message: "exit 1" } },
      },
      { pointKey: "clients=1", trialIndex: 1, attempt: 2 },
      { pointKey: "clients=8", trialIndex: 0, extra: landPartsAndLive },
    ],
    runId,
  );
}

/** A file of 15 bytes in three parts; the output of a lost host; a live piece of a file that did come. */
export async function landPartsAndLive(store: ObjectStore, prefix: Key): Promise<readonly StepResult[]> {
  const parts = ["first", "other", "third"];
  const whole = "z-trace.bin";
  for (const [i, part] of parts.entries()) await landFile(store, `${prefix}/server-0/${partPath(whole, i)}`, part);
  await landFile(store, `${prefix}/live/client-0/job.out/000000`, "begin ");
  await landFile(store, `${prefix}/live/client-0/job.out/000001`, "middle");
  await landFile(store, `${prefix}/live/server-0/out.log/000000`, "log");
  return [
    stepFixture({
      artifacts: [promise(whole, parts.join("")), ...parts.map((part, i) => promise(partPath(whole, i), part))],
    }),
  ];
}
