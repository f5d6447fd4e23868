import type { Failure, FailureClass } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import type { PhaseRef } from "../names/keys.ts";
import { attemptKeys, deploymentKeys, hostIntentName } from "../names/keys.ts";
import type { Topology, TopologyHost } from "../plan/types.ts";
import type { ResourceState } from "../ports/provider.ts";
import { claimRecordSchema, topologySchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, tell, toBytes } from "./effects.ts";

export interface LostHost {
  readonly host: TopologyHost;
  readonly why: string;
}

/**
 * Hosts of a deployment that its providers no longer list as up; empty while all are.
 *
 * A host that doesn't answer may be slow, cut off or gone: only who made it can tell.
 */
export async function lostHosts(topology: Topology, fx: Pick<FlowEffects, "provider">): Promise<LostHost[]> {
  // Hosts that another run lent us bear the names that it gave them.
  const madeAs = topology.lender?.deploymentId ?? topology.deploymentId;
  const listed = new Map<string, ResourceState>();
  const places = new Map(topology.hosts.map((host) => [`${host.provider} ${JSON.stringify(host.place)}`, host]));
  for (const { provider, place } of places.values()) {
    for (const state of await fx.provider(provider).observe(madeAs, place)) listed.set(state.name, state);
  }
  return topology.hosts.flatMap((host) => {
    const why = whyLost(listed.get(hostIntentName(madeAs, topology.round, host.name)));
    return why === undefined ? [] : [{ host, why }];
  });
}

function whyLost(state: ResourceState | undefined): string | undefined {
  if (state === undefined) return "it is no longer there";
  switch (state.state) {
    case "ready":
    case "pending":
      return undefined;
    case "failed":
      return state.failure.message;
    case "deleting":
      return "it is being deleted";
    case "gone":
      return "it is gone";
    default:
      return state satisfies never;
  }
}

/** Classes of failures behind which a lost host may stand. */
const mayMeanLoss: ReadonlySet<FailureClass> = new Set(["transport", "boot", "preempted", "collect", "timeout"]);

/**
 * Closes the deployment of a failed attempt or set-up when its hosts are gone: nothing more is started on it, and
 * whoever releases it makes a successor.
 */
export async function closeIfLost(
  at: { readonly runId: string; readonly deployment: string; readonly deploymentId: string },
  failure: Failure,
  fx: FlowEffects,
): Promise<void> {
  if (!mayMeanLoss.has(failure.class)) return;
  const keys = deploymentKeys(at.runId, at.deploymentId);
  const topology = await readRecord(fx.store, keys.topology, topologySchema);
  if (topology === undefined) return;
  const lost = await lostHosts(topology.value, fx);
  // It was told so itself, a moment before its cloud's listings show it.
  const told = topology.value.hosts.find(({ name }) => failure.class === "preempted" && name === failure.host);
  if (told !== undefined && !lost.some(({ host }) => host === told)) lost.push({ host: told, why: failure.message });
  if (lost.length === 0) return;
  const reason = describeLoss(lost);
  const body = toBytes({ reason, at: fx.clock.now(), lost: true });
  if ((await fx.store.putIfAbsent(keys.closed, body, "lost")) !== "created") return;
  await tell(fx, at.runId, "hosts-lost", `${at.deploymentId}: ${reason}`, {
    deployment: at.deployment,
    deploymentId: at.deploymentId,
    hosts: lost.map(({ host }) => host.name),
  });
}

/** Why a host that takes part in a phase is gone, or undefined while it exists. */
export async function lossOf(ref: PhaseRef, host: TopologyHost, fx: FlowEffects): Promise<Failure | undefined> {
  const { scope } = ref;
  const runId = scope.kind === "attempt" ? scope.attempt.runId : scope.runId;
  const deploymentId =
    scope.kind === "deployment"
      ? scope.deployment
      : (await readRecord(fx.store, attemptKeys(scope.attempt).claim, claimRecordSchema))?.value.deploymentId;
  if (deploymentId === undefined) return undefined;
  const topology = await readRecord(fx.store, deploymentKeys(runId, deploymentId).topology, topologySchema);
  if (topology === undefined) return undefined;
  const lost = (await lostHosts(topology.value, fx)).find((one) => one.host.name === host.name);
  return lost === undefined ? undefined : lossFailure([lost], lost);
}

/** A host that gave no answer because it is gone was preempted: asking again won't help. Anything else is left as it is. */
export async function explainSilence(error: unknown, topology: Topology, fx: FlowEffects): Promise<unknown> {
  if (!(error instanceof FailureError) || (error.failure.class !== "transport" && error.failure.class !== "boot"))
    return error;
  const lost = await lostHosts(topology, fx);
  const [first] = lost;
  return first === undefined ? error : new FailureError(lossFailure(lost, first), { cause: error });
}

export const lossFailure = (lost: readonly LostHost[], first: LostHost): Failure => ({
  class: "preempted",
  message: describeLoss(lost),
  hint: "look at the machine's own log; the deployment is made anew",
  host: first.host.name,
});

const describeLoss = (lost: readonly LostHost[]): string =>
  `lost ${lost
    .slice(0, 5)
    .map(({ host, why }) => `${host.name} (${why.slice(0, 300)})`)
    .join(", ")}${lost.length > 5 ? ` and ${lost.length - 5} more hosts` : ""}`;
