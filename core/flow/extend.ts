import { FailureError } from "../errors/failure.ts";
import { deploymentKeys } from "../names/keys.ts";
import { leaseRecordSchema, topologySchema } from "../records/schemas.ts";
import { openDeploymentIds } from "./after-execution.ts";
import { budgetEnd } from "./budget.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, tell, toBytes } from "./effects.ts";
import { askedPlaces, readRounds } from "./rounds.ts";

/** What a person's wish for a longer life came to, for one deployment. */
export interface Extended {
  readonly deploymentId: string;
  readonly from: number;
  readonly until: number;
}

/**
 * Lets everything of a run that is up live until an instant, at least: in tags, and on the hosts' own timers where
 * they can be reached.
 *
 * @throws FailureError class invalid where nothing is up, class budget where the run's budget would not last
 */
export async function extendRun(
  runId: string,
  until: number,
  fx: Pick<FlowEffects, "store" | "clock" | "provider" | "openRun" | "newId">,
): Promise<Extended[]> {
  const extended: Extended[] = [];
  for (const deploymentId of await openDeploymentIds(runId, fx)) {
    const keys = deploymentKeys(runId, deploymentId);
    if ((await fx.store.head(keys.closed)) !== undefined) continue;
    const topology = await readRecord(fx.store, keys.topology, topologySchema);
    const round = (await readRounds(runId, deploymentId, fx)).at(-1);
    if (round === undefined || topology?.value.lender !== undefined) continue; // nothing is there, or it is another run's
    const lease = await readRecord(fx.store, keys.lease, leaseRecordSchema);
    const from = Math.max(round.record.expiresAt, lease?.value.expiresAt ?? 0);
    if (from >= until) {
      extended.push({ deploymentId, from, until: from });
      continue;
    }
    await requireBudget(runId, deploymentId, until, fx);
    for (const { provider, place } of askedPlaces(round.record))
      await fx.provider(provider).extend(deploymentId, place, until);
    const body = toBytes({ expiresAt: until });
    if (lease === undefined) await fx.store.putIfAbsent(keys.lease, body, "extend");
    else await fx.store.replace(keys.lease, body, lease.etag);
    extended.push({ deploymentId, from, until });
    const text = `${deploymentId} lives until ${new Date(until).toISOString()}`;
    await tell(fx, runId, "extended", text, { deploymentId, until });
  }
  if (extended.length === 0)
    throw new FailureError({
      class: "invalid",
      message: `nothing of ${runId} is up`,
      hint: "`reprise status` lists what is",
    });
  return extended;
}

async function requireBudget(
  runId: string,
  deploymentId: string,
  until: number,
  fx: Pick<FlowEffects, "store" | "clock" | "openRun">,
): Promise<void> {
  const { plan } = await fx.openRun(runId);
  const deployment = plan.deployments.find(({ name }) => deploymentId.startsWith(`${runId}-${name}-`));
  const round = (await readRounds(runId, deploymentId, fx)).at(-1);
  if (deployment === undefined || round === undefined) return;
  const end = await budgetEnd(runId, plan, { deployment, choice: round.choice }, fx);
  if (end === undefined || until <= end) return;
  throw new FailureError({
    class: "budget",
    message: `${deploymentId} may live until ${new Date(end).toISOString()} within the run's budget`,
    hint: "ask for less",
  });
}
