import type { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import type { ArmResource, Subscription } from "./subscription.ts";

/** How one resource type behaves; what all types share is in `resources.ts`. */
export interface ArmKind {
  /** `Microsoft.Network/virtualNetworks/subnets` */
  readonly type: string;
  readonly apiVersion: string;
  readonly name: RegExp;
  /** Children live in their parent's path, have no location and no tags, and aren't listed as resources. */
  readonly isChild?: boolean;
  /** Done at once, without an operation to poll. */
  readonly isSynchronous?: boolean;
  /** The body without `tags` and `location`; strict, so that nothing goes unnoticed, and the same again when parsed again. */
  readonly body: z.ZodType<WireObject>;
  /** The code for a second write while one runs. */
  readonly busyCode: "AnotherOperationInProgress" | "Conflict";
  /** Looks at everything that a PUT refers to. Nothing has changed yet when it throws. */
  readonly check?: (put: Put) => void;
  /** The body to keep: what was asked for, with what the cloud decides (addresses) filled in. */
  readonly complete?: (put: Put) => WireObject;
  /** Children that the body holds. */
  readonly onWritten?: (put: Put, resource: ArmResource) => void;
  /** The first property that a later PUT may not change, for the error message. */
  readonly immutable?: (before: WireObject, after: WireObject) => string | undefined;
  readonly properties: (resource: ArmResource, subscription: Subscription) => WireObject;
  /** What stands beside `properties` in an answer: sku, zones. */
  readonly beside?: (resource: ArmResource) => WireObject;
  /** @throws CloudError when something still uses it */
  readonly canDelete?: (resource: ArmResource, subscription: Subscription) => void;
  readonly onDeleted?: (resource: ArmResource, subscription: Subscription) => void;
}

export interface Put {
  readonly subscription: Subscription;
  readonly id: string;
  readonly name: string;
  readonly group: string;
  readonly location: string | undefined;
  readonly body: WireObject;
  readonly existing: ArmResource | undefined;
}

/** A resource that a PUT refers to: there, of the right type and place, and ready. */
export function needReferenced(put: Put, id: string, type: string): ArmResource {
  const found = put.subscription.find(id);
  if (found?.type.toLowerCase() !== type.toLowerCase())
    throw new CloudError(
      400,
      "InvalidResourceReference",
      `Resource ${id} referenced by resource ${put.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
    );
  if (found.location !== undefined && put.location !== undefined && found.location !== put.location)
    throw new CloudError(
      400,
      "InvalidResourceReference",
      `Resource ${id} referenced by resource ${put.id} was not found in region ${put.location}.`,
    );
  if (found.state !== "Succeeded" && found.state !== "Updating")
    throw new CloudError(
      409,
      "ReferencedResourceNotProvisioned",
      `Cannot proceed with operation because resource ${id} used by resource ${put.id} is not in Succeeded state. Resource is in ${found.state} state and the last operation that updated/is updating the resource is PutOperation.`,
    );
  return found;
}

export const isSame = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase();

/** The resource that a child's id lies under. */
export const parentId = (id: string): string => id.split("/").slice(0, -2).join("/");
