import type { ImageReference } from "@azure/arm-compute";
import { FailureError } from "../../core/errors/failure.ts";

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
