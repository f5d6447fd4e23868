import { FailureError } from "../core/errors/failure.ts";
import { listKeys, readRecord } from "../core/flow/effects.ts";
import { deploymentKeys, runPrefix } from "../core/names/keys.ts";
import type { TopologyHost } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { topologySchema } from "../core/records/schemas.ts";

/** Ids of a run's deployments that have hosts and aren't closed. */
export async function openDeployments(store: ObjectStore, runId: string): Promise<string[]> {
  const prefix = `${runPrefix(runId)}/deployments/`;
  const ids = new Set(
    (await listKeys(store, prefix, 100_000)).map((key) => key.slice(prefix.length).split("/")[0] ?? ""),
  );
  const open: string[] = [];
  for (const id of ids) if ((await store.head(deploymentKeys(runId, id).closed)) === undefined) open.push(id);
  return open;
}

/** The hosts of a run that are still up, or those among them that `names` (hosts or roles) pick. */
export async function liveHosts(
  store: ObjectStore,
  runId: string,
  names: readonly string[] = [],
): Promise<TopologyHost[]> {
  const hosts: TopologyHost[] = [];
  for (const id of await openDeployments(store, runId)) {
    const topology = await readRecord(store, deploymentKeys(runId, id).topology, topologySchema);
    hosts.push(...(topology?.value.hosts ?? []));
  }
  if (hosts.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} has no hosts that are up`,
      hint: "`reprise run --keep` leaves them up when the trials are done",
    });
  }
  const picked =
    names.length === 0
      ? hosts
      : hosts.filter((h) => names.some((n) => n === h.name || n === h.role || h.labels.includes(n)));
  if (picked.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `no host is called ${names.join(" or ")}`,
      hint: `there are ${hosts.map((h) => h.name).join(", ")}`,
    });
  }
  return picked;
}
