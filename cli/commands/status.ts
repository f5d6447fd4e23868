import { readRecord, requireRecord } from "../../core/flow/effects.ts";
import { deploymentKeys, runKeys } from "../../core/names/keys.ts";
import { remainingMs } from "../../core/progress/progress.ts";
import { leaseRecordSchema, roundRecordSchema, runRecordSchema, topologySchema } from "../../core/records/schemas.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf } from "../drive.ts";
import { findRun, listRuns, openStore } from "../home.ts";
import type { CommandContext } from "../main.ts";
import { duration, table } from "../output.ts";
import { readProgress } from "../read-progress.ts";
import { openDeployments } from "../run-hosts.ts";

interface DeploymentStatus {
  readonly deploymentId: string;
  readonly expiresAt: string | undefined;
  readonly hosts: readonly {
    readonly name: string;
    readonly address: string;
    readonly machineType: string;
    readonly doing: string;
  }[];
}

export async function status({ output, home }: CommandContext, name: string | undefined): Promise<number> {
  const store = openStore(home);
  const runs = name === undefined ? await undoneRuns(store, home) : [await findRun(store, name)];
  const all = [];
  for (const runId of runs) {
    const record = await requireRecord(store, runKeys(runId).run, runRecordSchema);
    const progress = await readProgress(store, runId);
    const engine = await engineOf(home, runId);
    const deployments = await Promise.all(
      (await openDeployments(store, runId)).map((id) => deploymentStatus(store, runId, id, progress.running)),
    );
    all.push({ runId, experiment: record.experiment, engine: engine?.description, ...progress, deployments });

    const now = systemClock.now();
    const left = remainingMs(progress, now);
    output.line(`${runId}  ${progress.outcome ?? progress.phase}`);
    output.line(
      `  engine       ${engine === undefined ? "none: the run is not driven" : `${engine.description}, epoch ${engine.epoch}`}`,
    );
    output.line(
      `  trials       ${progress.valid} of ${progress.total} valid, ${progress.failedAttempts} attempts failed${left === undefined || engine === undefined ? "" : `, about ${duration(left)} left`}`,
    );
    for (const deployment of deployments) {
      const death =
        deployment.expiresAt === undefined
          ? ""
          : `, ends by itself ${deployment.expiresAt} (in ${duration(Date.parse(deployment.expiresAt) - now)})`;
      output.line(`  deployment   ${deployment.deploymentId}${death}`);
      for (const line of table(deployment.hosts.map((h) => [`    ${h.name}`, h.machineType, h.address, h.doing])))
        output.line(line);
    }
    if (engine === undefined && progress.outcome === undefined) output.line(`  to go on:    reprise resume ${runId}`);
    if (engine === undefined && deployments.length > 0) output.line(`  to end it:   reprise teardown ${runId}`);
  }
  output.result(all);
  if (runs.length === 0) output.line("nothing runs and nothing is left up");
  return 0;
}

/** Runs that an engine drives, that aren't finished, or that have something up. */
async function undoneRuns(store: ObjectStore, home: string): Promise<string[]> {
  const undone: string[] = [];
  for (const runId of await listRuns(store)) {
    const isDriven = (await engineOf(home, runId)) !== undefined;
    if (isDriven || (await openDeployments(store, runId)).length > 0) undone.push(runId);
  }
  return undone;
}

async function deploymentStatus(
  store: ObjectStore,
  runId: string,
  deploymentId: string,
  running: readonly {
    readonly pointKey: string;
    readonly trialIndex: number;
    readonly lane: number;
    readonly deployment: string;
  }[],
): Promise<DeploymentStatus> {
  const keys = deploymentKeys(runId, deploymentId);
  const topology = await readRecord(store, keys.topology, topologySchema);
  const owner = topology?.value.lender;
  const ownKeys = owner === undefined ? keys : deploymentKeys(owner.runId, owner.deploymentId);
  const round = await readRecord(store, ownKeys.round(topology?.value.round ?? 0), roundRecordSchema);
  const lease = await readRecord(store, ownKeys.lease, leaseRecordSchema);
  const doing = (lane: number | "shared"): string => {
    const trial = running.find((r) => r.lane === lane && r.deployment === topology?.value.deployment);
    return trial === undefined ? "idle" : `${trial.pointKey} trial ${trial.trialIndex}`;
  };
  return {
    deploymentId,
    expiresAt:
      round === undefined
        ? undefined
        : new Date(Math.max(round.value.expiresAt, lease?.value.expiresAt ?? 0)).toISOString(),
    hosts: (topology?.value.hosts ?? []).map((h) => ({
      name: h.name,
      address: `${h.publicAddress}:${h.sshPort}`,
      machineType: h.machineType,
      doing: doing(h.lane),
    })),
  };
}
