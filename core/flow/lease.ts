import { deploymentKeys } from "../names/keys.ts";
import type { Topology } from "../plan/types.ts";
import { leaseRecordSchema, roundRecordSchema } from "../records/schemas.ts";
import { budgetEnd } from "./budget.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, toBytes } from "./effects.ts";
import { readRounds } from "./rounds.ts";

/** What is kept beyond the longest that a trial may take: time for teardown, or for a person to resume. */
const slackMs = 3_600_000;

/**
 * Makes sure that a deployment's hosts outlive what is about to start on them: their own timers end them otherwise.
 *
 * Renewed for twice the time that is needed, so that short trials seldom ask.
 */
export async function extendLease(topology: Topology, runId: string, neededMs: number, fx: FlowEffects): Promise<void> {
  const owner = topology.lender ?? { runId, deploymentId: topology.deploymentId };
  const keys = deploymentKeys(owner.runId, owner.deploymentId);
  const round = await readRecord(fx.store, keys.round(topology.round), roundRecordSchema);
  const lease = await readRecord(fx.store, keys.lease, leaseRecordSchema);
  const expiresAt = Math.max(round?.value.expiresAt ?? 0, lease?.value.expiresAt ?? 0);
  const affordable = await affordableUntil(owner, topology.deployment, fx);
  const now = fx.clock.now();
  // A trial that was admitted is seen through, whatever the slack behind it would cost.
  const most = Math.max(now + neededMs, affordable);
  const neededUntil = Math.min(now + neededMs + slackMs, most);
  if (expiresAt >= neededUntil) return;
  const until = Math.floor(Math.min(now + 2 * (neededMs + slackMs), most));
  const places = new Map(topology.hosts.map((host) => [`${host.provider} ${JSON.stringify(host.place)}`, host]));
  for (const { provider, place } of places.values())
    await fx.provider(provider).extend(owner.deploymentId, place, until);
  const body = toBytes({ expiresAt: until });
  if (lease === undefined) await fx.store.putIfAbsent(keys.lease, body, "lease");
  else await fx.store.replace(keys.lease, body, lease.etag); // a rival wrote as late an end
}

/** The end of the money: hosts' own timers keep the budget when nobody else is left to. */
async function affordableUntil(
  owner: { readonly runId: string; readonly deploymentId: string },
  name: string,
  fx: FlowEffects,
): Promise<number> {
  const { plan } = await fx.openRun(owner.runId);
  const deployment = plan.deployments.find((d) => d.name === name);
  if (deployment === undefined || plan.budgetDollars === undefined) return Number.POSITIVE_INFINITY;
  const round = (await readRounds(owner.runId, owner.deploymentId, fx)).at(-1);
  if (round === undefined) return Number.POSITIVE_INFINITY;
  const end = await budgetEnd(owner.runId, plan, { deployment, choice: round.choice }, fx);
  return end ?? Number.POSITIVE_INFINITY;
}
