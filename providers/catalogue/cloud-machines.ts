import { nearestName } from "../../core/definition/nearest-name.ts";
import type { MachineAnswer, MachineCatalogue, MachineRequest } from "../../core/plan/catalogue.ts";
import type { Place } from "../../core/ports/provider.ts";
import { awsMachines } from "./aws-machines.ts";
import { azureMachines } from "./azure-machines.ts";
import { gcpMachines } from "./gcp-machines.ts";
import { cloudsWith, defaultImage, findImage, neutralImageNames, whyNotSetUp } from "./images.ts";
import type { Cloud, MachineType } from "./machine-type.ts";
import { isCloud } from "./machine-type.ts";
import type { Prices } from "./price-table.ts";

export const machineTypes: readonly MachineType[] = [...awsMachines, ...azureMachines, ...gcpMachines];

const byName = new Map(machineTypes.map((machine) => [`${machine.cloud} ${machine.type.toLowerCase()}`, machine]));

/** A type by the cloud's own name, in any case. */
export const findMachineType = (cloud: Cloud, type: string): MachineType | undefined =>
  byName.get(`${cloud} ${type.toLowerCase()}`);

/**
 * Where a deployment goes that names no place: the zones of one region, in order.
 *
 * Zones and not the region, so that all hosts of a deployment are in the same one.
 */
const usualPlaces: Readonly<Record<Cloud, readonly Place[]>> = {
  aws: ["a", "b", "c", "d"].map((letter) => ({ region: "us-east-1", zone: `us-east-1${letter}` })),
  azure: ["1", "2", "3"].map((zone) => ({ region: "eastus", zone })),
  gcp: ["a", "b", "c", "f"].map((letter) => ({ region: "us-central1", zone: `us-central1-${letter}` })),
};

/** Where types are ranked when the region's own prices aren't known. */
const referenceRegion: Readonly<Record<Cloud, string>> = { aws: "us-east-1", azure: "eastus", gcp: "us-central1" };

/** What is asked of a machine, whatever the cloud. */
export type NeutralMachine = Pick<MachineRequest, "vcpu" | "memoryBytes" | "architecture"> & {
  /** It must have fast local disks. */
  readonly localDisk: boolean;
};

/**
 * The types of a cloud that fit, cheapest first.
 *
 * By the on-demand price in the region, else in the cloud's reference region; types without any price come last. Equal
 * prices: fewer processors, then less memory, then by name, so that the choice is the same every time. Burstable types
 * are left out: a processor that slows down when its credits are spent measures its credits.
 */
export function fittingTypes(cloud: Cloud, machine: NeutralMachine, region: string, prices: Prices): MachineType[] {
  const architecture = machine.architecture ?? "x86_64";
  const cost = (type: string): number => {
    const here = prices.find(cloud, region, type).onDemand;
    const price = here === "unknown" ? prices.find(cloud, referenceRegion[cloud], type).onDemand : here;
    return price === "unknown" ? Number.POSITIVE_INFINITY : price;
  };
  return machineTypes
    .filter(
      (m) =>
        m.cloud === cloud &&
        !m.burstable &&
        m.confidential === undefined &&
        m.architecture === architecture &&
        m.vcpus >= (machine.vcpu ?? 1) &&
        m.memoryBytes >= (machine.memoryBytes ?? 0) &&
        (!machine.localDisk || m.localDisk !== "none"),
    )
    .map((type) => ({ type, cost: cost(type.type) }))
    .sort(
      (a, b) =>
        compare(a.cost, b.cost) ||
        a.type.vcpus - b.type.vcpus ||
        a.type.memoryBytes - b.type.memoryBytes ||
        compare(a.type.type, b.type.type),
    )
    .map(({ type }) => type);
}

const compare = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** The machines of AWS, Azure and Google Cloud, by dated tables: nothing is asked of a cloud. */
export const cloudMachines = (prices: Prices): MachineCatalogue => ({
  resolve: (request) => resolveMachine(request, prices),
  defaultPlaces: (provider) => (isCloud(provider) ? usualPlaces[provider] : []),
  dollarsPerHour(provider, place, shape) {
    if (!isCloud(provider)) return "unknown";
    const price = prices.find(provider, place.region, shape.type);
    return shape.spot ? price.spot : price.onDemand;
  },
  rates: (provider, regions, shape) =>
    isCloud(provider)
      ? [...new Set(regions)].map((region) => {
          const { onDemand, spot } = prices.find(provider, region, shape.type);
          return { region, onDemand, spot };
        })
      : [],
});

function resolveMachine(request: MachineRequest, prices: Prices): MachineAnswer {
  const { provider: cloud } = request;
  if (!isCloud(cloud)) return { refused: `${cloud} is not a cloud that is known here` };
  const localDisk = request.disks.some((disk) => disk.kind === "localNvme");
  const known =
    request.type === undefined
      ? fittingTypes(cloud, { ...request, localDisk }, request.place.region, prices)[0]
      : findMachineType(cloud, request.type);
  if (known === undefined)
    return request.type === undefined ? nothingFits(request) : unlisted(request, request.type, cloud);
  const lacking = whatLacks(known, request, localDisk);
  if (lacking !== undefined) return { refused: `${known.type} has ${lacking}` };
  return shapeOf(request, cloud, known);
}

function shapeOf(
  request: MachineRequest,
  cloud: Cloud,
  machine: Pick<MachineType, "type" | "vcpus" | "memoryBytes" | "architecture" | "confidential">,
): MachineAnswer {
  const name = request.image ?? defaultImage;
  const image = findImage(name, cloud, machine.architecture, machine.confidential !== undefined);
  const having = cloudsWith(name);
  if (image === undefined && having.length > 0) {
    return {
      refused: `${name} has no cloud-init on ${cloud}, with which hosts are set up`,
      hint: `${having.join(" and ")} have it with; name another here: \`image: {${having.map((other) => `${other}: ${name}`).join(", ")}, ${cloud}: ${defaultImage}}\``,
    };
  }
  const unusable = whyNotSetUp(cloud, image ?? name);
  if (unusable !== undefined) return unusable;
  if (image === undefined && /^(?!ami-)[a-z]+-\d+(?:\.\d+)?$/.test(name)) {
    return {
      refused: `${name} is not an image that every cloud has`,
      hint: `${neutralImageNames.join(", ")} are; or give ${cloud}'s own by provider: \`image: {${cloud}: …}\``,
    };
  }
  return {
    type: machine.type,
    image: image ?? name,
    architecture: machine.architecture,
    vcpus: machine.vcpus,
    memoryBytes: machine.memoryBytes,
    spot: request.spot,
    disks: request.disks,
    options: request.options,
  };
}

function whatLacks(machine: MachineType, request: MachineRequest, localDisk: boolean): string | undefined {
  if (machine.vcpus < (request.vcpu ?? 0)) return `${machine.vcpus} vCPUs, and ${request.vcpu ?? 0} are asked for`;
  if (machine.memoryBytes < (request.memoryBytes ?? 0))
    return `${gibText(machine.memoryBytes)} of memory, less than asked for`;
  if (request.architecture !== undefined && request.architecture !== machine.architecture)
    return `${machine.architecture} processors, and ${request.architecture} is asked for`;
  if (localDisk && machine.localDisk === "none") return "no local disk, and one is asked for";
  return undefined;
}

const gibText = (bytes: number): string => `${Number((bytes / 2 ** 30).toFixed(1))} GiB`;

function nothingFits(request: MachineRequest): MachineAnswer {
  const parts = [
    request.vcpu === undefined ? undefined : `${request.vcpu} vCPUs`,
    request.memoryBytes === undefined ? undefined : gibText(request.memoryBytes),
    request.architecture,
    request.disks.some((disk) => disk.kind === "localNvme") ? "a local disk" : undefined,
  ];
  return {
    refused: `no machine of ${request.provider} in the table has ${parts.filter((p) => p !== undefined).join(", ")}`,
    hint: "name one with `machine: {type: …}`; `reprise machines` lists those that are known",
  };
}

/** A type that the table doesn't have can still be used by someone who says what it is. */
function unlisted(request: MachineRequest, type: string, cloud: Cloud): MachineAnswer {
  if (request.vcpu !== undefined && request.memoryBytes !== undefined) {
    return shapeOf(request, cloud, {
      type,
      vcpus: request.vcpu,
      memoryBytes: request.memoryBytes,
      architecture: request.architecture ?? "x86_64",
      confidential: undefined,
    });
  }
  const names = machineTypes.filter((m) => m.cloud === cloud).map((m) => m.type);
  const near = nearestName(type, names);
  return {
    refused: `${type} is not a machine type of ${cloud} that is known here`,
    hint: `${near === undefined ? "" : `is it ${near}? Else `}say \`vcpu\` and \`memory\` beside it, and it is taken as it is`,
  };
}
