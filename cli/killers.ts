import type { KillerConditions } from "../core/plan/killers.ts";
import { stackOf } from "./deployed/place.ts";
import { readStack } from "./deployed/stack.ts";

/** Whether a reaper looks after what this home's runs leave: a deployed control plane has one, this machine hasn't. */
export async function killerConditions(home: string): Promise<KillerConditions> {
  const stack = stackOf(home, process.env);
  if (stack === undefined) return { reaper: undefined };
  const { reaperMinutes, providers } = await readStack(stack);
  return { reaper: { periodMs: reaperMinutes * 60_000, providers } };
}
