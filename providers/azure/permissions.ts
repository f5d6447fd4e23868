/** As `az role definition create --role-definition @file` takes it. */
export interface RoleDefinition {
  readonly Name: string;
  readonly Description: string;
  readonly IsCustom: true;
  readonly Actions: readonly string[];
  readonly NotActions: readonly string[];
  readonly AssignableScopes: readonly string[];
}

const all = (type: string): string[] => [`${type}/read`, `${type}/write`, `${type}/delete`];

/**
 * The least that whoever drives Azure needs, on a subscription: groups come and go, so nothing narrower holds them.
 *
 * A role can't be held to groups of ours alone; a subscription of its own keeps everything else out of reach.
 *
 * @param options.identities whether machines are given managed identities
 * @see https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
 */
export const azureRole = (subscriptionId: string, options: { readonly identities?: boolean } = {}): RoleDefinition => ({
  Name: "reprise",
  Description: "Makes and deletes resource groups with networks and virtual machines for benchmarks",
  IsCustom: true,
  Actions: [
    ...all("Microsoft.Resources/subscriptions/resourceGroups"),
    "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
    "Microsoft.Resources/subscriptions/resources/read",
    "Microsoft.Resources/subscriptions/operationresults/read",
    "Microsoft.Resources/tags/read",
    "Microsoft.Resources/tags/write",
    ...all("Microsoft.Network/virtualNetworks"),
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/write",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.Network/virtualNetworks/peer/action",
    ...all("Microsoft.Network/virtualNetworks/virtualNetworkPeerings"),
    ...all("Microsoft.Network/networkSecurityGroups"),
    "Microsoft.Network/networkSecurityGroups/join/action",
    ...all("Microsoft.Network/networkSecurityGroups/securityRules"),
    ...all("Microsoft.Network/publicIPAddresses"),
    "Microsoft.Network/publicIPAddresses/join/action",
    ...all("Microsoft.Network/networkInterfaces"),
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Network/locations/operations/read",
    "Microsoft.Network/locations/usages/read",
    ...all("Microsoft.Compute/virtualMachines"),
    "Microsoft.Compute/virtualMachines/instanceView/read",
    ...all("Microsoft.Compute/disks"),
    ...all("Microsoft.Compute/proximityPlacementGroups"),
    "Microsoft.Compute/locations/operations/read",
    "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read",
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Compute/skus/read",
    ...(options.identities === true ? ["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"] : []),
  ],
  NotActions: [],
  AssignableScopes: [`/subscriptions/${subscriptionId}`],
});

/** What the identity needs with which machines delete themselves: the machine, and what goes with it. */
export const azureSelfDeletionRole = (subscriptionId: string): RoleDefinition => ({
  Name: "reprise machine that deletes itself",
  Description: "Deletes virtual machines with their disks, interfaces and addresses",
  IsCustom: true,
  Actions: [
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Network/networkInterfaces/delete",
    "Microsoft.Network/publicIPAddresses/delete",
  ],
  NotActions: [],
  AssignableScopes: [`/subscriptions/${subscriptionId}`],
});
