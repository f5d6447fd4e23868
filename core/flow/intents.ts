import { hostIntentName } from "../names/keys.ts";
import { spotBid } from "../plan/limits.ts";
import type { PlacementChoice, Slot } from "../plan/placement.ts";
import { deploymentAs, hostDollars, slotsOf } from "../plan/placement.ts";
import type { Plan, PlannedDeployment, PlannedHost } from "../plan/types.ts";
import type { Intent, MachineShape } from "../ports/provider.ts";
import type { RoundRecord, RunRecord } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { frozenShape } from "./frozen-images.ts";

/** What one round asks for: read from the plan and the round's record alone, so that asking again asks for the same. */
export interface RoundRequest {
  readonly plan: Pick<Plan, "maxDollarsPerHour" | "movingImages">;
  readonly deployment: PlannedDeployment;
  readonly deploymentId: string;
  readonly record: RoundRecord;
  readonly choice: PlacementChoice;
  readonly run: RunRecord;
}

/** The shape as the choice buys it. */
export const shapeAs = (host: PlannedHost, choice: Pick<PlacementChoice, "market">): MachineShape =>
  choice.market === "onDemand" ? { ...host.shape, spot: false } : host.shape;

/**
 * `{deploymentId}-r{round}`, or with the region behind it where a provider's hosts are spread over several: hosts of one
 * region share a network.
 */
export function networkName(
  deploymentId: string,
  round: number,
  slot: Slot,
  slots: readonly Slot[],
  places: PlacementChoice["places"],
): string {
  const first = slots.find((other) => other.provider === slot.provider);
  const region = places[slot.name]?.region;
  const isMain = first === undefined || places[first.name]?.region === region;
  return `${deploymentId}-r${round}${isMain || region === undefined ? "" : `-${region}`}`;
}

/** Names, providers and kinds of everything that a round will ask for: written down before the first call. */
export function announceIntents(
  deployment: PlannedDeployment,
  deploymentId: string,
  round: number,
  choice: PlacementChoice,
): RoundRecord["intents"] {
  const slots = slotsOf(deploymentAs(deployment, choice.alternative));
  const networks = new Map(
    slots.map((slot) => {
      const name = networkName(deploymentId, round, slot, slots, choice.places);
      return [`${slot.provider} ${name}`, { name, provider: slot.provider, kind: "network" }] as const;
    }),
  );
  const hosts = deploymentAs(deployment, choice.alternative).hosts.map((host) => ({
    name: hostIntentName(deploymentId, round, host.name),
    provider: host.provider,
    kind: "host",
  }));
  return [...networks.values(), ...hosts];
}

/** A slot's network and hosts, as its provider is asked for them. */
export async function slotIntents(
  request: RoundRequest,
  slot: Slot,
  fx: Pick<FlowEffects, "hostSetup" | "store" | "provider">,
): Promise<Intent[]> {
  const { plan, deployment, deploymentId, record, choice, run } = request;
  const place = choice.places[slot.name];
  if (place === undefined) return [];
  const there = deploymentAs(deployment, choice.alternative);
  const base = {
    deployment: deploymentId,
    runId: run.runId,
    provider: slot.provider,
    place,
    round: record.round,
    owner: run.owner,
    expiresAt: record.expiresAt,
    notAfter: record.notAfter,
  };
  const network = networkName(deploymentId, record.round, slot, slotsOf(there), choice.places);
  const priced = there.hosts.map((host) => ({
    spot: shapeAs(host, choice).spot,
    onDemand: hostDollars(host, regionOf(host, there, choice), "onDemand", "most"),
  }));
  const hosts = await Promise.all(
    slot.hosts.map(async (host): Promise<Intent> => {
      const shape = shapeAs(host, choice);
      const onDemand = hostDollars(host, place.region, "onDemand", "most");
      const bid = shape.spot ? spotBid(plan, priced, { onDemand }) : undefined;
      return {
        ...base,
        kind: "host",
        name: hostIntentName(deploymentId, record.round, host.name),
        clientToken: `${deploymentId}-r${record.round}-${host.name}`.slice(-64),
        host: {
          role: host.role,
          index: host.index,
          shape: await frozenShape(shape, { runId: run.runId, provider: slot.provider, place }, plan, fx),
          ...(bid === undefined ? {} : { maxDollarsPerHour: bid }),
          ...(host.reach === undefined ? {} : { reach: host.reach }),
          setup: {
            ...(await fx.hostSetup(run.runId, deploymentId, host.name)),
            user: host.user,
            packages: host.packages,
            sysctl: host.sysctl,
            swapBytes: host.swapBytes,
            mounts: (host.mounts ?? []).map((mount) => ({ ...mount })),
            expiresAt: record.expiresAt,
          },
        },
      };
    }),
  );
  return [{ ...base, kind: "network", name: network, clientToken: `${network}-net`.slice(-64) }, ...hosts];
}

const regionOf = (
  host: PlannedHost,
  there: Pick<PlannedDeployment, "places" | "hosts">,
  choice: PlacementChoice,
): string => {
  const slot = slotsOf(there).find(({ hosts }) => hosts.includes(host));
  return choice.places[slot?.name ?? host.provider]?.region ?? "unknown";
};
