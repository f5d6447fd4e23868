import { canonicalJson, leavesOf, valueAt } from "../definition/json-values.ts";
import type { Plan, PlannedPoint, PlannedTrial } from "./types.ts";

/** An earlier plan to compare with, and which of its trials came to a valid result. */
export interface EarlierRun {
  readonly runId: string;
  readonly plan: Plan;
}

export type Explanation =
  /** A valid result is there: nothing runs. */
  | { readonly kind: "valid"; readonly reason: string }
  /** Planned before under the same key, but no attempt was valid. */
  | { readonly kind: "unfinished"; readonly reason: string }
  /** The same point was measured before, but not as it is now. */
  | { readonly kind: "changed"; readonly reason: string; readonly changes: readonly string[] }
  /** Never planned before. */
  | { readonly kind: "new"; readonly reason: string };

/**
 * Says why a trial would run, or why not.
 *
 * @param earlier runs of the same experiment, the newest first
 */
export function explainTrial(
  plan: Plan,
  trial: PlannedTrial,
  known: { readonly validResults: ReadonlySet<string>; readonly earlier: readonly EarlierRun[] },
): Explanation {
  if (known.validResults.has(trial.trialKey)) {
    return { kind: "valid", reason: "a valid result with the same key is there" };
  }
  const same = known.earlier.find(({ plan: other }) => findTrial(other, (t) => t.trialKey === trial.trialKey));
  if (same !== undefined) {
    return { kind: "unfinished", reason: `${same.runId} planned it, but has no valid result of it` };
  }
  const point = plan.points[trial.point];
  if (point === undefined) return { kind: "new", reason: "the plan doesn't know its point" };
  for (const { runId, plan: other } of known.earlier) {
    const before = other.points.find(({ pointKey }) => pointKey === point.pointKey);
    if (before === undefined) continue;
    const changes = changesBetween(other, before, plan, point);
    if (changes.length === 0) {
      return { kind: "new", reason: `${runId} measured this point, but not trial ${trial.trialIndex}` };
    }
    return { kind: "changed", reason: `${runId} measured this point before a change`, changes };
  }
  return {
    kind: "new",
    reason: known.earlier.length === 0 ? "no earlier run is known" : "no earlier run has this point",
  };
}

function findTrial(plan: Plan, test: (trial: PlannedTrial) => boolean): PlannedTrial | undefined {
  for (const block of plan.blocks) {
    const found = block.trials.find(test);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What makes two plans' keys for a point differ, in words. */
function changesBetween(oldPlan: Plan, before: PlannedPoint, newPlan: Plan, now: PlannedPoint): string[] {
  const changes: string[] = [];
  const paths = new Map<string, readonly string[]>();
  for (const tree of [before.parameters, now.parameters]) {
    for (const [path] of leavesOf(tree)) paths.set(path.join("."), path);
  }
  for (const [name, path] of paths) {
    const old = valueAt(before.parameters, path);
    const value = valueAt(now.parameters, path);
    if (canonicalJson(old) === canonicalJson(value) && (old === undefined) === (value === undefined)) continue;
    if (old === undefined) changes.push(`parameter ${name} is new (${canonicalJson(value)})`);
    else if (value === undefined) changes.push(`parameter ${name} is gone (was ${canonicalJson(old)})`);
    else changes.push(`parameter ${name}: ${canonicalJson(old)} is now ${canonicalJson(value)}`);
  }
  if (canonicalJson(before.arms?.B) !== canonicalJson(now.arms?.B)) changes.push("parameters of side B");
  const oldParts = oldPlan.identities?.[before.deployment] ?? {};
  const newParts = newPlan.identities?.[now.deployment] ?? {};
  for (const part of Object.keys({ ...oldParts, ...newParts }).sort()) {
    if (oldParts[part] === newParts[part]) continue;
    const word = oldParts[part] === undefined ? "is new" : newParts[part] === undefined ? "is gone" : "changed";
    changes.push(`${part} ${word}`);
  }
  return changes;
}
