import type { GenericResourceExpanded } from "@azure/arm-resources";
import { FailureError } from "../../core/errors/failure.ts";
import type { SweepScope, TaggedResource } from "../../core/ports/provider.ts";
import type { ResourceIdentity } from "../cloud/identity-tags.ts";
import { deploymentTags, fromTags, tagKeys } from "../cloud/identity-tags.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { AzureError } from "./errors.ts";
import { collect, deleteGroup, listGroups, ourGroup, tagFilter } from "./groups.ts";
import { canonicalRegion } from "./regions.ts";

const groupKind = "resourceGroup";

/**
 * What is tagged as ours: each group, then what lies in it, then what somebody moved elsewhere.
 *
 * What lies in a group of ours is told with the group's identity, for the lease is the group's tag alone.
 *
 * @param open a session for each question: who reads the list may take long between two of its items
 */
export async function* sweepGroups(
  clients: AzureClients,
  open: () => ArmSession,
  scope: SweepScope,
): AsyncIterable<TaggedResource> {
  const deployment = scope.kind === "deployment" ? scope.deployment : undefined;
  const groups = await listGroups(clients, open(), deployment);
  for (const group of groups) {
    const { identity, region, id } = group;
    if (!isInScope(identity, scope)) continue;
    yield tagged({ resourceKind: groupKind, id, region }, identity);
    const machines = await machinesIn(clients, open(), group.name);
    for (const resource of await inside(clients, open(), group.name)) {
      const name = fromTags(resource.tags ?? {})?.name;
      const machine =
        resource.type?.endsWith("/virtualMachines") === true ? machines.get(resource.name ?? "") : undefined;
      yield { ...tagged(describe(resource), { ...identity, name }), ...machine };
    }
  }
  const known = new Set(groups.map(({ name }) => name.toLowerCase()));
  for (const resource of await taggedAnywhere(clients, open(), deployment)) {
    const identity = fromTags(resource.tags ?? {});
    if (identity === undefined || known.has(groupOf(resource.id ?? "").toLowerCase())) continue;
    if (isInScope(identity, scope)) yield tagged(describe(resource), identity);
  }
}

/** The kind is the cloud's own word in short: `virtualMachines`. */
const describe = (resource: GenericResourceExpanded) => ({
  resourceKind: (resource.type ?? "resource").split("/").slice(1).join("/"),
  id: resource.id ?? "",
  region: canonicalRegion(resource.location ?? ""),
});

const tagged = (
  at: { readonly resourceKind: string; readonly id: string; readonly region: string },
  identity: { readonly [K in keyof ResourceIdentity]?: ResourceIdentity[K] | undefined },
): TaggedResource => ({
  resourceKind: at.resourceKind,
  id: at.id,
  place: { region: at.region },
  deployment: identity.deployment,
  runId: identity.runId,
  owner: identity.owner,
  createdAt: identity.createdAt,
  expiresAt: identity.expiresAt,
  name: identity.name,
});

/** What the machines of a group are; a resource in general says nothing of its size. */
async function machinesIn(
  { compute }: AzureClients,
  session: ArmSession,
  group: string,
): Promise<ReadonlyMap<string, Pick<TaggedResource, "machineType" | "spot">>> {
  const machines = await session.find(`machines of ${group}`, (options) =>
    collect(compute.virtualMachines.list(group, options)),
  );
  return new Map(
    (machines ?? []).map(({ name, hardwareProfile, priority }) => [
      name ?? "",
      { machineType: hardwareProfile?.vmSize, spot: priority === "Spot" },
    ]),
  );
}

/** What lies about without an end is expired: nobody can be waiting for it. */
function isInScope(identity: Partial<ResourceIdentity>, scope: SweepScope): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "deployment":
      return identity.deployment === scope.deployment;
    case "expired":
      return identity.expiresAt === undefined || identity.expiresAt <= scope.now;
    default:
      return scope satisfies never;
  }
}

async function inside(
  { resources }: AzureClients,
  session: ArmSession,
  group: string,
): Promise<readonly GenericResourceExpanded[]> {
  const found = await session.find(`resources of ${group}`, (options) =>
    collect(resources.resources.listByResourceGroup(group, options)),
  );
  return found ?? [];
}

function taggedAnywhere(
  { resources }: AzureClients,
  session: ArmSession,
  deployment: string | undefined,
): Promise<readonly GenericResourceExpanded[]> {
  const filter =
    deployment === undefined ? `tagName eq '${tagKeys.deployment}'` : tagFilter(deploymentTags(deployment));
  return session.call({
    doing: "tagged resources",
    kind: "read",
    send: (options) => collect(resources.resources.list({ filter, ...options })),
  });
}

const groupOf = (id: string): string => /\/resourceGroups\/([^/]+)/i.exec(id)?.[1] ?? "";

/**
 * Begins the deletion of what a sweep found; what is gone or going is left to it.
 *
 * In a group of ours the group is the unit: a network interface can't go before its machine, and all in it has one lease.
 */
export async function destroyResource(
  clients: AzureClients,
  session: ArmSession,
  resource: TaggedResource,
): Promise<void> {
  const name = groupOf(resource.id);
  const found = await session.find(`resource group ${name}`, (options) =>
    clients.resources.resourceGroups.get(name, options),
  );
  if (found === undefined) return;
  const group = ourGroup(found);
  if (group?.deployment === resource.deployment && group !== undefined) {
    if (!group.isDeleting) await deleteGroup(clients, session, group.name);
    return;
  }
  if (resource.resourceKind === groupKind)
    throw new FailureError({ class: "invalid", message: `resource group ${name} is not ours (any more): it stays` });
  await destroyAlone(clients, session, resource);
}

/** What was moved out of its group. What it is used by must go first: refused until then, and swept again. */
async function destroyAlone(clients: AzureClients, session: ArmSession, resource: TaggedResource): Promise<void> {
  const group = groupOf(resource.id);
  const name = resource.id.split("/").at(-1) ?? "";
  const { compute, network } = clients;
  type Options = { readonly abortSignal: AbortSignal };
  const verbs: Readonly<Record<string, (options: Options) => Promise<unknown>>> = {
    virtualMachines: (options) =>
      compute.virtualMachines.delete(group, name, { forceDeletion: true, ...options }).submitted(),
    disks: (options) => compute.disks.delete(group, name, options).submitted(),
    proximityPlacementGroups: (options) => compute.proximityPlacementGroups.delete(group, name, options),
    networkInterfaces: (options) => network.networkInterfaces.beginDelete(group, name, options),
    publicIPAddresses: (options) => network.publicIPAddresses.beginDelete(group, name, options),
    networkSecurityGroups: (options) => network.networkSecurityGroups.beginDelete(group, name, options),
    virtualNetworks: (options) => network.virtualNetworks.beginDelete(group, name, options),
  };
  const send = verbs[resource.resourceKind];
  if (send === undefined)
    throw new FailureError({
      class: "invalid",
      message: `don't know how to delete ${resource.id}`,
      hint: `\`az resource delete --ids ${resource.id}\``,
    });
  try {
    await session.call({ doing: resource.id, kind: "write", send });
  } catch (error) {
    if (!(error instanceof AzureError) || (error.kind !== "missing" && error.kind !== "deleting")) throw error;
  }
}
