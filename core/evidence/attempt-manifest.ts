import { z } from "zod";
import { isoTime } from "../effects/clock.ts";
import type { JsonObject } from "../effects/json.ts";
import type { Failure } from "../errors/failure.ts";
import type { AttemptRef, PhaseName } from "../names/keys.ts";
import { attemptKeys, phaseNames } from "../names/keys.ts";
import type { CheckVerdict, ResolvedSource, TopologyHost } from "../plan/types.ts";
import type { HostFacts, StepResult } from "../ports/host-agent.ts";
import type { Key, ObjectStore } from "../ports/object-store.ts";
import { failureSchema } from "../records/schemas.ts";
import { canonicalBytes, canonicalJson } from "./canonical-json.ts";
import { sha256Hex } from "./sha256.ts";

/**
 * The manifest of one attempt: all that a reader must know to trust, compare and repeat it. The same shape in `sim`,
 * on this machine and in a cloud.
 */

const time = z.iso.datetime(); // UTC, Z
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().min(0);

export const artifactSchema = z.object({
  /** Relative to the run. With `parts` the name of the whole, at which no object stands. */
  key: z.string(),
  bytes,
  sha256,
  /** False: only what came while it grew; the host was lost before the file was final. */
  complete: z.boolean(),
  /** The objects that make up the whole, in order. */
  parts: z.array(z.object({ key: z.string(), bytes, sha256 })).optional(),
});
export type Artifact = z.infer<typeof artifactSchema>;

export const attemptOutcomeSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("valid") }),
  /** It ran to its end, but a check says that the result can't be used. */
  z.object({ kind: z.literal("invalid"), failures: z.array(failureSchema).min(1) }),
  z.object({ kind: z.literal("failed"), failure: failureSchema }),
]);
export type AttemptOutcome =
  | { readonly kind: "valid" }
  | { readonly kind: "invalid"; readonly failures: readonly Failure[] }
  | { readonly kind: "failed"; readonly failure: Failure };

const hostSchema = z.object({
  name: z.string(),
  role: z.string(),
  lane: z.union([z.number().int(), z.literal("shared")]),
  provider: z.string(),
  region: z.string(),
  zone: z.string().optional(),
  machineType: z.string(),
  image: z.string(),
  /** Undefined when the host never told. */
  facts: z
    .object({
      bootId: z.string(),
      instanceId: z.string().optional(),
      cpuModel: z.string(),
      cpuCount: z.number().int(),
      microcode: z.string().optional(),
      memoryBytes: bytes,
      kernel: z.string(),
      os: z.string(),
      architecture: z.string(),
      clockSource: z.string().optional(),
      virtualization: z.string().optional(),
      versions: z.record(z.string(), z.string()),
    })
    .optional(),
  /** The host's clock minus the control side's, measured before the start that the jobs agreed on. */
  clock: z.object({ offsetMs: z.number(), errorMs: z.number() }).optional(),
});

const unitSchema = z.object({
  name: z.string(),
  kind: z.enum(["command", "service", "job", "event"]),
  outcome: z.string(),
  exitCode: z.number().int().optional(),
  signal: z.string().optional(),
  startedAt: time.optional(),
  endedAt: time.optional(),
  readyAt: time.optional(),
  pinned: z.object({ by: z.enum(["cpuset", "taskset", "nothing"]), cpus: z.string() }).optional(),
});

const phaseSchema = z.object({
  phase: z.enum(phaseNames),
  stage: z.number().int().min(0),
  /** By the control side's clock: the hosts' times less their measured offsets. */
  startedAt: time,
  endedAt: time,
  /** By host; times in here are the host's own clock. */
  hosts: z.array(
    z.object({
      host: z.string(),
      startedAt: time,
      endedAt: time,
      startLateMs: z.number().optional(),
      units: z.array(unitSchema),
      warnings: z.array(z.string()),
      failure: failureSchema.optional(),
    }),
  ),
});

export const attemptManifestSchema = z.object({
  schema: z.literal("reprise/attempt@1"),
  runId: z.string(),
  experiment: z.string(),
  sweep: z.string(),
  pointKey: z.string(),
  parameters: z.record(z.string(), z.json()),
  trialKey: z.string(),
  trialIndex: z.number().int().min(0),
  attempt: z.number().int().min(1),
  seed: z.number(),
  epoch: z.number().int().min(1),
  lane: z.number().int().min(0),
  outcome: attemptOutcomeSchema,
  deployment: z.object({ name: z.string(), id: z.string(), round: z.number().int() }),
  hosts: z.array(hostSchema),
  phases: z.array(phaseSchema),
  /** What was done to services while they ran; the host's own clock. */
  events: z.array(z.object({ host: z.string(), name: z.string(), outcome: z.string(), at: time.optional() })),
  /** Between the first and the last job's real start, each against the agreed instant by its own clock. */
  startSkewMs: z.number().optional(),
  /** The largest error of the offsets that the agreed instant was translated with. */
  clockErrorMs: z.number().optional(),
  artifacts: z.array(artifactSchema),
  /** What should have come and didn't. */
  missing: z.array(z.object({ host: z.string(), path: z.string() })),
  checks: z.array(z.object({ name: z.string(), passed: z.boolean(), detail: z.string() })),
  summary: z.record(z.string(), z.number()),
  sources: z.record(
    z.string(),
    z.object({ repository: z.string().optional(), commit: z.string().optional(), diffDigest: z.string().optional() }),
  ),
  definitionDigest: z.string(),
  planDigest: z.string(),
  repriseVersion: z.string(),
  startedAt: time,
  endedAt: time,
});
export type AttemptManifest = z.infer<typeof attemptManifestSchema>;

/** What the flow knows at an attempt's end; times in ms since the epoch. */
export interface AttemptEvidence {
  readonly ref: AttemptRef;
  readonly experiment: string;
  readonly sweep: string;
  readonly parameters: JsonObject;
  readonly trialKey: string;
  readonly seed: number;
  readonly epoch: number;
  readonly lane: number;
  readonly outcome: AttemptOutcome;
  readonly deployment: { readonly name: string; readonly id: string; readonly round: number };
  readonly hosts: readonly {
    readonly host: TopologyHost;
    readonly facts: HostFacts | undefined;
    readonly clock: { readonly offsetMs: number; readonly errorMs: number } | undefined;
  }[];
  readonly phases: readonly {
    readonly phase: PhaseName;
    readonly stage: number;
    readonly results: readonly StepResult[];
  }[];
  readonly artifacts: readonly Artifact[];
  readonly missing: readonly { readonly host: string; readonly path: string }[];
  readonly checks: readonly CheckVerdict[];
  readonly summary: Readonly<Record<string, number>>;
  readonly sources: Readonly<Record<string, ResolvedSource>>;
  readonly definitionDigest: string;
  readonly planDigest: string;
  readonly repriseVersion: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

export function buildAttemptManifest(evidence: AttemptEvidence): AttemptManifest {
  const { ref, hosts, phases } = evidence;
  const offsets = new Map(hosts.map(({ host, clock }) => [host.name, clock?.offsetMs ?? 0]));
  const jobs = phases.filter(({ phase }) => phase === "jobs").flatMap(({ results }) => results);
  const lateness = jobs.flatMap(({ startLateMs }) => (startLateMs === undefined ? [] : [startLateMs]));
  const clockErrors = hosts.flatMap(({ clock }) => (clock === undefined ? [] : [clock.errorMs]));
  const draft = {
    ...evidence,
    ref: undefined,
    schema: "reprise/attempt@1",
    runId: ref.runId,
    pointKey: ref.pointKey,
    trialIndex: ref.trialIndex,
    attempt: ref.attempt,
    hosts: hosts.map(({ host, facts, clock }) => ({
      name: host.name,
      role: host.role,
      lane: host.lane,
      provider: host.provider,
      region: host.place.region,
      zone: host.place.zone,
      machineType: host.machineType,
      image: host.image,
      facts,
      clock,
    })),
    phases: phases
      .filter(({ results }) => results.length > 0)
      .map(({ phase, stage, results }) => ({
        phase,
        stage,
        startedAt: isoTime(Math.min(...results.map((r) => r.startedAt - (offsets.get(r.host) ?? 0)))),
        endedAt: isoTime(Math.max(...results.map((r) => r.endedAt - (offsets.get(r.host) ?? 0)))),
        hosts: results.map(toHostPhase),
      })),
    events: phases.flatMap(({ results }) =>
      results.flatMap(({ host, units }) =>
        units
          .filter(({ kind }) => kind === "event")
          .map(({ name, outcome, startedAt }) => ({ host, name, outcome, at: isoOrNone(startedAt) })),
      ),
    ),
    startSkewMs: lateness.length === 0 ? undefined : Math.max(...lateness) - Math.min(...lateness),
    clockErrorMs: clockErrors.length === 0 ? undefined : Math.max(...clockErrors),
    startedAt: isoTime(evidence.startedAt),
    endedAt: isoTime(evidence.endedAt),
  };
  // Once through the bytes that will be stored: what a reader parses is what is returned here.
  return attemptManifestSchema.parse(JSON.parse(canonicalJson(draft)));
}

const isoOrNone = (epochMs: number | undefined): string | undefined =>
  epochMs === undefined ? undefined : isoTime(epochMs);

const toHostPhase = (result: StepResult) => ({
  host: result.host,
  startedAt: isoTime(result.startedAt),
  endedAt: isoTime(result.endedAt),
  startLateMs: result.startLateMs,
  units: result.units.map((unit) => ({
    ...unit,
    startedAt: isoOrNone(unit.startedAt),
    endedAt: isoOrNone(unit.endedAt),
    readyAt: isoOrNone(unit.readyAt),
  })),
  warnings: result.warnings,
  failure: result.failure,
});

/**
 * Stores an attempt's manifest, once: a repeat by the same writer finds its own.
 *
 * @returns the digest of the manifest that now stands there, for the outcome's record
 */
export async function writeAttemptManifest(
  store: Pick<ObjectStore, "putIfAbsent" | "get">,
  manifest: AttemptManifest,
  writer: string,
): Promise<{ readonly answer: "created" | "mine" | "other"; readonly sha256: string; readonly key: Key }> {
  const key = attemptKeys(manifest).manifest;
  const body = canonicalBytes(manifest);
  const answer = await store.putIfAbsent(key, body, writer);
  const stored = answer === "created" ? body : ((await store.get(key))?.body ?? body);
  return { answer, sha256: sha256Hex(stored), key };
}
