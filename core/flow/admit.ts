import { FailureError } from "../errors/failure.ts";
import { buildDeploymentId, deploymentKeys, runKeys, sharedResultPrefix, sweepExecution } from "../names/keys.ts";
import type { Plan, PlannedDeployment, Topology } from "../plan/types.ts";
import type { Board, OutcomeRecord, RunRecord } from "../records/schemas.ts";
import { outcomeRecordSchema, runRecordSchema, stepResultSchema, topologySchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, parseRecord, readRecord, requireRecord, tell, toBytes } from "./effects.ts";
import { whyClosed } from "./ownership.ts";
import { hostIntentName } from "./provision.ts";
import { startTeardown } from "./teardown.ts";
import type { DeploymentState, SweepInput } from "./states.ts";

export interface Admitted {
  readonly runId: string;
  readonly epoch: number;
  readonly deployments: readonly DeploymentState[];
  readonly deploymentsAtOnce: number;
}

/** Beats come each minute; five missed ones are a silence. */
export const heartbeatSec = 300;

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
    deployments.push(await openDeployment({ run, epoch, deployment, blocks, execution }, fx));
  }
  const remaining = plan.blocks.reduce((sum, b) => sum + b.trials.filter((t) => !valid.has(t.trialKey)).length, 0);
  const total = plan.blocks.reduce((sum, b) => sum + b.trials.length, 0);
  await tell(fx, runId, "run-admitted", `${remaining} of ${total} trials to run, ${total - remaining} already valid`, {
    epoch,
    remaining,
    total,
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

async function openDeployment(
  what: {
    readonly run: RunRecord;
    readonly epoch: number;
    readonly deployment: PlannedDeployment;
    readonly blocks: readonly number[];
    readonly execution: string;
  },
  fx: FlowEffects,
): Promise<DeploymentState> {
  const { run, epoch, deployment, blocks, execution } = what;
  const keys = runKeys(run.runId);
  const board: Board = {
    blocks: [...blocks],
    next: 0,
    lanes: Array.from({ length: deployment.lanes }, () => null),
    failedTrials: 0,
  };
  await fx.store.putIfAbsent(keys.board(deployment.name, epoch), toBytes(board), execution);
  const tickets = keys.tickets(deployment.name, epoch);
  await fx.store.putIfAbsent(tickets, toBytes(blocks.map((_, ticket) => ticket)), execution);
  const deploymentId = await openDeploymentId(run, epoch, deployment.name, fx);
  await fx.store.putIfAbsent(keys.deployment(deployment.name, epoch), toBytes({ deploymentId }), execution);
  return {
    runId: run.runId,
    epoch,
    deployment: deployment.name,
    deploymentId,
    until: run.until,
    tickets,
    mapResults: `${keys.histories}${deployment.name}.${epoch}`,
    lanes: deployment.lanes,
    setupAttempt: await nextSetupAttempt(run.runId, deploymentId, fx),
    prepare: { stage: 0, more: true },
    timeouts: { prepareSec: Math.ceil(deployment.setupTimeoutMs / 1000), heartbeatSec },
  };
}

/** The deployment of that name that isn't closed and whose hosts are still there, else the next generation. */
async function openDeploymentId(run: RunRecord, epoch: number, name: string, fx: FlowEffects): Promise<string> {
  const { runId } = run;
  for (let generation = 1; generation <= 1_000; generation++) {
    const deploymentId = buildDeploymentId(runId, name, generation);
    const keys = deploymentKeys(runId, deploymentId);
    if ((await fx.store.head(keys.closed)) !== undefined) continue;
    const topology = await readRecord(fx.store, keys.topology, topologySchema);
    if (topology === undefined || (await isStillUp(topology.value, fx))) return deploymentId;
    await startTeardown(
      { runId, epoch, deployment: name, deploymentId, reason: "hosts were lost before a resume" },
      fx,
    );
    // The teardown writes the fence itself; written here too, this epoch can't take the lost deployment up meanwhile.
    await fx.store.putIfAbsent(keys.closed, toBytes({ reason: "hosts were lost", at: fx.clock.now() }), "admit");
  }
  throw new FailureError({ class: "defect", message: `deployment ${name} of ${runId} was closed a thousand times` });
}

async function isStillUp(topology: Topology, fx: FlowEffects): Promise<boolean> {
  const up = new Set<string>();
  const places = new Map(topology.hosts.map((host) => [host.provider, host.place]));
  for (const [provider, place] of places) {
    for (const state of await fx.provider(provider).observe(topology.deploymentId, place)) {
      if (state.state === "ready") up.add(state.name);
    }
  }
  return topology.hosts.every((host) => up.has(hostIntentName(topology.deploymentId, topology.round, host)));
}

/** Set-up goes on where it stood, unless a host failed in it: then it starts again from the first stage. */
async function nextSetupAttempt(runId: string, deploymentId: string, fx: FlowEffects): Promise<number> {
  const prefix = deploymentKeys(runId, deploymentId).setupAttempts;
  let attempt = 1;
  for (const key of await listKeys(fx.store, prefix)) {
    const match = /\/attempt-(\d+)\/phases\/[^/]+\/done\//.exec(key);
    if (match?.[1] === undefined) continue;
    const stored = await fx.store.get(key);
    const failed = stored !== undefined && parseRecord(key, stored.body, stepResultSchema).failure !== undefined;
    attempt = Math.max(attempt, Number(match[1]) + (failed ? 1 : 0));
  }
  return attempt;
}
