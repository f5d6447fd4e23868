import type { ResourceGroup } from "@azure/arm-resources";
import type { ResourceIdentity } from "../cloud/identity-tags.ts";
import { deploymentTags, fromTags, tagKeys } from "../cloud/identity-tags.ts";
import type { AzureClients } from "./clients.ts";
import type { ArmSession } from "./arm-calls.ts";
import { AzureError } from "./errors.ts";
import { groupName } from "./names.ts";
import type { GroupRef } from "./names.ts";
import { canonicalRegion } from "./regions.ts";

/** A resource group of ours, as it is now. */
export interface OurGroup extends GroupRef {
  readonly name: string;
  readonly id: string;
  readonly isDeleting: boolean;
  readonly identity: Partial<ResourceIdentity> & Pick<ResourceIdentity, "deployment">;
}

/** Groups that carry no tag of ours are not ours, whatever they are called. */
export function ourGroup(group: ResourceGroup): OurGroup | undefined {
  const identity = fromTags(group.tags ?? {});
  if (identity === undefined || group.name === undefined || group.id === undefined) return undefined;
  return {
    deployment: identity.deployment,
    round: identity.round ?? 0,
    region: canonicalRegion(group.location),
    name: group.name,
    id: group.id,
    isDeleting: group.properties?.provisioningState === "Deleting",
    identity,
  };
}

/** @param deployment undefined: of all deployments. A listing lags behind: see `findGroups` */
export async function listGroups(
  { resources }: AzureClients,
  session: ArmSession,
  deployment: string | undefined,
): Promise<OurGroup[]> {
  const filter =
    deployment === undefined ? `tagName eq '${tagKeys.deployment}'` : tagFilter(deploymentTags(deployment));
  const listed = await session.call({
    doing: "resource groups",
    kind: "read",
    send: (options) => collect(resources.resourceGroups.list({ filter, ...options })),
  });
  return listed
    .map(ourGroup)
    .filter((group) => group !== undefined)
    .filter((group) => deployment === undefined || group.deployment === deployment);
}

/** ARM filters by one tag alone; a long name's further pieces are compared afterwards. */
export function tagFilter(tags: Readonly<Record<string, string>>): string {
  return `tagName eq '${tagKeys.deployment}' and tagValue eq '${tags[tagKeys.deployment] ?? ""}'`;
}

/**
 * A deployment's groups in a region, whatever round made them.
 *
 * Lists come from a cache and miss what is new; reads by name don't. So the names of rounds that may be there unlisted
 * are asked for one by one: those that this process has made, the first three, and the two after the last listed.
 */
export async function findGroups(
  clients: AzureClients,
  session: ArmSession,
  where: { readonly deployment: string; readonly region: string; readonly made: readonly number[] },
): Promise<OurGroup[]> {
  const region = canonicalRegion(where.region);
  const listed = (await listGroups(clients, session, where.deployment)).filter((group) => group.region === region);
  const last = Math.max(0, ...listed.map(({ round }) => round));
  const rounds = new Set([0, 1, 2, last + 1, last + 2, ...where.made]);
  for (const { round } of listed) rounds.delete(round);
  const found = await Promise.all(
    [...rounds].map(async (round) => {
      const ref = { deployment: where.deployment, round, region };
      return (await exists(clients, session, ref)) ? findGroup(clients, session, ref) : undefined;
    }),
  );
  return [...listed, ...found.filter((group) => group !== undefined)].sort((a, b) => a.round - b.round);
}

function exists({ resources }: AzureClients, session: ArmSession, ref: GroupRef): Promise<boolean> {
  const name = groupName(ref);
  return session.call({
    doing: `resource group ${name}`,
    kind: "read",
    send: async (options) => (await resources.resourceGroups.checkExistence(name, options)).body,
  });
}

export async function findGroup(
  { resources }: AzureClients,
  session: ArmSession,
  ref: GroupRef,
): Promise<OurGroup | undefined> {
  const name = groupName(ref);
  const group = await session.find(`resource group ${name}`, (options) => resources.resourceGroups.get(name, options));
  const ours = group === undefined ? undefined : ourGroup(group);
  return ours?.deployment === ref.deployment ? ours : undefined;
}

/** Begins the end of everything in a group. One that is gone or going is left to it. */
export async function deleteGroup({ resources }: AzureClients, session: ArmSession, name: string): Promise<void> {
  try {
    await session.call({
      doing: `resource group ${name}`,
      kind: "write",
      send: (options) =>
        resources.resourceGroups.beginDelete(name, {
          // Without a shutdown of the guests: what mattered on them is in the store, and minutes cost money.
          forceDeletionTypes: "Microsoft.Compute/virtualMachines",
          ...options,
        }),
    });
  } catch (error) {
    if (!(error instanceof AzureError) || (error.kind !== "missing" && error.kind !== "deleting")) throw error;
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
