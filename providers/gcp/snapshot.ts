import type { DeploymentId, Place } from "../../core/ports/provider.ts";
import { deploymentTags, fromTags } from "../cloud/identity-tags.ts";
import type { ComputeApi } from "./compute-api.ts";
import { isOfPlace, namesOf, parseName, placeCode, stemOf } from "./names.ts";
import type { UnlabelledKind } from "./names.ts";
import { Disk, Instance, lastPart, Operation, pathInProject, timeOf, Unlabelled } from "./wire.ts";
import { zonesIn } from "./zones.ts";

/** A firewall, network, subnetwork or policy of the deployment. */
export interface OwnUnlabelled {
  readonly kind: UnlabelledKind;
  readonly round: number;
  /** Inside the project: `global/firewalls/rp-…`. */
  readonly path: string;
  readonly found: Unlabelled;
}

/** Everything of one deployment in one place, and what Google did to it lately. */
export interface Snapshot {
  readonly deployment: DeploymentId;
  readonly place: Place;
  readonly instances: readonly Instance[];
  readonly disks: readonly Disk[];
  readonly unlabelled: readonly OwnUnlabelled[];
  /** Oldest first; by the path of what they were on, for those on our names. */
  readonly operations: ReadonlyMap<string, readonly Operation[]>;
}

/** A filter for exactly these labels. */
export const labelFilter = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `(labels.${key} = "${value}")`)
    .join(" ");

/**
 * Looks once: one GET a listing, the operations of a zone among them, however many hosts there are. A failed insert is
 * told by its operation alone (there is no machine then), and so is the preemption of a machine that is gone.
 */
export async function takeSnapshot(deployment: DeploymentId, place: Place, api: ComputeApi): Promise<Snapshot> {
  const ours = namesOf(deployment);
  const labels = labelFilter(deploymentTags(deployment));
  const zones = await zonesIn(place, api);
  const inZones = async <T>(read: (zone: string) => Promise<T[]>): Promise<T[]> =>
    (await Promise.all(zones.map(read))).flat();
  const onOurs = `targetLink eq ".*/${ours}"`;
  const named = `name eq "${ours}"`;
  const { region } = place;
  const [instances, disks, zoneOperations, globalOperations, ...unlabelled] = await Promise.all([
    inZones((zone) => api.list(`zones/${zone}/instances`, Instance, labels)),
    inZones((zone) => api.list(`zones/${zone}/disks`, Disk, labels)),
    inZones((zone) => api.list(`zones/${zone}/operations`, Operation, onOurs)),
    api.list("global/operations", Operation, onOurs),
    api.list("global/firewalls", Unlabelled, named),
    api.list("global/networks", Unlabelled, named),
    api.list(`regions/${region}/subnetworks`, Unlabelled, named),
    api.list(`regions/${region}/resourcePolicies`, Unlabelled, named),
  ]);
  const operations = new Map<string, Operation[]>();
  const byTime = (o: Operation): number => timeOf(o.insertTime) ?? 0;
  for (const operation of [...zoneOperations, ...globalOperations].sort((a, b) => byTime(a) - byTime(b))) {
    const path = pathInProject(operation.targetLink);
    operations.set(path, [...(operations.get(path) ?? []), operation]);
  }
  return {
    deployment,
    place,
    instances: instances.filter((i) => fromTags(i.labels)?.deployment === deployment),
    disks: disks.filter((d) => fromTags(d.labels)?.deployment === deployment),
    unlabelled: unlabelled.flat().flatMap((found) => {
      const name = parseName(found.name);
      const own = readUnlabelled(found);
      const isHere = name?.stem === stemOf(deployment) && isOfPlace(name.place, place);
      return own === undefined || !isHere ? [] : [own];
    }),
    operations,
  };
}

/** Undefined for what doesn't have a name of ours. */
export function readUnlabelled(found: Unlabelled): OwnUnlabelled | undefined {
  const name = parseName(found.name);
  if (name?.kind === undefined) return undefined;
  return { kind: name.kind, round: name.round, path: pathInProject(found.selfLink), found };
}

/** Disks that no machine has: the others go with theirs. */
export const looseDisks = (snapshot: Snapshot): readonly Disk[] =>
  snapshot.disks.filter((disk) => disk.users.length === 0);

export const instancePath = (instance: Pick<Instance, "zone" | "name">): string =>
  `zones/${lastPart(instance.zone)}/instances/${instance.name}`;

export const diskPath = (disk: Pick<Disk, "zone" | "name">): string =>
  `zones/${lastPart(disk.zone)}/disks/${disk.name}`;

const isDelete = (o: Operation): boolean => o.operationType === "delete" && o.user !== "system";

/** A delete of ours was accepted and hasn't failed. */
export const isBeingDeleted = (snapshot: Snapshot, path: string): boolean => {
  const last = snapshot.operations.get(path)?.findLast((o) => isDelete(o) || o.operationType === "insert");
  return last !== undefined && isDelete(last) && last.error === undefined;
};

/** Google takes (or took) the machine back: known half a minute before it stops. */
export const isPreempted = (snapshot: Snapshot, path: string): boolean =>
  snapshot.operations.get(path)?.some((o) => o.operationType === "compute.instances.preempted") ?? false;

/**
 * The newest round that anything of the deployment here belongs to. What older ones left is only being cleared away: it
 * must neither fail the newest nor count for it.
 */
export function newestRound(snapshot: Snapshot): number {
  const names = [
    ...snapshot.instances.map(({ name }) => name),
    ...snapshot.unlabelled.map(({ found }) => found.name),
    ...[...snapshot.operations.keys()].filter((path) => path.includes("/instances/")).map(lastPart),
  ];
  return Math.max(-1, ...names.map((name) => parseName(name)?.round ?? -1));
}

/**
 * Whether hosts of this round are wanted: its SSH rule comes before them, and goes first when they are destroyed. Without
 * it what never came up is no failure any more, but gone.
 */
export function isWanted(snapshot: Snapshot, round: number, now: number, visibilityMs: number): boolean {
  const rules = snapshot.unlabelled.filter((own) => own.kind === "ssh" && own.round === round);
  if (rules.length > 0) return rules.some((own) => !isBeingDeleted(snapshot, own.path));
  // Not listed: so new that listings miss it, or gone.
  for (const [path, operations] of snapshot.operations) {
    const name = parseName(lastPart(path));
    if (name?.kind !== "ssh" || name.round !== round || name.place !== placeCode(snapshot.place)) continue;
    if (isBeingDeleted(snapshot, path)) continue;
    const insert = operations.findLast((o) => o.operationType === "insert");
    if (insert === undefined || insert.error !== undefined) continue;
    if (insert.status !== "DONE" || now - (timeOf(insert.endTime) ?? 0) <= visibilityMs) return true;
  }
  return false;
}
