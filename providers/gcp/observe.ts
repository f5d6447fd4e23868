import type { Failure } from "../../core/errors/failure.ts";
import type { ResourceState } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import { failureOfOperation } from "./errors.ts";
import { metadataKeys } from "./instance-body.ts";
import { parseDescription, parseName, stemOf, unlabelledKinds, wordFor } from "./names.ts";
import { diskPath, instancePath, isBeingDeleted, isPreempted, isWanted, looseDisks, newestRound } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";
import { lastPart, timeOf } from "./wire.ts";
import type { Disk, Instance, Operation } from "./wire.ts";

/** What the flow is told of a snapshot. @param now ms since the epoch */
export function statesOf(snapshot: Snapshot, now: number, visibilityMs: number): ResourceState[] {
  const round = newestRound(snapshot);
  const wanted = isWanted(snapshot, round, now, visibilityMs);
  const listed = new Set(snapshot.instances.map(instancePath));
  const states = [
    ...snapshot.instances.map((instance) => instanceState(snapshot, instance, round)),
    ...(wanted ? unlistedHosts(snapshot, { round, listed, now, visibilityMs }) : []),
    ...looseDisks(snapshot).map((disk) => diskState(snapshot, disk)),
    ...snapshot.unlabelled
      .toSorted((a, b) => unlabelledKinds.indexOf(a.kind) - unlabelledKinds.indexOf(b.kind))
      .map(({ kind, path, found }): ResourceState => {
        const common = { name: nameOf(snapshot, found), resourceKind: wordFor[kind], id: path };
        return isBeingDeleted(snapshot, path) ? { ...common, state: "deleting" } : { ...common, state: "ready" };
      }),
  ];
  // One state an intent: the machine before its disks, the SSH rule before what else the network has.
  const byName = new Map<string, ResourceState>();
  for (const state of states) if (!byName.has(state.name)) byName.set(state.name, state);
  return [...byName.values()];
}

const nameOf = (snapshot: Snapshot, found: { name: string; description?: string | undefined }): string =>
  parseDescription(found.description)?.name ?? `${snapshot.deployment}-r${parseName(found.name)?.round ?? 0}`;

function instanceState(snapshot: Snapshot, instance: Instance, newest: number): ResourceState {
  const path = instancePath(instance);
  const identity = fromTags(instance.labels);
  const round = parseName(instance.name)?.round ?? identity?.round ?? 0;
  const name = identity?.name ?? instance.name;
  const common = { name, resourceKind: "instance", id: path };
  const facts = new Map(instance.metadata.items.map(({ key, value }) => [key, value]));
  const host = facts.get(metadataKeys.host) ?? name;
  // Of an older round nothing is a failure: it is there, until it is cleared away.
  const failed = (failure: Failure): ResourceState =>
    round < newest ? { ...common, state: "ready" } : { ...common, state: "failed", failure: { ...failure, host } };
  if (isBeingDeleted(snapshot, path)) return { ...common, state: "deleting" };
  if (isPreempted(snapshot, path)) return failed(preempted(host, snapshot.operations.get(path)));
  switch (instance.status) {
    case "RUNNING": {
      const [nic] = instance.networkInterfaces;
      const address = nic?.accessConfigs[0]?.natIP;
      const user = facts.get(metadataKeys.user);
      const hostKey = facts.get(metadataKeys.hostKey);
      if (address === undefined || user === undefined || hostKey === undefined)
        return { ...common, state: "pending", since: timeOf(instance.creationTimestamp) };
      return {
        ...common,
        state: "ready",
        address: { host, address, port: 22, user, hostKey },
        ...(nic?.networkIP === undefined ? {} : { privateAddress: nic.networkIP }),
        facts: {
          machineType: lastPart(instance.machineType),
          zone: lastPart(instance.zone),
          lifecycle: instance.scheduling.provisioningModel === "SPOT" ? "spot" : "on-demand",
          // A network of Google's spans all regions: hosts of any two reach each other by their private addresses.
          ...(nic?.network === undefined ? {} : { network: `gcp:${nic.network.replace(/^.*projects\//, "")}` }),
          ...imageOf(snapshot, instance),
        },
      };
    }
    case "STOPPING":
    case "PENDING_STOP":
    case "DEPROVISIONING":
      // Of its own accord, for somebody else or by Google's timer: what becomes of it the next look tells.
      return { ...common, state: "deleting" };
    case "STOPPED":
    case "SUSPENDED":
    case "SUSPENDING":
    case "TERMINATED":
      return failed({
        class: "preempted",
        message: `${host} has stopped: it was shut down from inside or by Google`,
        hint: "its lease may have run out (`reprise extend`), or its machine failed; the serial console tells",
      });
    default: // PENDING, PROVISIONING, STAGING, REPAIRING
      return { ...common, state: "pending", since: timeOf(instance.creationTimestamp) };
  }
}

/** What it really booted from, where a family was asked for: its boot disk bears its name. */
function imageOf(snapshot: Snapshot, instance: Instance): { readonly image?: string } {
  const source = snapshot.disks.find((disk) => disk.name === instance.name && disk.zone === instance.zone)?.sourceImage;
  return source === undefined ? {} : { image: source.replace(/^.*(?=projects\/)/, "") };
}

const preempted = (host: string, operations: readonly Operation[] | undefined): Failure => ({
  class: "preempted",
  message: `Google took ${host} back: a spot machine goes when somebody else needs the room`,
  host,
  evidence: operations?.find((o) => o.operationType === "compute.instances.preempted")?.name,
});

/** Hosts that an insert was begun for and that no listing shows: on their way, failed, or taken back. */
function unlistedHosts(
  snapshot: Snapshot,
  at: {
    readonly round: number;
    readonly listed: ReadonlySet<string>;
    readonly now: number;
    readonly visibilityMs: number;
  },
): ResourceState[] {
  return [...snapshot.operations].flatMap(([path, operations]): ResourceState[] => {
    const name = parseName(lastPart(path));
    const insert = operations.findLast((o) => o.operationType === "insert");
    if (!path.includes("/instances/") || insert === undefined || at.listed.has(path)) return [];
    if (name?.stem !== stemOf(snapshot.deployment) || name.round !== at.round || isBeingDeleted(snapshot, path))
      return [];
    const host = name.rest;
    const common = { name: `${snapshot.deployment}-r${at.round}-${host}`, resourceKind: "instance", id: path };
    const pending: ResourceState = { ...common, state: "pending", since: timeOf(insert.insertTime) };
    if (insert.status !== "DONE") return [pending];
    const failure = failureOfOperation(insert);
    if (failure !== undefined) {
      // Nobody asks again for a host whose operation has failed: it takes another round, in another place.
      const failureClass = failure.class === "throttled" || failure.class === "transport" ? "boot" : failure.class;
      return [{ ...common, state: "failed", failure: { ...failure, class: failureClass, host } }];
    }
    if (isPreempted(snapshot, path)) return [{ ...common, state: "failed", failure: preempted(host, operations) }];
    if (at.now - (timeOf(insert.endTime) ?? at.now) <= at.visibilityMs) return [pending];
    const message = `${host} is no longer there: somebody deleted it, or Google did at its termination time`;
    return [{ ...common, state: "failed", failure: { class: "preempted", message, host } }];
  });
}

function diskState(snapshot: Snapshot, disk: Disk): ResourceState {
  const path = diskPath(disk);
  const name = fromTags(disk.labels)?.name ?? disk.name;
  const common = { name, resourceKind: "disk", id: path };
  return isBeingDeleted(snapshot, path)
    ? { ...common, state: "deleting" }
    : { ...common, state: "pending", since: timeOf(disk.creationTimestamp) };
}
