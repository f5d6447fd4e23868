import {
  CancelSpotInstanceRequestsCommand,
  DeleteVolumeCommand,
  DescribePlacementGroupsCommand,
  DescribeRegionsCommand,
  DescribeSecurityGroupsCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { Tag } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { SweepScope, TaggedResource } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import type { Ec2Api, Work } from "./api.ts";
import { listGroups, listInstances, listPlacementGroups, listSpotRequests, listVolumes } from "./inventory.ts";
import type { Scope } from "./inventory.ts";
import { deletePlacementGroup } from "./placement-group.ts";
import { deleteGroup, ignore, markClosing } from "./security-group.ts";
import { readTagList } from "./tags.ts";

/** Every region that the account can use, in EC2's order. */
export async function enabledRegions(api: Ec2Api, home: string, work: Work): Promise<string[]> {
  const { Regions = [] } = await api.call(
    home,
    "DescribeRegions",
    (ec2, options) =>
      ec2.send(
        new DescribeRegionsCommand({
          Filters: [{ Name: "opt-in-status", Values: ["opt-in-not-required", "opted-in"] }],
        }),
        options,
      ),
    work,
  );
  return Regions.flatMap(({ RegionName }) => RegionName ?? []);
}

/**
 * Everything with our tags in one region that still is there, in the order in which it can be deleted.
 *
 * @param deployment one deployment's, or all deployments'
 */
export async function sweepRegion(api: Ec2Api, scope: Scope, work: Work): Promise<TaggedResource[]> {
  const [instances, spotRequests, volumes, placementGroups, groups] = await Promise.all([
    listInstances(api, scope, work),
    listSpotRequests(api, scope, work),
    listVolumes(api, scope, work),
    listPlacementGroups(api, scope, work),
    listGroups(api, scope, work),
  ]);
  const { region } = scope;
  return [
    ...instances
      .filter(({ State }) => State?.Name !== "terminated")
      .map((each) => ({
        ...tagged(
          "instance",
          each.InstanceId,
          { region, zone: each.Placement?.AvailabilityZone },
          each.Tags,
          each.LaunchTime,
        ),
        machineType: each.InstanceType,
        spot: each.InstanceLifecycle === "spot",
      })),
    ...spotRequests.map((each) =>
      tagged(
        "spot-request",
        each.SpotInstanceRequestId,
        { region, zone: each.LaunchedAvailabilityZone },
        each.Tags,
        each.CreateTime,
      ),
    ),
    ...volumes.map((each) =>
      tagged("volume", each.VolumeId, { region, zone: each.AvailabilityZone }, each.Tags, each.CreateTime),
    ),
    ...placementGroups.map((each) => tagged("placement-group", each.GroupId, { region }, each.Tags)),
    ...groups.map((each) => tagged("security-group", each.GroupId, { region }, each.Tags)),
  ];
}

export const isInScope = (resource: TaggedResource, scope: SweepScope): boolean => {
  switch (scope.kind) {
    case "all":
      return true;
    case "deployment":
      return resource.deployment === scope.deployment;
    case "expired":
      // Without an expiry that can be read nobody knows that it is over.
      return resource.expiresAt !== undefined && resource.expiresAt <= scope.now;
    default:
      return scope satisfies never;
  }
};

/**
 * Deletes one swept resource. What is in use stays, to be asked for again once its user is gone; what is gone already
 * is no error.
 */
export async function destroySwept(api: Ec2Api, resource: TaggedResource, work: Work): Promise<void> {
  const { id, place } = resource;
  const { region } = place;
  switch (resource.resourceKind) {
    case "instance":
      return terminate(api, region, [id], work);
    case "spot-request":
      await api
        .call(
          region,
          "CancelSpotInstanceRequests",
          (ec2, options) => ec2.send(new CancelSpotInstanceRequestsCommand({ SpotInstanceRequestIds: [id] }), options),
          work,
        )
        .catch(ignore("InvalidSpotInstanceRequestID.NotFound"));
      return;
    case "volume":
      return deleteVolume(api, region, id, work);
    case "placement-group": {
      const { PlacementGroups = [] } = await api.call(
        region,
        "DescribePlacementGroups",
        // By filter: asked for by id, one that is gone is an error.
        (ec2, options) => ec2.send(new DescribePlacementGroupsCommand({ Filters: tagFilters(resource) }), options),
        work,
      );
      for (const { GroupId, GroupName } of PlacementGroups)
        if (GroupId === id && GroupName !== undefined) await deletePlacementGroup(api, region, GroupName, work);
      return;
    }
    case "security-group": {
      const { SecurityGroups = [] } = await api.call(
        region,
        "DescribeSecurityGroups",
        (ec2, options) =>
          ec2.send(new DescribeSecurityGroupsCommand({ Filters: [{ Name: "group-id", Values: [id] }] }), options),
        work,
      );
      const [group] = SecurityGroups;
      if (group === undefined || (await deleteGroup(api, region, id, work))) return;
      // Nothing more is to be launched into it while its last instances shut down.
      await markClosing(api, region, group, work);
      return;
    }
    default:
      throw new FailureError({
        class: "invalid",
        message: `AWS has no resources of the kind "${resource.resourceKind}" that are ours`,
      });
  }
}

const tagFilters = ({ deployment }: TaggedResource): { Name: string; Values: string[] }[] =>
  deployment === undefined ? [] : [{ Name: "tag-key", Values: ["reprise-deployment"] }];

/** Ends instances; those that are gone or going are left out. */
export async function terminate(api: Ec2Api, region: string, ids: readonly string[], work: Work): Promise<void> {
  if (ids.length === 0) return;
  try {
    await terminateTogether(api, region, ids, work);
  } catch (error) {
    // One that is gone, invisible or protected refuses the whole call: one by one each of the others goes.
    if (ids.length === 1) {
      ignore("InvalidInstanceID.NotFound")(error);
      return;
    }
    const failures: unknown[] = [];
    for (const id of ids)
      await terminateTogether(api, region, [id], work)
        .catch(ignore("InvalidInstanceID.NotFound"))
        .catch((failure: unknown) => failures.push(failure));
    if (failures.length > 0) throw failures[0];
  }
}

/** EC2 advises against longer lists. */
const idsPerCall = 500;

async function terminateTogether(api: Ec2Api, region: string, ids: readonly string[], work: Work): Promise<void> {
  for (let at = 0; at < ids.length; at += idsPerCall) {
    const InstanceIds = ids.slice(at, at + idsPerCall);
    await api.call(
      region,
      "TerminateInstances",
      (ec2, options) => ec2.send(new TerminateInstancesCommand({ InstanceIds }), options),
      work,
      { final: ["InvalidInstanceID.NotFound"] },
    );
  }
}

export async function deleteVolume(api: Ec2Api, region: string, id: string, work: Work): Promise<void> {
  await api
    .call(region, "DeleteVolume", (ec2, options) => ec2.send(new DeleteVolumeCommand({ VolumeId: id }), options), work)
    .catch(ignore("InvalidVolume.NotFound", "VolumeInUse", "IncorrectState"));
}

function tagged(
  resourceKind: string,
  id: string | undefined,
  place: { readonly region: string; readonly zone?: string | undefined },
  tags: readonly Tag[] | undefined,
  createdAt?: Date,
): TaggedResource {
  const identity = fromTags(readTagList(tags));
  return {
    resourceKind,
    id: id ?? "",
    place,
    deployment: identity?.deployment,
    runId: identity?.runId,
    owner: identity?.owner,
    createdAt: createdAt?.getTime() ?? identity?.createdAt,
    expiresAt: identity?.expiresAt,
    name: identity?.name,
  };
}
