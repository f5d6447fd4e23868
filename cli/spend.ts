import type { Clock } from "../core/effects/clock.ts";
import { spentDollars } from "../core/flow/budget.ts";
import type { Plan } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";

/**
 * Reckons what a run's hosts have cost so far: own timestamps times dated prices, as its budget is kept.
 *
 * @param readPlan the run's plan; it is asked for until it is known, and once
 * @returns to be asked whenever a person wants to know: unknown where a price or the plan is
 */
export function spendOf(
  runId: string,
  effects: { readonly store: ObjectStore; readonly clock: Clock },
  readPlan: () => Promise<Plan | undefined> = () => storedPlan(runId, effects.store),
): () => Promise<number | "unknown"> {
  let plan: Plan | undefined;
  return async () => {
    plan ??= await readPlan();
    if (plan === undefined) return "unknown";
    let sum = 0;
    for (const deployment of plan.deployments) {
      const dollars = await spentDollars(runId, deployment, effects);
      if (dollars === "unknown") return dollars;
      sum += dollars;
    }
    return sum;
  };
}

/** @returns undefined for a run of another version, which can still be looked at */
async function storedPlan(runId: string, store: ObjectStore): Promise<Plan | undefined> {
  const { openStoredRun } = await import("../engines/embedded/world.ts");
  return openStoredRun(runId, store).then(
    (run) => run.plan,
    () => undefined,
  );
}

/** `$0.42 spent` */
export const spentText = (sum: number | "unknown"): string =>
  sum === "unknown" ? "spend unknown" : `$${sum === 0 ? "0" : sum.toFixed(2)} spent`;
