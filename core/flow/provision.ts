import type { Failure } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, hostIntentName } from "../names/keys.ts";
import type { PlannedDeployment, PlannedHost, Topology, TopologyHost } from "../plan/types.ts";
import type { HostFacts } from "../ports/host-agent.ts";
import type { Intent, Place, Provider, ResourceState } from "../ports/provider.ts";
import type { RoundRecord, RunRecord } from "../records/schemas.ts";
import { roundRecordSchema, topologySchema } from "../records/schemas.ts";
import { runRecordSchema } from "../records/schemas.ts";
import { runKeys } from "../names/keys.ts";
import type { Lender } from "./borrow.ts";
import { borrowHosts } from "./borrow.ts";
import { forEachBounded } from "./fan-out.ts";
import { explainSilence } from "./lost-hosts.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { requireOpen } from "./ownership.ts";
import type { DeploymentState } from "./states.ts";

/**
 * Provisioning: a round asks one place (a region or zone of each provider) for every host of the deployment. A cloud's
 * no for capacity or quota gives the whole round up and moves on to the next place in the user's order; the trail of
 * what was tried stands in the store and in the message.
 */
export type ProvisionStep =
  | { readonly kind: "ready"; readonly round: number }
  | { readonly kind: "wait"; readonly round: number; readonly waitSec: number }
  | { readonly kind: "moved"; readonly round: number };

/** Hosts that aren't up and reachable so long after their round began are given up. */
const bootLimitMs = 900_000;
/** No create call for a round's intents is made after this long: what bounds how long a receipt stays open. */
const intentLifeMs = 120_000;
const maxRounds = 50;

/** Asks for the network and every host of the current round. Asked again, it asks for the same by the same names. */
export async function ensureHosts(state: DeploymentState, fx: FlowEffects): Promise<ProvisionStep> {
  await requireOpen(state, fx);
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const deployment = await plannedDeployment(state, fx);
  const run = await requireRecord(fx.store, runKeys(state.runId).run, runRecordSchema);
  if (run.onDeployment !== undefined) return useBorrowed(state, deployment, run.onDeployment, fx);
  const topology = await readRecord(fx.store, keys.topology, topologySchema);
  if (topology !== undefined) return { kind: "wait", round: topology.value.round, waitSec: 0 };

  const rounds = (await listKeys(fx.store, keys.intents)).length;
  const isGivenUp = rounds > 0 && (await fx.store.head(keys.refused(rounds - 1))) !== undefined;
  const number = rounds === 0 || isGivenUp ? rounds : rounds - 1;
  if (number >= maxRounds)
    throw new FailureError({ class: "capacity", message: `${maxRounds} places refused the deployment` });
  const round = await openRound(state, deployment, number, fx);

  if ((await fx.store.head(keys.accepted(number))) === undefined) {
    const refusal = await askProviders(state, deployment, round, fx);
    if (refusal !== undefined) return giveUpOrWait(state, deployment, round, refusal, fx);
    await fx.store.putIfAbsent(keys.accepted(number), toBytes({ at: fx.clock.now() }), "ensure");
  }
  return { kind: "wait", round: number, waitSec: firstLookSec(deployment, fx) };
}

/** Clouds take half a minute at least; a local host is there at once. */
const firstLookSec = (deployment: PlannedDeployment, fx: FlowEffects): number =>
  Math.max(
    0,
    ...deployment.hosts.map((h) =>
      fx.provider(h.provider).capabilities.hostKiller && h.shape.type !== "local" ? 10 : 0,
    ),
  );

/** With every host up: lets them reach each other, pins and guards each, records where they are. */
export async function observeHosts(state: DeploymentState, fx: FlowEffects): Promise<ProvisionStep> {
  await requireOpen(state, fx);
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const deployment = await plannedDeployment(state, fx);
  const number = (await listKeys(fx.store, keys.intents)).length - 1;
  const round = await requireRecord(fx.store, keys.round(number), roundRecordSchema);
  const states = await observeRound(state.deploymentId, round, fx);

  const failed = states.find((s) => s.state === "failed");
  if (failed?.state === "failed") {
    return giveUpOrWait(state, deployment, round, { failure: failed.failure, retryAfterMs: undefined }, fx);
  }
  const found = deployment.hosts.map((host) => ({
    host,
    state: states.find((s) => s.name === hostIntentName(state.deploymentId, number, host.name)),
  }));
  const late = found.filter(({ state: s }) => s?.state !== "ready" || s.address === undefined);
  if (late.length > 0) {
    const waitedMs = fx.clock.now() - round.startedAt;
    if (waitedMs > bootLimitMs) {
      const names = late.map(({ host }) => host.name).join(", ");
      const failure: Failure = {
        class: "boot",
        message: `${names} not ready ${Math.round(waitedMs / 1000)} s after the request`,
      };
      return giveUpOrWait(state, deployment, round, { failure, retryAfterMs: undefined }, fx);
    }
    return { kind: "wait", round: number, waitSec: waitedMs < 5_000 ? 1 : 10 };
  }

  const topology: Topology = {
    schema: "reprise/topology@1",
    deployment: state.deployment,
    deploymentId: state.deploymentId,
    round: number,
    hosts: found.flatMap(({ host, state: s }) => (s?.state === "ready" ? [topologyHost(host, s, round)] : [])),
  };
  await connectHosts(state.deploymentId, topology, round, fx);
  const unreachable = await prepareHosts(state, topology, fx);
  if (unreachable !== undefined) {
    if (fx.clock.now() - round.startedAt > bootLimitMs || unreachable.class !== "transport") {
      return giveUpOrWait(state, deployment, round, { failure: unreachable, retryAfterMs: undefined }, fx);
    }
    return { kind: "wait", round: number, waitSec: 5 };
  }
  await recordTopology(state, topology, fx);
  return { kind: "ready", round: number };
}

async function recordTopology(state: DeploymentState, topology: Topology, fx: FlowEffects): Promise<void> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  await fx.store.putIfAbsent(keys.topology, toBytes(topology), "observe");
  await tell(fx, state.runId, "hosts-ready", `${state.deployment}: ${topology.hosts.length} hosts ready`, {
    deployment: state.deployment,
    deploymentId: state.deploymentId,
    hosts: topology.hosts.map((h) => h.name),
  });
}

/** The hosts of another run's kept deployment instead of new ones: there is nothing to wait for. */
async function useBorrowed(
  state: DeploymentState,
  deployment: PlannedDeployment,
  lender: Lender,
  fx: FlowEffects,
): Promise<ProvisionStep> {
  const topology = await borrowHosts(lender, state, deployment, fx);
  const failure = await prepareHosts(state, topology, fx);
  if (failure !== undefined) throw await explainSilence(new FailureError(failure), topology, fx);
  await recordTopology(state, topology, fx);
  return { kind: "ready", round: topology.round };
}

/** Places of a round: each provider's list is walked in step, its last place standing for the rest. */
function roundPlaces(deployment: PlannedDeployment, number: number): Record<string, Place> | undefined {
  const lists = Object.entries(deployment.places);
  if (lists.length === 0 || number >= Math.max(...lists.map(([, places]) => places.length))) return undefined;
  return Object.fromEntries(
    lists.flatMap(([provider, places]) => {
      const place = places[Math.min(number, places.length - 1)];
      return place === undefined ? [] : [[provider, place]];
    }),
  );
}

async function openRound(
  state: DeploymentState,
  deployment: PlannedDeployment,
  number: number,
  fx: FlowEffects,
): Promise<RoundRecord> {
  const key = deploymentKeys(state.runId, state.deploymentId).round(number);
  const places = roundPlaces(deployment, number);
  if (places === undefined)
    throw new FailureError({ class: "capacity", message: `no place left to try for ${deployment.name}` });
  const now = fx.clock.now();
  const record: RoundRecord = {
    round: number,
    places,
    startedAt: now,
    notAfter: now + intentLifeMs,
    expiresAt: now + deployment.leaseMs,
    intents: [
      ...Object.keys(places).map((provider) => ({
        name: networkIntentName(state.deploymentId, number),
        provider,
        kind: "network",
      })),
      ...deployment.hosts.map((host) => ({
        name: hostIntentName(state.deploymentId, number, host.name),
        provider: host.provider,
        kind: "host",
      })),
    ],
  };
  await fx.store.putIfAbsent(key, toBytes(record), "ensure");
  return requireRecord(fx.store, key, roundRecordSchema);
}

const networkIntentName = (deploymentId: string, round: number): string => `${deploymentId}-r${round}`;

interface Refused {
  readonly failure: Failure;
  readonly retryAfterMs: number | undefined;
}

async function askProviders(
  state: DeploymentState,
  deployment: PlannedDeployment,
  round: RoundRecord,
  fx: FlowEffects,
): Promise<Refused | undefined> {
  if (fx.clock.now() > round.notAfter) {
    return {
      failure: { class: "boot", message: "the requests of this round were not all made in time" },
      retryAfterMs: undefined,
    };
  }
  const run = await requireRecord(fx.store, runKeys(state.runId).run, runRecordSchema);
  for (const [providerName, place] of Object.entries(round.places)) {
    const provider = fx.provider(providerName);
    const intents = await buildIntents({ state, deployment, round, providerName, place, run }, fx);
    const signal = AbortSignal.timeout(55_000);
    for (const outcome of await provider.ensure(intents, signal)) {
      if (outcome.kind === "refused") return { failure: outcome.failure, retryAfterMs: outcome.retryAfterMs };
    }
  }
  return undefined;
}

async function buildIntents(
  what: {
    readonly state: DeploymentState;
    readonly deployment: PlannedDeployment;
    readonly round: RoundRecord;
    readonly providerName: string;
    readonly place: Place;
    readonly run: RunRecord;
  },
  fx: FlowEffects,
): Promise<Intent[]> {
  const { state, deployment, round, providerName, place, run } = what;
  const base = {
    deployment: state.deploymentId,
    runId: state.runId,
    provider: providerName,
    place,
    round: round.round,
    owner: run.owner,
    expiresAt: round.expiresAt,
    notAfter: round.notAfter,
  };
  const network: Intent = {
    ...base,
    kind: "network",
    name: networkIntentName(state.deploymentId, round.round),
    clientToken: `${state.deploymentId}-r${round.round}-net`,
  };
  const hosts = await Promise.all(
    deployment.hosts
      .filter((host) => host.provider === providerName)
      .map(async (host): Promise<Intent> => ({
        ...base,
        kind: "host",
        name: hostIntentName(state.deploymentId, round.round, host.name),
        clientToken: `${state.deploymentId}-r${round.round}-${host.name}`.slice(-64),
        host: {
          role: host.role,
          index: host.index,
          shape: host.shape,
          setup: {
            ...(await fx.hostSetup(state.runId, state.deploymentId, host.name)),
            user: host.user,
            packages: host.packages,
            sysctl: host.sysctl,
            swapBytes: host.swapBytes,
            mounts: [],
            expiresAt: round.expiresAt,
          },
        },
      })),
  );
  return [network, ...hosts];
}

/** Decides by class: wait where the cloud asked to, move where there is another place, else say why. */
async function giveUpOrWait(
  state: DeploymentState,
  deployment: PlannedDeployment,
  round: RoundRecord,
  refused: Refused,
  fx: FlowEffects,
): Promise<ProvisionStep> {
  const { failure } = refused;
  if (failure.class === "throttled") {
    return { kind: "wait", round: round.round, waitSec: Math.ceil((refused.retryAfterMs ?? 10_000) / 1000) };
  }
  const keys = deploymentKeys(state.runId, state.deploymentId);
  await fx.store.putIfAbsent(keys.refused(round.round), toBytes({ failure, at: fx.clock.now() }), "ensure");
  for (const [provider, place] of Object.entries(round.places)) {
    await fx.provider(provider).beginDestroy(state.deploymentId, place);
  }
  await tell(
    fx,
    state.runId,
    "place-refused",
    `${state.deployment}: ${describePlaces(round)} refused: ${failure.message}`,
    {
      deployment: state.deployment,
      round: round.round,
      class: failure.class,
    },
  );
  const moves =
    failure.class === "capacity" ||
    failure.class === "quota" ||
    failure.class === "boot" ||
    failure.class === "preempted";
  if (moves && roundPlaces(deployment, round.round + 1) !== undefined) return { kind: "moved", round: round.round };
  const trail = await refusalTrail(state, round.round, fx);
  throw new FailureError({ ...failure, message: `${failure.message} (tried ${trail})` });
}

async function refusalTrail(state: DeploymentState, last: number, fx: FlowEffects): Promise<string> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const places: string[] = [];
  for (let n = 0; n <= last; n++)
    places.push(describePlaces(await requireRecord(fx.store, keys.round(n), roundRecordSchema)));
  return places.join(", then ");
}

const describePlaces = (round: RoundRecord): string =>
  Object.entries(round.places)
    .map(([provider, place]) => `${provider} ${place.zone ?? place.region}`)
    .join(" + ");

/** What the providers list for a round, all of it. */
export async function observeRound(
  deploymentId: string,
  round: RoundRecord,
  fx: FlowEffects,
): Promise<ResourceState[]> {
  const states: ResourceState[] = [];
  for (const [provider, place] of Object.entries(round.places)) {
    states.push(...(await fx.provider(provider).observe(deploymentId, place)));
  }
  return states;
}

function topologyHost(
  host: PlannedHost,
  state: ResourceState & { readonly state: "ready" },
  round: RoundRecord,
): TopologyHost {
  const address = state.address;
  if (address === undefined)
    throw new FailureError({ class: "defect", message: `${host.name} is ready without an address` });
  const place = round.places[host.provider] ?? { region: "unknown" };
  // Hosts with an address of their own may all use the same ports; those that share one are told apart by their provider.
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
    network: `${host.provider}:${place.region}`,
    portBase,
    sshPort: address.port,
    user: address.user,
    hostKey: address.hostKey,
    machineType: state.facts?.["machineType"] ?? host.shape.type,
    image: state.facts?.["image"] ?? host.shape.image,
  };
}

/** Hosts of one cloud reach each other as its network allows; hosts of several by their public addresses. */
async function connectHosts(
  deploymentId: string,
  topology: Topology,
  round: RoundRecord,
  fx: FlowEffects,
): Promise<void> {
  for (const [name, place] of Object.entries(round.places)) {
    const provider: Provider = fx.provider(name);
    const peers = topology.hosts.filter((h) => h.provider !== name).map((h) => h.publicAddress);
    await provider.connect(deploymentId, place, peers);
  }
}

/** First contact: pinned key, guard, facts. A host that doesn't answer yet is data, not an error. */
async function prepareHosts(state: DeploymentState, topology: Topology, fx: FlowEffects): Promise<Failure | undefined> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  try {
    await forEachBounded(topology.hosts, 16, async (host) => {
      const facts: HostFacts = await fx.agent(state.runId, host).prepare({});
      await fx.store.putIfAbsent(keys.facts(host.name), toBytes({ ...facts, readyAt: fx.clock.now() }), "observe");
    });
    return undefined;
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
}

async function plannedDeployment(state: DeploymentState, fx: FlowEffects): Promise<PlannedDeployment> {
  const { plan } = await fx.openRun(state.runId);
  const deployment = plan.deployments.find((d) => d.name === state.deployment);
  if (deployment === undefined)
    throw new FailureError({ class: "defect", message: `no deployment ${state.deployment} in the plan` });
  return deployment;
}
