import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import { isSame } from "./kind.ts";
import type { ArmKind } from "./kind.ts";
import { types } from "./network.ts";
import type { ArmResource, Subscription } from "./subscription.ts";
import { VmBody } from "./vm-body.ts";

export const placementType = "Microsoft.Compute/proximityPlacementGroups";

const Body = z.strictObject({
  zones: z.array(z.string()).max(1).optional(),
  properties: z
    .strictObject({
      proximityPlacementGroupType: z.literal("Standard").default("Standard"),
      intent: z.strictObject({ vmSizes: z.array(z.string()) }).optional(),
    })
    .default({ proximityPlacementGroupType: "Standard" }),
});

export const placementKind: ArmKind = {
  type: placementType,
  apiVersion: "2026-03-01",
  name: /^[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9_])?$/i,
  isSynchronous: true,
  busyCode: "Conflict",
  body: Body,
  properties: (resource, subscription) => ({
    ...Body.parse(resource.body).properties,
    virtualMachines: members(resource, subscription).map((vm) => ({ id: vm.id })),
  }),
  beside: (resource) => ({ zones: Body.parse(resource.body).zones }),
  canDelete: (resource, subscription) => {
    const [member] = members(resource, subscription);
    if (member !== undefined)
      throw new CloudError(
        409,
        "OperationNotAllowed",
        `Proximity placement group '${resource.name}' cannot be deleted. Before deleting it please ensure that it does not contain any VM.`,
      );
  },
};

const members = (group: ArmResource, subscription: Subscription): ArmResource[] =>
  subscription
    .ofType(types.vm)
    .filter((vm) => isSame(VmBody.parse(vm.body).properties.proximityPlacementGroup?.id, group.id));
