import { attemptKeys, deploymentKeys, parseDeploymentId, runKeys } from "../names/keys.ts";
import type { Plan } from "../plan/types.ts";
import { claimRecordSchema, closedRecordSchema, outcomeRecordSchema, topologySchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listChildren, readRecord, requireRecord } from "./effects.ts";
import type { PlacementRules } from "./policy.ts";
import { readRounds } from "./rounds.ts";
import type { DeploymentState } from "./states.ts";

/** So many results are looked at to find where the run measured: those of one deployment were measured together. */
const mostOutcomes = 50;

/** What earlier generations of a deployment decide for this one: read from the store, so that a resume decides the same. */
export async function placementRules(
  state: Pick<DeploymentState, "runId" | "deployment" | "deploymentId">,
  plan: Plan,
  fx: Pick<FlowEffects, "store">,
): Promise<PlacementRules> {
  const { runId } = state;
  const { generation } = parseDeploymentId(runId, state.deploymentId);
  if (generation === 1) return {};
  let onDemandOnly = false;
  for (const deploymentId of await listChildren(fx.store, runKeys(runId).deployments)) {
    const other = parseDeploymentId(runId, deploymentId);
    if (other.name !== state.deployment || other.generation >= generation) continue;
    const closed = await readRecord(fx.store, deploymentKeys(runId, deploymentId).closed, closedRecordSchema);
    const last = (await readRounds(runId, deploymentId, fx)).at(-1);
    onDemandOnly ||= closed?.value.lost === true && last?.record.spot === true;
  }
  return { onDemandOnly, measured: await whereMeasured(state, plan, fx) };
}

/** Where a valid result of this run came from that the deployment's trials will stand beside. */
async function whereMeasured(
  state: Pick<DeploymentState, "runId" | "deployment">,
  plan: Plan,
  fx: Pick<FlowEffects, "store">,
): Promise<PlacementRules["measured"]> {
  const { runId } = state;
  const keys = runKeys(runId);
  const trials = plan.blocks.filter((block) => block.deployment === state.deployment).flatMap(({ trials: t }) => t);
  const own = new Set(trials.map(({ trialKey }) => trialKey));
  let looked = 0;
  for await (const { key } of fx.store.list(keys.outcomes)) {
    if (!own.has(key.slice(keys.outcomes.length, -".json".length))) continue;
    if (++looked > mostOutcomes) break;
    const outcome = await requireRecord(fx.store, key, outcomeRecordSchema);
    if (outcome.runId !== runId) continue; // taken over from another run
    const claim = await readRecord(fx.store, attemptKeys(outcome).claim, claimRecordSchema);
    if (claim === undefined) continue;
    const topology = await readRecord(
      fx.store,
      deploymentKeys(runId, claim.value.deploymentId).topology,
      topologySchema,
    );
    if (topology === undefined) continue;
    const rounds = await readRounds(runId, claim.value.deploymentId, fx);
    const round = rounds.find(({ record }) => record.round === topology.value.round);
    if (round !== undefined) return round.choice;
  }
  return undefined;
}
