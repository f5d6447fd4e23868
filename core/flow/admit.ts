import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, parseDeploymentId, runKeys, sharedResultPrefix, sweepExecution } from "../names/keys.ts";
import type { Plan } from "../plan/types.ts";
import type { OutcomeRecord, RunRecord } from "../records/schemas.ts";
import { outcomeRecordSchema, runRecordSchema } from "../records/schemas.ts";
import { openDeploymentIds } from "./after-execution.ts";
import type { FlowEffects } from "./effects.ts";
import { requireRecord, tell, toBytes } from "./effects.ts";
import { openDeployment } from "./open-deployment.ts";
import { whyClosed } from "./ownership.ts";
import { startTeardown } from "./teardown.ts";
import type { DeploymentState, SweepInput } from "./states.ts";

export interface Admitted {
  readonly runId: string;
  readonly epoch: number;
  readonly deployments: readonly DeploymentState[];
  readonly deploymentsAtOnce: number;
}

/**
 * Opens one epoch of a run: takes it over from earlier epochs, finds what has a valid result already, and lays out
 * a board of remaining blocks for each deployment that has any.
 */
export async function admitRun(input: SweepInput, execution: string, fx: FlowEffects): Promise<Admitted> {
  const { runId, epoch } = input;
  const keys = runKeys(runId);
  const run = await requireRecord(fx.store, keys.run, runRecordSchema);
  const taken = await fx.store.putIfAbsent(
    keys.epoch(epoch),
    toBytes({ epoch, execution, startedAt: new Date(fx.clock.now()).toISOString() }),
    execution,
  );
  if (taken === "other") {
    throw new FailureError({
      class: "cancelled",
      message: `epoch ${epoch} of ${runId} belongs to another execution`,
      hint: `resume with a new epoch: its execution is named ${sweepExecution(runId, epoch + 1)}`,
    });
  }
  const why = await whyClosed({ runId, epoch }, fx);
  if (why !== undefined) throw new FailureError({ class: "cancelled", message: why });

  const { plan } = await fx.openRun(runId);
  const valid = await validTrials(run, plan, fx);
  const deployments: DeploymentState[] = [];
  for (const deployment of plan.deployments) {
    const blocks = plan.blocks.flatMap((block, index) => {
      const isOpen = block.deployment === deployment.name && block.trials.some((trial) => !valid.has(trial.trialKey));
      return isOpen ? [index] : [];
    });
    if (blocks.length === 0 && run.until === "trials") continue;
    deployments.push(
      await openDeployment({ run, epoch, deployment, blocks, replaced: 0, failures: {}, execution }, fx),
    );
  }
  await takeDownLeftovers(run, epoch, new Set(deployments.map((d) => d.deploymentId)), fx);
  const remaining = plan.blocks.reduce((sum, b) => sum + b.trials.filter((t) => !valid.has(t.trialKey)).length, 0);
  const total = plan.blocks.reduce((sum, b) => sum + b.trials.length, 0);
  await tell(fx, runId, "run-admitted", `${remaining} of ${total} trials to run, ${total - remaining} already valid`, {
    epoch,
    remaining,
    total,
    expectedMs: expectedMs(plan, valid, run.deploymentsAtOnce),
  });
  return { runId, epoch, deployments, deploymentsAtOnce: run.deploymentsAtOnce };
}

/** Keys of the trials that need no run: those of this run, and on `--reuse` those of any run in the store. */
async function validTrials(run: RunRecord, plan: Plan, fx: FlowEffects): Promise<ReadonlySet<string>> {
  const outcomes = runKeys(run.runId).outcomes;
  const valid = new Set<string>();
  for await (const entry of fx.store.list(outcomes)) valid.add(entry.key.slice(outcomes.length, -".json".length));
  if (run.reuse === "run") return valid;
  for (const block of plan.blocks) {
    for (const { trialKey } of block.trials) {
      if (valid.has(trialKey)) continue;
      const shared = await firstShared(trialKey, fx);
      if (shared === undefined) continue;
      // Taking a result over is a record of this run, so that its manifest says whose evidence it rests on.
      await fx.store.putIfAbsent(runKeys(run.runId).outcome(trialKey), toBytes(shared), `reuse:${run.runId}`);
      valid.add(trialKey);
    }
  }
  return valid;
}

async function firstShared(trialKey: string, fx: FlowEffects): Promise<OutcomeRecord | undefined> {
  for await (const entry of fx.store.list(sharedResultPrefix(trialKey))) {
    return requireRecord(fx.store, entry.key, outcomeRecordSchema);
  }
  return undefined;
}

/** Deployments of earlier epochs that nothing here uses: left by an engine that died before or in their teardown. */
async function takeDownLeftovers(
  run: RunRecord,
  epoch: number,
  used: ReadonlySet<string>,
  fx: FlowEffects,
): Promise<void> {
  const { runId } = run;
  for (const deploymentId of await openDeploymentIds(runId, fx)) {
    if (used.has(deploymentId)) continue;
    const isClosed = (await fx.store.head(deploymentKeys(runId, deploymentId).closed)) !== undefined;
    if (run.keep && !isClosed) continue;
    const deployment = parseDeploymentId(runId, deploymentId).name;
    const reason = isClosed ? "its teardown was cut off" : "nothing is left to run on it";
    await startTeardown({ runId, epoch, deployment, deploymentId, reason }, fx);
  }
}

/** How long the trials to run are expected to take, set-up and teardown aside: lanes and deployments at once share them. */
function expectedMs(plan: Plan, valid: ReadonlySet<string>, deploymentsAtOnce: number): number {
  const ofBlock = (trials: Plan["blocks"][number]["trials"]): number =>
    trials.reduce((sum, t) => sum + (valid.has(t.trialKey) ? 0 : (plan.points[t.point]?.expectedMs ?? 0)), 0);
  const each = plan.deployments.map(
    ({ name, lanes }) =>
      plan.blocks.reduce((sum, b) => sum + (b.deployment === name ? ofBlock(b.trials) : 0), 0) / lanes,
  );
  const busy = each.filter((ms) => ms > 0);
  const sum = busy.reduce((all, ms) => all + ms, 0);
  return Math.round(Math.max(0, ...busy, sum / Math.max(1, Math.min(deploymentsAtOnce, busy.length))));
}
