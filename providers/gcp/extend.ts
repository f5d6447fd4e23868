import { forEachBounded } from "../../core/flow/fan-out.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { DeploymentId, Place } from "../../core/ports/provider.ts";
import { expiryTag } from "../cloud/identity-tags.ts";
import type { ComputeApi } from "./compute-api.ts";
import { GoogleRefusal, isMissing, toFailureError } from "./errors.ts";
import { metadataKeys } from "./instance-body.ts";
import { instancePath, isBeingDeleted, takeSnapshot } from "./snapshot.ts";
import { Instance, timeOf } from "./wire.ts";

/** Somebody else may change labels or metadata at the same time; then they are read again. */
const tries = 3;

/**
 * Renews the lease of every machine: its label, for the reaper, and its metadata, from where the host itself takes it.
 *
 * Names of firewalls and networks can't change, and disks go with their machines: `sweep` gives all of them the latest
 * expiry of the deployment. Google's own timer can't be moved either (see `terminationOf`).
 *
 * @throws FailureError class invalid, when Google deletes a machine before `expiresAt`; renewed until then it is anyway
 */
export async function extendLeases(
  deployment: DeploymentId,
  place: Place,
  expiresAt: number,
  api: ComputeApi,
): Promise<void> {
  const snapshot = await takeSnapshot(deployment, place, api);
  const living = snapshot.instances.filter((instance) => !isBeingDeleted(snapshot, instancePath(instance)));
  await forEachBounded(living, 8, async (instance) => {
    const endsAt = timeOf(instance.scheduling.terminationTime);
    await renew(instance, Math.min(expiresAt, endsAt ?? expiresAt), api);
  });
  const ends = living.flatMap((instance) => timeOf(instance.scheduling.terminationTime) ?? []);
  const first = Math.min(...ends);
  if (first < expiresAt)
    throw new FailureError({
      class: "invalid",
      message: `Google deletes hosts of ${deployment} at ${new Date(first).toISOString()}, and lets nobody change that while they run`,
      hint: "give their roles the option `gcp: {maxLifetimeHours: …}` and make them anew",
    });
}

async function renew(instance: Instance, expiresAt: number, api: ComputeApi): Promise<void> {
  const path = instancePath(instance);
  const tag = expiryTag(expiresAt);
  const value = String(Math.ceil(expiresAt / 1000));
  await changeRead(instance, api, (now) => {
    if (Object.entries(tag).every(([key, text]) => now.labels[key] === text)) return undefined;
    const body = { labels: { ...now.labels, ...tag }, labelFingerprint: now.labelFingerprint ?? "" };
    return api.change("POST", `${path}/setLabels`, body);
  });
  await changeRead(instance, api, (now) => {
    const { items, fingerprint } = now.metadata;
    if (items.some((item) => item.key === metadataKeys.expiresAt && item.value === value)) return undefined;
    const others = items.filter((item) => item.key !== metadataKeys.expiresAt);
    const body = { fingerprint: fingerprint ?? "", items: [...others, { key: metadataKeys.expiresAt, value }] };
    return api.change("POST", `${path}/setMetadata`, body);
  });
}

/** Changes by what was read, and reads again when that was too old. A machine that has gone meanwhile is no failure. */
async function changeRead(
  instance: Instance,
  api: ComputeApi,
  change: (now: Instance) => Promise<unknown> | undefined,
): Promise<void> {
  const path = instancePath(instance);
  let now: Instance | undefined = instance;
  for (let attempt = 1; now !== undefined; attempt++) {
    try {
      await change(now);
      return;
    } catch (error) {
      if (isMissing(error)) return;
      const isStale = error instanceof GoogleRefusal && error.reason === "conditionNotMet";
      if (!isStale || attempt >= tries) throw toFailureError(error, `renew the lease of ${path}`);
    }
    now = await api.get(path, Instance);
  }
}
