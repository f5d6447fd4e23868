import { z } from "zod";
import type { JsonObject } from "../effects/json.ts";
import type { FailureClass } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import type { AttemptRef } from "../names/keys.ts";
import { attemptKeys, runKeys, runPrefix } from "../names/keys.ts";
import type { Key } from "../ports/object-store.ts";
import { outcomeRecordSchema } from "../records/schemas.ts";
import type { AttemptManifest } from "./attempt-manifest.ts";
import { attemptManifestSchema } from "./attempt-manifest.ts";
import { classifyRunFile } from "./run-files.ts";
import { parseStored } from "./run-manifest.ts";
import type { EvidenceReader } from "./walk-evidence.ts";

/** One trial: what was varied, and what came of it. */
export interface ResultRow {
  readonly runId: string;
  readonly experiment: string;
  readonly sweep: string;
  readonly pointKey: string;
  readonly parameters: JsonObject;
  readonly trialIndex: number;
  readonly trialKey: string;
  /** The valid attempt, or the last one where none is. */
  readonly attempt: number;
  readonly outcome: "valid" | "invalid" | "failed";
  readonly failureClass: FailureClass | undefined;
  readonly failureMessage: string | undefined;
  readonly deploymentId: string;
  readonly startedAt: string;
  readonly durationSec: number;
  /** The run that measured it, when this one took its result over. */
  readonly reusedFrom: string | undefined;
  /** Where all the rest stands. */
  readonly manifestKey: Key;
  readonly summary: Readonly<Record<string, number>>;
}

/** As much of a plan as rows need: trials in the order of their points. */
const planSchema = z.object({
  points: z.array(z.object({ pointKey: z.string(), sweep: z.string() })),
  blocks: z.array(
    z.object({
      trials: z.array(z.object({ point: z.number().int(), trialIndex: z.number().int(), trialKey: z.string() })),
    }),
  ),
});

/**
 * A run's results, one row a trial that was tried, in the plan's order of points, then by trial index. Reads manifests,
 * not logs; may be called while the run goes on.
 *
 * @throws {FailureError} class collect, when there is no such run; class integrity, for a record that can't be read
 */
export async function* resultRows(store: EvidenceReader, runId: string): AsyncGenerator<ResultRow> {
  const plan = await readStored(store, runKeys(runId).plan, planSchema);
  if (plan === undefined) {
    throw new FailureError({
      class: "collect",
      message: `the store has no plan of run ${runId}`,
      hint: "`reprise list` names the runs in this store",
    });
  }
  const trials = plan.blocks.flatMap((block) => block.trials);
  trials.sort((a, b) => a.point - b.point || a.trialIndex - b.trialIndex);
  for (const { point, trialIndex, trialKey } of trials) {
    const planned = plan.points[point];
    if (planned === undefined) continue;
    const outcome = await readStored(store, runKeys(runId).outcome(trialKey), outcomeRecordSchema);
    const trial = { runId, pointKey: planned.pointKey, trialIndex };
    const ref = outcome ?? (await lastAttempt(store, trial));
    if (ref === undefined) continue;
    const manifest = await readStored(store, attemptKeys(ref).manifest, attemptManifestSchema);
    // Evidence of a run that was taken over may stand elsewhere: then there is no row to give.
    if (manifest !== undefined) yield toRow({ ...trial, sweep: planned.sweep }, ref, manifest);
  }
}

function toRow(
  trial: { readonly runId: string; readonly pointKey: string; readonly trialIndex: number; readonly sweep: string },
  ref: AttemptRef,
  manifest: AttemptManifest,
): ResultRow {
  const failure =
    manifest.outcome.kind === "failed"
      ? manifest.outcome.failure
      : manifest.outcome.kind === "invalid"
        ? manifest.outcome.failures[0]
        : undefined;
  return {
    runId: trial.runId,
    experiment: manifest.experiment,
    sweep: trial.sweep,
    pointKey: trial.pointKey,
    parameters: manifest.parameters,
    trialIndex: trial.trialIndex,
    trialKey: manifest.trialKey,
    attempt: ref.attempt,
    outcome: manifest.outcome.kind,
    failureClass: failure?.class,
    failureMessage: failure?.message,
    deploymentId: manifest.deployment.id,
    startedAt: manifest.startedAt,
    durationSec: (Date.parse(manifest.endedAt) - Date.parse(manifest.startedAt)) / 1_000,
    reusedFrom: ref.runId === trial.runId ? undefined : ref.runId,
    manifestKey: attemptKeys(ref).manifest,
    summary: manifest.summary,
  };
}

async function lastAttempt(
  store: EvidenceReader,
  trial: { readonly runId: string; readonly pointKey: string; readonly trialIndex: number },
): Promise<AttemptRef | undefined> {
  let last: AttemptRef | undefined;
  const prefix = `${runPrefix(trial.runId)}/${trial.pointKey}/trial-${trial.trialIndex}/`;
  for await (const { key } of store.list(prefix)) {
    const file = classifyRunFile(trial.runId, key);
    if (file.kind === "manifest" && file.attempt.attempt > (last?.attempt ?? 0)) last = file.attempt;
  }
  return last;
}

async function readStored<S extends z.ZodType>(
  store: EvidenceReader,
  key: Key,
  schema: S,
): Promise<z.output<S> | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  const parsed = parseStored(stored.body, schema);
  if (parsed.kind === "parsed") return parsed.value;
  throw new FailureError({
    class: "integrity",
    message: `${key} can't be read: ${parsed.reason}`,
    hint: "`reprise verify` names every file that isn't what was recorded",
    evidence: key,
  });
}
