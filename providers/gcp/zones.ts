import { createHash } from "node:crypto";
import type { Failure } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { Intent, MachineShape, Place } from "../../core/ports/provider.ts";
import type { ComputeApi } from "./compute-api.ts";
import { lastPart, MachineType, Region } from "./wire.ts";

/** `us-central1-a`, whether the place names its zone in full or by its letter. */
export const zoneName = (place: Place): string | undefined =>
  place.zone === undefined || place.zone.includes("-") ? place.zone : `${place.region}-${place.zone}`;

/** All zones that a place may mean: its own, or those of its region. */
export async function zonesIn(place: Place, api: ComputeApi): Promise<readonly string[]> {
  const zone = zoneName(place);
  if (zone !== undefined) return [zone];
  const region = await api.get(`regions/${place.region}`, Region);
  if (region === undefined)
    throw new FailureError({ class: "invalid", message: `Google has no region "${place.region}"` });
  return region.zones.map(lastPart).sort();
}

/**
 * Google makes machines in zones. Where only a region is named, one zone is chosen for the whole deployment, by hashing:
 * whoever asks again for the same round gets the same zone, without anything written down.
 */
export async function chooseZone(
  intent: Pick<Intent, "place" | "deployment" | "round">,
  shapes: readonly MachineShape[],
  api: ComputeApi,
): Promise<string | Failure> {
  const zone = zoneName(intent.place);
  if (zone !== undefined) return zone;
  const zones = await zonesIn(intent.place, api);
  const first = createHash("sha256").update(`${intent.deployment} ${intent.round}`).digest().readUInt32BE(0);
  const types = [...new Set(shapes.map((shape) => shape.type))];
  for (let i = 0; i < zones.length; i++) {
    const candidate = zones[(first + i) % zones.length];
    if (candidate !== undefined && (await offersAll(candidate, types, api))) return candidate;
  }
  return {
    class: "capacity",
    message: `no zone of ${intent.place.region} has ${types.join(" and ")}`,
    hint: "`gcloud compute machine-types list` shows where a type is offered",
  };
}

async function offersAll(zone: string, types: readonly string[], api: ComputeApi): Promise<boolean> {
  const found = await Promise.all(types.map((type) => api.get(`zones/${zone}/machineTypes/${type}`, MachineType)));
  return !found.includes(undefined);
}
