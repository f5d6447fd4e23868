import type { ResourceSku } from "@azure/arm-compute";
import type { MachineShape, Place, QuotaUse } from "../../core/ports/provider.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { collect } from "./groups.ts";
import { canonicalRegion } from "./regions.ts";

export interface MachineDescription {
  readonly type: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly architecture: "x86_64" | "arm64";
  /** The quota that its cores count against: `standardDSv5Family`. */
  readonly family: string;
  /** Zones that it can be had in; empty where the region has none. */
  readonly zones: readonly string[];
  readonly spot: boolean;
}

export async function describeMachines(
  { compute }: AzureClients,
  session: ArmSession,
  place: Place,
  types: readonly string[],
): Promise<readonly MachineDescription[]> {
  const region = canonicalRegion(place.region);
  const skus = await session.call({
    doing: `machine types in ${region}`,
    kind: "read",
    send: (options) => collect(compute.resourceSkus.list({ filter: `location eq '${region}'`, ...options })),
  });
  return types.flatMap((type) => {
    const sku = skus.find(
      ({ resourceType, name }) => resourceType === "virtualMachines" && name?.toLowerCase() === type.toLowerCase(),
    );
    return sku === undefined || !isSold(sku) ? [] : [describe(type, sku)];
  });
}

/** Some sizes are listed everywhere, and closed to a subscription in the whole region. */
const isSold = (sku: ResourceSku): boolean => !(sku.restrictions ?? []).some(({ type }) => type === "Location");

function describe(type: string, sku: ResourceSku): MachineDescription {
  const capability = (name: string): string | undefined => sku.capabilities?.find((each) => each.name === name)?.value;
  const closed = new Set((sku.restrictions ?? []).flatMap(({ restrictionInfo }) => restrictionInfo?.zones ?? []));
  return {
    type: sku.name ?? type,
    // Constrained sizes (E8-4s) are sold with fewer CPUs than their quota counts.
    vcpus: Number(capability("vCPUsAvailable") ?? capability("vCPUs") ?? 0),
    memoryBytes: Number(capability("MemoryGB") ?? 0) * 1024 ** 3,
    architecture: capability("CpuArchitectureType") === "Arm64" ? "arm64" : "x86_64",
    family: sku.family ?? "",
    zones: (sku.locationInfo?.[0]?.zones ?? []).filter((zone) => !closed.has(zone)).sort(),
    spot: capability("LowPriorityCapable") === "True",
  };
}

/** Names of Azure's own counters: https://learn.microsoft.com/azure/quotas/quotas-overview */
const counters = {
  cores: "cores",
  spotCores: "lowPriorityCores",
  machines: "virtualMachines",
  addresses: "StandardSkuPublicIpAddresses",
} as const;

/** @param shapes undefined: every quota of which something is used */
export async function readQuota(
  clients: AzureClients,
  session: ArmSession,
  place: Place,
  shapes: readonly MachineShape[] | undefined,
): Promise<readonly QuotaUse[]> {
  const region = canonicalRegion(place.region);
  const [compute, network, needed] = await Promise.all([
    session.call({
      doing: `compute quotas in ${region}`,
      kind: "read",
      send: (options) => collect(clients.compute.usage.list(region, options)),
    }),
    session.call({
      doing: `network quotas in ${region}`,
      kind: "read",
      send: (options) => collect(clients.network.usages.list(region, options)),
    }),
    shapes === undefined ? undefined : neededBy(clients, session, place, shapes),
  ]);
  return [...compute, ...network].flatMap(({ name, currentValue, limit }): QuotaUse[] => {
    const metric = name.value ?? "";
    const wanted = needed === undefined ? 0 : needed.get(metric.toLowerCase());
    if (wanted === undefined || (needed === undefined && currentValue === 0)) return [];
    return [{ metric, used: currentValue, limit, needed: wanted }];
  });
}

/** By counter, in lower case: families are spelt in several ways. */
async function neededBy(
  clients: AzureClients,
  session: ArmSession,
  place: Place,
  shapes: readonly MachineShape[],
): Promise<ReadonlyMap<string, number>> {
  const types = [...new Set(shapes.map(({ type }) => type))];
  const described = await describeMachines(clients, session, place, types);
  const needed = new Map<string, number>();
  const add = (counter: string, count: number): void => {
    if (counter !== "") needed.set(counter.toLowerCase(), (needed.get(counter.toLowerCase()) ?? 0) + count);
  };
  for (const { type, vcpus, spot } of shapes) {
    add(counters.machines, 1);
    add(counters.addresses, 1);
    if (spot) add(counters.spotCores, vcpus);
    else {
      add(counters.cores, vcpus);
      add(described.find((one) => one.type.toLowerCase() === type.toLowerCase())?.family ?? "", vcpus);
    }
  }
  return needed;
}
