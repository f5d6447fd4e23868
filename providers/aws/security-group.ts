import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import type { IpPermission, SecurityGroup } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { Intent } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import { hasCode } from "./api.ts";
import type { Ec2Api, Work } from "./api.ts";
import { ec2TagKeys, intentTags, readTagList, tagSpecifications, toTagList } from "./tags.ts";

/**
 * A deployment's network on EC2: one security group a round, in the VPC that is set for hosts or the region's default one.
 *
 * The group also stands for the round itself: while it is there and not closing, the round is wanted, and its zone and
 * time of creation are read from its tags, so that a launch repeated after a crash is the same launch.
 */
export interface Network {
  readonly groupId: string;
  readonly zone: string | undefined;
  readonly createdAt: number;
  /** @default the zone's own in the default VPC */
  readonly subnetId?: string | undefined;
}

/** Traffic let in. */
interface Rule {
  readonly protocol: "tcp" | "-1";
  readonly port: number | undefined;
  readonly source: { readonly kind: "group" } | { readonly kind: "cidr"; readonly cidr: string };
  readonly description: string;
}

const peerDescription = "reprise peer";
const lookAgainMs = 1_000;

/** A group's name can't begin with `sg-`, as an experiment's may. */
export const groupNameOf = (intentName: string): string => `reprise-${intentName}`;

export interface GroupRequest {
  readonly intent: Intent;
  /** @default the region's default one */
  readonly vpcId?: string | undefined;
  /** Addresses that may open SSH: CIDR blocks. */
  readonly sshFrom: readonly string[];
  /** Asked for once, when the group is made. */
  readonly chooseZone: () => Promise<string | undefined>;
}

/**
 * Makes the group of a network's intent with its rules, or completes what is there.
 *
 * @throws {FailureError} cancelled where the round is being destroyed, else AWS's no
 */
export async function ensureGroup(api: Ec2Api, request: GroupRequest, work: Work): Promise<Network> {
  const { intent } = request;
  const { region } = intent.place;
  for (;;) {
    const found = await findGroup(api, region, groupNameOf(intent.name), work);
    if (found !== undefined) {
      checkOwner(found, intent);
      await authorize(api, region, found, baseRules(request.sshFrom), work);
      return readNetwork(found);
    }
    const made = await createGroup(api, request, work);
    if (made !== undefined) {
      await authorize(api, region, made, baseRules(request.sshFrom), work);
      return readNetwork(made);
    }
    // Somebody else's, or our own whose reply was lost: its name is taken before it can be seen.
    if (api.clock.now() + lookAgainMs >= work.until)
      throw new FailureError({
        class: "throttled",
        message: `security group ${groupNameOf(intent.name)} isn't visible yet`,
      });
    await api.clock.sleep(lookAgainMs, work.signal);
  }
}

/** The rounds' groups of a deployment that are wanted: let their hosts reach each other and these addresses. */
export async function connectGroup(
  api: Ec2Api,
  where: { readonly region: string; readonly group: SecurityGroup; readonly peers: readonly string[] },
  work: Work,
): Promise<void> {
  const { region, group, peers } = where;
  const wanted = peers.map((peer): Rule => ({
    protocol: "-1",
    port: undefined,
    source: { kind: "cidr", cidr: hostCidr(peer) },
    description: peerDescription,
  }));
  const cidrs = new Set(wanted.map(({ source }) => (source.kind === "cidr" ? source.cidr : "")));
  const stale = rulesOf(group).filter(
    ({ description, source }) => description === peerDescription && source.kind === "cidr" && !cidrs.has(source.cidr),
  );
  // Of replaced hosts: their addresses may belong to anybody by now.
  if (stale.length > 0) {
    const IpPermissions = stale.map((rule) => toPermission(rule, group.GroupId));
    await api
      .call(
        region,
        "RevokeSecurityGroupIngress",
        (ec2, options) =>
          ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: group.GroupId, IpPermissions }), options),
        work,
      )
      .catch(ignore("InvalidPermission.NotFound"));
  }
  await authorize(api, region, group, wanted, work);
}

/** From here on nothing is launched into the group, and its terminated instances count as gone. */
export async function markClosing(api: Ec2Api, region: string, group: SecurityGroup, work: Work): Promise<void> {
  if (isClosing(group)) return;
  await api
    .call(
      region,
      "CreateTags",
      (ec2, options) =>
        ec2.send(
          new CreateTagsCommand({
            Resources: [group.GroupId ?? ""],
            Tags: toTagList({ [ec2TagKeys.closing]: String(Math.floor(api.clock.now() / 1000)) }),
          }),
          options,
        ),
      work,
      { final: ["InvalidGroup.NotFound"] },
    )
    .catch(ignore("InvalidGroup.NotFound"));
}

/** @returns false while something still uses it: an instance that is shutting down does */
export async function deleteGroup(api: Ec2Api, region: string, groupId: string, work: Work): Promise<boolean> {
  try {
    await api.call(
      region,
      "DeleteSecurityGroup",
      (ec2, options) => ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId }), options),
      work,
      { final: ["InvalidGroup.NotFound", "DependencyViolation"] },
    );
    return true;
  } catch (error) {
    if (hasCode(error, "InvalidGroup.NotFound")) return true;
    if (hasCode(error, "DependencyViolation", "InvalidGroup.InUse")) return false;
    throw error;
  }
}

export const isClosing = (group: SecurityGroup): boolean => readTagList(group.Tags)[ec2TagKeys.closing] !== undefined;

async function findGroup(api: Ec2Api, region: string, name: string, work: Work): Promise<SecurityGroup | undefined> {
  const { SecurityGroups = [] } = await api.call(
    region,
    "DescribeSecurityGroups",
    (ec2, options) =>
      ec2.send(new DescribeSecurityGroupsCommand({ Filters: [{ Name: "group-name", Values: [name] }] }), options),
    work,
  );
  return SecurityGroups[0];
}

/** @returns undefined when the name is taken */
async function createGroup(api: Ec2Api, request: GroupRequest, work: Work): Promise<SecurityGroup | undefined> {
  const { intent } = request;
  const zone = await request.chooseZone();
  const tags = {
    ...intentTags(intent, api.clock.now()),
    ...(zone === undefined ? {} : { [ec2TagKeys.zone]: zone }),
  };
  const GroupName = groupNameOf(intent.name);
  if (api.clock.now() > intent.notAfter)
    throw new FailureError({ class: "cancelled", message: `the time to create "${intent.name}" is over` });
  try {
    const { GroupId } = await api.call(
      intent.place.region,
      "CreateSecurityGroup",
      (ec2, options) =>
        ec2.send(
          new CreateSecurityGroupCommand({
            GroupName,
            ...(request.vpcId === undefined ? {} : { VpcId: request.vpcId }),
            Description: `reprise deployment ${intent.deployment}`.slice(0, 255),
            TagSpecifications: tagSpecifications(["security-group"], tags),
          }),
          options,
        ),
      work,
    );
    return { GroupId, GroupName, Tags: toTagList(tags), IpPermissions: [] };
  } catch (error) {
    if (hasCode(error, "InvalidGroup.Duplicate")) return undefined;
    throw error;
  }
}

function checkOwner(group: SecurityGroup, intent: Intent): void {
  const owner = fromTags(readTagList(group.Tags))?.deployment;
  if (owner !== intent.deployment)
    throw new FailureError({
      class: "invalid",
      message: `security group ${group.GroupName ?? ""} is there already and belongs to ${owner ?? "somebody else"}`,
    });
  if (isClosing(group))
    throw new FailureError({ class: "cancelled", message: `${intent.name} is being destroyed: nothing is made in it` });
}

function readNetwork(group: SecurityGroup): Network {
  const tags = readTagList(group.Tags);
  return {
    groupId: group.GroupId ?? "",
    zone: tags[ec2TagKeys.zone],
    createdAt: fromTags(tags)?.createdAt ?? 0,
  };
}

const baseRules = (sshFrom: readonly string[]): Rule[] => [
  { protocol: "-1", port: undefined, source: { kind: "group" }, description: "reprise: hosts of this deployment" },
  ...sshFrom.map((cidr): Rule => ({
    protocol: "tcp",
    port: 22,
    source: { kind: "cidr", cidr },
    description: "reprise: ssh",
  })),
];

async function authorize(
  api: Ec2Api,
  region: string,
  group: SecurityGroup,
  rules: readonly Rule[],
  work: Work,
): Promise<void> {
  const present = new Set(rulesOf(group).map(ruleKey));
  const missing = rules.filter((rule) => !present.has(ruleKey(rule)));
  if (missing.length === 0) return;
  const send = (some: readonly Rule[]): Promise<unknown> => {
    const IpPermissions = some.map((rule) => toPermission(rule, group.GroupId));
    return api.call(
      region,
      "AuthorizeSecurityGroupIngress",
      (ec2, options) =>
        ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group.GroupId, IpPermissions }), options),
      work,
    );
  };
  try {
    await send(missing);
  } catch (error) {
    if (!hasCode(error, "InvalidPermission.Duplicate")) throw error;
    // A lost reply or a rival made some of them: the call is all or nothing, so each is asked for by itself.
    for (const rule of missing) await send([rule]).catch(ignore("InvalidPermission.Duplicate"));
  }
}

function rulesOf(group: SecurityGroup): Rule[] {
  return (group.IpPermissions ?? []).flatMap(({ IpProtocol, FromPort, IpRanges, Ipv6Ranges, UserIdGroupPairs }) => {
    if (IpProtocol !== "tcp" && IpProtocol !== "-1") return [];
    const base = { protocol: IpProtocol, port: IpProtocol === "-1" ? undefined : FromPort } as const;
    const cidrs = [
      ...(IpRanges ?? []).map(({ CidrIp, Description }) => [CidrIp, Description] as const),
      ...(Ipv6Ranges ?? []).map(({ CidrIpv6, Description }) => [CidrIpv6, Description] as const),
    ];
    return [
      ...cidrs.map(([cidr = "", description = ""]): Rule => ({ ...base, source: { kind: "cidr", cidr }, description })),
      ...(UserIdGroupPairs ?? [])
        .filter(({ GroupId }) => GroupId === group.GroupId)
        .map(({ Description = "" }): Rule => ({ ...base, source: { kind: "group" }, description: Description })),
    ];
  });
}

/** What EC2 compares rules by: a description makes no other rule. */
const ruleKey = ({ protocol, port, source }: Rule): string =>
  `${protocol} ${port ?? ""} ${source.kind === "cidr" ? source.cidr : "self"}`;

function toPermission(rule: Rule, groupId: string | undefined): IpPermission {
  const { source, description: Description } = rule;
  return {
    IpProtocol: rule.protocol,
    ...(rule.port === undefined ? {} : { FromPort: rule.port, ToPort: rule.port }),
    ...(source.kind === "group"
      ? { UserIdGroupPairs: [{ GroupId: groupId, Description }] }
      : source.cidr.includes(":")
        ? { Ipv6Ranges: [{ CidrIpv6: source.cidr, Description }] }
        : { IpRanges: [{ CidrIp: source.cidr, Description }] }),
  };
}

const hostCidr = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;

/** For `catch`: these codes say that the work was done already. */
export const ignore =
  (...codes: readonly string[]) =>
  (error: unknown): void => {
    if (!hasCode(error, ...codes)) throw error;
  };
