import type { Failure } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, runKeys, teardownExecution } from "../names/keys.ts";
import type { Topology } from "../plan/types.ts";
import type { ResourceState } from "../ports/provider.ts";
import type { Receipt, RoundRecord } from "../records/schemas.ts";
import {
  closedRecordSchema,
  failureSchema,
  roundRecordSchema,
  runRecordSchema,
  topologySchema,
} from "../records/schemas.ts";
import { z } from "zod";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { observeRound } from "./provision.ts";
import { forEachBounded } from "./fan-out.ts";
import { deleteResources, resourceLines } from "./resources.ts";
import type { DeploymentState, TeardownInput, TeardownState } from "./states.ts";
import { failureOfCaught } from "./states.ts";

/** Each asking of the cloud waits longer, up to this. */
const longestWaitSec = 60;
/** After so many askings (about half a day) the receipt is written with what is still there, and says so. */
const mostAskings = 700;
/** Delete commands of the experiment's resources are waited for so often. */
const mostDeleteAskings = 30;

/** Ends a deployment's part of the sweep: hands it to the teardown machine, unless it is to be kept. */
export async function releaseDeployment(
  state: DeploymentState,
  fx: FlowEffects,
): Promise<{ readonly deploymentId: string; readonly kept: boolean }> {
  const run = await requireRecord(fx.store, runKeys(state.runId).run, runRecordSchema);
  const failure = state.failure === undefined ? undefined : failureOfCaught(state.failure);
  if (failure !== undefined) {
    await tell(fx, state.runId, "deployment-failed", `${state.deployment}: ${failure.class}: ${failure.message}`, {
      deployment: state.deployment,
      class: failure.class,
      message: failure.message,
      hint: failure.hint,
    });
  }
  const stopped = (await fx.store.head(runKeys(state.runId).stop(state.epoch))) !== undefined;
  if (run.keep && !stopped) {
    await tell(
      fx,
      state.runId,
      "deployment-kept",
      `${state.deploymentId} stays up until it expires or \`reprise teardown\``,
      {
        deploymentId: state.deploymentId,
      },
    );
    return { deploymentId: state.deploymentId, kept: true };
  }
  const reason =
    failure === undefined ? (stopped ? "stopped" : "the run is done") : `${failure.class}: ${failure.message}`;
  await startTeardown(
    { runId: state.runId, epoch: state.epoch, deployment: state.deployment, deploymentId: state.deploymentId, reason },
    fx,
  );
  return { deploymentId: state.deploymentId, kept: false };
}

/** One teardown execution a deployment and epoch: started by the sweep, by a rule on dead executions, or by hand. */
export const startTeardown = (input: TeardownInput, fx: FlowEffects): Promise<void> =>
  fx.engine.start("teardown", teardownExecution(input.deploymentId, input.epoch), { ...input });

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
  for (const round of await allRounds(state, fx)) {
    for (const [provider, place] of Object.entries(round.places)) {
      await fx.provider(provider).beginDestroy(state.deploymentId, place);
      begun++;
    }
  }
  return { begun };
}

/** Ends our processes on machines that aren't ours to delete, and removes our files there. */
async function removeOurs(state: TeardownState, topology: Topology, fx: FlowEffects): Promise<void> {
  const given = topology.hosts.filter((host) => !fx.provider(host.provider).capabilities.createsHosts);
  await forEachBounded(given, 16, async (host) => {
    await fx.agent(state.runId, host).remove();
  }).catch((error: unknown) => {
    // A machine that doesn't answer any more can't be cleaned; its lock runs out by itself.
    if (!(error instanceof FailureError)) throw error;
  });
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
    for (const provider of Object.keys(round.places)) providers.add(provider);
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
    const delayMs = Math.max(0, ...Object.keys(round.places).map((p) => fx.provider(p).capabilities.visibilityDelayMs));
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
  resources.push(...(await resourceLines(state.runId, state.deploymentId, fx)));
  const left = resources.filter((r) => r.outcome === "still there").length;
  const closedAt = fx.clock.now();
  const hostCount = (await readRecord(fx.store, keys.topology, topologySchema))?.value.hosts.length ?? 0;
  const firstAt = Math.min(closedAt, ...rounds.map((r) => r.startedAt));
  const { plan } = await fx.openRun(state.runId);
  const hourly = hourlyDollars(plan.deployments.find((d) => d.name === state.deployment)?.hosts ?? []);
  const hours = rounds.length === 0 ? 0 : (closedAt - firstAt) / 3_600_000;
  const receipt: Receipt = {
    schema: "reprise/receipt@1",
    runId: state.runId,
    deployment: state.deployment,
    deploymentId: state.deploymentId,
    reason: state.reason,
    rounds: await Promise.all(
      rounds.map(async (r) => ({ round: r.round, places: r.places, failures: await refusals(state, r, fx) })),
    ),
    resources,
    hostHours: hostCount * hours,
    dollars: hourly === "unknown" ? "unknown" : hourly * hours,
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

const hourlyDollars = (hosts: readonly { readonly dollarsPerHour: number | "unknown" }[]): number | "unknown" =>
  hosts.reduce<number | "unknown">(
    (sum, host) => (sum === "unknown" || host.dollarsPerHour === "unknown" ? "unknown" : sum + host.dollarsPerHour),
    0,
  );

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
