import type { z } from "zod";
import type { AttemptOutcome } from "../evidence/attempt-manifest.ts";
import { buildAttemptManifest, writeAttemptManifest } from "../evidence/attempt-manifest.ts";
import type { CollectedArtifacts } from "../evidence/collect-artifacts.ts";
import type { Failure } from "../errors/failure.ts";
import type { PhaseRef } from "../names/keys.ts";
import { attemptKeys, deploymentKeys, runKeys } from "../names/keys.ts";
import type { CheckVerdict, Topology } from "../plan/types.ts";
import type { HostFacts, StepResult } from "../ports/host-agent.ts";
import type { StartRecord } from "../records/schemas.ts";
import { claimRecordSchema, hostFactsSchema, runRecordSchema, topologySchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord } from "./effects.ts";
import { versionsFile } from "./setup.ts";
import type { AttemptState } from "./states.ts";
import { laneHosts } from "./steps.ts";

/** One phase of an attempt as it went: evidence, and what checks are made on. */
export interface PhaseEvidence {
  readonly ref: PhaseRef;
  readonly results: readonly StepResult[];
  readonly start: StartRecord | undefined;
  /** Hosts that should have reported and didn't. */
  readonly silent: readonly string[];
}

export interface AttemptFindings {
  readonly state: AttemptState;
  readonly execution: string;
  readonly phases: readonly PhaseEvidence[];
  readonly collected: CollectedArtifacts;
  readonly checks: readonly CheckVerdict[];
  readonly summary: Readonly<Record<string, number>>;
  /** In the order in which they count; none for a valid attempt. */
  readonly failures: readonly Failure[];
  /** The attempt was cut short: it failed, rather than giving a result that can't be used. */
  readonly wasCut: boolean;
}

/** Puts everything that is known of an attempt into its manifest; the first one written stands. */
export async function recordManifest(findings: AttemptFindings, fx: FlowEffects): Promise<string> {
  const { state, phases, collected } = findings;
  const { runId } = state;
  const { plan } = await fx.openRun(runId);
  const run = await requireRecord(fx.store, runKeys(runId).run, runRecordSchema);
  const claim = await requireRecord(fx.store, attemptKeys(state).claim, claimRecordSchema);
  const topology = await readRecord(fx.store, deploymentKeys(runId, state.deploymentId).topology, topologySchema);
  const point = plan.points.find((p) => p.pointKey === state.pointKey);
  const offsets = phases.flatMap((phase) => Object.entries(phase.start?.offsets ?? {}));
  const manifest = buildAttemptManifest({
    ref: { runId, pointKey: state.pointKey, trialIndex: state.trialIndex, attempt: state.attempt },
    experiment: plan.experiment,
    sweep: point?.sweep ?? "",
    parameters: point?.parameters ?? {},
    trialKey: state.trialKey,
    seed: plan.blocks[state.block]?.trials[state.position]?.seed ?? 0,
    epoch: state.epoch,
    lane: state.lane,
    outcome: outcomeOf(findings),
    deployment: { name: state.deployment, id: state.deploymentId, round: topology?.value.round ?? 0 },
    hosts: await describeHosts(state, topology?.value, new Map(offsets), fx),
    phases: phases.map(({ ref, results }) => ({ phase: ref.phase, stage: ref.stage, results })),
    artifacts: collected.artifacts,
    missing: collected.missing,
    checks: findings.checks,
    summary: findings.summary,
    sources: plan.sources,
    definitionDigest: run.definitionDigest,
    planDigest: run.planDigest,
    repriseVersion: fx.version,
    startedAt: Date.parse(claim.claimedAt),
    endedAt: fx.clock.now(),
  });
  return (await writeAttemptManifest(fx.store, manifest, findings.execution)).sha256;
}

function outcomeOf({ failures, wasCut }: AttemptFindings): AttemptOutcome {
  const [failure] = failures;
  if (failure === undefined) return { kind: "valid" };
  return wasCut ? { kind: "failed", failure } : { kind: "invalid", failures };
}

async function describeHosts(
  state: AttemptState,
  topology: Topology | undefined,
  offsets: ReadonlyMap<string, { readonly offsetMs: number; readonly errorMs: number }>,
  fx: FlowEffects,
) {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const hosts = topology === undefined ? [] : laneHosts(topology, state.lane);
  return Promise.all(
    hosts.map(async (host) => {
      const facts: z.output<typeof hostFactsSchema> | undefined = (
        await readRecord(fx.store, keys.facts(host.name), hostFactsSchema)
      )?.value;
      const versions = await readVersions(state, host.name, fx);
      const known = facts === undefined ? undefined : { ...toHostFacts(facts), versions };
      return { host, facts: known, clock: offsets.get(host.name) };
    }),
  );
}

/** What the last set-up of this deployment found on the host. */
async function readVersions(state: AttemptState, host: string, fx: FlowEffects): Promise<Record<string, string>> {
  const prefix = deploymentKeys(state.runId, state.deploymentId).setupAttempts;
  const key = (await listKeys(fx.store, prefix)).filter((k) => k.endsWith(`/${host}/${versionsFile}`)).at(-1);
  const stored = key === undefined ? undefined : await fx.store.get(key);
  if (stored === undefined) return {};
  const lines = new TextDecoder()
    .decode(stored.body)
    .split("\n")
    .filter((line) => line.includes("\t"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("\t")), line.slice(line.indexOf("\t") + 1)]),
  );
}

const toHostFacts = (facts: z.output<typeof hostFactsSchema>): HostFacts => ({
  instanceId: undefined,
  microcode: undefined,
  clockSource: undefined,
  virtualization: undefined,
  ...facts,
});
