import type { PlannedTrial } from "../analysis/figure.ts";
import type { Trial } from "../analysis/trials.ts";
import { attemptManifestSchema } from "../core/evidence/attempt-manifest.ts";
import { resultRows } from "../core/evidence/result-rows.ts";
import { requireRecord } from "../core/flow/effects.ts";
import { runPrefix } from "../core/names/keys.ts";
import type { Plan } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";

/** A run's valid trials as figures take them: artifacts are opened from the store when a figure reads them. */
export async function loadTrials(store: ObjectStore, runId: string): Promise<Trial[]> {
  const trials: Trial[] = [];
  for await (const row of resultRows(store, runId)) {
    if (row.outcome !== "valid") continue;
    const manifest = await requireRecord(store, row.manifestKey, attemptManifestSchema);
    const prefix = `${manifest.pointKey}/trial-${manifest.trialIndex}/attempt-${manifest.attempt}/`;
    trials.push({
      runId: manifest.runId,
      experiment: manifest.experiment,
      sweep: manifest.sweep,
      pointKey: manifest.pointKey,
      parameters: manifest.parameters,
      trialIndex: manifest.trialIndex,
      trialKey: manifest.trialKey,
      attempt: manifest.attempt,
      summary: manifest.summary,
      artifacts: manifest.artifacts
        .filter((artifact) => artifact.complete)
        .map((artifact) => {
          const [host = "", ...path] = artifact.key.slice(prefix.length).split("/");
          const keys = (artifact.parts ?? [artifact]).map((part) => `${runPrefix(manifest.runId)}/${part.key}`);
          return {
            key: artifact.key,
            host,
            path: path.join("/"),
            bytes: artifact.bytes,
            sha256: artifact.sha256,
            open: () => readAll(store, keys),
          };
        }),
    });
  }
  return trials;
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
