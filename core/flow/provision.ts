import type { Failure } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, hostIntentName, runKeys } from "../names/keys.ts";
import { intentLifeMs } from "../plan/overspend.ts";
import type { PlacementChoice } from "../plan/placement.ts";
import { buysSpot, deploymentAs, slotsOf } from "../plan/placement.ts";
import type { Plan, PlannedDeployment, Topology } from "../plan/types.ts";
import type { RoundRecord } from "../records/schemas.ts";
import { roundRecordSchema, runRecordSchema, topologySchema } from "../records/schemas.ts";
import type { Lender } from "./borrow.ts";
import { borrowHosts } from "./borrow.ts";
import { budgetEnd } from "./budget.ts";
import { connectHosts, prepareHosts, recordTopology, topologyHost } from "./host-contact.ts";
import { announceIntents, shapeAs, slotIntents } from "./intents.ts";
import { explainSilence } from "./lost-hosts.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { requireOpen } from "./ownership.ts";
import { placementRules } from "./placement-rules.ts";
import { allowedChoices, movesOn, nextChoice } from "./policy.ts";
import { checkQuota } from "./quota.ts";
import { destroyRound, destroyStragglers, failureWithTrail, isClearing, sharesRegion } from "./refused-rounds.ts";
import type { Round } from "./rounds.ts";
import { choiceOf, describeRound, observeRound, readRounds } from "./rounds.ts";
import type { DeploymentState } from "./states.ts";

/**
 * Provisioning: a round asks for every host of the deployment in one place (a region or zone of each provider), bought
 * one way. A cloud's no for capacity or quota gives the whole round up and moves on to the next choice (`policy.ts`);
 * the trail of what was tried stands in the store and in the message.
 */
export type ProvisionStep =
  | { readonly kind: "ready"; readonly round: number }
  | { readonly kind: "wait"; readonly round: number; readonly waitSec: number }
  /** The hosts are to be asked for: in the next place, or again where the cloud was too busy to listen. */
  | { readonly kind: "moved"; readonly round: number };

/** Hosts that aren't up and reachable so long after their round began are given up. */
const bootLimitMs = 900_000;
const maxRounds = 50;

/** Asks for the network and every host of the current round. Asked again, it asks for the same by the same names. */
export async function ensureHosts(state: DeploymentState, fx: FlowEffects): Promise<ProvisionStep> {
  await requireOpen(state, fx);
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const { plan, deployment } = await planned(state, fx);
  const run = await requireRecord(fx.store, runKeys(state.runId).run, runRecordSchema);
  if (run.onDeployment !== undefined) return useBorrowed(state, deployment, run.onDeployment, fx);
  const topology = await readRecord(fx.store, keys.topology, topologySchema);
  if (topology !== undefined) return { kind: "wait", round: topology.value.round, waitSec: 0 };

  const rounds = await readRounds(state.runId, state.deploymentId, fx);
  const last = rounds.at(-1);
  let record = last?.record;
  if (last === undefined || last.refused !== undefined) {
    if (rounds.length >= maxRounds) throw failureWithTrail(rounds, "no place is left to try");
    const choice = await chooseNext(state, plan, deployment, rounds, fx);
    if (last !== undefined && (await isClearing(state, last, choice, fx)))
      return { kind: "wait", round: last.record.round, waitSec: 5 };
    const opened = await openRound(state, { plan, deployment, choice, number: rounds.length }, fx);
    record = opened.record;
    const hasAskedThere = rounds.some((round) => sharesRegion(round.choice, choice));
    if (opened.isNew && !hasAskedThere) {
      const short = await quotaRefusal(state, deployment, choice, fx);
      if (short !== undefined) return giveUpOrWait(state, record, { failure: short, retryAfterMs: undefined }, fx);
    }
  }
  if (record === undefined) throw new FailureError({ class: "defect", message: "no round of placement was opened" });
  if ((await fx.store.head(keys.accepted(record.round))) === undefined) {
    const refusal = await askProviders(state, { plan, deployment, record }, fx);
    if (refusal !== undefined) return giveUpOrWait(state, record, refusal, fx);
    await fx.store.putIfAbsent(keys.accepted(record.round), toBytes({ at: fx.clock.now() }), "ensure");
  }
  return { kind: "wait", round: record.round, waitSec: firstLookSec(deployment, fx) };
}

/** Clouds take half a minute at least; a local host is there at once. */
const firstLookSec = (deployment: PlannedDeployment, fx: FlowEffects): number =>
  Math.max(
    0,
    ...deployment.hosts.map((h) =>
      fx.provider(h.provider).capabilities.createsHosts && h.shape.type !== "local" ? 10 : 0,
    ),
  );

/** With every host up: lets them reach each other, pins and guards each, records where they are. */
export async function observeHosts(state: DeploymentState, fx: FlowEffects): Promise<ProvisionStep> {
  await requireOpen(state, fx);
  const keys = deploymentKeys(state.runId, state.deploymentId);
  const { deployment } = await planned(state, fx);
  const rounds = await readRounds(state.runId, state.deploymentId, fx);
  const round = rounds.at(-1);
  if (round === undefined) throw new FailureError({ class: "defect", message: "no round of placement was opened" });
  const { record } = round;
  const number = record.round;
  const isAccepted = (await fx.store.head(keys.accepted(number))) !== undefined;
  if (round.refused !== undefined || !isAccepted) return { kind: "moved", round: number };

  const states = await observeRound(state.deploymentId, record, fx);
  await destroyStragglers(state, rounds, states, fx);
  const own = new Set(record.intents.map(({ name }) => name));
  const failed = states.find((s) => s.state === "failed" && own.has(s.name));
  if (failed?.state === "failed") {
    return giveUpOrWait(state, record, { failure: failed.failure, retryAfterMs: undefined }, fx);
  }
  const there = deploymentAs(deployment, round.choice.alternative);
  const found = there.hosts.map((host) => ({
    host,
    state: states.find((s) => s.name === hostIntentName(state.deploymentId, number, host.name)),
  }));
  const late = found.filter(({ state: s }) => s?.state !== "ready" || s.address === undefined);
  if (late.length > 0) {
    const waitedMs = fx.clock.now() - record.startedAt;
    if (waitedMs > bootLimitMs) {
      const names = late.map(({ host }) => host.name).join(", ");
      const failure: Failure = {
        class: "boot",
        message: `${names} not ready ${Math.round(waitedMs / 1000)} s after the request`,
      };
      return giveUpOrWait(state, record, { failure, retryAfterMs: undefined }, fx);
    }
    return { kind: "wait", round: number, waitSec: waitedMs < 5_000 ? 1 : 10 };
  }

  const { alternative } = round.choice;
  const topology: Topology = {
    schema: "reprise/topology@1",
    deployment: state.deployment,
    deploymentId: state.deploymentId,
    round: number,
    ...(alternative === 0 ? {} : { alternative }),
    hosts: found.flatMap(({ host, state: s }) => (s?.state === "ready" ? [topologyHost(host, s, round, there)] : [])),
  };
  await connectHosts(state.deploymentId, topology, record, fx);
  const unreachable = await prepareHosts(state, topology, fx, record.startedAt);
  if (unreachable !== undefined) {
    const waitedMs = fx.clock.now() - record.startedAt;
    if (unreachable.class === "transport" && waitedMs <= bootLimitMs)
      return { kind: "wait", round: number, waitSec: 5 };
    // Who never got ready didn't boot, whatever kept it: another place may do better.
    const failure: Failure =
      unreachable.class !== "transport"
        ? unreachable
        : {
            ...unreachable,
            class: "boot",
            message: `not ready ${Math.round(waitedMs / 1000)} s after the request: ${unreachable.message}`,
          };
    return giveUpOrWait(state, record, { failure, retryAfterMs: undefined }, fx);
  }
  await recordTopology(state, topology, fx);
  return { kind: "ready", round: number };
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

/** The next choice that nothing forbids. @throws FailureError with the trail of what was tried, or why nothing may be */
async function chooseNext(
  state: DeploymentState,
  plan: Plan,
  deployment: PlannedDeployment,
  rounds: readonly Round[],
  fx: FlowEffects,
): Promise<PlacementChoice> {
  const rules = await placementRules(state, plan, fx);
  const { choices, barred } = allowedChoices(plan, deployment, rules);
  const tried = rounds.flatMap(({ choice, refused }) =>
    refused === undefined ? [] : [{ choice, failure: refused.failure }],
  );
  const next = nextChoice(choices, tried);
  if (next !== undefined) return next;
  if (tried.length > 0) throw failureWithTrail(rounds, "no place is left to try");
  throw new FailureError(barred ?? { class: "capacity", message: `no place is known for ${deployment.name}` });
}

async function openRound(
  state: DeploymentState,
  what: {
    readonly plan: Plan;
    readonly deployment: PlannedDeployment;
    readonly choice: PlacementChoice;
    readonly number: number;
  },
  fx: FlowEffects,
): Promise<{ readonly record: RoundRecord; readonly isNew: boolean }> {
  const { plan, deployment, choice, number } = what;
  const key = deploymentKeys(state.runId, state.deploymentId).round(number);
  const now = fx.clock.now();
  const affordable = await budgetEnd(state.runId, plan, { deployment, choice }, fx);
  const record: RoundRecord = {
    round: number,
    places: choice.places,
    alternative: choice.alternative,
    market: choice.market,
    spot: buysSpot(deployment, choice),
    startedAt: now,
    notAfter: now + intentLifeMs,
    expiresAt: Math.floor(Math.min(now + deployment.leaseMs, affordable ?? Number.POSITIVE_INFINITY)),
    intents: announceIntents(deployment, state.deploymentId, number, choice),
  };
  const put = await fx.store.putIfAbsent(key, toBytes(record), "ensure");
  return { record: await requireRecord(fx.store, key, roundRecordSchema), isNew: put === "created" };
}

async function quotaRefusal(
  state: DeploymentState,
  deployment: PlannedDeployment,
  choice: PlacementChoice,
  fx: FlowEffects,
): Promise<Failure | undefined> {
  const slots = slotsOf(deploymentAs(deployment, choice.alternative));
  const { failure, unknown } = await checkQuota(
    slots.flatMap(({ name, provider, hosts }) => {
      const place = choice.places[name];
      if (place === undefined) return [];
      return [{ provider: fx.provider(provider), place, shapes: hosts.map((host) => shapeAs(host, choice)) }];
    }),
  );
  for (const text of unknown) await tell(fx, state.runId, "quota-unknown", `quotas of ${text}`, {});
  return failure;
}

interface Refused {
  readonly failure: Failure;
  readonly retryAfterMs: number | undefined;
}

async function askProviders(
  state: DeploymentState,
  what: { readonly plan: Plan; readonly deployment: PlannedDeployment; readonly record: RoundRecord },
  fx: FlowEffects,
): Promise<Refused | undefined> {
  const { plan, deployment, record } = what;
  if (fx.clock.now() > record.notAfter) {
    return {
      failure: { class: "boot", message: "the requests of this round were not all made in time" },
      retryAfterMs: undefined,
    };
  }
  const run = await requireRecord(fx.store, runKeys(state.runId).run, runRecordSchema);
  const choice = choiceOf(record);
  const request = { plan, deployment, deploymentId: state.deploymentId, record, choice, run };
  for (const slot of slotsOf(deploymentAs(deployment, choice.alternative))) {
    const intents = await slotIntents(request, slot, fx);
    const signal = AbortSignal.timeout(55_000);
    for (const outcome of await fx.provider(slot.provider).ensure(intents, signal)) {
      if (outcome.kind === "refused") return { failure: outcome.failure, retryAfterMs: outcome.retryAfterMs };
    }
  }
  return undefined;
}

/** Decides by class: wait where the cloud asked to, move where there is another place, else say why. */
async function giveUpOrWait(
  state: DeploymentState,
  record: RoundRecord,
  refused: Refused,
  fx: FlowEffects,
): Promise<ProvisionStep> {
  const { failure } = refused;
  if (failure.class === "throttled") {
    return { kind: "wait", round: record.round, waitSec: Math.ceil((refused.retryAfterMs ?? 10_000) / 1000) };
  }
  const keys = deploymentKeys(state.runId, state.deploymentId);
  await fx.store.putIfAbsent(keys.refused(record.round), toBytes({ failure, at: fx.clock.now() }), "ensure");
  await destroyRound(state, record, fx);
  const rounds = await readRounds(state.runId, state.deploymentId, fx);
  const round = rounds.at(-1);
  await tell(
    fx,
    state.runId,
    "place-refused",
    `${state.deployment}: ${round === undefined ? "a place" : describeRound(round)} refused: ${failure.message}`,
    {
      deployment: state.deployment,
      round: record.round,
      class: failure.class,
    },
  );
  if (movesOn(failure)) {
    const { plan, deployment } = await planned(state, fx);
    await chooseNext(state, plan, deployment, rounds, fx); // throws, with the trail, where nothing is left
    return { kind: "moved", round: record.round };
  }
  throw failureWithTrail(rounds, failure.message);
}

async function planned(
  state: DeploymentState,
  fx: FlowEffects,
): Promise<{ readonly plan: Plan; readonly deployment: PlannedDeployment }> {
  const { plan } = await fx.openRun(state.runId);
  const deployment = plan.deployments.find((d) => d.name === state.deployment);
  if (deployment === undefined)
    throw new FailureError({ class: "defect", message: `no deployment ${state.deployment} in the plan` });
  return { plan, deployment };
}
