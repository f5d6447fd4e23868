import type { Place, SweepScope, TaggedResource } from "../../core/ports/provider.ts";
import { deploymentTags, fromTags, tagKeys } from "../cloud/identity-tags.ts";
import type { ComputeApi } from "./compute-api.ts";
import { allNames, namesOf, parseDescription, parseName, stemOf, wordFor } from "./names.ts";
import { diskPath, instancePath, labelFilter, readUnlabelled } from "./snapshot.ts";
import { Disk, Instance, lastPart, timeOf, Unlabelled } from "./wire.ts";

/**
 * Everything of ours in the project, in all places, by labels, and by names where a kind has none.
 *
 * Disks are told of once no machine has them: the others go with theirs. The lease of a deployment is the latest that
 * any part of it knows, so that what can't be relabelled (see `extendLeases`) doesn't expire before its machines.
 */
export async function findResources(scope: SweepScope, api: ComputeApi): Promise<TaggedResource[]> {
  const one = scope.kind === "deployment" ? scope.deployment : undefined;
  const labels = one === undefined ? `labels.${tagKeys.deployment}:*` : labelFilter(deploymentTags(one));
  const named = `name eq "${one === undefined ? allNames : namesOf(one)}"`;
  const [instances, disks, ...unlabelled] = await Promise.all([
    api.listAll("instances", Instance, labels),
    api.listAll("disks", Disk, labels),
    api.list("global/firewalls", Unlabelled, named),
    api.list("global/networks", Unlabelled, named),
    api.listAll("subnetworks", Unlabelled, named),
    api.listAll("resourcePolicies", Unlabelled, named),
  ]);
  const found: TaggedResource[] = [
    // First what holds the others: a reaper that goes through once gets furthest so.
    ...instances.map((instance) =>
      labelled("instance", instancePath(instance), instance, {
        machineType: lastPart(instance.machineType),
        spot: instance.scheduling.provisioningModel === "SPOT",
      }),
    ),
    ...disks.filter((d) => d.users.length === 0).map((disk) => labelled("disk", diskPath(disk), disk)),
    ...unlabelled.flat().flatMap((item) => readMarked(item, one)),
  ];
  const ours = one === undefined ? found : found.filter((resource) => resource.deployment === one);
  const latest = new Map<string, number>();
  for (const { deployment, expiresAt } of ours)
    if (deployment !== undefined && expiresAt !== undefined)
      latest.set(deployment, Math.max(expiresAt, latest.get(deployment) ?? 0));
  return ours
    .map((resource) => ({
      ...resource,
      expiresAt: resource.deployment === undefined ? resource.expiresAt : latest.get(resource.deployment),
    }))
    .filter(({ expiresAt }) => scope.kind !== "expired" || expiresAt === undefined || expiresAt <= scope.now);
}

function labelled(
  resourceKind: string,
  id: string,
  item: Disk | Instance,
  more: Pick<TaggedResource, "machineType" | "spot"> = {},
): TaggedResource {
  const identity = fromTags(item.labels);
  const zone = lastPart(item.zone);
  return {
    resourceKind,
    id,
    ...(identity?.name === undefined ? {} : { name: identity.name }),
    ...more,
    place: { region: zone.replace(/-[a-z]+$/, ""), zone },
    deployment: identity?.deployment,
    runId: identity?.runId,
    owner: identity?.owner,
    createdAt: identity?.createdAt ?? timeOf(item.creationTimestamp),
    expiresAt: identity?.expiresAt,
  };
}

/** @param asked the deployment that was asked for: the one that a shortened name stands for */
function readMarked(item: Unlabelled, asked: string | undefined): TaggedResource[] {
  const own = readUnlabelled(item);
  const name = parseName(item.name);
  if (own === undefined || name === undefined) return [];
  const mark = parseDescription(item.description);
  const region = /regions\/([^/]+)\//.exec(own.path)?.[1];
  const place: Place = mark === undefined ? { region: region ?? "global" } : { region: mark.region, zone: mark.zone };
  const byName = asked !== undefined && stemOf(asked) === name.stem ? asked : name.stem;
  return [
    {
      resourceKind: wordFor[own.kind],
      id: own.path,
      ...(mark === undefined ? {} : { name: mark.name }),
      place,
      deployment: mark?.deployment ?? byName,
      runId: mark?.runId,
      owner: mark?.owner,
      createdAt: mark?.createdAt ?? timeOf(item.creationTimestamp),
      expiresAt: name.expiresAt,
    },
  ];
}
