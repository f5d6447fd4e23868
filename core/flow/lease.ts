import { deploymentKeys } from "../names/keys.ts";
import type { Topology } from "../plan/types.ts";
import { leaseRecordSchema, roundRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, toBytes } from "./effects.ts";

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
  const neededUntil = fx.clock.now() + neededMs + slackMs;
  if (expiresAt >= neededUntil) return;
  const until = neededUntil + neededMs + slackMs;
  const places = new Map(topology.hosts.map((host) => [`${host.provider} ${JSON.stringify(host.place)}`, host]));
  for (const { provider, place } of places.values())
    await fx.provider(provider).extend(owner.deploymentId, place, until);
  const body = toBytes({ expiresAt: until });
  if (lease === undefined) await fx.store.putIfAbsent(keys.lease, body, "lease");
  else await fx.store.replace(keys.lease, body, lease.etag); // a rival wrote as late an end
}
