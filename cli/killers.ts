import type { KillerConditions } from "../core/plan/killers.ts";
import { selfDeletionIdentity } from "../providers/cloud/open-cloud.ts";
import { stackOf } from "./deployed/place.ts";
import { readStack } from "./deployed/stack.ts";

/**
 * What ends the hosts of this home's runs when nobody does: a deployed control plane has a reaper, this machine hasn't;
 * machines on Azure may have an identity to delete themselves with.
 */
export async function killerConditions(home: string): Promise<KillerConditions> {
  const stack = stackOf(home, process.env);
  if (stack === undefined) {
    const selfDeleting = selfDeletionIdentity(process.env) === undefined ? [] : ["azure"];
    return { reaper: undefined, selfDeleting };
  }
  const { reaperMinutes, providers } = await readStack(stack);
  return { reaper: { periodMs: reaperMinutes * 60_000, providers } };
}
