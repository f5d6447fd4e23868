import type { Failure } from "../errors/failure.ts";
import type { PlacementChoice } from "./placement.ts";
import { choiceDollars, placementChoices } from "./placement.ts";
import type { Plan, PlannedDeployment } from "./types.ts";

/**
 * Why a plan must not be started: a deployment that costs more an hour than is allowed wherever it may go, or whose
 * price isn't known where a limit is to be kept.
 */
export function whyRefused(plan: Plan): Failure | undefined {
  for (const deployment of plan.deployments) {
    const choices = placementChoices(deployment);
    const reasons = choices.map((choice) => whyTooDear(plan, deployment, choice));
    const [first] = reasons;
    if (first !== undefined && reasons.every((reason) => reason !== undefined)) return first;
  }
  return undefined;
}

/** Why one way of having a deployment is out of the question by its price. */
export function whyTooDear(
  plan: Partial<Pick<Plan, "maxDollarsPerHour" | "budgetDollars">>,
  deployment: PlannedDeployment,
  choice: PlacementChoice,
): Failure | undefined {
  const { maxDollarsPerHour, budgetDollars } = plan;
  if (maxDollarsPerHour === undefined && budgetDollars === undefined) return undefined;
  const most = choiceDollars(deployment, choice, "most");
  if (most === "unknown") {
    return {
      class: "budget",
      message: `${deployment.name}: a machine's price isn't known, so no limit on money can be kept`,
      hint: "`reprise prices` reads the clouds' prices; or leave `budget:` out",
    };
  }
  // A spot machine may cost less than its bid, so its likely price decides, and the bid is capped by what is left.
  const likely = choiceDollars(deployment, choice, "likely");
  const dollars = likely === "unknown" ? most : likely;
  if (maxDollarsPerHour === undefined || dollars <= maxDollarsPerHour) return undefined;
  return {
    class: "budget",
    message: `${deployment.name} costs $${dollars.toFixed(2)} an hour, more than the allowed $${maxDollarsPerHour}`,
    hint: "raise `budget.dollarsPerHour`, or ask for smaller or fewer machines",
  };
}

/**
 * The most to bid for one spot host, so that all hosts of the choice stay below the limit an hour.
 *
 * What the on-demand hosts leave of it is shared among the spot hosts by their on-demand prices.
 *
 * @returns undefined where there is no limit, or where the on-demand price is the lower one anyway
 */
export function spotBid(
  plan: Pick<Plan, "maxDollarsPerHour">,
  hosts: readonly { readonly spot: boolean; readonly onDemand: number | "unknown" }[],
  host: { readonly onDemand: number | "unknown" },
): number | undefined {
  const limit = plan.maxDollarsPerHour;
  if (limit === undefined || host.onDemand === "unknown") return undefined;
  const sum = (spot: boolean): number =>
    hosts.filter((h) => h.spot === spot).reduce((total, h) => total + (h.onDemand === "unknown" ? 0 : h.onDemand), 0);
  const left = limit - sum(false);
  const bid = (left * host.onDemand) / sum(true);
  return bid < host.onDemand ? Math.max(0, Math.floor(bid * 100_000) / 100_000) : undefined;
}
