import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import { instanceTypes, isOffered, regions } from "./catalog.ts";
import type { ImageInfo, InstanceTypeInfo } from "./catalog.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Flag, Texts } from "./inputs.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";

const describeInstanceTypes = ec2Operation(
  z.strictObject({ InstanceType: Texts, Filter: FilterInput, ...pageInput }),
  (_region, input) => {
    const asked = input.InstanceType.map((name) => {
      const type = instanceTypes.get(name);
      if (type === undefined)
        throw new CloudError(
          400,
          "InvalidInstanceType",
          `The following supplied instance types do not exist: [${name}]`,
        );
      return type;
    });
    const matching = (asked.length > 0 ? asked : [...instanceTypes.values()]).filter((t) =>
      matchesFilters(input.Filter, {
        values: {
          "instance-type": t.name,
          "processor-info.supported-architecture": t.arch,
          "vcpu-info.default-vcpus": String(t.vcpus),
          "memory-info.size-in-mib": String(t.memoryMib),
          "instance-storage-supported": String(t.nvmeGb > 0),
          "burstable-performance-supported": String(t.burstable),
          "supported-usage-class": ["on-demand", "spot"],
          "current-generation": "true",
          "bare-metal": "false",
        },
      }),
    );
    const page = pageOf(matching, input, 100);
    return { instanceTypeSet: page.items.map(describeType), nextToken: page.nextToken };
  },
);

const describeType = (t: InstanceTypeInfo) => ({
  instanceType: t.name,
  currentGeneration: true,
  freeTierEligible: t.name === "t3.micro",
  supportedUsageClasses: ["on-demand", "spot"],
  supportedRootDeviceTypes: ["ebs"],
  supportedVirtualizationTypes: ["hvm"],
  bareMetal: false,
  hypervisor: "nitro",
  processorInfo: {
    supportedArchitectures: [t.arch],
    supportedFeatures: t.sevSnp ? ["amd-sev-snp"] : undefined,
    sustainedClockSpeedInGhz: 3.5,
  },
  vCpuInfo: {
    defaultVCpus: t.vcpus,
    defaultCores: t.arch === "arm64" ? t.vcpus : t.vcpus / 2,
    defaultThreadsPerCore: t.arch === "arm64" ? 1 : 2,
  },
  memoryInfo: { sizeInMiB: t.memoryMib },
  instanceStorageSupported: t.nvmeGb > 0,
  instanceStorageInfo:
    t.nvmeGb === 0
      ? undefined
      : {
          totalSizeInGB: t.nvmeGb,
          disks: [{ sizeInGB: t.nvmeGb, count: 1, type: "ssd" }],
          nvmeSupport: "required",
        },
  networkInfo: { networkPerformance: "Up to 12.5 Gigabit", maximumNetworkInterfaces: 4, enaSupport: "required" },
  placementGroupInfo: {
    supportedStrategies: t.clusterPlacement ? ["cluster", "partition", "spread"] : ["partition", "spread"],
  },
  burstablePerformanceSupported: t.burstable,
});

const describeInstanceTypeOfferings = ec2Operation(
  z.strictObject({
    LocationType: z.enum(["region", "availability-zone"]).default("region"),
    Filter: FilterInput,
    ...pageInput,
  }),
  (region, input) => {
    const rows = [...instanceTypes.keys()]
      .flatMap((instanceType) =>
        (input.LocationType === "region" ? [region.name] : region.zones)
          .filter((location) => location === region.name || isOffered(instanceType, location))
          .map((location) => ({ instanceType, locationType: input.LocationType, location })),
      )
      .filter((row) =>
        matchesFilters(input.Filter, { values: { "instance-type": row.instanceType, location: row.location } }),
      );
    const page = pageOf(rows, input);
    return { instanceTypeOfferingSet: page.items, nextToken: page.nextToken };
  },
);

const describeImages = ec2Operation(
  z.strictObject({
    ImageId: Texts,
    Owner: Texts,
    Filter: FilterInput,
    IncludeDeprecated: Flag.optional(),
    ...pageInput,
  }),
  (region, input) => {
    const unknown = input.ImageId.find((id) => !region.images.some((i) => i.id === id));
    if (unknown !== undefined)
      throw new CloudError(400, "InvalidAMIID.NotFound", `The image id '[${unknown}]' does not exist`);
    const page = pageOf(
      region.images.filter(
        (i) =>
          (input.ImageId.length === 0 || input.ImageId.includes(i.id)) &&
          (input.Owner.length === 0 || input.Owner.some((o) => o === i.ownerId || o === i.ownerAlias)) &&
          matchesFilters(input.Filter, {
            tags: new Map(),
            values: {
              name: i.name,
              architecture: i.arch,
              state: "available",
              "image-id": i.id,
              "image-type": "machine",
              "owner-id": i.ownerId,
              "owner-alias": i.ownerAlias,
              "is-public": "true",
              "virtualization-type": "hvm",
              "root-device-type": "ebs",
              "ena-support": "true",
              description: i.description,
            },
          }),
      ),
      input,
    );
    return { imagesSet: page.items.map(describeImage), nextToken: page.nextToken };
  },
);

const describeImage = (i: ImageInfo) => ({
  imageId: i.id,
  imageLocation: `${i.ownerAlias ?? i.ownerId}/${i.name}`,
  imageState: "available",
  imageOwnerId: i.ownerId,
  imageOwnerAlias: i.ownerAlias,
  creationDate: i.createdAt,
  isPublic: true,
  architecture: i.arch,
  imageType: "machine",
  name: i.name,
  description: i.description,
  rootDeviceType: "ebs",
  rootDeviceName: i.rootDevice,
  blockDeviceMapping: [
    {
      deviceName: i.rootDevice,
      ebs: {
        snapshotId: `snap-${i.id.slice(4)}`,
        volumeSize: i.rootGib,
        deleteOnTermination: true,
        volumeType: "gp3",
        encrypted: false,
      },
    },
  ],
  virtualizationType: "hvm",
  hypervisor: "xen",
  enaSupport: true,
  platformDetails: "Linux/UNIX",
});

const describeAvailabilityZones = ec2Operation(
  z.strictObject({ ZoneName: Texts, ZoneId: Texts, Filter: FilterInput, AllAvailabilityZones: Flag.optional() }),
  (region, input) => {
    const zones = region.zones.map((zoneName, i) => ({
      zoneName,
      zoneId: `${regions[region.name]?.code ?? ""}-az${i + 1}`,
    }));
    const shown = zones.filter(
      ({ zoneName, zoneId }) =>
        (input.ZoneName.length === 0 || input.ZoneName.includes(zoneName)) &&
        (input.ZoneId.length === 0 || input.ZoneId.includes(zoneId)) &&
        matchesFilters(input.Filter, {
          values: {
            state: "available",
            "zone-name": zoneName,
            "zone-type": "availability-zone",
            "region-name": region.name,
            "opt-in-status": "opt-in-not-required",
          },
        }),
    );
    return {
      availabilityZoneInfo: shown.map((zone) => ({
        ...zone,
        zoneState: "available",
        optInStatus: "opt-in-not-required",
        messageSet: [],
        regionName: region.name,
        groupName: region.name,
        networkBorderGroup: region.name,
        zoneType: "availability-zone",
      })),
    };
  },
);

const describeRegions = ec2Operation(
  z.strictObject({ RegionName: Texts, Filter: FilterInput, AllRegions: Flag.optional() }),
  (_region, input) => ({
    regionInfo: Object.keys(regions)
      .filter((name) => input.RegionName.length === 0 || input.RegionName.includes(name))
      .filter((name) =>
        matchesFilters(input.Filter, { values: { "region-name": name, "opt-in-status": "opt-in-not-required" } }),
      )
      .map((name) => ({
        regionName: name,
        regionEndpoint: `ec2.${name}.amazonaws.com`,
        optInStatus: "opt-in-not-required",
      })),
  }),
);

const describeAccountAttributes = ec2Operation(z.strictObject({ AttributeName: Texts }), (region, input) => {
  const attributes: Readonly<Record<string, string>> = {
    "supported-platforms": "VPC",
    "default-vpc": region.vpcId,
    "max-instances": "20",
    "vpc-max-security-groups-per-interface": "5",
  };
  return {
    accountAttributeSet: Object.entries(attributes)
      .filter(([name]) => input.AttributeName.length === 0 || input.AttributeName.includes(name))
      .map(([attributeName, attributeValue]) => ({ attributeName, attributeValueSet: [{ attributeValue }] })),
  };
});

export const catalogOperations: Readonly<Record<string, Ec2Operation>> = {
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeInstanceTypeOfferings: describeInstanceTypeOfferings,
  DescribeImages: describeImages,
  DescribeAvailabilityZones: describeAvailabilityZones,
  DescribeRegions: describeRegions,
  DescribeAccountAttributes: describeAccountAttributes,
};
