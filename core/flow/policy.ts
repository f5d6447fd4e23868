import type { Failure, FailureClass } from "../errors/failure.ts";
import { whyTooDear } from "../plan/limits.ts";
import type { PlacementChoice } from "../plan/placement.ts";
import { buysSpot, placementChoices } from "../plan/placement.ts";
import type { Plan, PlannedDeployment, Straddle } from "../plan/types.ts";

/** A choice that was asked for, and what was said to it. */
export interface TriedChoice {
  readonly choice: PlacementChoice;
  readonly failure: Failure;
}

/** What keeps a deployment from some of its choices. */
export interface PlacementRules {
  /** Where results of this run were measured on an earlier generation of the deployment. */
  readonly measured?: Pick<PlacementChoice, "alternative" | "places"> | undefined;
  /** Its spot machines were taken away once: what is left runs on demand. */
  readonly onDemandOnly?: boolean | undefined;
}

/** Failures of a place that another place may not have. */
const moving: ReadonlySet<FailureClass> = new Set(["capacity", "quota", "boot", "preempted"]);

export const movesOn = (failure: Failure): boolean => moving.has(failure.class);

/** The choices that may be tried, in order, and why the first of the others may not. */
export function allowedChoices(
  plan: Partial<Pick<Plan, "maxDollarsPerHour" | "budgetDollars">>,
  deployment: PlannedDeployment,
  rules: PlacementRules,
): { readonly choices: readonly PlacementChoice[]; readonly barred: Failure | undefined } {
  let barred: Failure | undefined;
  const choices = placementChoices(deployment).filter((choice) => {
    const why =
      whyApart(choice, rules, deployment) ??
      whyNotSpot(choice, rules, deployment) ??
      whyTooDear(plan, deployment, choice);
    barred ??= why;
    return why === undefined;
  });
  return { choices, barred };
}

function whyNotSpot(
  choice: PlacementChoice,
  rules: PlacementRules,
  deployment: PlannedDeployment,
): Failure | undefined {
  if (rules.onDemandOnly !== true || !buysSpot(deployment, choice)) return undefined;
  return { class: "preempted", message: `${deployment.name} lost its spot machines once` };
}

function whyApart(
  choice: PlacementChoice,
  { measured }: PlacementRules,
  deployment: PlannedDeployment,
): Failure | undefined {
  if (measured === undefined) return undefined;
  const straddle = deployment.straddle ?? "nowhere";
  if (isNear(choice, measured, straddle)) return undefined;
  return {
    class: "capacity",
    message: `${deployment.name} has results that were measured elsewhere, and one comparison doesn't mix them`,
    hint: `\`straddle: ${nextStraddle[straddle]}\` in the deployment allows it; or start a new run`,
  };
}

const nextStraddle: Readonly<Record<Straddle, Straddle>> = {
  nowhere: "zones",
  zones: "regions",
  regions: "clouds",
  clouds: "clouds",
};

function isNear(
  choice: Pick<PlacementChoice, "alternative" | "places">,
  measured: Pick<PlacementChoice, "alternative" | "places">,
  straddle: Straddle,
): boolean {
  if (straddle === "clouds") return true;
  if (choice.alternative !== measured.alternative) return false;
  if (straddle === "regions") return true;
  return Object.entries(measured.places).every(([slot, place]) => {
    const other = choice.places[slot];
    return other?.region === place.region && (straddle === "zones" || other.zone === place.zone);
  });
}

/**
 * What is tried next (design decision 9): the first choice behind the last one tried that no refusal rules out.
 *
 * A quota is the region's, so after one the region's other zones aren't asked, bought the same way: on demand has a
 * quota of its own.
 */
export function nextChoice(
  choices: readonly PlacementChoice[],
  tried: readonly TriedChoice[],
): PlacementChoice | undefined {
  const last = Math.max(-1, ...tried.map(({ choice }) => choices.findIndex((other) => isSame(choice, other))));
  return choices.slice(last + 1).find((choice) => !tried.some((one) => isOutOfQuota(choice, one)));
}

const isOutOfQuota = (choice: PlacementChoice, { choice: tried, failure }: TriedChoice): boolean =>
  failure.class === "quota" &&
  choice.alternative === tried.alternative &&
  choice.market === tried.market &&
  Object.entries(tried.places).every(([slot, place]) => choice.places[slot]?.region === place.region);

const isSame = (a: PlacementChoice, b: PlacementChoice): boolean =>
  a.alternative === b.alternative && a.market === b.market && isNear(a, b, "nowhere");
