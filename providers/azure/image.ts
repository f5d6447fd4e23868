import type { ImageReference } from "@azure/arm-compute";
import { FailureError } from "../../core/errors/failure.ts";
import type { Place } from "../../core/ports/provider.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { canonicalRegion } from "./regions.ts";

/**
 * An image as Azure refers to it.
 *
 * @param image `publisher:offer:sku:version`, or the id of an image or gallery image (`/subscriptions/…`,
 *   `/CommunityGalleries/…`, `/SharedGalleries/…`)
 * @throws {FailureError} class invalid
 */
export function imageReference(image: string): ImageReference {
  if (/^\/subscriptions\//i.test(image)) return { id: image };
  if (/^\/CommunityGalleries\//i.test(image)) return { communityGalleryImageId: image };
  if (/^\/SharedGalleries\//i.test(image)) return { sharedGalleryImageId: image };
  const [publisher = "", offer = "", sku = "", version = "", ...rest] = image.split(":");
  if ([publisher, offer, sku, version].some((part) => part === "") || rest.length > 0) {
    throw new FailureError({
      class: "invalid",
      message: `not an image of Azure's: ${JSON.stringify(image)}`,
      hint: "publisher:offer:sku:version, as `az vm image list` prints it, or a resource id",
    });
  }
  return { publisher, offer, sku, version };
}

/** The same back, with the version that "latest" stood for. */
export function describeImage(reference: ImageReference | undefined): string | undefined {
  if (reference === undefined) return undefined;
  const id = reference.id ?? reference.communityGalleryImageId ?? reference.sharedGalleryImageId;
  if (id !== undefined) return id;
  const { publisher, offer, sku, exactVersion, version } = reference;
  return [publisher, offer, sku, exactVersion ?? version].join(":");
}

/**
 * The image with the newest version in place of `latest`. One that says its version, or lies in a gallery, comes back as it is.
 *
 * @throws {FailureError} class invalid, where the place has no such image
 */
export async function exactImage(
  { compute }: AzureClients,
  session: ArmSession,
  place: Place,
  image: string,
): Promise<string> {
  const { publisher, offer, sku, version } = imageReference(image);
  if (publisher === undefined || offer === undefined || sku === undefined || version !== "latest") return image;
  const region = canonicalRegion(place.region);
  const found = await session.find(`image ${image} in ${region}`, (options) =>
    compute.virtualMachineImages.list(region, publisher, offer, sku, options),
  );
  const newest = (found ?? [])
    .map(({ name }) => name)
    .sort(byNumbers)
    .at(-1);
  if (newest === undefined)
    throw new FailureError({
      class: "invalid",
      message: `Azure has no image "${image}" in ${region}`,
      hint: "`az vm image list --all --publisher …` prints those that there are",
    });
  return [publisher, offer, sku, newest].join(":");
}

/** `1.2.9` before `1.2.10`. */
function byNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (const [index, part] of (left ?? []).entries()) {
    const difference = part - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return (left?.length ?? 0) - (right?.length ?? 0);
}
