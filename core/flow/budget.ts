import type { Failure } from "../errors/failure.ts";
import { deploymentKeys, parseDeploymentId, runKeys } from "../names/keys.ts";
import { isCloudProvider } from "../plan/place.ts";
import type { PlacementChoice } from "../plan/placement.ts";
import { choiceDollars, placementChoices } from "../plan/placement.ts";
import type { Plan, PlannedDeployment } from "../plan/types.ts";
import { receiptSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren, readRecord } from "./effects.ts";
import type { Round } from "./rounds.ts";
import { readRounds } from "./rounds.ts";

/**
 * Money while a run goes on (design decision 11).
 *
 * A budget is split once, by the plan, into a fixed share for each deployment, so nobody shares a counter. What is spent
 * is own timestamps times dated prices. A trial is admitted only if the hosts can live until its worst end within the
 * share; since a deployment's hosts are paid for whichever of its lanes works, that is the lanes' common question.
 */
const hourMs = 3_600_000;
/** Longest that landing a trial's evidence may take: as the state machine has it. */
export const collectMs = 1_800_000;
const teardownMs = (deployment: PlannedDeployment): number =>
  deployment.hosts.some(({ provider }) => isCloudProvider(provider)) ? 180_000 : 0;

/**
 * A deployment's fixed share of the budget: by what the plan expects it to cost, or by its trials where prices aren't
 * known.
 *
 * @returns undefined where there is no budget
 */
export function budgetShare(plan: Plan, name: string): number | undefined {
  if (plan.budgetDollars === undefined) return undefined;
  const weights = new Map(plan.deployments.map((d) => [d.name, expectedDollars(plan, d)]));
  const isPriced = [...weights.values()].every((weight) => weight !== "unknown");
  const sum = (of: (name: string) => number): number => [...weights.keys()].reduce((total, n) => total + of(n), 0);
  const weightOf = (n: string): number => {
    const weight = weights.get(n) ?? 0;
    return isPriced && weight !== "unknown" ? weight : plan.blocks.filter((block) => block.deployment === n).length;
  };
  const total = sum(weightOf);
  return total === 0 ? plan.budgetDollars : (plan.budgetDollars * weightOf(name)) / total;
}

function expectedDollars(plan: Plan, deployment: PlannedDeployment): number | "unknown" {
  const [first] = placementChoices(deployment);
  const rate = first === undefined ? 0 : choiceDollars(deployment, first, "most");
  if (rate === "unknown") return rate;
  const ms = plan.blocks
    .filter((block) => block.deployment === deployment.name)
    .flatMap((block) => block.trials)
    .reduce((total, trial) => total + (plan.points[trial.point]?.expectedMs ?? 0), 0);
  return (rate * ms) / hourMs;
}

/** What rounds have cost until `now`: those in which every host was granted, from the request to their end. */
export function roundDollars(
  deployment: PlannedDeployment,
  rounds: readonly { readonly choice: PlacementChoice; readonly fromMs: number; readonly toMs: number }[],
  reckon: "likely" | "most",
): number | "unknown" {
  let sum = 0;
  for (const { choice, fromMs, toMs } of rounds) {
    const rate = choiceDollars(deployment, choice, reckon);
    if (rate === "unknown") return "unknown";
    sum += (rate * Math.max(0, toMs - fromMs)) / hourMs;
  }
  return sum;
}

/** Rounds that had all their hosts, with the time for which they are paid. */
export async function paidRounds(
  at: { readonly runId: string; readonly deploymentId: string },
  until: number,
  fx: Pick<FlowEffects, "store">,
): Promise<{ readonly choice: PlacementChoice; readonly fromMs: number; readonly toMs: number }[]> {
  const keys = deploymentKeys(at.runId, at.deploymentId);
  const paid: { choice: PlacementChoice; fromMs: number; toMs: number }[] = [];
  for (const round of await readRounds(at.runId, at.deploymentId, fx)) {
    if ((await fx.store.head(keys.accepted(round.record.round))) === undefined) continue;
    paid.push({ choice: round.choice, fromMs: round.record.startedAt, toMs: endOf(round, until) });
  }
  return paid;
}

const endOf = (round: Round, until: number): number => round.refused?.at ?? until;

/** Dollars that all generations of a deployment have cost so far, taking the dearer price where one isn't known. */
export async function spentDollars(
  runId: string,
  deployment: PlannedDeployment,
  fx: Pick<FlowEffects, "store" | "clock">,
): Promise<number | "unknown"> {
  let sum = 0;
  for (const deploymentId of await listChildren(fx.store, runKeys(runId).deployments)) {
    if (parseDeploymentId(runId, deploymentId).name !== deployment.name) continue;
    const receipt = await readRecord(fx.store, deploymentKeys(runId, deploymentId).receipt, receiptSchema);
    const until = receipt === undefined ? fx.clock.now() : Date.parse(receipt.value.closedAt);
    const dollars = roundDollars(deployment, await paidRounds({ runId, deploymentId }, until, fx), "most");
    if (dollars === "unknown") return dollars;
    sum += dollars;
  }
  return sum;
}

/** Until when the hosts of a choice may live within the deployment's share; undefined: as long as they are wanted. */
export async function budgetEnd(
  runId: string,
  plan: Plan,
  at: { readonly deployment: PlannedDeployment; readonly choice: PlacementChoice },
  fx: Pick<FlowEffects, "store" | "clock">,
): Promise<number | undefined> {
  const share = budgetShare(plan, at.deployment.name);
  if (share === undefined) return undefined;
  const rate = choiceDollars(at.deployment, at.choice, "most");
  const spent = await spentDollars(runId, at.deployment, fx);
  if (rate === "unknown" || spent === "unknown" || rate === 0) return undefined;
  return fx.clock.now() + (Math.max(0, share - spent) / rate) * hourMs;
}

/** Why a trial may not start for money's sake, or undefined when it may. */
export async function whyNotAdmitted(
  at: { readonly runId: string; readonly deployment: string; readonly deploymentId: string },
  plan: Plan,
  timeoutMs: number,
  fx: Pick<FlowEffects, "store" | "clock">,
): Promise<Failure | undefined> {
  const share = budgetShare(plan, at.deployment);
  const deployment = plan.deployments.find(({ name }) => name === at.deployment);
  if (share === undefined || deployment === undefined) return undefined;
  const current = (await readRounds(at.runId, at.deploymentId, fx)).at(-1);
  if (current === undefined) return undefined; // borrowed hosts are their own run's to pay
  const rate = choiceDollars(deployment, current.choice, "most");
  const spent = await spentDollars(at.runId, deployment, fx);
  if (rate === "unknown" || spent === "unknown") {
    return { class: "budget", message: `what ${at.deployment} costs isn't known, so no budget can be kept` };
  }
  const worst = (rate * (timeoutMs + collectMs + teardownMs(deployment))) / hourMs;
  if (spent + worst <= share + 1e-9) return undefined;
  return {
    class: "budget",
    message: `$${spent.toFixed(2)} of ${at.deployment}'s $${share.toFixed(2)} are spent, and a trial may cost $${worst.toFixed(2)} more`,
    hint: "raise `budget.dollars`, or lower `trial.timeout`; a new run with --reuse goes on where this one ended",
  };
}
