import { createHash } from "node:crypto";
import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Flag, Texts, Whole } from "./inputs.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import { accountId } from "./region.ts";
import type { Ec2Region, KeyPair, PlacementGroup, SecurityGroup, SecurityRule } from "./region.ts";
import { tagsFor, tagSet, TagSpecificationInput } from "./tags.ts";

const describeVpcs = ec2Operation(
  z.strictObject({ VpcId: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const unknown = input.VpcId.find((id) => id !== region.vpcId);
    if (unknown !== undefined)
      throw new CloudError(400, "InvalidVpcID.NotFound", `The vpc ID '${unknown}' does not exist`);
    const shown = matchesFilters(input.Filter, {
      tags: new Map(),
      values: {
        "is-default": "true",
        isDefault: "true",
        "vpc-id": region.vpcId,
        state: "available",
        cidr: "172.31.0.0/16",
      },
    });
    const vpc = {
      vpcId: region.vpcId,
      ownerId: accountId,
      state: "available",
      cidrBlock: "172.31.0.0/16",
      dhcpOptionsId: "dopt-00000000000000001",
      instanceTenancy: "default",
      isDefault: true,
      tagSet: [],
    };
    return { vpcSet: shown ? [vpc] : [] };
  },
);

const describeSubnets = ec2Operation(
  z.strictObject({ SubnetId: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const unknown = input.SubnetId.find((id) => !region.subnets.some((s) => s.id === id));
    if (unknown !== undefined)
      throw new CloudError(400, "InvalidSubnetID.NotFound", `The subnet ID '${unknown}' does not exist`);
    const page = pageOf(
      region.subnets.filter(
        (s) =>
          (input.SubnetId.length === 0 || input.SubnetId.includes(s.id)) &&
          matchesFilters(input.Filter, {
            tags: new Map(),
            values: {
              "vpc-id": region.vpcId,
              "availability-zone": s.zone,
              "default-for-az": "true",
              defaultForAz: "true",
              "subnet-id": s.id,
              state: "available",
            },
          }),
      ),
      input,
    );
    return {
      subnetSet: page.items.map((s) => ({
        subnetId: s.id,
        subnetArn: `arn:aws:ec2:${region.name}:${accountId}:subnet/${s.id}`,
        ownerId: accountId,
        state: "available",
        vpcId: region.vpcId,
        cidrBlock: s.cidr,
        availableIpAddressCount: 4091,
        availabilityZone: s.zone,
        defaultForAz: true,
        mapPublicIpOnLaunch: true,
        tagSet: [],
      })),
      nextToken: page.nextToken,
    };
  },
);

const Permission = z.strictObject({
  IpProtocol: z.string(),
  FromPort: Whole.optional(),
  ToPort: Whole.optional(),
  IpRanges: z.array(z.strictObject({ CidrIp: z.string(), Description: z.string().optional() })).default([]),
  Ipv6Ranges: z.array(z.strictObject({ CidrIpv6: z.string(), Description: z.string().optional() })).default([]),
  Groups: z
    .array(z.strictObject({ GroupId: z.string(), UserId: z.string().optional(), Description: z.string().optional() }))
    .default([]),
});
type Permission = z.infer<typeof Permission>;

const createSecurityGroup = ec2Operation(
  z.strictObject({
    GroupName: z.string().min(1).max(255),
    GroupDescription: z.string().min(1).max(255),
    VpcId: z.string().optional(),
    TagSpecification: TagSpecificationInput,
  }),
  (region, input, call) => {
    if (input.VpcId !== undefined && input.VpcId !== region.vpcId)
      throw new CloudError(400, "InvalidVpcID.NotFound", `The vpc ID '${input.VpcId}' does not exist`);
    if (/^sg-/.test(input.GroupName))
      throw new CloudError(
        400,
        "InvalidParameterValue",
        `Value (${input.GroupName}) for parameter GroupName is invalid.`,
      );
    if ([...region.securityGroups.values()].some((g) => g.name === input.GroupName))
      throw new CloudError(
        400,
        "InvalidGroup.Duplicate",
        `The security group '${input.GroupName}' already exists for VPC '${region.vpcId}'`,
      );
    const group: SecurityGroup = {
      id: region.newId("sg"),
      name: input.GroupName,
      description: input.GroupDescription,
      vpcId: region.vpcId,
      rules: [region.rule(true, { kind: "ipv4", cidr: "0.0.0.0/0", description: undefined })],
      tags: tagsFor(input.TagSpecification, "security-group", ["security-group"]),
      visibleAtMs: region.visibleAt(),
    };
    region.securityGroups.set(group.id, group);
    call.mutations.push(`created ${group.id}`);
    return { groupId: group.id, tagSet: tagSet(group.tags), securityGroupArn: groupArn(region, group) };
  },
);

const groupArn = (region: Ec2Region, group: SecurityGroup): string =>
  `arn:aws:ec2:${region.name}:${accountId}:security-group/${group.id}`;

const needGroup = (region: Ec2Region, id: string): SecurityGroup => {
  const group = region.securityGroups.get(id);
  if (group === undefined || !region.isVisible(group))
    throw new CloudError(400, "InvalidGroup.NotFound", `The security group '${id}' does not exist`);
  return group;
};

const RuleChange = z.strictObject({ GroupId: z.string(), IpPermissions: z.array(Permission).min(1) });

const authorize = (egress: boolean): Ec2Operation =>
  ec2Operation(RuleChange, (region, input, call) => {
    const group = needGroup(region, input.GroupId);
    const added = input.IpPermissions.flatMap((p) => rulesOf(region, p, egress));
    const taken = added.find((rule) => group.rules.some((r) => cell(r) === cell(rule)));
    if (taken !== undefined)
      throw new CloudError(
        400,
        "InvalidPermission.Duplicate",
        `the specified rule "peer: ${peer(taken)}, ${taken.protocol}, ALLOW" already exists`,
      );
    if (group.rules.length + added.length > 60)
      throw new CloudError(
        400,
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
      );
    group.rules = [...group.rules, ...added];
    call.mutations.push(`authorized ${added.length} rules in ${group.id}`);
    return {
      return: true,
      securityGroupRuleSet: added.map((r) => ({
        securityGroupRuleId: r.id,
        groupId: group.id,
        groupOwnerId: accountId,
        isEgress: egress,
        ipProtocol: r.protocol,
        fromPort: r.fromPort ?? -1,
        toPort: r.toPort ?? -1,
        cidrIpv4: r.source.kind === "ipv4" ? r.source.cidr : undefined,
        cidrIpv6: r.source.kind === "ipv6" ? r.source.cidr : undefined,
        referencedGroupInfo: r.source.kind === "group" ? { groupId: r.source.groupId, userId: accountId } : undefined,
        description: r.source.description,
      })),
    };
  });

const revoke = (egress: boolean): Ec2Operation =>
  ec2Operation(RuleChange, (region, input, call) => {
    const group = needGroup(region, input.GroupId);
    const gone = new Set(input.IpPermissions.flatMap((p) => rulesOf(region, p, egress)).map(cell));
    const rest = group.rules.filter((r) => !gone.has(cell(r)));
    if (rest.length === group.rules.length)
      throw new CloudError(
        400,
        "InvalidPermission.NotFound",
        "The specified rule does not exist in this security group.",
      );
    group.rules = rest;
    call.mutations.push(`revoked rules in ${group.id}`);
    return { return: true };
  });

function rulesOf(region: Ec2Region, p: Permission, egress: boolean): SecurityRule[] {
  const sources: SecurityRule["source"][] = [
    ...p.IpRanges.map((r) => ({ kind: "ipv4" as const, cidr: ipv4Cidr(r.CidrIp), description: r.Description })),
    ...p.Ipv6Ranges.map((r) => ({ kind: "ipv6" as const, cidr: r.CidrIpv6, description: r.Description })),
    ...p.Groups.map((g) => ({
      kind: "group" as const,
      groupId: needGroup(region, g.GroupId).id,
      description: g.Description,
    })),
  ];
  return sources.map((source) => ({
    id: region.newId("sgr"),
    egress,
    protocol: p.IpProtocol,
    fromPort: p.IpProtocol === "-1" ? undefined : p.FromPort,
    toPort: p.IpProtocol === "-1" ? undefined : p.ToPort,
    source,
  }));
}

function ipv4Cidr(text: string): string {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  const numbers = match?.slice(1).map(Number) ?? [];
  if (numbers.length !== 5 || numbers.slice(0, 4).some((n) => n > 255) || (numbers[4] ?? 33) > 32)
    throw new CloudError(400, "InvalidParameterValue", `CIDR block ${text} is malformed`);
  return text;
}

const peer = (rule: SecurityRule): string => (rule.source.kind === "group" ? rule.source.groupId : rule.source.cidr);
const cell = (r: SecurityRule): string => JSON.stringify([r.egress, r.protocol, r.fromPort, r.toPort, peer(r)]);

const describeSecurityGroups = ec2Operation(
  z.strictObject({ GroupId: Texts, GroupName: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const byId = input.GroupId.map((id) => needGroup(region, id));
    const byName = input.GroupName.map((name) => {
      const group = region.visible(region.securityGroups).find((g) => g.name === name);
      if (group === undefined)
        throw new CloudError(400, "InvalidGroup.NotFound", `The security group '${name}' does not exist`);
      return group;
    });
    const asked = [...byId, ...byName];
    const matching = (asked.length > 0 ? asked : region.visible(region.securityGroups)).filter((g) =>
      matchesFilters(input.Filter, {
        tags: g.tags,
        values: { "group-name": g.name, "group-id": g.id, "vpc-id": g.vpcId, description: g.description },
      }),
    );
    const page = pageOf(matching, input);
    return {
      securityGroupInfo: page.items.map((g) => ({
        groupId: g.id,
        groupName: g.name,
        groupDescription: g.description,
        ownerId: accountId,
        vpcId: g.vpcId,
        securityGroupArn: groupArn(region, g),
        ipPermissions: permissionsOf(g.rules.filter((r) => !r.egress)),
        ipPermissionsEgress: permissionsOf(g.rules.filter((r) => r.egress)),
        tagSet: tagSet(g.tags),
      })),
      nextToken: page.nextToken,
    };
  },
);

/** Rules of the same protocol and ports are shown together. */
function permissionsOf(rules: readonly SecurityRule[]): WireObject[] {
  const groups = new Map<string, SecurityRule[]>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.protocol, rule.fromPort, rule.toPort]);
    const together = groups.get(key);
    if (together === undefined) groups.set(key, [rule]);
    else together.push(rule);
  }
  return [...groups.values()].map((together) => {
    const [first] = together;
    return {
      ipProtocol: first?.protocol,
      fromPort: first?.fromPort,
      toPort: first?.toPort,
      groups: together.flatMap(({ source: s }) =>
        s.kind === "group" ? [{ groupId: s.groupId, userId: accountId, description: s.description }] : [],
      ),
      ipRanges: together.flatMap(({ source: s }) =>
        s.kind === "ipv4" ? [{ cidrIp: s.cidr, description: s.description }] : [],
      ),
      ipv6Ranges: together.flatMap(({ source: s }) =>
        s.kind === "ipv6" ? [{ cidrIpv6: s.cidr, description: s.description }] : [],
      ),
      prefixListIds: [],
    };
  });
}

const deleteSecurityGroup = ec2Operation(z.strictObject({ GroupId: z.string() }), (region, input, call) => {
  const group = needGroup(region, input.GroupId);
  if (region.isDefaultGroup(group))
    throw new CloudError(
      400,
      "CannotDelete",
      'the specified group: "default" name: "default" cannot be deleted by a user',
    );
  const usedByInstance = [...region.instances.values()].some(
    (i) => i.state !== "terminated" && i.groupIds.includes(group.id),
  );
  const usedByGroup = [...region.securityGroups.values()].some(
    (g) => g.id !== group.id && g.rules.some((r) => r.source.kind === "group" && r.source.groupId === group.id),
  );
  if (usedByInstance || usedByGroup)
    throw new CloudError(400, "DependencyViolation", `resource ${group.id} has a dependent object`);
  region.securityGroups.delete(group.id);
  call.mutations.push(`deleted ${group.id}`);
  return { return: true, groupId: group.id };
});

const createPlacementGroup = ec2Operation(
  z.strictObject({
    GroupName: z.string().min(1).max(255),
    Strategy: z.enum(["cluster", "spread", "partition"]).default("cluster"),
    PartitionCount: Whole.optional(),
    SpreadLevel: z.enum(["host", "rack"]).optional(),
    TagSpecification: TagSpecificationInput,
  }),
  (region, input, call) => {
    if ([...region.placementGroups.values()].some((g) => g.name === input.GroupName))
      throw new CloudError(
        400,
        "InvalidPlacementGroup.Duplicate",
        `The Placement Group '${input.GroupName}' already exists.`,
      );
    const group: PlacementGroup = {
      id: region.newId("pg"),
      name: input.GroupName,
      strategy: input.Strategy,
      partitionCount: input.Strategy === "partition" ? (input.PartitionCount ?? 2) : undefined,
      spreadLevel: input.Strategy === "spread" ? (input.SpreadLevel ?? "rack") : undefined,
      createdAtMs: region.world.now(),
      state: "available",
      tags: tagsFor(input.TagSpecification, "placement-group", ["placement-group"]),
      visibleAtMs: region.visibleAt(),
    };
    region.placementGroups.set(group.id, group);
    call.mutations.push(`created ${group.id}`);
    return { placementGroup: describePlacement(region, group) };
  },
);

const describePlacement = (region: Ec2Region, g: PlacementGroup): WireObject => ({
  groupName: g.name,
  groupId: g.id,
  groupArn: `arn:aws:ec2:${region.name}:${accountId}:placement-group/${g.name}`,
  state: g.state,
  strategy: g.strategy,
  partitionCount: g.partitionCount,
  spreadLevel: g.spreadLevel,
  tagSet: tagSet(g.tags),
});

const needPlacement = (region: Ec2Region, name: string): PlacementGroup => {
  const group = region.visible(region.placementGroups).find((g) => g.name === name);
  if (group === undefined)
    throw new CloudError(400, "InvalidPlacementGroup.Unknown", `The Placement Group '${name}' is unknown.`);
  return group;
};

const describePlacementGroups = ec2Operation(
  z.strictObject({ GroupName: Texts, GroupId: Texts, Filter: FilterInput }),
  (region, input) => {
    const byId = input.GroupId.map((id) =>
      region.need(region.placementGroups, id, "InvalidPlacementGroup.Unknown", "Placement Group"),
    );
    const asked = [...byId, ...input.GroupName.map((name) => needPlacement(region, name))];
    const matching = (asked.length > 0 ? asked : region.visible(region.placementGroups)).filter((g) =>
      matchesFilters(input.Filter, {
        tags: g.tags,
        values: { "group-name": g.name, state: g.state, strategy: g.strategy },
      }),
    );
    return { placementGroupSet: matching.map((g) => describePlacement(region, g)) };
  },
);

const deletePlacementGroup = ec2Operation(z.strictObject({ GroupName: z.string() }), (region, input, call) => {
  const group = needPlacement(region, input.GroupName);
  if ([...region.instances.values()].some((i) => i.state !== "terminated" && i.placementGroup === group.name))
    throw new CloudError(
      400,
      "InvalidPlacementGroup.InUse",
      `The placement group '${group.name}' is in use and may not be deleted.`,
    );
  region.placementGroups.delete(group.id);
  call.mutations.push(`deleted ${group.id}`);
  return { return: true };
});

const importKeyPair = ec2Operation(
  z.strictObject({
    KeyName: z.string().min(1).max(255),
    PublicKeyMaterial: z.string(),
    TagSpecification: TagSpecificationInput,
  }),
  (region, input, call) => {
    const text = Buffer.from(input.PublicKeyMaterial, "base64").toString("utf8").trim();
    const [kind = "", blob = ""] = text.split(/\s+/);
    const type = kind === "ssh-ed25519" ? "ed25519" : kind === "ssh-rsa" ? "rsa" : undefined;
    if (type === undefined)
      throw new CloudError(400, "InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    if ([...region.keyPairs.values()].some((k) => k.name === input.KeyName))
      throw new CloudError(400, "InvalidKeyPair.Duplicate", `The keypair already exists`);
    const digest = createHash(type === "rsa" ? "md5" : "sha256").update(Buffer.from(blob, "base64"));
    const key: KeyPair = {
      id: region.newId("key"),
      name: input.KeyName,
      type,
      fingerprint: type === "rsa" ? (digest.digest("hex").match(/../g) ?? []).join(":") : digest.digest("base64"),
      publicKey: text,
      createdAtMs: region.world.now(),
      tags: tagsFor(input.TagSpecification, "key-pair", ["key-pair"]),
      visibleAtMs: region.visibleAt(),
    };
    region.keyPairs.set(key.id, key);
    call.mutations.push(`created ${key.id}`);
    return { keyFingerprint: key.fingerprint, keyName: key.name, keyPairId: key.id, tagSet: tagSet(key.tags) };
  },
);

/** Deleting a key pair that isn't there succeeds, as at EC2. */
const deleteKeyPair = ec2Operation(
  z.strictObject({ KeyName: z.string().optional(), KeyPairId: z.string().optional() }),
  (region, input, call) => {
    const key = [...region.keyPairs.values()].find((k) => k.name === input.KeyName || k.id === input.KeyPairId);
    if (key !== undefined) {
      region.keyPairs.delete(key.id);
      call.mutations.push(`deleted ${key.id}`);
    }
    return { return: true, keyPairId: key?.id };
  },
);

const describeKeyPairs = ec2Operation(
  z.strictObject({ KeyName: Texts, KeyPairId: Texts, IncludePublicKey: Flag.default(false), Filter: FilterInput }),
  (region, input) => {
    const byId = input.KeyPairId.map((id) => region.need(region.keyPairs, id, "InvalidKeyPair.NotFound", "key pair"));
    const byName = input.KeyName.map((name) => {
      const key = region.visible(region.keyPairs).find((k) => k.name === name);
      if (key === undefined)
        throw new CloudError(400, "InvalidKeyPair.NotFound", `The key pair '${name}' does not exist`);
      return key;
    });
    const asked = [...byId, ...byName];
    return {
      keySet: (asked.length > 0 ? asked : region.visible(region.keyPairs))
        .filter((k) =>
          matchesFilters(input.Filter, { tags: k.tags, values: { "key-name": k.name, "key-pair-id": k.id } }),
        )
        .map((k) => ({
          keyPairId: k.id,
          keyType: k.type,
          keyName: k.name,
          keyFingerprint: k.fingerprint,
          publicKey: input.IncludePublicKey ? k.publicKey : undefined,
          createTime: new Date(k.createdAtMs).toISOString(),
          tagSet: tagSet(k.tags),
        })),
    };
  },
);

export const networkOperations: Readonly<Record<string, Ec2Operation>> = {
  DescribeVpcs: describeVpcs,
  DescribeSubnets: describeSubnets,
  CreateSecurityGroup: createSecurityGroup,
  AuthorizeSecurityGroupIngress: authorize(false),
  AuthorizeSecurityGroupEgress: authorize(true),
  RevokeSecurityGroupIngress: revoke(false),
  RevokeSecurityGroupEgress: revoke(true),
  DescribeSecurityGroups: describeSecurityGroups,
  DeleteSecurityGroup: deleteSecurityGroup,
  CreatePlacementGroup: createPlacementGroup,
  DescribePlacementGroups: describePlacementGroups,
  DeletePlacementGroup: deletePlacementGroup,
  ImportKeyPair: importKeyPair,
  DeleteKeyPair: deleteKeyPair,
  DescribeKeyPairs: describeKeyPairs,
};
