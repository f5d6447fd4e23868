import { FailureError } from "../errors/failure.ts";
import { buildDeploymentId, deploymentKeys, runKeys } from "../names/keys.ts";
import type { PlannedDeployment } from "../plan/types.ts";
import type { Board, RunRecord } from "../records/schemas.ts";
import { roundRecordSchema, topologySchema } from "../records/schemas.ts";
import { freshBoard } from "./board.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord, toBytes } from "./effects.ts";
import { lostHosts } from "./lost-hosts.ts";
import { resumeSetup } from "./resume-setup.ts";
import { startTeardown } from "./teardown.ts";
import type { DeploymentState } from "./states.ts";

/** Beats come each minute; five missed ones are a silence. */
export const heartbeatSec = 300;

export interface DeploymentToOpen {
  readonly run: RunRecord;
  readonly epoch: number;
  readonly deployment: PlannedDeployment;
  /** Indices into Plan.blocks, growing. */
  readonly blocks: readonly number[];
  /** How often the deployment was replaced in this epoch, and what had failed by then. */
  readonly replaced: number;
  readonly failures: Board["failures"];
  readonly execution: string;
}

/** Lays out a board of blocks for the deployment of that name: the one that is still up, or a new one. */
export async function openDeployment(what: DeploymentToOpen, fx: FlowEffects): Promise<DeploymentState> {
  const { run, epoch, deployment, blocks, replaced, failures, execution } = what;
  const keys = runKeys(run.runId);
  const deploymentId = await openDeploymentId(run, epoch, deployment.name, fx);
  const board = freshBoard(blocks, deployment.lanes, failures);
  await fx.store.putIfAbsent(keys.board(deploymentId, epoch), toBytes(board), execution);
  const tickets = keys.tickets(deploymentId, epoch);
  await fx.store.putIfAbsent(tickets, toBytes(blocks.map((_, ticket) => ticket)), execution);
  const setup = await resumeSetup(run.runId, deploymentId, fx);
  return {
    runId: run.runId,
    epoch,
    deployment: deployment.name,
    deploymentId,
    until: run.until,
    tickets,
    mapResults: `${keys.histories}${deploymentId}.${epoch}`,
    lanes: deployment.lanes,
    replaced,
    setupAttempt: setup.attempt,
    prepare: { stage: setup.stage, more: true },
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
    const why = await whyUseless(runId, deploymentId, fx);
    if (why === undefined) return deploymentId;
    await startTeardown({ runId, epoch, deployment: name, deploymentId, reason: why }, fx);
    // The teardown writes the fence itself; written here too, this epoch can't take the lost deployment up meanwhile.
    await fx.store.putIfAbsent(keys.closed, toBytes({ reason: why, at: fx.clock.now() }), "admit");
  }
  throw new FailureError({ class: "defect", message: `deployment ${name} of ${runId} was closed a thousand times` });
}

/** Why a deployment that an earlier epoch began can't be used any more. */
async function whyUseless(runId: string, deploymentId: string, fx: FlowEffects): Promise<string | undefined> {
  const keys = deploymentKeys(runId, deploymentId);
  const topology = await readRecord(fx.store, keys.topology, topologySchema);
  if (topology !== undefined)
    return (await lostHosts(topology.value, fx)).length > 0 ? "hosts were lost before a resume" : undefined;
  const last = (await listKeys(fx.store, keys.intents)).at(-1);
  if (last === undefined) return undefined;
  // Asked for and never seen up: past this instant nobody asks for it again, and a round that ends so is no place's no.
  const round = await requireRecord(fx.store, last, roundRecordSchema);
  return fx.clock.now() > round.notAfter ? "it was left half made before a resume" : undefined;
}
