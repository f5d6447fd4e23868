import type { KillerConditions } from "./killers.ts";
import { killersOf } from "./killers.ts";
import { isCloudProvider } from "./place.ts";
import { choiceDollars, deploymentAs, placementChoices } from "./placement.ts";
import type { Plan, PlannedDeployment } from "./types.ts";

/**
 * How far beyond its budget a run may get (design decision 11).
 *
 * A trial is admitted only if its worst end fits into what is left, and hosts expire when the share of their deployment
 * is spent. What may come on top: hosts that end themselves a little after their time, and places that granted some hosts
 * before they refused the others, which nobody counts as spent. The dollars are those of one making of the hosts.
 */
export type Overspend =
  | { readonly kind: "none"; readonly dollars: 0 }
  | { readonly kind: "atMost"; readonly dollars: number }
  /** Nothing ends the hosts of these providers when nobody is left who knows of them. */
  | { readonly kind: "unbounded"; readonly providers: readonly string[] }
  /** A price is missing: no trial is admitted, and what has been asked for is paid until its lease ends. */
  | { readonly kind: "unknown" };

/** No create call for a round's intents is made after this long: what bounds how long a receipt stays open. */
export const intentLifeMs = 120_000;
/** From a host's expiry to the end of its bill: its timer looks each half minute, a shutdown may hang for two. */
const ownEndMs = 150_000;
/** What clouds take to delete a machine. */
const deletionMs = 180_000;

/** @returns undefined where there is no budget */
export function overspendOf(plan: Plan, conditions: KillerConditions): Overspend | undefined {
  if (plan.budgetDollars === undefined) return undefined;
  const killers = killersOf(plan, conditions);
  const paid = plan.deployments.map((deployment) => extraDollars(deployment, killers, conditions));
  if (paid.includes("unknown")) return { kind: "unknown" };
  const dollars = paid.reduce<number>((sum, one) => sum + Number(one), 0);
  if (dollars === 0) return { kind: "none", dollars: 0 };
  const left = killers.filter(({ endedBy }) => endedBy === "nobody").map(({ provider }) => provider);
  return left.length > 0 ? { kind: "unbounded", providers: left } : { kind: "atMost", dollars };
}

function extraDollars(
  deployment: PlannedDeployment,
  killers: ReturnType<typeof killersOf>,
  conditions: KillerConditions,
): number | "unknown" {
  let longest = 0;
  let abandoned = 0;
  let dearest = 0;
  const choices = placementChoices(deployment);
  for (const choice of choices) {
    const { hosts } = deploymentAs(deployment, choice.alternative);
    const providers = new Set(hosts.map(({ provider }) => provider).filter(isCloudProvider));
    if (providers.size === 0) continue;
    const rate = choiceDollars(deployment, choice, "most");
    if (rate === "unknown") return rate;
    const isReaped = killers.some((one) => providers.has(one.provider) && one.endedBy === "reaper");
    const lateMs = isReaped ? (conditions.reaper?.periodMs ?? 0) + deletionMs : ownEndMs;
    longest = Math.max(longest, (rate * lateMs) / hourMs);
    abandoned += (rate * (intentLifeMs + deletionMs)) / hourMs;
    dearest = Math.max(dearest, (rate * (intentLifeMs + deletionMs)) / hourMs);
  }
  // One of the places is the one that holds.
  return longest + abandoned - dearest;
}

const hourMs = 3_600_000;

/** For people, after `beyond it: `. */
export function describeOverspend(overspend: Overspend): string {
  switch (overspend.kind) {
    case "none":
      return "nothing";
    case "atMost":
      return `at most $${overspend.dollars < 1 ? overspend.dollars.toFixed(4) : overspend.dollars.toFixed(2)}, for hosts that end a little late and places that refuse half-way (as much again whenever lost hosts are made anew); disks, addresses and traffic aside`;
    case "unbounded":
      return `no limit at ${overspend.providers.join(" and ")} if this machine dies: nothing else ends its hosts`;
    case "unknown":
      return "unknown: a price is missing, so no trial would start";
    default:
      return overspend satisfies never;
  }
}
