import type { Failure } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, teardownExecution } from "../names/keys.ts";
import { deploymentAs } from "../plan/placement.ts";
import type { Topology, TopologyHost } from "../plan/types.ts";
import type { ResourceState } from "../ports/provider.ts";
import type { Receipt, RoundRecord } from "../records/schemas.ts";
import { closedRecordSchema, failureSchema, roundRecordSchema, topologySchema } from "../records/schemas.ts";
import { z } from "zod";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { giveBack } from "./borrow.ts";
import { paidRounds, roundDollars } from "./budget.ts";
import { lostHosts } from "./lost-hosts.ts";
import { forEachBounded } from "./fan-out.ts";
import { deleteResources, resourceLines } from "./resources.ts";
import { askedPlaces, describeRound, observeRound } from "./rounds.ts";
import type { TeardownInput, TeardownState } from "./states.ts";

/** Each asking of the cloud waits longer, up to this. */
const longestWaitSec = 60;
/** After so many askings (about half a day) the receipt is written with what is still there, and says so. */
const mostAskings = 700;
/** Delete commands of the experiment's resources are waited for so often. */
const mostDeleteAskings = 30;

/** One teardown execution a deployment and epoch: started by the sweep, by a rule on dead executions, or by hand. */
export async function startTeardown(input: TeardownInput, fx: FlowEffects): Promise<void> {
  try {
    await fx.engine.start("teardown", teardownExecution(input.deploymentId, input.epoch), { ...input });
  } catch (error) {
    // Somebody else has started it for another reason: it is the same teardown.
    if (!(error instanceof Error && error.name.startsWith("ExecutionAlreadyExists"))) throw error;
  }
}

/** Writes the fence that every launch and create checks, then removes what we put on machines that aren't ours. */
export async function closeDeployment(input: TeardownInput, fx: FlowEffects): Promise<TeardownState> {
  const keys = deploymentKeys(input.runId, input.deploymentId);
  await fx.store.putIfAbsent(keys.closed, toBytes({ reason: input.reason, at: fx.clock.now() }), "close");
  await tell(fx, input.runId, "teardown", `${input.deploymentId}: taking down (${input.reason})`, {
    deploymentId: input.deploymentId,
  });
  return { ...input, waitSec: 0, asked: 0, openedAt: new Date(fx.clock.now()).toISOString() };
}

export async function destroyDeployment(state: TeardownState, fx: FlowEffects): Promise<{ readonly begun: number }> {
  const topology = await readRecord(fx.store, deploymentKeys(state.runId, state.deploymentId).topology, topologySchema);
  if (topology !== undefined) {
    // The hosts that made the experiment's own resources delete them first; asked a few times, then the receipt tells.
    const running = await deleteResources(state, topology.value, fx);
    if (running.length > 0 && state.asked < mostDeleteAskings) return { begun: 0 };
    await removeOurs(state, topology.value, fx);
  }
  let begun = 0;
  const places = new Map((await allRounds(state, fx)).flatMap(askedPlaces).map((p) => [JSON.stringify(p), p]));
  for (const { provider, place } of places.values()) {
    await fx.provider(provider).beginDestroy(state.deploymentId, place);
    begun++;
  }
  return { begun };
}

/** Ends our processes on machines that aren't ours to delete, removes our files there, and gives them back. */
async function removeOurs(state: TeardownState, topology: Topology, fx: FlowEffects): Promise<void> {
  const { lender } = topology;
  const gone = new Set(lender === undefined ? [] : (await lostHosts(topology, fx)).map(({ host }) => host.name));
  const given = topology.hosts.filter(
    (host) => !gone.has(host.name) && (lender !== undefined || !fx.provider(host.provider).capabilities.createsHosts),
  );
  const left: Record<string, string[]> = {};
  await forEachBounded(given, 16, async (host) => {
    try {
      const removed = await fx.agent(state.runId, host).remove();
      if (removed.left.length > 0) left[host.name] = [...removed.left];
    } catch (error) {
      // A machine that doesn't answer any more can't be cleaned: the receipt says so.
      if (!(error instanceof FailureError)) throw error;
      left[host.name] = [`did not answer when it was given back: ${error.message}`];
    }
  });
  const keys = deploymentKeys(state.runId, state.deploymentId);
  if (Object.keys(left).length > 0) await fx.store.putIfAbsent(keys.left, toBytes(left), "teardown");
  if (lender !== undefined) await giveBack(lender, state, fx);
}

export type Gone = TeardownState & { readonly kind: "remaining" | "open" | "gone" };

/**
 * What the providers still list, by name and by tag.
 *
 * "open": nothing is listed, but a create call of ours may still take effect or a listing may lag behind; asked again
 * after the last intent's `notAfter` and the cloud's visibility delay (design decision 6).
 */
export async function observeGone(state: TeardownState, fx: FlowEffects): Promise<Gone> {
  const asked = state.asked + 1;
  const waitSec = Math.min(longestWaitSec, asked <= 3 ? asked : asked * 2);
  const rounds = await allRounds(state, fx);
  const remaining = (await stillThere(state, rounds, fx)).length;
  if (remaining > 0) return { ...state, asked, waitSec, kind: asked >= mostAskings ? "gone" : "remaining" };
  const settledAt = await settlingTime(state, rounds, fx);
  const waitMs = settledAt - fx.clock.now();
  if (waitMs > 0)
    return { ...state, asked, waitSec: Math.max(1, Math.min(longestWaitSec, Math.ceil(waitMs / 1000))), kind: "open" };
  return { ...state, asked, waitSec, kind: "gone" };
}

async function stillThere(state: TeardownState, rounds: readonly RoundRecord[], fx: FlowEffects): Promise<string[]> {
  const ids = new Set<string>();
  const providers = new Set<string>();
  for (const round of rounds) {
    for (const s of await observeRound(state.deploymentId, round, fx)) if (s.state !== "gone") ids.add(s.id);
    for (const { provider } of askedPlaces(round)) providers.add(provider);
  }
  for (const provider of providers) {
    for await (const resource of fx.provider(provider).sweep({ kind: "deployment", deployment: state.deploymentId })) {
      ids.add(resource.id);
    }
  }
  return [...ids];
}

/** From when on an empty listing can be believed. */
async function settlingTime(state: TeardownState, rounds: readonly RoundRecord[], fx: FlowEffects): Promise<number> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  let settledAt = 0;
  for (const round of rounds) {
    const delayMs = Math.max(
      0,
      ...askedPlaces(round).map(({ provider }) => fx.provider(provider).capabilities.visibilityDelayMs),
    );
    const isResolved = (await fx.store.head(keys.accepted(round.round))) !== undefined;
    const closed = await requireRecord(fx.store, keys.closed, closedRecordSchema);
    settledAt = Math.max(settledAt, (isResolved ? closed.at : round.notAfter) + delayMs);
  }
  return settledAt;
}

/** Writes what was created and what became of it. The receipt is written once, by the teardown that saw the end. */
export async function writeReceipt(state: TeardownState, fx: FlowEffects): Promise<{ readonly stillThere: number }> {
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const rounds = await allRounds(state, fx);
  const resources: Receipt["resources"] = [];
  for (const round of rounds) resources.push(...(await roundResources(state, round, fx)));
  const topology = (await readRecord(fx.store, keys.topology, topologySchema))?.value;
  if (topology?.lender !== undefined) resources.push(...topology.hosts.map(borrowedLine));
  resources.push(...(await resourceLines(state.runId, state.deploymentId, fx)));
  resources.push(...(await leftLines(state, topology, fx)));
  const left = resources.filter((r) => r.outcome === "still there").length;
  const closedAt = fx.clock.now();
  const { plan } = await fx.openRun(state.runId);
  const deployment = plan.deployments.find((d) => d.name === state.deployment);
  const paid = deployment === undefined ? [] : await paidRounds(state, closedAt, fx);
  const hostHours = paid.reduce((sum, { choice, fromMs, toMs }) => {
    const { hosts } = deployment === undefined ? { hosts: [] } : deploymentAs(deployment, choice.alternative);
    return sum + (hosts.length * (toMs - fromMs)) / 3_600_000;
  }, 0);
  const receipt: Receipt = {
    schema: "reprise/receipt@1",
    runId: state.runId,
    deployment: state.deployment,
    deploymentId: state.deploymentId,
    reason: state.reason,
    rounds: await Promise.all(
      rounds.map(async (r) => ({
        round: r.round,
        places: r.places,
        asked: describeRound({ record: r }),
        failures: await refusals(state, r, fx),
      })),
    ),
    resources,
    hostHours,
    dollars: deployment === undefined ? "unknown" : roundDollars(deployment, paid, "likely"),
    openedAt: state.openedAt,
    closedAt: new Date(closedAt).toISOString(),
  };
  await fx.store.putIfAbsent(keys.receipt, toBytes(receipt), "receipt");
  await tell(
    fx,
    state.runId,
    "receipt",
    left === 0 ? `${state.deploymentId}: nothing is left` : `${state.deploymentId}: ${left} resources are STILL THERE`,
    { deploymentId: state.deploymentId, stillThere: left, resources: resources.length },
  );
  return { stillThere: left };
}

async function roundResources(
  state: TeardownState,
  round: RoundRecord,
  fx: FlowEffects,
): Promise<Receipt["resources"]> {
  const listed: ResourceState[] = await observeRound(state.deploymentId, round, fx);
  const wasAccepted =
    (await fx.store.head(deploymentKeys(state.runId, state.deploymentId).accepted(round.round))) !== undefined;
  return round.intents.map((intent) => {
    const found = listed.find((s) => s.name === intent.name);
    const { createsHosts } = fx.provider(intent.provider).capabilities;
    const base = {
      name: intent.name,
      provider: intent.provider,
      resourceKind: found?.resourceKind ?? intent.kind,
      id: found?.id ?? intent.name,
    };
    if (found !== undefined && found.state !== "gone")
      return { ...base, outcome: createsHosts ? "still there" : "given back" } as const;
    if (!createsHosts) return { ...base, outcome: "given back" } as const;
    return { ...base, outcome: found !== undefined || wasAccepted ? "gone" : "never created" } as const;
  });
}

const borrowedLine = ({ name, provider }: TopologyHost): Receipt["resources"][number] => ({
  name,
  provider,
  resourceKind: "host",
  id: name,
  outcome: "given back",
});

/** What of ours stayed on machines that aren't ours. */
async function leftLines(
  state: TeardownState,
  topology: Topology | undefined,
  fx: FlowEffects,
): Promise<Receipt["resources"]> {
  const key = deploymentKeys(state.runId, state.deploymentId).left;
  const left = await readRecord(fx.store, key, z.record(z.string(), z.array(z.string())));
  return Object.entries(left?.value ?? {}).flatMap(([host, things]) =>
    things.map((thing) => ({
      name: host,
      provider: topology?.hosts.find(({ name }) => name === host)?.provider ?? "hosts",
      resourceKind: "leftover",
      id: thing.slice(0, 500),
      outcome: "still there" as const,
    })),
  );
}

async function refusals(state: TeardownState, round: RoundRecord, fx: FlowEffects): Promise<Failure[]> {
  const key = deploymentKeys(state.runId, state.deploymentId).refused(round.round);
  const refused = await readRecord(fx.store, key, z.object({ failure: failureSchema }));
  return refused === undefined ? [] : [refused.value.failure];
}

async function allRounds(state: TeardownInput, fx: FlowEffects): Promise<RoundRecord[]> {
  const rounds: RoundRecord[] = [];
  for (const key of await listKeys(fx.store, deploymentKeys(state.runId, state.deploymentId).intents)) {
    rounds.push(await requireRecord(fx.store, key, roundRecordSchema));
  }
  return rounds;
}
