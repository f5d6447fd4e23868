import { parseStored } from "../../core/evidence/run-manifest.ts";
import type { EvidenceReader } from "../../core/evidence/walk-evidence.ts";
import { attemptKeys, runKeys } from "../../core/names/keys.ts";
import type { Plan } from "../../core/plan/types.ts";
import type { Key, Stored } from "../../core/ports/object-store.ts";
import { outcomeRecordSchema } from "../../core/records/schemas.ts";
import { readsAtOnce } from "../load-trials.ts";
import { mapBounded } from "../../core/effects/map-bounded.ts";

/** A reader that has what rows are made of already: asked for one by one they take minutes where each takes milliseconds. */
export async function readAhead(store: EvidenceReader, runId: string, plan: Plan): Promise<EvidenceReader> {
  const known = new Map<Key, Stored>();
  const fetch = async (key: Key): Promise<Stored | undefined> => {
    const stored = await store.get(key);
    if (stored !== undefined) known.set(key, stored);
    return stored;
  };
  const trials = plan.blocks.flatMap((block) => block.trials);
  await mapBounded(trials, readsAtOnce, async ({ trialKey }) => {
    const stored = await fetch(runKeys(runId).outcome(trialKey));
    const outcome = stored && parseStored(stored.body, outcomeRecordSchema);
    if (outcome?.kind === "parsed") await fetch(attemptKeys(outcome.value).manifest);
  });
  return {
    get: (key) => {
      const stored = known.get(key);
      return stored === undefined ? store.get(key) : Promise.resolve(stored);
    },
    head: (key) => store.head(key),
    read: (key, from) => store.read(key, from),
    list: (prefix, after) => store.list(prefix, after),
  };
}
