import { z } from "zod";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import type { MachineFault } from "../common/faults.ts";
import type { WireObject } from "../common/wire.ts";
import { instanceTypes, isOffered, spotPrice } from "./catalog.ts";
import type { ImageInfo, InstanceTypeInfo } from "./catalog.ts";
import { Flag, Texts, Whole } from "./inputs.ts";
import { failInstance, interruptInstance, startInstance } from "./machine.ts";
import { accountId } from "./region.ts";
import type { Ec2Region, Instance, SecurityGroup } from "./region.ts";
import { tagsFor, TagSpecificationInput } from "./tags.ts";
import type { Tags } from "./tags.ts";

/** What RunInstances and a launch template say about a machine. */
export const launchFields = {
  ImageId: z.string().optional(),
  InstanceType: z.string().optional(),
  KeyName: z.string().optional(),
  SecurityGroupId: Texts,
  SecurityGroup: Texts,
  SubnetId: z.string().optional(),
  UserData: z.string().optional(),
  IamInstanceProfile: z.strictObject({ Arn: z.string().optional(), Name: z.string().optional() }).optional(),
  Placement: z
    .strictObject({
      AvailabilityZone: z.string().optional(),
      GroupName: z.string().optional(),
      GroupId: z.string().optional(),
      Tenancy: z.literal("default").optional(),
    })
    .optional(),
  BlockDeviceMapping: z
    .array(
      z.strictObject({
        DeviceName: z.string(),
        Ebs: z
          .strictObject({
            VolumeSize: Whole.optional(),
            VolumeType: z.enum(["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"]).default("gp2"),
            DeleteOnTermination: Flag.default(true),
            Iops: Whole.optional(),
            Throughput: Whole.optional(),
            Encrypted: Flag.default(false),
          })
          .optional(),
      }),
    )
    .default([]),
  NetworkInterface: z
    .array(
      z.strictObject({
        DeviceIndex: Whole,
        AssociatePublicIpAddress: Flag.optional(),
        DeleteOnTermination: Flag.default(true),
        SubnetId: z.string().optional(),
        SecurityGroupId: Texts,
        Description: z.string().optional(),
      }),
    )
    .default([]),
  InstanceMarketOptions: z
    .strictObject({
      MarketType: z.literal("spot"),
      SpotOptions: z
        .strictObject({
          MaxPrice: z.string().optional(),
          SpotInstanceType: z.literal("one-time").optional(),
          InstanceInterruptionBehavior: z.literal("terminate").optional(),
        })
        .optional(),
    })
    .optional(),
  TagSpecification: TagSpecificationInput,
  MetadataOptions: z
    .strictObject({
      HttpTokens: z.enum(["optional", "required"]).optional(),
      HttpEndpoint: z.literal("enabled").optional(),
      HttpPutResponseHopLimit: Whole.optional(),
      InstanceMetadataTags: z.enum(["enabled", "disabled"]).optional(),
    })
    .optional(),
  CpuOptions: z
    .strictObject({
      CoreCount: Whole.optional(),
      ThreadsPerCore: Whole.optional(),
      AmdSevSnp: z.enum(["enabled", "disabled"]).optional(),
    })
    .optional(),
  CreditSpecification: z.strictObject({ CpuCredits: z.enum(["standard", "unlimited"]) }).optional(),
  InstanceInitiatedShutdownBehavior: z.enum(["stop", "terminate"]).optional(),
  DisableApiTermination: Flag.optional(),
  EbsOptimized: Flag.optional(),
};
export const LaunchInput = z.strictObject(launchFields);
export type LaunchInput = z.infer<typeof LaunchInput>;

/** A launch whose every name has been found. */
export interface Launch {
  readonly input: LaunchInput;
  readonly image: ImageInfo;
  readonly type: InstanceTypeInfo;
  /** Where the launch insists on a zone; otherwise the emulator picks. */
  readonly zone: string | undefined;
  readonly groups: readonly SecurityGroup[];
  readonly placementGroup: string | undefined;
  readonly spot: boolean;
  readonly publicAddress: boolean;
  readonly disks: readonly Disk[];
  readonly tags: { readonly instance: Tags; readonly volume: Tags; readonly spotRequest: Tags };
}

const taggedAtLaunch = ["instance", "volume", "network-interface", "spot-instances-request"];

/** @throws {CloudError} the error that EC2 gives for the first thing that's missing or doesn't fit together */
export function resolveLaunch(region: Ec2Region, input: LaunchInput): Launch {
  const [nic, second] = input.NetworkInterface;
  if (second !== undefined) throw new NotImplemented("a second network interface");
  if (nic !== undefined && (input.SubnetId !== undefined || input.SecurityGroupId.length > 0))
    throw new CloudError(
      400,
      "InvalidParameterCombination",
      "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request",
    );
  const image = region.images.find((i) => i.id === input.ImageId);
  if (image === undefined)
    throw input.ImageId === undefined
      ? new CloudError(400, "MissingParameter", "The request must contain the parameter ImageId")
      : new CloudError(400, "InvalidAMIID.NotFound", `The image id '[${input.ImageId}]' does not exist`);
  const typeName = input.InstanceType ?? "m1.small";
  const type = instanceTypes.get(typeName);
  if (type === undefined)
    throw new CloudError(400, "InvalidParameterValue", `Invalid value '${typeName}' for InstanceType.`);
  if (type.arch !== image.arch)
    throw new CloudError(
      400,
      "InvalidParameterValue",
      `The architecture '${type.arch}' of the specified instance type does not match the architecture '${image.arch}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.`,
    );
  if (input.KeyName !== undefined && !region.visible(region.keyPairs).some((k) => k.name === input.KeyName))
    throw new CloudError(400, "InvalidKeyPair.NotFound", `The key pair '${input.KeyName}' does not exist`);
  if (Buffer.from(input.UserData ?? "", "base64").length > 16_384)
    throw new CloudError(400, "InvalidParameterValue", "User data is limited to 16384 bytes");
  checkCpu(region, input, type);
  return {
    input,
    image,
    type,
    zone: zoneOf(region, input, type),
    groups: groupsOf(region, [...(nic?.SecurityGroupId ?? []), ...input.SecurityGroupId], input.SecurityGroup),
    placementGroup: placementGroupOf(region, input, type),
    spot: input.InstanceMarketOptions !== undefined,
    publicAddress: nic?.AssociatePublicIpAddress ?? true,
    disks: disksOf(input, image),
    tags: {
      instance: tagsFor(input.TagSpecification, "instance", taggedAtLaunch),
      volume: tagsFor(input.TagSpecification, "volume", taggedAtLaunch),
      spotRequest: tagsFor(input.TagSpecification, "spot-instances-request", taggedAtLaunch),
    },
  };
}

function checkCpu(region: Ec2Region, input: LaunchInput, type: InstanceTypeInfo): void {
  if (input.CpuOptions?.AmdSevSnp !== "enabled") return;
  if (!type.sevSnp || !["us-east-2", "eu-west-1"].includes(region.name))
    throw new CloudError(
      400,
      "InvalidParameterCombination",
      `AMD SEV-SNP is not supported for instance type '${type.name}' in ${region.name}.`,
    );
}

function zoneOf(region: Ec2Region, input: LaunchInput, type: InstanceTypeInfo): string | undefined {
  const subnetId = input.NetworkInterface[0]?.SubnetId ?? input.SubnetId;
  const subnet = region.subnets.find((s) => s.id === subnetId);
  if (subnetId !== undefined && subnet === undefined)
    throw new CloudError(400, "InvalidSubnetID.NotFound", `The subnet ID '${subnetId}' does not exist`);
  const zone = subnet?.zone ?? input.Placement?.AvailabilityZone;
  if (zone === undefined) return undefined;
  if (!region.zones.includes(zone))
    throw new CloudError(400, "InvalidParameterValue", `Invalid availability zone: [${zone}]`);
  if (!isOffered(type.name, zone)) {
    const others = region.zones.filter((z) => isOffered(type.name, z)).join(", ");
    throw new CloudError(
      400,
      "Unsupported",
      `Your requested instance type (${type.name}) is not supported in your requested Availability Zone (${zone}). Please retry your request by not specifying an Availability Zone or choosing ${others}.`,
    );
  }
  return zone;
}

function groupsOf(region: Ec2Region, ids: readonly string[], names: readonly string[]): SecurityGroup[] {
  const all = region.visible(region.securityGroups);
  const byId = ids.map((id) => region.need(region.securityGroups, id, "InvalidGroup.NotFound", "security group"));
  const byName = names.map((name) => {
    const group = all.find((g) => g.name === name);
    if (group === undefined)
      throw new CloudError(
        400,
        "InvalidGroup.NotFound",
        `The security group '${name}' does not exist in default VPC '${region.vpcId}'`,
      );
    return group;
  });
  const chosen = [...byId, ...byName];
  return chosen.length > 0 ? chosen : all.filter((g) => region.isDefaultGroup(g));
}

function placementGroupOf(region: Ec2Region, input: LaunchInput, type: InstanceTypeInfo): string | undefined {
  const { GroupName: name, GroupId: id } = input.Placement ?? {};
  if (name === undefined && id === undefined) return undefined;
  const group = region.visible(region.placementGroups).find((g) => (id === undefined ? g.name === name : g.id === id));
  if (group === undefined)
    throw new CloudError(400, "InvalidPlacementGroup.Unknown", `The Placement Group '${name ?? id ?? ""}' is unknown.`);
  if (group.strategy === "cluster" && !type.clusterPlacement)
    throw new CloudError(
      400,
      "InvalidParameterCombination",
      `The instance type '${type.name}' is not supported in a cluster placement group.`,
    );
  return group.name;
}

export const isAlive = (instance: Instance): boolean =>
  instance.state !== "terminated" && instance.state !== "shutting-down";

/** Machines that a launch may have, the faults that each meets, and why there are no more. */
export interface Grant {
  readonly zone: string;
  readonly machines: readonly (MachineFault | undefined)[];
  readonly refusal: CloudError | undefined;
}

/** As many of `wanted` as price, quota and capacity allow. */
export function grantMachines(region: Ec2Region, launch: Launch, wanted: number): Grant {
  const live = [...region.instances.values()].filter(isAlive);
  const zone = launch.zone ?? pickZone(region, launch, live);
  const none = (refusal: CloudError): Grant => ({ zone, machines: [], refusal });
  const { type, spot } = launch;
  const bid = launch.input.InstanceMarketOptions?.SpotOptions?.MaxPrice;
  const price = spotPrice(type, zone);
  if (spot && bid !== undefined && Number(bid) < Number(price))
    return none(
      new CloudError(
        400,
        "SpotMaxPriceTooLow",
        `Your Spot request price of ${bid} is lower than the minimum required Spot request fulfillment price of ${price}.`,
      ),
    );
  const anchored = live.find((i) => launch.placementGroup !== undefined && i.placementGroup === launch.placementGroup);
  const strategy = [...region.placementGroups.values()].find((g) => g.name === launch.placementGroup)?.strategy;
  if (strategy === "cluster" && anchored !== undefined && anchored.zone !== zone)
    return none(noCapacity(type.name, zone));

  const usedVcpus = live
    .filter((i) => (i.spotRequestId !== undefined) === spot && (spot || i.state !== "stopped"))
    .reduce((sum, i) => sum + i.type.vcpus, 0);
  const quota = spot ? region.quotas.spotVcpus : region.quotas.onDemandVcpus;
  const inQuota = Math.max(0, Math.floor((quota - usedVcpus) / type.vcpus));
  const room = region.capacity.left(
    { type: type.name, zone, spot },
    live.map((i) => ({ type: i.type.name, zone: i.zone, spot: i.spotRequestId !== undefined })),
  );
  const limit = Math.min(wanted, inQuota, room);
  const machines: (MachineFault | undefined)[] = [];
  while (machines.length < limit) {
    const fault = region.world.faults.onMachine({ cloud: "aws", type: type.name, zone, spot });
    if (fault?.kind === "stockOut") return { zone, machines, refusal: noCapacity(type.name, zone) };
    machines.push(fault);
  }
  if (limit === wanted) return { zone, machines, refusal: undefined };
  return { zone, machines, refusal: inQuota < room ? overQuota(spot, quota) : noCapacity(type.name, zone) };
}

function pickZone(region: Ec2Region, launch: Launch, live: readonly Instance[]): string {
  const offered = region.zones.filter((zone) => isOffered(launch.type.name, zone));
  const kinds = live.map((i) => ({ type: i.type.name, zone: i.zone, spot: i.spotRequestId !== undefined }));
  const free = offered.find(
    (zone) => region.capacity.left({ type: launch.type.name, zone, spot: launch.spot }, kinds) > 0,
  );
  return free ?? offered[0] ?? `${region.name}a`;
}

const noCapacity = (type: string, zone: string): CloudError =>
  new CloudError(
    500,
    "InsufficientInstanceCapacity",
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity. You can currently get ${type} capacity by not specifying an Availability Zone in your request or choosing another one.`,
  );

const overQuota = (spot: boolean, limit: number): CloudError =>
  spot
    ? new CloudError(400, "MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
    : new CloudError(
        400,
        "VcpuLimitExceeded",
        `You have requested more vCPU capacity than your current vCPU limit of ${limit} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
      );

/** Makes the granted machines. */
export function makeInstances(
  region: Ec2Region,
  launch: Launch,
  grant: Grant,
  from: { readonly token: string; readonly reservationId: string; readonly fleetTags: Tags },
  call: OpenCall,
): Instance[] {
  return grant.machines.map((fault, launchIndex) => {
    const instance = makeInstance(region, launch, grant.zone, { ...from, launchIndex }, fault?.kind === "unreachable");
    region.instances.set(instance.id, instance);
    call.mutations.push(`launched ${instance.id}`);
    startInstance(region, instance, launch.publicAddress);
    if (fault?.kind === "fails")
      failInstance(
        region,
        instance,
        fault.code ?? "Server.InsufficientInstanceCapacity",
        fault.message ??
          `${fault.code ?? "Server.InsufficientInstanceCapacity"}: Insufficient capacity to satisfy instance request`,
      );
    if (fault?.kind === "interrupt")
      region.world.timeline.after(region.world.timings.launchMs + fault.afterMs, () =>
        interruptInstance(region, instance),
      );
    return instance;
  });
}

function makeInstance(
  region: Ec2Region,
  launch: Launch,
  zone: string,
  from: {
    readonly token: string;
    readonly reservationId: string;
    readonly launchIndex: number;
    readonly fleetTags: Tags;
  },
  unreachable: boolean,
): Instance {
  const { input, image, type } = launch;
  const { world } = region;
  const id = region.newId("i");
  const subnet = region.subnets.find((s) => s.zone === zone)!; // every zone has its default subnet
  const host = world.ids.next(`${region.name}/private-ip`);
  const prefix = subnet.cidr.split(".");
  const instance: Instance = {
    id,
    reservationId: from.reservationId,
    clientToken: from.token,
    launchIndex: from.launchIndex,
    type,
    image,
    zone,
    subnetId: subnet.id,
    groupIds: launch.groups.map((g) => g.id),
    keyName: input.KeyName,
    userData: input.UserData ?? "",
    placementGroup: launch.placementGroup,
    profile: profileOf(input),
    spotRequestId: launch.spot ? makeSpotRequest(region, launch, zone, id) : undefined,
    sevSnp: input.CpuOptions?.AmdSevSnp === "enabled",
    coreCount: input.CpuOptions?.CoreCount,
    threadsPerCore: input.CpuOptions?.ThreadsPerCore,
    httpTokens: input.MetadataOptions?.HttpTokens ?? "optional",
    hopLimit: input.MetadataOptions?.HttpPutResponseHopLimit ?? 1,
    metadataTags: input.MetadataOptions?.InstanceMetadataTags ?? "disabled",
    eniId: region.newId("eni"),
    launchedAtMs: world.now(),
    privateIp: `172.31.${Number(prefix[2]) + (Math.floor(host / 250) % 16)}.${(host % 250) + 4}`,
    publicIp: undefined,
    state: "pending",
    runningSinceMs: undefined,
    stateReason: { code: "pending", message: "pending" },
    transitionReason: "",
    shutdownBehavior: input.InstanceInitiatedShutdownBehavior ?? "stop",
    terminationProtection: input.DisableApiTermination ?? false,
    interruptionAtMs: undefined,
    unreachable,
    tags: new Map([...from.fleetTags, ...launch.tags.instance]),
    visibleAtMs: region.visibleAt(),
  };
  makeVolumes(region, launch, instance);
  return instance;
}

function profileOf(input: LaunchInput): WireObject | undefined {
  const { Arn: arn, Name: name } = input.IamInstanceProfile ?? {};
  if (arn === undefined && name === undefined) return undefined;
  return {
    arn: arn ?? `arn:aws:iam::${accountId}:instance-profile/${name ?? ""}`,
    id: "AIPA0000000000EXAMPLE",
  };
}

function makeSpotRequest(region: Ec2Region, launch: Launch, zone: string, instanceId: string): string {
  const now = region.world.now();
  const id = `sir-${region.world.ids.hex(`${region.name}/sir`, 8)}`;
  region.spotRequests.set(id, {
    id,
    instanceId,
    type: launch.type,
    zone,
    imageId: launch.image.id,
    price: launch.input.InstanceMarketOptions?.SpotOptions?.MaxPrice ?? launch.type.onDemandDollarsPerHour.toFixed(6),
    createdAtMs: now,
    state: "active",
    status: { code: "fulfilled", message: "Your spot request is fulfilled.", atMs: now },
    tags: launch.tags.spotRequest,
    visibleAtMs: region.visibleAt(),
  });
  return id;
}

interface Disk {
  readonly device: string;
  readonly sizeGib: number;
  readonly type: string;
  readonly iops: number | undefined;
  readonly throughput: number | undefined;
  readonly encrypted: boolean;
  readonly snapshotId: string;
  readonly deleteOnTermination: boolean;
}

/** The image's root disk as the mappings change it, then the disks that they add. */
function disksOf(input: LaunchInput, image: ImageInfo): Disk[] {
  const root = { DeviceName: image.rootDevice, Ebs: undefined };
  const asked = input.BlockDeviceMapping;
  const devices = asked.some((m) => m.DeviceName === image.rootDevice) ? asked : [root, ...asked];
  return devices.map(({ DeviceName: device, Ebs: ebs }) => {
    const isRoot = device === image.rootDevice;
    const sizeGib = ebs?.VolumeSize ?? (isRoot ? image.rootGib : undefined);
    if (sizeGib === undefined)
      throw new CloudError(400, "MissingParameter", "The request must contain the parameter size or snapshotId");
    if (isRoot && sizeGib < image.rootGib)
      throw new CloudError(
        400,
        "InvalidBlockDeviceMapping",
        `Volume of size ${sizeGib}GB is smaller than snapshot, expect size >= ${image.rootGib}GB`,
      );
    const type = ebs?.VolumeType ?? "gp3";
    return {
      device,
      sizeGib,
      type,
      iops: ebs?.Iops ?? (type === "gp3" ? 3000 : undefined),
      throughput: ebs?.Throughput ?? (type === "gp3" ? 125 : undefined),
      encrypted: ebs?.Encrypted ?? false,
      snapshotId: isRoot ? `snap-${image.id.slice(4)}` : "",
      deleteOnTermination: ebs?.DeleteOnTermination ?? true,
    };
  });
}

function makeVolumes(region: Ec2Region, launch: Launch, instance: Instance): void {
  for (const disk of launch.disks) {
    const id = region.newId("vol");
    region.volumes.set(id, {
      ...disk,
      id,
      zone: instance.zone,
      createdAtMs: region.world.now(),
      instanceId: instance.id,
      tags: launch.tags.volume,
      visibleAtMs: instance.visibleAtMs,
    });
  }
}
