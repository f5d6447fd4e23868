import type { Key } from "../ports/object-store.ts";
import { RepriseError } from "../errors/reprise-error.ts";

/** A name that isn't one of ours: nothing of this product wrote it, or it was cut. */
export class NameError extends RepriseError {
  override readonly name = "NameError";
}

/** `{experiment ≤ 20}-{yymmdd}-{hhmm}-{4 letters}`: lower case, a label on every cloud, sorted by time within an experiment. */
export function buildRunId(experiment: string, epochMs: number, suffix: string): string {
  const iso = new Date(epochMs).toISOString();
  const slug = experiment.slice(0, 20).replace(/-+$/, "");
  return `${slug}-${iso.slice(2, 10).replaceAll("-", "")}-${iso.slice(11, 16).replace(":", "")}-${suffix}`;
}

/** `{runId}-{name}-{generation}`: the n-th deployment of that name in this run, counted from 1. */
export const buildDeploymentId = (runId: string, name: string, generation: number): string =>
  `${runId}-${name}-${generation}`;

export function parseDeploymentId(
  runId: string,
  deploymentId: string,
): { readonly name: string; readonly generation: number } {
  const match = /^(.+)-(\d+)$/.exec(deploymentId.slice(runId.length + 1));
  if (!deploymentId.startsWith(`${runId}-`) || !match?.[1] || !match[2])
    throw new NameError(`not a deployment of ${runId}: "${deploymentId}"`);
  return { name: match[1], generation: Number(match[2]) };
}

/** The run whose deployment this is, read from the id's form alone: for who has no store to ask. */
export function runOfDeployment(deploymentId: string): string {
  const runId = /^(.+?-\d{6}-\d{4}-[a-z0-9]{4})-.+-\d+$/.exec(deploymentId)?.[1];
  if (runId === undefined) throw new NameError(`not a deployment's id: "${deploymentId}"`);
  return runId;
}

/** `{deploymentId}-r{round}-{host}`: what a host is called where it is made. */
export const hostIntentName = (deploymentId: string, round: number, host: string): string =>
  `${deploymentId}-r${round}-${host}`;

/** `{runId}.{epoch}`, `{runId}.{epoch}.{deploymentId}.teardown`: unique for ever, so a repeated start is one start. */
export const sweepExecution = (runId: string, epoch: number): string => `${runId}.${epoch}`;
export const teardownExecution = (deploymentId: string, epoch: number): string => `${deploymentId}.${epoch}.teardown`;

/** One try at one trial. `attempt` counts from 1, `trialIndex` from 0; `pointKey` is the readable name of a point. */
export interface AttemptRef {
  readonly runId: string;
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly attempt: number;
}

/** `runs/{runId}` */
export const runPrefix = (runId: string): Key => `runs/${runId}`;

/** `runs/{runId}/{file}`: what belongs to the whole run. */
export const runKeys = (runId: string) => {
  const prefix = runPrefix(runId);
  return {
    run: `${prefix}/run.json`,
    plan: `${prefix}/plan.json`,
    definition: `${prefix}/definition.yaml`,
    /** Create-if-absent: who drives the run, one file an epoch. */
    epoch: (epoch: number) => `${prefix}/epochs/${epoch.toString().padStart(4, "0")}.json`,
    epochs: `${prefix}/epochs/`,
    tickets: (deploymentId: string, epoch: number) =>
      `${prefix}/tickets/${deploymentId}.${epoch.toString().padStart(4, "0")}.json`,
    /** The claim board of one deployment in one epoch: next block and who holds which lane. */
    board: (deploymentId: string, epoch: number) =>
      `${prefix}/boards/${deploymentId}.${epoch.toString().padStart(4, "0")}.json`,
    boards: `${prefix}/boards/`,
    deployments: `${prefix}/deployments/`,
    /** Names the valid attempt of a trial: put if absent. */
    outcome: (trialKey: string) => `${prefix}/outcomes/${trialKey}.json`,
    outcomes: `${prefix}/outcomes/`,
    /** Asks the executions of this epoch to end; a later epoch starts afresh. */
    stop: (epoch: number) => `${prefix}/stops/${epoch.toString().padStart(4, "0")}.json`,
    /** What a family of images stood for when the run first launched from it, by digest. */
    image: (digest: string) => `${prefix}/images/${digest}.json`,
    manifest: `${prefix}/manifest.json`,
    events: `${prefix}/events/`,
    histories: `${prefix}/history/`,
    /** Events of one execution, in order of their chunks: JSON lines in Step Functions' own shape. */
    historyPrefix: (execution: string) => `${prefix}/history/${execution}/`,
    historyChunk: (execution: string, chunk: number) =>
      `${prefix}/history/${execution}/${chunk.toString().padStart(6, "0")}.jsonl.gz`,
  };
};

/** `runs/{runId}/deployments/{deploymentId}/…`: what was asked of a provider and what came of it. */
export const deploymentKeys = (runId: string, deployment: string) => {
  const prefix = `${runPrefix(runId)}/deployments/${deployment}`;
  return {
    intents: `${prefix}/intents/`,
    /** A round of placement as decided, its intents in it: written before the first call for them. */
    round: (round: number) => `${prefix}/intents/${round.toString().padStart(2, "0")}.json`,
    /** Every intent of the round was answered with yes: nothing of it is still on its way. */
    accepted: (round: number) => `${prefix}/accepted/${round.toString().padStart(2, "0")}.json`,
    /** Why a round was given up. */
    refused: (round: number) => `${prefix}/refused/${round.toString().padStart(2, "0")}.json`,
    topology: `${prefix}/topology.json`,
    /** Until when its hosts were last extended. */
    lease: `${prefix}/lease.json`,
    /** Which run uses it after its own has ended and kept it. */
    user: `${prefix}/user.json`,
    /** Once it is there nothing is launched or created for this deployment any more. */
    closed: `${prefix}/closed.json`,
    receipt: `${prefix}/receipt.json`,
    /** What of ours stayed on machines that were given back. */
    left: `${prefix}/left.json`,
    facts: (host: string) => `${prefix}/facts/${host}.json`,
    /** What one host published and others fetched, by digest. */
    published: (name: string) => `${prefix}/published/${name}.json`,
    /** The definition's own resources: intended before they are made, deleted by teardown. */
    resourceIntents: `${prefix}/resources/`,
    resourceIntent: (name: string) => `${prefix}/resources/${name}.json`,
    resourceDeleted: (name: string) => `${prefix}/resources-deleted/${name}.json`,
    /** Set-up's logs, by host. */
    setup: `${prefix}/setup`,
    setupAttempts: `${prefix}/setup/`,
  };
};

/** `runs/{runId}/{pointKey}/trial-{trialIndex}/attempt-{attempt}` */
export const attemptPrefix = (a: AttemptRef): Key =>
  `${runPrefix(a.runId)}/${a.pointKey}/trial-${a.trialIndex}/attempt-${a.attempt}`;

export function parseAttemptPrefix(prefix: Key): AttemptRef {
  const match = /^runs\/([^/]+)\/([^/]+)\/trial-(\d+)\/attempt-(\d+)$/.exec(prefix);
  if (!match?.[1] || !match[2]) throw new NameError(`not an attempt prefix: "${prefix}"`);
  return { runId: match[1], pointKey: match[2], trialIndex: Number(match[3]), attempt: Number(match[4]) };
}

/** Tails of outputs while they grow, below an attempt's or a set-up's prefix; superseded by the final artifact. */
export const liveKey = (prefix: Key, host: string, path: string, chunk: number): Key =>
  `${prefix}/live/${host}/${path}/${chunk.toString().padStart(6, "0")}`;

/** What an attempt's folder holds beside `{host}/{path}`, the artifacts. */
export const attemptKeys = (a: AttemptRef) => {
  const prefix = attemptPrefix(a);
  return {
    claim: `${prefix}/claim.json`,
    manifest: `${prefix}/manifest.json`,
    artifact: (host: string, path: string) => `${prefix}/${host}/${path}`,
    live: (host: string, path: string, chunk: number) => liveKey(prefix, host, path, chunk),
    phases: `${prefix}/phases/`,
  };
};

/**
 * The phases that hosts take part in. Those of a deployment (prepare) use a pseudo attempt below its own prefix.
 */
export const phaseNames = ["prepare", "reset", "services", "jobs", "collect"] as const;
export type PhaseName = (typeof phaseNames)[number];

/** One phase: `stage` counts repetitions of services and prepare, from 0. */
export interface PhaseRef {
  readonly scope:
    | { readonly kind: "attempt"; readonly attempt: AttemptRef }
    | { readonly kind: "deployment"; readonly runId: string; readonly deployment: string; readonly attempt: number };
  readonly phase: PhaseName;
  readonly stage: number;
}

/** The prefix below which a phase's scope keeps phases and artifacts. */
export const scopePrefix = (scope: PhaseRef["scope"]): Key =>
  scope.kind === "attempt"
    ? attemptPrefix(scope.attempt)
    : `${runPrefix(scope.runId)}/deployments/${scope.deployment}/setup/attempt-${scope.attempt}`;

/** `{scope}/phases/{phase}-{stage}.…`: one folder for all phases, since a folder costs more than a file. */
export const phaseKeys = (ref: PhaseRef) => {
  const prefix = `${scopePrefix(ref.scope)}/phases/${ref.phase}-${ref.stage}`;
  return {
    /** Who must report: written before any host is armed. */
    expected: `${prefix}.expected.json`,
    /** What was measured of the hosts' clocks, and the instant they agreed on. */
    start: `${prefix}.start.json`,
    /** The n-th token that waits for this phase; the newest counts. */
    armed: (n: number) => `${prefix}.armed.${n.toString().padStart(4, "0")}.json`,
    armedPrefix: `${prefix}.armed.`,
    done: (host: string) => `${prefix}.done.${host}.json`,
    donePrefix: `${prefix}.done.`,
    /** When the host was last heard, by the store's own time of writing. */
    beat: (host: string) => `${prefix}.beat.${host}.json`,
    beatPrefix: `${prefix}.beat.`,
  };
};

/** Whether it is one of `phaseKeys`. */
export const isPhaseKey = (key: Key): boolean => /\/phases\/[a-z]+-\d+\.[^/]+\.json$/.test(key);

/** Whether it is a `done` key: a host's result. */
export const isDoneKey = (key: Key): boolean => /\/phases\/[a-z]+-\d+\.done\.[^/]+\.json$/.test(key);

/** Of an `armed` key: the phase whose token it has; undefined for every other key. */
export function armedPhaseOf(key: Key): PhaseName | undefined {
  const name = /\/phases\/([a-z]+)-\d+\.armed\.\d+\.json$/.exec(key)?.[1];
  return phaseNames.find((phase) => phase === name);
}

/** `{phase}-{stage}.{scope}`: the name of one phase on one host; the same phase gives the same id. */
export function hostStepId(ref: PhaseRef): string {
  const scope =
    ref.scope.kind === "attempt"
      ? `${ref.scope.attempt.pointKey}.t${ref.scope.attempt.trialIndex}.a${ref.scope.attempt.attempt}`
      : `${ref.scope.deployment}.setup.a${ref.scope.attempt}`;
  return `${scope}.${ref.phase}-${ref.stage}`;
}

/** Bodies kept by what they are: the definition's bundle, published files. `blobs/{sha256}` */
export const blobKey = (sha256: string): Key => `blobs/${sha256}`;

/** Valid results by trial, across runs: `results/{trialKey}/{runId}.json`. */
export const sharedResultKey = (trialKey: string, runId: string): Key => `results/${trialKey}/${runId}.json`;
export const sharedResultPrefix = (trialKey: string): Key => `results/${trialKey}/`;

/** The scope's folder on a host, below the supervisor's root: `attempts/{pointKey}.t{n}.a{k}` or `setup/{k}`. */
export const hostFolder = (scope: PhaseRef["scope"]): string =>
  scope.kind === "attempt"
    ? `attempts/${scope.attempt.pointKey}.t${scope.attempt.trialIndex}.a${scope.attempt.attempt}`
    : `setup/${scope.attempt}`;
