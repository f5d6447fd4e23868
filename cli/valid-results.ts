import type { Plan } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";

const results = "results/";

/** Keys of a plan's trials of which some run in the store has a valid result: what `run --reuse` would not run again. */
export async function validResultsIn(store: Pick<ObjectStore, "list">, plan: Plan): Promise<ReadonlySet<string>> {
  const planned = new Set(plan.blocks.flatMap(({ trials }) => trials.map(({ trialKey }) => trialKey)));
  const valid = new Set<string>();
  for await (const { key } of store.list(results)) {
    const trialKey = key.slice(results.length).split("/")[0] ?? "";
    if (planned.has(trialKey)) valid.add(trialKey);
  }
  return valid;
}
