import { readRecord } from "../core/flow/effects.ts";
import { runKeys } from "../core/names/keys.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import type { Progress } from "../core/progress/progress.ts";
import { foldProgress, noProgress } from "../core/progress/progress.ts";
import { eventRecordSchema } from "../core/records/schemas.ts";

/** How a run stands by its feed so far. */
export async function readProgress(store: ObjectStore, runId: string): Promise<Progress> {
  let progress = noProgress;
  for await (const entry of store.list(runKeys(runId).events)) {
    const event = await readRecord(store, entry.key, eventRecordSchema);
    if (event !== undefined) progress = foldProgress(progress, event.value);
  }
  return progress;
}
