import { readRecord, requireRecord } from "../../core/flow/effects.ts";
import { readActivity } from "../../core/flow/host-activity.ts";
import { readRounds } from "../../core/flow/rounds.ts";
import { deploymentKeys, runKeys } from "../../core/names/keys.ts";
import { killersOf, latestEnd } from "../../core/plan/killers.ts";
import type { RunningTrial } from "../../core/progress/progress.ts";
import { remainingMs } from "../../core/progress/progress.ts";
import { leaseRecordSchema, runRecordSchema, topologySchema } from "../../core/records/schemas.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { engineOf } from "../drive.ts";
import { findRun, listRuns, openStore } from "../home.ts";
import { killerConditions } from "../killers.ts";
import type { CommandContext } from "../context.ts";
import { duration, table } from "../output.ts";
import { readProgress } from "../read-progress.ts";
import { openDeployments } from "../run-hosts.ts";
import { spendOf, spentText } from "../spend.ts";

interface DeploymentStatus {
  readonly deploymentId: string;
  readonly expiresAt: string | undefined;
  /** When its hosts are gone at the latest though nobody looks after them; undefined: not before somebody does. */
  readonly endsAt: string | undefined;
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
  const conditions = await killerConditions(home);
  for (const runId of runs) {
    const record = await requireRecord(store, runKeys(runId).run, runRecordSchema);
    const progress = await readProgress(store, runId);
    const engine = await engineOf(home, runId);
    const open = await openDeployments(store, runId);
    const plan = open.length === 0 ? undefined : (await openStoredRun(runId, store)).plan;
    const endOf = (expiresAt: number): number | undefined =>
      plan === undefined ? expiresAt : latestEnd(killersOf(plan, conditions), expiresAt, conditions);
    const deployments = await Promise.all(
      open.map((id) => deploymentStatus(store, { runId, deploymentId: id, running: progress.running, endOf })),
    );
    const spent = await spendOf(runId, { store, clock: systemClock })();
    all.push({
      runId,
      experiment: record.experiment,
      engine: engine?.description,
      ...progress,
      spentDollars: spent,
      deployments,
    });

    const now = systemClock.now();
    const left = remainingMs(progress, now);
    output.line(`${runId}  ${progress.outcome ?? progress.phase}`);
    output.line(
      `  engine       ${engine === undefined ? "none: the run is not driven" : `${engine.description}, epoch ${engine.epoch}`}`,
    );
    output.line(
      `  trials       ${progress.valid} of ${progress.total} valid, ${progress.failedAttempts} attempts failed${left === undefined || engine === undefined ? "" : `, about ${duration(left)} left`}`,
    );
    output.line(`  money        ${spentText(spent)}`);
    for (const deployment of deployments) {
      output.line(`  deployment   ${deployment.deploymentId}${describeDeath(deployment, now)}`);
      for (const line of table(deployment.hosts.map((h) => [`    ${h.name}`, h.machineType, h.address, h.doing])))
        output.line(line);
    }
    if (engine === undefined && progress.outcome === undefined) output.line(`  to go on:    reprise resume ${runId}`);
    if (engine === undefined && progress.outcome !== undefined)
      for (const { deploymentId } of deployments.filter(({ hosts }) => hosts.length > 0))
        output.line(`  to use it:   reprise run ${record.experiment} --on-deployment ${deploymentId}`);
    if (engine === undefined && deployments.length > 0) output.line(`  to end it:   reprise teardown ${runId}`);
  }
  output.result(all);
  if (runs.length === 0) output.line("nothing runs and nothing is left up");
  return 0;
}

/** The exact time of death, or that there is none. */
function describeDeath({ expiresAt, endsAt }: DeploymentStatus, now: number): string {
  if (expiresAt === undefined) return "";
  if (endsAt === undefined) return `, expires ${expiresAt}, and only \`reprise reap\` or a teardown ends it`;
  const left = Date.parse(endsAt) - now;
  const when = left > 0 ? `in ${duration(left)}` : "which is over";
  return `, ends by itself ${endsAt === expiresAt ? "" : "at the reaper's look by "}${endsAt} (${when})`;
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
  what: {
    readonly runId: string;
    readonly deploymentId: string;
    readonly running: readonly RunningTrial[];
    readonly endOf: (expiresAt: number) => number | undefined;
  },
): Promise<DeploymentStatus> {
  const { runId, deploymentId, running, endOf } = what;
  const keys = deploymentKeys(runId, deploymentId);
  const topology = await readRecord(store, keys.topology, topologySchema);
  const owner = topology?.value.lender;
  const ownKeys = owner === undefined ? keys : deploymentKeys(owner.runId, owner.deploymentId);
  const rounds = await readRounds(owner?.runId ?? runId, owner?.deploymentId ?? deploymentId, { store });
  const round = rounds.at(-1)?.record;
  const lease = await readRecord(store, ownKeys.lease, leaseRecordSchema);
  const own = running.filter(({ deployment }) => deployment === topology?.value.deployment);
  const activities = await Promise.all(own.map((trial) => readActivity({ runId, ...trial }, store)));
  const doing = (host: string, lane: number | "shared"): string => {
    const at = own.findIndex((trial) => trial.lane === lane);
    const trial = own[at];
    if (trial === undefined) return "idle";
    const what = activities[at]?.find((one) => one.host === host)?.doing ?? "waiting";
    return `${trial.pointKey} trial ${trial.trialIndex}: ${what}`;
  };
  const expiresAt = round === undefined ? undefined : Math.max(round.expiresAt, lease?.value.expiresAt ?? 0);
  return {
    deploymentId,
    expiresAt: toIso(expiresAt),
    endsAt: toIso(expiresAt === undefined ? undefined : endOf(expiresAt)),
    hosts: (topology?.value.hosts ?? []).map((h) => ({
      name: h.name,
      address: `${h.publicAddress}:${h.sshPort}`,
      machineType: h.machineType,
      doing: doing(h.name, h.lane),
    })),
  };
}

const toIso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();
