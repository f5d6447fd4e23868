import { z } from "zod";
import { failureClasses } from "../errors/failure.ts";

/**
 * The records that the flow keeps in the store. Each is written by one handler and read by others, possibly by other
 * processes and versions, so each is parsed where it is read.
 */

const placeSchema = z.object({ region: z.string(), zone: z.string().optional() });

export const failureSchema = z.object({
  class: z.enum(failureClasses),
  message: z.string(),
  hint: z.string().optional(),
  host: z.string().optional(),
  evidence: z.string().optional(),
});

/** `runs/{runId}/run.json`: what was asked for. Written once by whoever starts the run. */
export const runRecordSchema = z.object({
  schema: z.literal("reprise/run-record@1"),
  runId: z.string(),
  experiment: z.string(),
  definitionDigest: z.string(),
  planDigest: z.string(),
  owner: z.string(),
  createdAt: z.string(),
  repriseVersion: z.string(),
  /** Ends after this phase of every deployment. */
  until: z.enum(["provision", "prepare", "trials"]),
  /** Leaves the deployments up when the trials are done, for `--on-deployment` or a look around; they still expire. */
  keep: z.boolean(),
  /** Whose valid results count: this run's own, or any run's in the store. */
  reuse: z.enum(["run", "store"]),
  /** How many deployments may be up at once. */
  deploymentsAtOnce: z.number().int().min(1),
  /** `--on-deployment`: whose hosts are used instead of new ones. */
  onDeployment: z.object({ runId: z.string(), deploymentId: z.string() }).optional(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** `runs/{runId}/epochs/{n}.json`: the newest epoch drives the run, older ones find out and end. */
export const epochRecordSchema = z.object({
  epoch: z.number().int().min(1),
  execution: z.string(),
  startedAt: z.string(),
});
export type EpochRecord = z.infer<typeof epochRecordSchema>;

/** `runs/{runId}/stop.json`: no new trial starts; running ones are cut short, collected and recorded. */
export const stopRecordSchema = z.object({ reason: z.string(), at: z.string(), by: z.string() });
export type StopRecord = z.infer<typeof stopRecordSchema>;

/** The board of one deployment and epoch: one compare-and-swap claims a lane and a block together. */
export const boardSchema = z.object({
  /** Ranges of indices into Plan.blocks that are to be run, first and last, in plan order: small for any number. */
  blocks: z.array(z.tuple([z.number().int().min(0), z.number().int().min(0)])),
  /** How many of them were claimed. */
  next: z.number().int().min(0),
  lanes: z.array(
    z
      .object({
        execution: z.string(),
        block: z.number().int(),
        /** Up to this position of the block, failed trials are counted below. */
        counted: z.number().int().optional(),
      })
      .nullable(),
  ),
  /** Trials that ended without a valid result, by class. */
  failures: z.partialRecord(z.enum(failureClasses), z.number().int()),
  /** Blocks that were let go before their end, because the deployment was closed. */
  unfinished: z.array(z.number().int()),
});
export type Board = z.infer<typeof boardSchema>;

/** `…/attempt-{k}/claim.json`: this attempt belongs to this execution. */
export const claimRecordSchema = z.object({
  execution: z.string(),
  epoch: z.number().int(),
  deployment: z.string(),
  deploymentId: z.string(),
  lane: z.number().int(),
  block: z.number().int(),
  position: z.number().int(),
  trialKey: z.string(),
  claimedAt: z.string(),
});
export type ClaimRecord = z.infer<typeof claimRecordSchema>;

/** `outcomes/{trialKey}.json`: the valid attempt of a trial, put if absent. */
export const outcomeRecordSchema = z.object({
  trialKey: z.string(),
  runId: z.string(),
  pointKey: z.string(),
  trialIndex: z.number().int(),
  attempt: z.number().int(),
  manifestSha256: z.string(),
  recordedAt: z.string(),
});
export type OutcomeRecord = z.infer<typeof outcomeRecordSchema>;

const unitResultSchema = z.object({
  name: z.string(),
  kind: z.enum(["command", "service", "job", "event"]),
  outcome: z.enum(["exited", "signaled", "timedOut", "stopped", "notReady", "ready", "notStarted"]),
  exitCode: z.number().int().optional(),
  signal: z.string().optional(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
  readyAt: z.number().optional(),
  pinned: z.object({ by: z.enum(["cpuset", "taskset", "nothing"]), cpus: z.string() }).optional(),
});

/** `phases/{phase}-{stage}.done.{host}.json` and the body of a host's report. */
export const stepResultSchema = z.object({
  stepId: z.string(),
  host: z.string(),
  units: z.array(unitResultSchema),
  artifacts: z.array(z.object({ path: z.string(), sha256: z.string(), bytes: z.number() })),
  missing: z.array(z.string()),
  warnings: z.array(z.string()),
  failure: failureSchema.optional(),
  startedAt: z.number(),
  endedAt: z.number(),
  startLateMs: z.number().optional(),
});

/** `phases/{phase}-{stage}.expected.json`: who must report before the phase is done; guards only report failures. */
export const expectedRecordSchema = z.object({
  hosts: z.record(z.string(), z.enum(["required", "guard"])),
  /** What the waiting state gets when all is well. */
  output: z.object({ stage: z.number().int(), more: z.boolean() }),
  /** Ends when every required host is done, also when one of them has failed. */
  waitsForAll: z.boolean().optional(),
});
export type ExpectedRecord = z.infer<typeof expectedRecordSchema>;

export const startRecordSchema = z.object({
  /** Absent where nobody waits for another: one measured host. */
  startAt: z.number().optional(),
  offsets: z.record(z.string(), z.object({ offsetMs: z.number(), errorMs: z.number() })),
});
export type StartRecord = z.infer<typeof startRecordSchema>;

/** `phases/{phase}-{stage}.armed.{n}.json`: the token that waits. It never leaves the control side. */
export const armedRecordSchema = z.object({ token: z.string(), execution: z.string(), at: z.string() });
export type ArmedRecord = z.infer<typeof armedRecordSchema>;

/** `deployments/{id}/facts/{host}.json`: what the host said of itself at first contact. */
export const hostFactsSchema = z.object({
  bootId: z.string(),
  instanceId: z.string().optional(),
  cpuModel: z.string(),
  cpuCount: z.number(),
  microcode: z.string().optional(),
  memoryBytes: z.number(),
  kernel: z.string(),
  os: z.string(),
  architecture: z.string(),
  clockSource: z.string().optional(),
  virtualization: z.string().optional(),
  versions: z.record(z.string(), z.string()),
  /** By our own clock, ms since the epoch: when it was asked for, and when it was ready to be used. */
  requestedAt: z.number().optional(),
  readyAt: z.number().optional(),
  start: z
    .object({ bootedAt: z.number().optional(), setUpAt: z.number().optional(), rebootDue: z.boolean() })
    .transform((start) => ({ bootedAt: undefined, setUpAt: undefined, ...start }))
    .optional(),
});

const topologyHostSchema = z.object({
  name: z.string(),
  role: z.string(),
  labels: z.array(z.string()),
  lane: z.union([z.number().int(), z.literal("shared")]),
  index: z.number().int(),
  provider: z.string(),
  place: placeSchema,
  privateAddress: z.string(),
  publicAddress: z.string(),
  network: z.string(),
  portBase: z.number().int(),
  sshPort: z.number().int(),
  user: z.string(),
  hostKey: z.string(),
  machineType: z.string(),
  image: z.string(),
  plannedImage: z.string().optional(),
  root: z.string().optional(),
  loginRunId: z.string().optional(),
  ssm: z.object({ region: z.string(), instanceId: z.string() }).optional(),
  spot: z.literal(true).optional(),
});

export const topologySchema = z.object({
  schema: z.literal("reprise/topology@1"),
  deployment: z.string(),
  deploymentId: z.string(),
  round: z.number().int(),
  hosts: z.array(topologyHostSchema),
  alternative: z.number().int().min(1).optional(),
  lender: z.object({ runId: z.string(), deploymentId: z.string() }).optional(),
});

/** `deployments/{id}/lease.json`: until when its hosts were last extended. */
export const leaseRecordSchema = z.object({ expiresAt: z.number() });

/** `deployments/{id}/user.json`: the run that uses a kept deployment, or null. */
export const userRecordSchema = z.object({ runId: z.string().nullable(), deploymentId: z.string().nullable() });

/** `deployments/{id}/intents/{round}/round.json`: a round of placement as decided, before anything is created. */
export const roundRecordSchema = z.object({
  round: z.number().int(),
  /** By slot: the provider, or `{provider}#{n}` for hosts with places of their own. */
  places: z.record(z.string(), placeSchema),
  /** Which of the plan's alternatives; 0, the default, is the deployment itself. */
  alternative: z.number().int().min(0).optional(),
  market: z.enum(["asPlanned", "onDemand"]).optional(),
  /** Whether any machine of it is spot. */
  spot: z.boolean().default(false),
  startedAt: z.number(),
  notAfter: z.number(),
  expiresAt: z.number(),
  intents: z.array(z.object({ name: z.string(), provider: z.string(), kind: z.string() })),
});
export type RoundRecord = z.infer<typeof roundRecordSchema>;

/** `deployments/{id}/closed.json`: the fence. `lost`: its hosts are gone unasked, so a successor may be made. */
export const closedRecordSchema = z.object({ reason: z.string(), at: z.number(), lost: z.boolean().optional() });
export type ClosedRecord = z.infer<typeof closedRecordSchema>;

/** `deployments/{id}/receipt.json`: what was created, what became of it, what it cost. */
export const receiptSchema = z.object({
  schema: z.literal("reprise/receipt@1"),
  runId: z.string(),
  deployment: z.string(),
  deploymentId: z.string(),
  reason: z.string(),
  rounds: z.array(
    z.object({
      round: z.number().int(),
      places: z.record(z.string(), placeSchema),
      /** `aws us-east-1a, spot`: what was asked for, in words. */
      asked: z.string().optional(),
      failures: z.array(failureSchema),
    }),
  ),
  /** One line a resource that an intent or a tag names. */
  resources: z.array(
    z.object({
      name: z.string(),
      provider: z.string(),
      resourceKind: z.string(),
      id: z.string(),
      outcome: z.enum(["gone", "never created", "given back", "still there"]),
    }),
  ),
  hostHours: z.number(),
  dollars: z.union([z.number(), z.literal("unknown")]),
  openedAt: z.string(),
  closedAt: z.string(),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** `events/{time}-{id}.json`: the feed that people watch. */
export const eventRecordSchema = z.object({
  at: z.string(),
  kind: z.string(),
  text: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export type EventRecord = z.infer<typeof eventRecordSchema>;
