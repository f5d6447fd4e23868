import type { Place } from "../ports/provider.ts";
import type { HostRate } from "./catalogue.ts";
import type { PlannedDeployment, PlannedHost } from "./types.ts";

/** How machines are bought: as the definition says (spot for those that ask for it), or all on demand. */
export type Market = "asPlanned" | "onDemand";

/** One way of having a deployment's hosts: on one cloud or set of clouds, in one place each, bought one way. */
export interface PlacementChoice {
  /** 0: the deployment itself; n: its n-th alternative. */
  readonly alternative: number;
  readonly market: Market;
  /** By slot: see `slotsOf`. */
  readonly places: Readonly<Record<string, Place>>;
}

/**
 * A group of hosts that go to one place together: all of a provider (`aws`), or those that have places of their own
 * (`aws#1`, `aws#2` for hosts spread over regions).
 */
export interface Slot {
  readonly name: string;
  readonly provider: string;
  readonly places: readonly Place[];
  readonly hosts: readonly PlannedHost[];
}

export const providerOfSlot = (slot: string): string => slot.replace(/#\d+$/, "");

export function slotsOf(deployment: Pick<PlannedDeployment, "places" | "hosts">): Slot[] {
  const slots = new Map<string, { name: string; provider: string; places: readonly Place[]; hosts: PlannedHost[] }>();
  const numbers = new Map<string, number>();
  for (const [provider, places] of Object.entries(deployment.places))
    slots.set(provider, { name: provider, provider, places, hosts: [] });
  for (const host of deployment.hosts) {
    const key = host.places === undefined ? host.provider : `${host.provider} ${JSON.stringify(host.places)}`;
    let slot = slots.get(key);
    if (slot === undefined) {
      const number = (numbers.get(host.provider) ?? 0) + 1;
      numbers.set(host.provider, number);
      slot = { name: `${host.provider}#${number}`, provider: host.provider, places: host.places ?? [], hosts: [] };
      slots.set(key, slot);
    }
    slot.hosts.push(host);
  }
  return [...slots.values()].filter((slot) => slot.hosts.length > 0);
}

/** The deployment as one of its alternatives makes it. */
export const deploymentAs = (
  deployment: PlannedDeployment,
  alternative: number,
): Pick<PlannedDeployment, "places" | "hosts"> => deployment.alternatives?.[alternative - 1] ?? deployment;

/**
 * Every way of having the hosts, in the order in which they are tried (design decision 9): the user's places in order,
 * then the same places on demand where spot was asked for, then the next cloud.
 *
 * Places of several slots are walked in step, the last of a shorter list standing for the rest.
 */
export function placementChoices(deployment: PlannedDeployment): PlacementChoice[] {
  const count = 1 + (deployment.alternatives?.length ?? 0);
  return Array.from({ length: count }, (_, alternative) => alternative).flatMap((alternative) => {
    const there = deploymentAs(deployment, alternative);
    const slots = slotsOf(there);
    const rounds = Math.max(0, ...slots.map((slot) => slot.places.length));
    const steps = Array.from({ length: rounds }, (_, n) =>
      Object.fromEntries(
        slots.flatMap((slot) => {
          const place = slot.places[Math.min(n, slot.places.length - 1)];
          return place === undefined ? [] : [[slot.name, place] as const];
        }),
      ),
    );
    const markets: Market[] = there.hosts.some((host) => host.shape.spot) ? ["asPlanned", "onDemand"] : ["asPlanned"];
    return markets.flatMap((market) => steps.map((places) => ({ alternative, market, places })));
  });
}

/** Whether a choice buys any spot machine. */
export const buysSpot = (
  deployment: PlannedDeployment,
  choice: Pick<PlacementChoice, "alternative" | "market">,
): boolean =>
  choice.market === "asPlanned" && deploymentAs(deployment, choice.alternative).hosts.some((host) => host.shape.spot);

/** What one host costs an hour in a choice; `most` takes the on-demand price, which no spot bid exceeds, where spot's isn't known. */
export function hostDollars(
  host: PlannedHost,
  region: string,
  market: Market,
  reckon: "likely" | "most",
): number | "unknown" {
  const rate: HostRate | undefined = host.rates?.find((r) => r.region === region);
  if (rate === undefined) return host.rates === undefined ? host.dollarsPerHour : "unknown";
  if (!host.shape.spot || market === "onDemand") return rate.onDemand;
  return rate.spot === "unknown" && reckon === "most" ? rate.onDemand : rate.spot;
}

/** What all hosts of a choice cost an hour. */
export function choiceDollars(
  deployment: PlannedDeployment,
  choice: PlacementChoice,
  reckon: "likely" | "most",
): number | "unknown" {
  let sum = 0;
  for (const slot of slotsOf(deploymentAs(deployment, choice.alternative))) {
    for (const host of slot.hosts) {
      const dollars = hostDollars(host, choice.places[slot.name]?.region ?? "unknown", choice.market, reckon);
      if (dollars === "unknown") return "unknown";
      sum += dollars;
    }
  }
  return sum;
}

/** `aws us-east-1a + gcp us-west1-b, on demand`: for people. */
export function describeChoice(
  choice: { readonly market?: Market | undefined; readonly places: Readonly<Record<string, Place>> },
  spot: boolean,
): string {
  const places = Object.entries(choice.places).map(
    ([slot, place]) => `${providerOfSlot(slot)} ${describePlace(place)}`,
  );
  return `${[...new Set(places)].join(" + ")}${spot ? ", spot" : choice.market === "onDemand" ? ", on demand" : ""}`;
}

/** Azure's zones have no name of their own. */
const describePlace = ({ region, zone }: Place): string =>
  zone === undefined ? region : zone.startsWith(region) ? zone : `${region}/${zone}`;
