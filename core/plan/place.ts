import { FailureError } from "../errors/failure.ts";
import type { Place } from "../ports/provider.ts";
import { suggest } from "../definition/nearest-name.ts";
import { providerNames } from "../definition/read-definition.ts";
import type { PlaceSpec } from "../definition/schema.ts";

/**
 * Reads a region or zone in the cloud's own words.
 *
 * `eu-west-1a` and `us-west1-b` are zones of `eu-west-1` and `us-west1`; Azure's zones have no name of their own and
 * are written behind the region: `westus2/2`. That form works for every provider.
 */
export function readPlace(provider: string, place: PlaceSpec): Place {
  if (typeof place !== "string") return { region: place.region, zone: place.zone };
  const [region = "", zone] = place.split("/", 2);
  if (zone !== undefined) return { region, zone };
  const aws = provider === "aws" ? /^([a-z]{2}(?:-[a-z]+)+-\d+)[a-z]$/.exec(place) : null;
  if (aws?.[1] !== undefined) return { region: aws[1], zone: place };
  const gcp = provider === "gcp" ? /^([a-z]+-[a-z]+\d+)-[a-z]$/.exec(place) : null;
  if (gcp?.[1] !== undefined) return { region: gcp[1], zone: place };
  return { region: place, zone: undefined };
}

/** What `--on` says: a provider, and where it is to be tried, in order; no places: the usual ones. */
export interface OnProvider {
  readonly provider: string;
  readonly places: readonly Place[];
}

/**
 * Reads `aws`, `gcp:us-west1-b` or `aws:eu-west-1b,eu-west-1c,us-east-2`.
 *
 * @throws FailureError class invalid
 */
export function readOn(text: string): OnProvider {
  const [provider = "", places] = text.split(/:(.*)/s, 2);
  const named = places?.split(",").map((place) => place.trim());
  if (!/^[a-z][a-z0-9-]*$/.test(provider) || named?.includes("") === true) {
    throw new FailureError({
      class: "invalid",
      message: `--on "${text}" is no provider`,
      hint: "a provider, or a provider and its places in order: aws, gcp:us-west1-b, azure:westus2/2,eastus",
    });
  }
  if (!providerNames.some((known) => known === provider)) {
    throw new FailureError({
      class: "invalid",
      message: `--on "${text}" is no provider`,
      hint: suggest(
        provider,
        providerNames.filter((known) => known !== "sim"),
      ),
    });
  }
  return { provider, places: (named ?? []).map((place) => readPlace(provider, place)) };
}

/** Clouds have regions and cost money; the other providers are where they are. */
export const isCloudProvider = (provider: string): boolean => !["local", "hosts", "sim"].includes(provider);
