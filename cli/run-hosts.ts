import { FailureError } from "../core/errors/failure.ts";
import { openDeploymentIds } from "../core/flow/after-execution.ts";
import { readRecord } from "../core/flow/effects.ts";
import { deploymentKeys } from "../core/names/keys.ts";
import type { TopologyHost } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { topologySchema } from "../core/records/schemas.ts";

/** Ids of a run's deployments that have no receipt: something of them may be up. */
export const openDeployments = (store: ObjectStore, runId: string): Promise<string[]> =>
  openDeploymentIds(runId, { store });

/** The hosts of a run that are still up, or those among them that `names` (hosts or roles) pick. */
export async function liveHosts(
  store: ObjectStore,
  runId: string,
  names: readonly string[] = [],
): Promise<TopologyHost[]> {
  const hosts: TopologyHost[] = [];
  for (const id of await openDeployments(store, runId)) {
    if ((await store.head(deploymentKeys(runId, id).closed)) !== undefined) continue;
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
