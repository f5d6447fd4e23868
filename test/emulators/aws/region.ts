import type { Capacity } from "../common/capacity.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import type { World } from "../common/world.ts";
import { imagesOf, regions, zonesOf } from "./catalog.ts";
import type { ImageInfo, InstanceTypeInfo } from "./catalog.ts";
import type { LaunchInput } from "./launch.ts";
import type { Tags } from "./tags.ts";

export const accountId = "123456789012";

/** Everything with an id and tags. Until `visibleAtMs`, reads and references may miss it: EC2 is eventually consistent. */
export interface Resource {
  readonly id: string;
  tags: Tags;
  readonly visibleAtMs: number;
}

export type InstanceState = "pending" | "running" | "shutting-down" | "terminated" | "stopping" | "stopped";

export interface Instance extends Resource {
  readonly reservationId: string;
  readonly clientToken: string;
  readonly launchIndex: number;
  readonly type: InstanceTypeInfo;
  readonly image: ImageInfo;
  readonly zone: string;
  readonly subnetId: string;
  readonly groupIds: readonly string[];
  readonly keyName: string | undefined;
  readonly userData: string;
  readonly placementGroup: string | undefined;
  readonly profile: WireObject | undefined;
  readonly spotRequestId: string | undefined;
  readonly sevSnp: boolean;
  readonly coreCount: number | undefined;
  readonly threadsPerCore: number | undefined;
  readonly httpTokens: "optional" | "required";
  readonly hopLimit: number;
  readonly metadataTags: "enabled" | "disabled";
  readonly eniId: string;
  readonly launchedAtMs: number;
  readonly privateIp: string;
  publicIp: string | undefined;
  state: InstanceState;
  runningSinceMs: number | undefined;
  stateReason: { readonly code: string; readonly message: string } | undefined;
  transitionReason: string;
  shutdownBehavior: "stop" | "terminate";
  terminationProtection: boolean;
  /** Where a spot interruption has been announced: when it comes. */
  interruptionAtMs: number | undefined;
  unreachable: boolean;
}

export interface Volume extends Resource {
  readonly zone: string;
  readonly sizeGib: number;
  readonly type: string;
  readonly iops: number | undefined;
  readonly throughput: number | undefined;
  readonly encrypted: boolean;
  readonly snapshotId: string;
  readonly device: string;
  readonly createdAtMs: number;
  instanceId: string | undefined;
  deleteOnTermination: boolean;
}

/** One cell of a security group's table. */
export interface SecurityRule {
  readonly id: string;
  readonly egress: boolean;
  readonly protocol: string;
  readonly fromPort: number | undefined;
  readonly toPort: number | undefined;
  readonly source:
    | { readonly kind: "ipv4"; readonly cidr: string; readonly description: string | undefined }
    | { readonly kind: "ipv6"; readonly cidr: string; readonly description: string | undefined }
    | { readonly kind: "group"; readonly groupId: string; readonly description: string | undefined };
}
export interface SecurityGroup extends Resource {
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  rules: readonly SecurityRule[];
}

export interface PlacementGroup extends Resource {
  readonly name: string;
  readonly strategy: "cluster" | "spread" | "partition";
  readonly partitionCount: number | undefined;
  readonly spreadLevel: "host" | "rack" | undefined;
  readonly createdAtMs: number;
  state: "available" | "deleting";
}

export interface KeyPair extends Resource {
  readonly name: string;
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly type: "rsa" | "ed25519";
  readonly createdAtMs: number;
}

export interface SpotRequest extends Resource {
  readonly instanceId: string;
  readonly type: InstanceTypeInfo;
  readonly zone: string;
  readonly imageId: string;
  readonly price: string;
  readonly createdAtMs: number;
  state: "active" | "closed" | "cancelled";
  status: { readonly code: string; readonly message: string; readonly atMs: number };
}

export interface LaunchTemplate extends Resource {
  readonly name: string;
  readonly data: LaunchInput;
  readonly createdAtMs: number;
}

/** What a client token stands for: the parameters that came with it, and what they made. */
export interface TokenUse {
  readonly parameters: string;
  readonly reservationId: string;
  readonly fleet: WireObject | undefined;
}

export interface AwsQuotas {
  /** vCPUs of running standard on-demand instances, a region (L-1216C47A). */
  readonly onDemandVcpus: number;
  /** The same for spot (L-34B43A08). */
  readonly spotVcpus: number;
}

/** All that exists in one region of the one account. */
export class Ec2Region {
  readonly name: string;
  readonly world: World;
  readonly capacity: Capacity;
  readonly quotas: AwsQuotas;
  readonly zones: readonly string[];
  readonly images: readonly ImageInfo[];
  readonly vpcId: string;
  readonly subnets: readonly { readonly id: string; readonly zone: string; readonly cidr: string }[];

  readonly instances = new Map<string, Instance>();
  readonly volumes = new Map<string, Volume>();
  readonly securityGroups = new Map<string, SecurityGroup>();
  readonly placementGroups = new Map<string, PlacementGroup>();
  readonly keyPairs = new Map<string, KeyPair>();
  readonly spotRequests = new Map<string, SpotRequest>();
  readonly launchTemplates = new Map<string, LaunchTemplate>();
  readonly tokens = new Map<string, TokenUse>();

  constructor(name: string, world: World, capacity: Capacity, quotas: AwsQuotas) {
    this.name = name;
    this.world = world;
    this.capacity = capacity;
    this.quotas = quotas;
    this.zones = zonesOf(name);
    this.images = imagesOf(name);
    const code = regions[name]?.code ?? name;
    this.vpcId = `vpc-0${world.ids.hex(`${name}/vpc`, 16)}`;
    this.subnets = this.zones.map((zone, i) => ({
      id: `subnet-0${world.ids.hex(`${name}/subnet`, 16)}`,
      zone,
      cidr: `172.31.${i * 16}.0/20`,
    }));
    const defaultGroup = `sg-0${world.ids.hex(`${code}/default-group`, 16)}`;
    this.securityGroups.set(defaultGroup, {
      id: defaultGroup,
      name: "default",
      description: "default VPC security group",
      vpcId: this.vpcId,
      tags: new Map(),
      visibleAtMs: 0,
      rules: [
        this.rule(false, { kind: "group", groupId: defaultGroup, description: undefined }),
        this.rule(true, { kind: "ipv4", cidr: "0.0.0.0/0", description: undefined }),
      ],
    });
  }

  /** `prefix-0…`: the next id of this kind. */
  newId(prefix: string): string {
    return `${prefix}-0${this.world.ids.hex(`${this.name}/${prefix}`, 16)}`;
  }

  /** When a resource that is made now will be seen. */
  visibleAt(): number {
    return this.world.now() + this.world.about(this.world.timings.visibilityMs);
  }

  isVisible(resource: Resource): boolean {
    return resource.visibleAtMs <= this.world.now();
  }

  visible<T extends Resource>(resources: ReadonlyMap<string, T>): T[] {
    return [...resources.values()].filter((r) => this.isVisible(r));
  }

  /** @throws {CloudError} with `code` when there's none, or none yet to be seen */
  need<T extends Resource>(resources: ReadonlyMap<string, T>, id: string, code: string, noun: string): T {
    const found = resources.get(id);
    if (found === undefined || !this.isVisible(found))
      throw new CloudError(400, code, `The ${noun} '${id}' does not exist`);
    return found;
  }

  rule(egress: boolean, source: SecurityRule["source"]): SecurityRule {
    return { id: this.newId("sgr"), egress, protocol: "-1", fromPort: undefined, toPort: undefined, source };
  }

  /** By id, whatever it is; for tags. */
  anyResource(
    id: string,
  ): { readonly resource: Resource; readonly type: string; readonly missing: string } | undefined {
    for (const [prefix, type, missing, map] of this.taggable())
      if (id.startsWith(`${prefix}-`)) {
        const resource = map.get(id);
        return resource === undefined ? undefined : { resource, type, missing };
      }
    return undefined;
  }

  /** Id prefix, resource type in tag calls, error when missing, and where they are. */
  taggable(): readonly (readonly [string, string, string, ReadonlyMap<string, Resource>])[] {
    return [
      ["i", "instance", "InvalidInstanceID.NotFound", this.instances],
      ["vol", "volume", "InvalidVolume.NotFound", this.volumes],
      ["sg", "security-group", "InvalidGroup.NotFound", this.securityGroups],
      ["pg", "placement-group", "InvalidPlacementGroup.Unknown", this.placementGroups],
      ["key", "key-pair", "InvalidKeyPair.NotFound", this.keyPairs],
      ["sir", "spot-instances-request", "InvalidSpotInstanceRequestID.NotFound", this.spotRequests],
      ["lt", "launch-template", "InvalidLaunchTemplateId.NotFound", this.launchTemplates],
    ];
  }

  isDefaultGroup(group: SecurityGroup): boolean {
    return group.name === "default";
  }
}
