import type { Failure } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import { deploymentKeys } from "../names/keys.ts";
import { slotsOf } from "../plan/placement.ts";
import type { PlannedDeployment, PlannedHost, Topology, TopologyHost } from "../plan/types.ts";
import type { HostFacts } from "../ports/host-agent.ts";
import type { ResourceState } from "../ports/provider.ts";
import type { RoundRecord } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { tell, toBytes } from "./effects.ts";
import { forEachBounded } from "./fan-out.ts";
import { shapeAs } from "./intents.ts";
import type { Round } from "./rounds.ts";
import { askedPlaces } from "./rounds.ts";
import type { DeploymentState } from "./states.ts";

/** Hosts that are up: who and where they are, their way to each other, first contact, and the record of it all. */
export function topologyHost(
  host: PlannedHost,
  state: ResourceState & { readonly state: "ready" },
  round: Round,
  there: Pick<PlannedDeployment, "places" | "hosts">,
): TopologyHost {
  const address = state.address;
  if (address === undefined)
    throw new FailureError({ class: "defect", message: `${host.name} is ready without an address` });
  const slot = slotsOf(there).find(({ hosts }) => hosts.includes(host));
  const place = round.choice.places[slot?.name ?? host.provider] ?? { region: "unknown" };
  // Hosts with an address of their own may all use the same ports; those that share one are told apart by their provider.
  const image = state.facts?.["image"] ?? host.shape.image;
  const portBase = Number(state.facts?.["portBase"] ?? 20_000);
  return {
    name: host.name,
    role: host.role,
    labels: host.labels,
    lane: host.lane,
    index: host.index,
    provider: host.provider,
    place,
    privateAddress: state.privateAddress ?? address.address,
    publicAddress: address.address,
    // Where a provider joins its regions' networks, it says so.
    network: state.facts?.["network"] ?? `${host.provider}:${place.region}`,
    portBase,
    sshPort: address.port,
    user: address.user,
    hostKey: address.hostKey,
    machineType: state.facts?.["machineType"] ?? host.shape.type,
    image,
    ...(image === host.shape.image ? {} : { plannedImage: host.shape.image }),
    ...(address.ssm === undefined ? {} : { ssm: address.ssm }),
    ...(shapeAs(host, round.choice).spot ? { spot: true } : {}),
  };
}

/** Hosts of one network reach each other as it allows; those of several by their public addresses. */
export async function connectHosts(
  deploymentId: string,
  topology: Topology,
  record: RoundRecord,
  fx: FlowEffects,
): Promise<void> {
  for (const { provider, place } of askedPlaces(record)) {
    const isHere = (h: TopologyHost): boolean => h.provider === provider && h.place.region === place.region;
    const networks = new Set(topology.hosts.filter(isHere).map((h) => h.network));
    const peers = topology.hosts.filter((h) => !isHere(h) && !networks.has(h.network)).map((h) => h.publicAddress);
    await fx.provider(provider).connect(deploymentId, place, peers);
  }
}

/**
 * First contact: pinned key, guard, facts. A host that doesn't answer yet is data, not an error.
 *
 * @param requestedAt when the hosts were asked for, where they were made for this run
 */
export async function prepareHosts(
  state: DeploymentState,
  topology: Topology,
  fx: FlowEffects,
  requestedAt?: number,
): Promise<Failure | undefined> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  try {
    await forEachBounded(topology.hosts, 16, async (host) => {
      const facts: HostFacts = await fx.agent(state.runId, host).prepare({});
      await fx.store.putIfAbsent(
        keys.facts(host.name),
        toBytes({ ...facts, requestedAt, readyAt: fx.clock.now() }),
        "observe",
      );
    });
    return undefined;
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
}

export async function recordTopology(state: DeploymentState, topology: Topology, fx: FlowEffects): Promise<void> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  await fx.store.putIfAbsent(keys.topology, toBytes(topology), "observe");
  await tell(fx, state.runId, "hosts-ready", `${state.deployment}: ${topology.hosts.length} hosts ready`, {
    deployment: state.deployment,
    deploymentId: state.deploymentId,
    hosts: topology.hosts.map((h) => h.name),
  });
}
