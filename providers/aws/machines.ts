import { DescribeInstanceTypeOfferingsCommand, DescribeInstanceTypesCommand } from "@aws-sdk/client-ec2";
import type { InstanceTypeInfo, _InstanceType } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { MachineShape, Place } from "../../core/ports/provider.ts";
import type { Ec2Api, Work } from "./api.ts";

/** A machine type as EC2 describes it. */
export interface AwsMachine {
  readonly type: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly architecture: MachineShape["architecture"];
  /** Disks inside the machine, all together. */
  readonly localNvmeBytes: number;
  readonly spot: boolean;
}

/** EC2 takes so many names in one call. */
const typesPerCall = 100;

/** @throws {FailureError} class invalid for a name that is no type of the region */
export async function describeTypes(
  api: Ec2Api,
  region: string,
  types: readonly string[],
  work: Work,
): Promise<AwsMachine[]> {
  const machines: AwsMachine[] = [];
  const wanted = [...new Set(types)];
  for (let at = 0; at < wanted.length; at += typesPerCall) {
    const InstanceTypes = wanted.slice(at, at + typesPerCall) as _InstanceType[]; // EC2 knows more than the SDK's list
    const answer = await api.call(
      region,
      "DescribeInstanceTypes",
      (ec2, options) => ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes }), options),
      work,
    );
    machines.push(...(answer.InstanceTypes ?? []).map(readMachine));
  }
  return machines;
}

function readMachine(info: InstanceTypeInfo): AwsMachine {
  const architectures = info.ProcessorInfo?.SupportedArchitectures ?? [];
  return {
    type: info.InstanceType ?? "",
    vcpus: info.VCpuInfo?.DefaultVCpus ?? 0,
    memoryBytes: (info.MemoryInfo?.SizeInMiB ?? 0) * 1024 ** 2,
    architecture: architectures.includes("arm64") ? "arm64" : "x86_64",
    // Disks are sold by the decimal gigabyte.
    localNvmeBytes: (info.InstanceStorageInfo?.TotalSizeInGB ?? 0) * 1e9,
    spot: info.SupportedUsageClasses?.includes("spot") ?? false,
  };
}

/**
 * A zone that offers all of these types: always the same one for the same seed, so that hosts launched one by one, or
 * again after a crash, don't straddle zones.
 *
 * @throws {FailureError} class capacity where there is none
 */
export async function chooseZone(
  api: Ec2Api,
  asked: {
    readonly region: string;
    readonly types: readonly string[];
    readonly seed: string;
    /** Those that may be chosen. @default all of the region */
    readonly zones?: readonly string[] | undefined;
  },
  work: Work,
): Promise<string | undefined> {
  const { region, types, seed } = asked;
  const { InstanceTypeOfferings = [] } = await api.call(
    region,
    "DescribeInstanceTypeOfferings",
    (ec2, options) =>
      ec2.send(
        new DescribeInstanceTypeOfferingsCommand({
          LocationType: "availability-zone",
          Filters: [{ Name: "instance-type", Values: [...new Set(types)] }],
        }),
        options,
      ),
    work,
  );
  const offered = new Map<string, Set<string>>();
  for (const { Location = "", InstanceType = "" } of InstanceTypeOfferings)
    offered.set(Location, (offered.get(Location) ?? new Set()).add(InstanceType));
  const zones = [...offered]
    .filter(([zone, has]) => (asked.zones?.includes(zone) ?? true) && types.every((type) => has.has(type)))
    .map(([zone]) => zone);
  if (zones.length === 0)
    throw new FailureError({
      class: "capacity",
      message: `no zone of ${region} offers ${[...new Set(types)].join(" and ")}`,
      hint: "name other machine types, or list another region",
    });
  return zones.sort()[hashOf(seed) % zones.length];
}

/** A place's zone by EC2's name: `us-east-1/a` stands for `us-east-1a`. */
export const zoneOf = (place: Place): string | undefined =>
  place.zone !== undefined && /^[a-z]$/.test(place.zone) ? place.region + place.zone : place.zone;

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}
