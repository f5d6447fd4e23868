import type { PlannedTrial } from "../analysis/figure.ts";
import type { Trial, TrialArtifact, TrialComparison } from "../analysis/trials.ts";
import type { Artifact } from "../core/evidence/attempt-manifest.ts";
import { attemptManifestSchema } from "../core/evidence/attempt-manifest.ts";
import { readRecord, requireRecord } from "../core/flow/effects.ts";
import { attemptKeys, runKeys, runPrefix } from "../core/names/keys.ts";
import { startOrder } from "../core/plan/sides.ts";
import type { Plan, PlannedPoint, PlannedTrial as TrialOfPlan } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { outcomeRecordSchema } from "../core/records/schemas.ts";
import { mapBounded } from "../core/effects/map-bounded.ts";

/** Records are small, and a store may be far away. */
export const readsAtOnce = 16;

/**
 * A run's valid trials as figures take them: artifacts are opened from the store when a figure reads them.
 *
 * A trial that two sweeps plan is measured once and stands for both: each planned trial takes the result of its key.
 */
export async function loadTrials(store: ObjectStore, runId: string, plan: Plan): Promise<Trial[]> {
  const planned = plan.blocks.flatMap(({ trials }) => trials);
  const trials = await mapBounded(planned, readsAtOnce, (trial) => loadTrial(store, { runId, plan, trial }));
  return trials.filter((trial) => trial !== undefined);
}

async function loadTrial(
  store: ObjectStore,
  { runId, plan, trial }: { readonly runId: string; readonly plan: Plan; readonly trial: TrialOfPlan },
): Promise<Trial | undefined> {
  const point = plan.points[trial.point];
  const outcome = await readRecord(store, runKeys(runId).outcome(trial.trialKey), outcomeRecordSchema);
  if (point === undefined || outcome === undefined) return undefined;
  const manifest = await requireRecord(store, attemptKeys(outcome.value).manifest, attemptManifestSchema);
  const prefix = `${manifest.pointKey}/trial-${manifest.trialIndex}/attempt-${manifest.attempt}/`;
  return {
    runId: manifest.runId,
    experiment: manifest.experiment,
    sweep: point.sweep,
    pointKey: point.pointKey,
    parameters: point.parameters,
    trialIndex: trial.trialIndex,
    trialKey: trial.trialKey,
    attempt: manifest.attempt,
    summary: manifest.summary,
    artifacts: manifest.artifacts
      .filter((artifact) => artifact.complete)
      .map((artifact) => openArtifact(store, manifest.runId, prefix, artifact)),
    ...comparisonOf(point, trial),
  };
}

function comparisonOf(point: PlannedPoint, trial: TrialOfPlan): { comparison?: TrialComparison } {
  const { compare, arm, pointKey } = point;
  if (compare === undefined) return {};
  const { mode, barrier, place } = compare;
  const order = mode === "duet" ? startOrder(compare, { ...trial, pointKey }) : undefined;
  return { comparison: { mode, barrier: mode === "duet" && barrier, place, arm, order } };
}

function openArtifact(store: ObjectStore, runId: string, prefix: string, artifact: Artifact): TrialArtifact {
  const [host = "", ...path] = artifact.key.slice(prefix.length).split("/");
  const keys = (artifact.parts ?? [artifact]).map((part) => `${runPrefix(runId)}/${part.key}`);
  const { key, bytes, sha256 } = artifact;
  return { key, host, path: path.join("/"), bytes, sha256, open: () => readAll(store, keys) };
}

async function* readAll(store: ObjectStore, keys: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const key of keys) {
    const body = await store.read(key);
    if (body !== undefined) yield* body;
  }
}

/** Every trial of a plan, so that a figure can say which it was drawn without. */
export const plannedTrials = (plan: Plan): PlannedTrial[] =>
  plan.blocks.flatMap((block) =>
    block.trials.flatMap((trial) => {
      const point = plan.points[trial.point];
      return point === undefined
        ? []
        : [
            {
              sweep: point.sweep,
              pointKey: point.pointKey,
              parameters: point.parameters,
              trialIndex: trial.trialIndex,
            },
          ];
    }),
  );
