import type { Instance, PlacementGroup, SecurityGroup, SpotInstanceRequest } from "@aws-sdk/client-ec2";
import type { Failure } from "../../core/errors/failure.ts";
import type { ResourceState } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import { lookUpCode } from "./errors.ts";
import { groupNameOf, isClosing } from "./security-group.ts";
import { ec2TagKeys, readTagList } from "./tags.ts";

/** What EC2 lists for a deployment in one region. */
export interface Listed {
  readonly region: string;
  readonly instances: readonly Instance[];
  readonly groups: readonly SecurityGroup[];
  readonly placementGroups: readonly PlacementGroup[];
  readonly spotRequests: readonly SpotInstanceRequest[];
}

/** Everything listed, as the flow sees it: hosts first, then what is deleted after them. */
export function toStates(listed: Listed): ResourceState[] {
  const wanted = new Set(
    listed.groups.filter((group) => !isClosing(group)).map((group) => roundKey(readTagList(group.Tags))),
  );
  const notices = new Map(
    listed.spotRequests.flatMap((request) => {
      const code = request.Status?.Code ?? "";
      return request.InstanceId !== undefined && lookUpCode(code) !== undefined
        ? [[request.InstanceId, `${code}: ${request.Status?.Message ?? ""}`] as const]
        : [];
    }),
  );
  return [
    ...listed.instances.map((instance) =>
      instanceState(instance, {
        isWanted: wanted.has(roundKey(readTagList(instance.Tags))),
        notice: notices.get(instance.InstanceId ?? ""),
        region: listed.region,
      }),
    ),
    ...listed.placementGroups.map((group): ResourceState => ({
      name: nameOf(readTagList(group.Tags)) ?? group.GroupName ?? "",
      resourceKind: "placement-group",
      id: group.GroupId ?? group.GroupName ?? "",
      ...(group.State === "deleting" ? { state: "deleting" } : { state: "ready" }),
    })),
    ...listed.groups.map((group): ResourceState => ({
      name: nameOf(readTagList(group.Tags)) ?? group.GroupName?.slice(groupNameOf("").length) ?? "",
      resourceKind: "security-group",
      id: group.GroupId ?? "",
      ...(isClosing(group) ? { state: "deleting" } : { state: "ready" }),
    })),
  ];
}

interface Standing {
  /** Its round's security group is there and not closing. */
  readonly isWanted: boolean;
  /** What the spot request says of an interruption that is on its way. */
  readonly notice: string | undefined;
  readonly region: string;
}

/**
 * An instance that ended by itself has failed as long as its round is wanted; once that is being destroyed, one that
 * ended is gone, though EC2 goes on listing it for an hour.
 */
export function instanceState(instance: Instance, { isWanted, notice, region }: Standing): ResourceState {
  const tags = readTagList(instance.Tags);
  const id = instance.InstanceId ?? "";
  const base = { name: nameOf(tags) ?? id, resourceKind: "instance", id };
  const host = tags[ec2TagKeys.host];
  const state = instance.State?.Name;
  switch (state) {
    case "running": {
      if (notice !== undefined && isWanted)
        return { ...base, state: "failed", failure: preempted(`${base.name} (${id}): ${notice}`, host) };
      // The address comes a moment after the state.
      if (instance.PublicIpAddress === undefined)
        return { ...base, state: "pending", since: instance.LaunchTime?.getTime() };
      return { ...base, state: "ready", ...reachable(instance, { tags, region, address: instance.PublicIpAddress }) };
    }
    case "shutting-down":
      return isWanted
        ? { ...base, state: "failed", failure: endOf(instance, base.name, host) }
        : { ...base, state: "deleting" };
    case "terminated":
      return isWanted
        ? { ...base, state: "failed", failure: endOf(instance, base.name, host) }
        : { ...base, state: "gone" };
    case "stopping":
    case "stopped":
      // Launched to terminate on shutdown: somebody changed that, and its disks are on the bill.
      return { ...base, state: "failed", failure: endOf(instance, base.name, host) };
    case "pending":
    case undefined:
      return { ...base, state: "pending", since: instance.LaunchTime?.getTime() };
    default:
      return state satisfies never;
  }
}

function reachable(
  instance: Instance,
  {
    tags,
    region,
    address,
  }: { readonly tags: ReturnType<typeof readTagList>; readonly region: string; readonly address: string },
): Omit<Extract<ResourceState, { state: "ready" }>, "name" | "resourceKind" | "id" | "state"> {
  const facts: Record<string, string | undefined> = {
    instanceId: instance.InstanceId,
    machineType: instance.InstanceType,
    image: instance.ImageId,
    zone: instance.Placement?.AvailabilityZone,
    placementGroup: instance.Placement?.GroupName,
    lifecycle: instance.InstanceLifecycle ?? "on-demand",
    launchedAt: instance.LaunchTime?.toISOString(),
    confidential: instance.CpuOptions?.AmdSevSnp === "enabled" ? "sev-snp" : undefined,
  };
  return {
    address: {
      host: tags[ec2TagKeys.host] ?? "",
      address,
      port: 22,
      user: tags[ec2TagKeys.user] ?? "",
      hostKey: tags[ec2TagKeys.hostKey] ?? "",
      ...(tags[ec2TagKeys.reach] === "ssm" ? { ssm: { region, instanceId: instance.InstanceId ?? "" } } : {}),
    },
    ...(instance.PrivateIpAddress === undefined ? {} : { privateAddress: instance.PrivateIpAddress }),
    facts: Object.fromEntries(
      Object.entries(facts).flatMap(([key, value]) => (value === undefined || value === "" ? [] : [[key, value]])),
    ),
  };
}

/** Why an instance ended, by EC2's own reason for it. */
function endOf(instance: Instance, name: string, host: string | undefined): Failure {
  const code = instance.StateReason?.Code ?? "unknown reason";
  const told = instance.StateReason?.Message ?? instance.StateTransitionReason ?? "";
  const row = lookUpCode(code);
  return {
    class: row?.class ?? "boot",
    message: `${name} (${instance.InstanceId ?? "?"}) is ${instance.State?.Name ?? "?"}: ${told.startsWith(code) ? told : `${code} ${told}`.trim()}`,
    hint: row?.hint,
    host,
  };
}

const preempted = (message: string, host: string | undefined): Failure => ({
  class: "preempted",
  message,
  hint: "EC2 takes the spot machine back within two minutes; the trial is rerun",
  host,
});

const nameOf = (tags: ReturnType<typeof readTagList>): string | undefined => fromTags(tags)?.name;

const roundKey = (tags: ReturnType<typeof readTagList>): string => {
  const identity = fromTags(tags);
  return JSON.stringify([identity?.deployment, identity?.round]);
};
