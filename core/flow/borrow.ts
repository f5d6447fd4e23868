import { FailureError } from "../errors/failure.ts";
import { deploymentKeys } from "../names/keys.ts";
import type { PlannedDeployment, Topology, TopologyHost } from "../plan/types.ts";
import { topologySchema, userRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, toBytes } from "./effects.ts";

/**
 * `--on-deployment`: a run on the hosts that another one kept. It gets a deployment of its own that is made of them,
 * works below a root of its own there, and gives them back as it found them.
 */
export interface Lender {
  readonly runId: string;
  readonly deploymentId: string;
}

export interface Borrower {
  readonly runId: string;
  readonly deploymentId: string;
}

/**
 * Takes a kept deployment for one run at a time and gives the topology that is made of it.
 *
 * @throws FailureError class invalid, when it is in use, closed, or has not the hosts that the plan asks for
 */
export async function borrowHosts(
  lender: Lender,
  borrower: Borrower,
  deployment: PlannedDeployment,
  fx: Pick<FlowEffects, "store">,
): Promise<Topology> {
  const lent = await readLendable(lender, fx);
  const hosts = matchHosts(lent, deployment, lender);
  await takeForUse(lender, borrower, fx);
  return {
    schema: "reprise/topology@1",
    deployment: deployment.name,
    deploymentId: borrower.deploymentId,
    round: lent.round,
    hosts,
    lender,
  };
}

/** The topology of a deployment that is still up. */
export async function readLendable(lender: Lender, fx: Pick<FlowEffects, "store">): Promise<Topology> {
  const keys = deploymentKeys(lender.runId, lender.deploymentId);
  const topology = await readRecord(fx.store, keys.topology, topologySchema);
  if (topology === undefined || topology.value.lender !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${lender.deploymentId} has no hosts of its own`,
      hint: "`reprise run --keep` leaves a deployment up",
    });
  }
  if ((await fx.store.head(keys.closed)) !== undefined)
    throw new FailureError({ class: "invalid", message: `${lender.deploymentId} was taken down` });
  return topology.value;
}

/** The lender's hosts under the names that the plan has for them; machine types and images must be the same. */
export function matchHosts(lent: Topology, deployment: PlannedDeployment, lender: Lender): TopologyHost[] {
  return deployment.hosts.map((planned) => {
    const host = lent.hosts.find((h) => h.name === planned.name && h.role === planned.role && h.lane === planned.lane);
    const differs =
      host === undefined
        ? `it has no host ${planned.name}`
        : host.provider !== planned.provider
          ? `${planned.name} is on ${host.provider}, not on ${planned.provider}`
          : host.machineType !== planned.shape.type
            ? `${planned.name} is a ${host.machineType}, not a ${planned.shape.type}`
            : ![host.image, host.plannedImage].includes(planned.shape.image)
              ? `${planned.name} runs ${host.plannedImage ?? host.image}, not ${planned.shape.image}`
              : undefined;
    if (host === undefined || differs !== undefined) {
      throw new FailureError({
        class: "invalid",
        message: `${lender.deploymentId} does not fit deployment ${deployment.name}: ${differs ?? ""}`,
        hint: `it has ${lent.hosts.map((h) => h.name).join(", ")}`,
      });
    }
    return { ...host, labels: [...planned.labels], loginRunId: host.loginRunId ?? lender.runId };
  });
}

/** The run that uses a kept deployment now, or undefined. */
export async function userOf(lender: Lender, fx: Pick<FlowEffects, "store">): Promise<string | undefined> {
  const known = await readRecord(fx.store, deploymentKeys(lender.runId, lender.deploymentId).user, userRecordSchema);
  if (known === undefined || known.value.runId === null || known.value.deploymentId === null) return undefined;
  const { receipt } = deploymentKeys(known.value.runId, known.value.deploymentId);
  return (await fx.store.head(receipt)) === undefined ? known.value.runId : undefined;
}

async function takeForUse(lender: Lender, borrower: Borrower, fx: Pick<FlowEffects, "store">): Promise<void> {
  const key = deploymentKeys(lender.runId, lender.deploymentId).user;
  const mine = toBytes(borrower);
  for (let tries = 0; tries < 5; tries++) {
    const known = await readRecord(fx.store, key, userRecordSchema);
    if (known?.value.deploymentId === borrower.deploymentId) return;
    if (known === undefined) {
      if ((await fx.store.putIfAbsent(key, mine, borrower.deploymentId)) !== "other") return;
      continue;
    }
    const user = await userOf(lender, fx);
    if (user !== undefined) {
      throw new FailureError({
        class: "invalid",
        message: `${lender.deploymentId} is in use by ${user}`,
        hint: `\`reprise stop ${user}\`, or wait until it is done`,
      });
    }
    if ((await fx.store.replace(key, mine, known.etag)) !== "conflict") return;
  }
  throw new FailureError({ class: "throttled", message: `${key} is being changed by others` });
}

/** Lets another run have the hosts; asked again, or by somebody else, it changes nothing. */
export async function giveBack(lender: Lender, borrower: Borrower, fx: Pick<FlowEffects, "store">): Promise<void> {
  const key = deploymentKeys(lender.runId, lender.deploymentId).user;
  const known = await readRecord(fx.store, key, userRecordSchema);
  if (known?.value.deploymentId !== borrower.deploymentId) return;
  await fx.store.replace(key, toBytes({ runId: null, deploymentId: null }), known.etag);
}
