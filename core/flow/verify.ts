import type { Failure } from "../errors/failure.ts";
import type { CollectedArtifacts } from "../evidence/collect-artifacts.ts";
import { collectArtifacts } from "../evidence/collect-artifacts.ts";
import type { AttemptRef } from "../names/keys.ts";
import { attemptPrefix, phaseKeys, runPrefix } from "../names/keys.ts";
import type { CheckVerdict, LandedFiles, PlannedPoint } from "../plan/types.ts";
import type { StepResult } from "../ports/host-agent.ts";
import { expectedRecordSchema, startRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord } from "./effects.ts";
import type { PhaseEvidence } from "./manifest.ts";
import { recordManifest } from "./manifest.ts";
import { doneResults } from "./phase.ts";
import { attemptFailure } from "./record.ts";
import type { AttemptState } from "./states.ts";
import { ownOutputs } from "./steps.ts";
import { begunPhases } from "./stop.ts";

export interface Verdict {
  readonly valid: boolean;
  readonly manifestSha256: string;
  readonly class?: Failure["class"];
  readonly message?: string;
  readonly summary: Readonly<Record<string, number>>;
}

/** States carry the message on: they hold 256 KiB. The manifest has all of it. */
const longestMessage = 2_000;

/** A client that started later than agreed by more than this measured something else: the trial runs again. */
const latestStartMs = 250;

/**
 * Decides whether an attempt is a result: every host reported, every artifact landed with its digest, clients started
 * together, and the experiment's own checks passed. Writes the attempt's manifest in any case.
 */
export async function verifyAttempt(state: AttemptState, execution: string, fx: FlowEffects): Promise<Verdict> {
  const experiment = await fx.openRun(state.runId);
  const point = experiment.plan.points.find((p) => p.pointKey === state.pointKey);
  const phases = await gatherPhases(state, fx);
  const results = phases.flatMap((phase) => phase.results);
  const collected = await collectArtifacts(fx.store, state, results);
  const files = landedFiles(state, collected, fx);
  let failures: Failure[] = [];
  // What ended a phase early stands first: checks on what it left would only repeat it in other words.
  const early = attemptFailure(
    { ...state, verdict: { step: { valid: true, manifestSha256: "", summary: {} } } },
    experiment,
  );
  if (early !== undefined) failures.push(early);
  failures.push(...phaseFailures(phases), ...landingFailures(collected, results));
  let checks: readonly CheckVerdict[] = [];
  let summary: Readonly<Record<string, number>> = {};
  if (failures.length === 0 && point !== undefined) {
    checks = await experiment.check(point, files);
    failures.push(
      ...checks
        .filter((c) => !c.passed)
        .map((c): Failure => ({ class: "integrity", message: `check ${c.name}: ${c.detail}` })),
    );
    summary = await summarize(point, files, failures, experiment.summarize.bind(experiment));
  }
  failures = failures.map((failure) => experiment.classify(failure));
  const wasCut = early !== undefined;
  const manifestSha256 = await recordManifest(
    { state, execution, phases, collected, checks, summary, failures, wasCut },
    fx,
  );
  const worst = failures[0];
  if (worst === undefined) return { valid: true, manifestSha256, summary };
  return { valid: false, manifestSha256, class: worst.class, message: worst.message.slice(0, longestMessage), summary };
}

/** A metric that can't be computed makes the result invalid; it doesn't stop the run. */
async function summarize(
  point: PlannedPoint,
  files: LandedFiles,
  failures: Failure[],
  compute: (point: PlannedPoint, files: LandedFiles) => Promise<Readonly<Record<string, number>>>,
): Promise<Readonly<Record<string, number>>> {
  try {
    return await compute(point, files);
  } catch (error) {
    failures.push({
      class: "integrity",
      message: `summary: ${error instanceof Error ? error.message : String(error)}`,
    });
    return {};
  }
}

async function gatherPhases(attempt: AttemptRef, fx: FlowEffects): Promise<PhaseEvidence[]> {
  const gathered: PhaseEvidence[] = [];
  for (const ref of await begunPhases(attempt, fx)) {
    const keys = phaseKeys(ref);
    const done = await doneResults(ref, fx);
    const expected = await readRecord(fx.store, keys.expected, expectedRecordSchema);
    const required = Object.entries(expected?.value.hosts ?? {}).flatMap(([host, part]) =>
      part === "required" ? [host] : [],
    );
    const start = await readRecord(fx.store, keys.start, startRecordSchema);
    gathered.push({
      ref,
      results: [...done.values()].map(withoutOwnRules).sort((a, b) => (a.host < b.host ? -1 : 1)),
      start: start?.value,
      silent: required.filter((host) => !done.has(host)),
    });
  }
  return gathered;
}

/** A host without events has no events.csv: that is nothing to tell. */
const withoutOwnRules = (result: StepResult): StepResult => ({
  ...result,
  missing: result.missing.filter((glob) => !ownOutputs.some((own) => own.glob === glob)),
});

/** What checks and metrics may read: files that are whole. */
function landedFiles(state: AttemptState, collected: CollectedArtifacts, fx: FlowEffects): LandedFiles {
  const prefix = `${attemptPrefix(state)}/`.slice(runPrefix(state.runId).length + 1);
  const files = collected.artifacts
    .filter((artifact) => artifact.complete)
    .map((artifact) => {
      const [host = "", ...path] = artifact.key.slice(prefix.length).split("/");
      return {
        host,
        path: path.join("/"),
        bytes: artifact.bytes,
        keys: (artifact.parts ?? [artifact]).map((part) => part.key),
      };
    });
  return {
    list: () => files,
    async *read(host, path) {
      for (const key of files.find((f) => f.host === host && f.path === path)?.keys ?? []) {
        const body = await fx.store.read(`${runPrefix(state.runId)}/${key}`);
        if (body !== undefined) yield* body;
      }
    },
  };
}

/** The store verified each digest as it landed; here it was asked whether what the hosts name is really there. */
const landingFailures = ({ missing }: CollectedArtifacts, results: readonly StepResult[]): Failure[] => {
  // Rules that matched nothing are the host's own to judge: it failed the step where one was required.
  const unmatched = new Set(results.flatMap((result) => result.missing.map((path) => `${result.host} ${path}`)));
  return missing
    .filter(({ host, path }) => !unmatched.has(`${host} ${path}`))
    .map(({ host, path }) => ({
      class: "collect",
      message: `${path} of ${host} is not among the evidence`,
      host,
    }));
};

function phaseFailures(phases: readonly PhaseEvidence[]): Failure[] {
  const failures: Failure[] = [];
  for (const { ref, results, silent } of phases) {
    if (ref.phase === "collect") {
      for (const host of silent)
        failures.push({ class: "collect", message: `${host} did not report its evidence`, host });
    }
    for (const result of results) {
      if (result.failure !== undefined) failures.push(result.failure);
      if (result.startLateMs !== undefined && result.startLateMs > latestStartMs) {
        // Nobody's fault that a second try would repeat: the word came late, or the host stalled.
        failures.push({
          class: "transport",
          message: `${result.host} started ${result.startLateMs} ms after the agreed instant`,
          host: result.host,
        });
      }
    }
  }
  return failures;
}
