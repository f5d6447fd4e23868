import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { ArmKind } from "./kind.ts";
import type { ArmResource } from "./subscription.ts";
import { diskType } from "./vm.ts";

const Body = z.strictObject({
  sku: z
    .strictObject({ name: z.string(), tier: z.string().optional() })
    .default({ name: "Premium_LRS", tier: "Premium" }),
  zones: z.array(z.string()).max(1).optional(),
  properties: z.strictObject({
    osType: z.literal("Linux").optional(),
    diskSizeGB: z.int(),
    creationData: z.strictObject({ createOption: z.enum(["Empty", "FromImage"]) }),
  }),
});

/** Managed disks, which mostly come and go with machines. Their api-version has no type graph to be held against. */
export const diskKind = (ownerOf: (disk: ArmResource) => ArmResource | undefined): ArmKind => ({
  type: diskType,
  apiVersion: "2025-01-02",
  name: /^[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9_])?$/i,
  busyCode: "Conflict",
  body: Body,
  check: (put) => {
    if (put.existing === undefined && Body.parse(put.body).properties.creationData.createOption !== "Empty")
      throw new CloudError(400, "InvalidParameter", "Only empty disks can be made on their own here.");
  },
  properties: (disk) => ({
    ...Body.parse(disk.body).properties,
    provisioningState: disk.state,
    diskState: ownerOf(disk) === undefined ? "Unattached" : "Attached",
    timeCreated: new Date(disk.createdAtMs).toISOString(),
    uniqueId: disk.guid,
  }),
  beside: (disk) => {
    const { sku, zones } = Body.parse(disk.body);
    return { sku, zones, managedBy: ownerOf(disk)?.id };
  },
  canDelete: (disk) => {
    const owner = ownerOf(disk);
    if (owner !== undefined)
      throw new CloudError(409, "OperationNotAllowed", `Disk ${disk.name} is attached to VM ${owner.id}.`);
  },
});
