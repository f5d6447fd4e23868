import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { isSame, needReferenced, parentId } from "./kind.ts";
import type { ArmKind, Put } from "./kind.ts";
import type { ArmResource, Subscription } from "./subscription.ts";

const apiVersion = "2025-05-01";
/** The SDK writes a reference to a whole resource with empty `properties` beside the id. */
const Reference = z
  .strictObject({ id: z.string(), properties: z.strictObject({}).optional() })
  .transform(({ id }) => ({ id }));
const AddressSpace = z.strictObject({ addressPrefixes: z.array(z.string()).min(1) });
/** 1 to 80 letters, digits, `_`, `.`, `-`; starts with a letter or digit and doesn't end in `.` or `-`. */
const name = /^[a-z0-9]([a-z0-9_.-]{0,78}[a-z0-9_])?$/i;

export const types = {
  vnet: "Microsoft.Network/virtualNetworks",
  subnet: "Microsoft.Network/virtualNetworks/subnets",
  peering: "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
  nsg: "Microsoft.Network/networkSecurityGroups",
  rule: "Microsoft.Network/networkSecurityGroups/securityRules",
  publicIp: "Microsoft.Network/publicIPAddresses",
  nic: "Microsoft.Network/networkInterfaces",
  vm: "Microsoft.Compute/virtualMachines",
} as const;

const SubnetProperties = z.strictObject({
  addressPrefix: z.string(),
  networkSecurityGroup: Reference.optional(),
  defaultOutboundAccess: z.boolean().optional(),
});
const Subnet = z.strictObject({ properties: SubnetProperties });
const readSubnet = (subnet: ArmResource) => Subnet.parse(subnet.body).properties;

const Vnet = z.strictObject({
  properties: z.strictObject({
    addressSpace: AddressSpace,
    subnets: z.array(z.strictObject({ name: z.string().regex(name), properties: SubnetProperties })).default([]),
  }),
});

const vnet: ArmKind = {
  type: types.vnet,
  apiVersion,
  name,
  busyCode: "AnotherOperationInProgress",
  body: Vnet,
  check: (put) => {
    const { addressSpace, subnets } = Vnet.parse(put.body).properties;
    for (const prefix of addressSpace.addressPrefixes) parseCidr(prefix);
    for (const subnet of subnets) checkSubnet(put, subnet.properties, addressSpace.addressPrefixes, subnet.name);
    const { existing, subscription } = put;
    if (existing === undefined) return;
    const gone = subscription
      .childrenOf(existing, types.subnet)
      .filter((child) => !subnets.some((s) => isSame(s.name, child.name)));
    for (const child of gone) canDeleteSubnet(child, subscription);
  },
  // A vnet's PUT replaces the list of its subnets.
  onWritten: (put, resource) => {
    const { subscription } = put;
    const { subnets } = Vnet.parse(put.body).properties;
    for (const child of subscription.childrenOf(resource, types.subnet))
      if (!subnets.some((s) => isSame(s.name, child.name))) subscription.remove(child);
    for (const subnet of subnets) {
      const id = `${resource.id}/subnets/${subnet.name}`;
      const body: WireObject = { properties: subnet.properties };
      const existing = subscription.find(id);
      if (existing !== undefined) existing.body = body;
      else subscription.add(child(put, { id, type: types.subnet, name: subnet.name, body }));
    }
  },
  properties: (resource, subscription) => ({
    resourceGuid: resource.guid,
    provisioningState: resource.state,
    addressSpace: Vnet.parse(resource.body).properties.addressSpace,
    subnets: subscription
      .childrenOf(resource, types.subnet)
      .map((s) => childView(s, subnet.properties(s, subscription))),
    virtualNetworkPeerings: subscription
      .childrenOf(resource, types.peering)
      .map((p) => childView(p, peering.properties(p, subscription))),
    enableDdosProtection: false,
  }),
  canDelete: (resource, subscription) => {
    for (const child of subscription.childrenOf(resource, types.subnet)) canDeleteSubnet(child, subscription);
  },
  onDeleted: (resource, subscription) => {
    for (const type of [types.subnet, types.peering])
      for (const child of subscription.childrenOf(resource, type)) subscription.remove(child);
    disconnectPeers(resource, subscription);
  },
};

/** A part of a parent's body that is a resource of its own. */
function child(
  put: Put,
  part: { readonly id: string; readonly type: string; readonly name: string; readonly body: WireObject },
): ArmResource {
  const { subscription, group } = put;
  return {
    ...part,
    group,
    location: undefined,
    tags: undefined,
    state: "Succeeded",
    etag: subscription.newEtag(),
    guid: subscription.world.ids.uuid("azure/guid"),
    createdAtMs: subscription.world.now(),
    listedAtMs: subscription.world.now(),
  };
}

const childView = (resource: ArmResource, properties: WireObject): WireObject => ({
  name: resource.name,
  id: resource.id,
  etag: resource.etag,
  type: resource.type,
  properties,
});

function checkSubnet(
  put: Put,
  properties: z.infer<typeof SubnetProperties>,
  spaces: readonly string[],
  ownName: string,
): void {
  const inside = spaces.some((space) => contains(space, properties.addressPrefix));
  if (!inside)
    throw new CloudError(
      400,
      "NetcfgInvalidSubnet",
      `Subnet '${ownName}' is not valid because its IP address range is outside the IP address range of virtual network.`,
    );
  if (properties.networkSecurityGroup !== undefined) needReferenced(put, properties.networkSecurityGroup.id, types.nsg);
}

const subnet: ArmKind = {
  type: types.subnet,
  apiVersion,
  name,
  isChild: true,
  busyCode: "AnotherOperationInProgress",
  body: Subnet,
  check: (put) => {
    const parent = needParent(put);
    const { properties } = Subnet.parse(put.body);
    checkSubnet(put, properties, Vnet.parse(parent.body).properties.addressSpace.addressPrefixes, put.name);
    const overlaps = put.subscription
      .childrenOf(parent, types.subnet)
      .some((s) => !isSame(s.name, put.name) && overlap(readSubnet(s).addressPrefix, properties.addressPrefix));
    if (overlaps)
      throw new CloudError(
        400,
        "NetcfgSubnetRangesOverlap",
        `Subnet '${put.name}' is not valid because its IP address range overlaps with that of an existing subnet.`,
      );
  },
  properties: (resource, subscription) => {
    const { addressPrefix, networkSecurityGroup } = readSubnet(resource);
    const used = nicsIn(resource, subscription).map((n) => ({
      id: `${n.id}/ipConfigurations/${readNic(n).ipConfigurations[0]?.name ?? ""}`,
    }));
    return {
      provisioningState: resource.state,
      addressPrefix,
      networkSecurityGroup,
      ipConfigurations: used.length === 0 ? undefined : used,
      privateEndpointNetworkPolicies: "Disabled",
      privateLinkServiceNetworkPolicies: "Enabled",
    };
  },
  canDelete: (resource, subscription) => canDeleteSubnet(resource, subscription),
};

function needParent(put: Put): ArmResource {
  const parent = put.subscription.find(parentId(put.id));
  if (parent === undefined)
    throw new CloudError(
      404,
      "ParentResourceNotFound",
      `Failed to perform 'write' on resource '${put.name}', because the parent resource '${parentId(put.id)}' could not be found.`,
    );
  return parent;
}

const nicsIn = (subnetResource: ArmResource, subscription: Subscription): ArmResource[] =>
  subscription
    .ofType(types.nic)
    .filter((n) => readNic(n).ipConfigurations.some((c) => isSame(c.properties.subnet.id, subnetResource.id)));

function canDeleteSubnet(resource: ArmResource, subscription: Subscription): void {
  const [user] = nicsIn(resource, subscription);
  if (user === undefined) return;
  throw new CloudError(
    400,
    "InUseSubnetCannotBeDeleted",
    `Subnet ${resource.name} is in use by ${user.id}/ipConfigurations/${readNic(user).ipConfigurations[0]?.name ?? ""} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.`,
  );
}

const Peering = z.strictObject({
  properties: z.strictObject({
    remoteVirtualNetwork: Reference,
    allowVirtualNetworkAccess: z.boolean().default(true),
    allowForwardedTraffic: z.boolean().default(false),
    allowGatewayTransit: z.literal(false).default(false),
    useRemoteGateways: z.literal(false).default(false),
  }),
});
const readPeering = (p: ArmResource) => Peering.parse(p.body).properties;

/** Two vnets are connected when each has a peering to the other; one alone is `Initiated`. */
const peering: ArmKind = {
  type: types.peering,
  apiVersion,
  name,
  isChild: true,
  busyCode: "AnotherOperationInProgress",
  body: Peering,
  check: (put) => {
    const parent = needParent(put);
    const { remoteVirtualNetwork } = Peering.parse(put.body).properties;
    const remote = needReferenced({ ...put, location: undefined }, remoteVirtualNetwork.id, types.vnet);
    if (isSame(remote.id, parent.id))
      throw new CloudError(400, "InvalidVirtualNetworkPeering", "A virtual network cannot be peered with itself.");
    const clash = spacesOf(parent).some((a) => spacesOf(remote).some((b) => overlap(a, b)));
    if (clash)
      throw new CloudError(
        400,
        "VnetAddressSpacesOverlap",
        `Cannot create or update peering ${put.id}. Virtual networks ${parent.id} and ${remote.id} cannot be peered because their address spaces overlap.`,
      );
  },
  properties: (resource, subscription) => {
    const body = readPeering(resource);
    const remote = subscription.find(body.remoteVirtualNetwork.id);
    const back =
      remote === undefined
        ? undefined
        : subscription
            .childrenOf(remote, types.peering)
            .find((p) => isSame(readPeering(p).remoteVirtualNetwork.id, parentId(resource.id)));
    const space = remote === undefined ? undefined : { addressPrefixes: spacesOf(remote) };
    return {
      resourceGuid: resource.guid,
      provisioningState: resource.state,
      peeringState: remote === undefined ? "Disconnected" : back === undefined ? "Initiated" : "Connected",
      peeringSyncLevel: back === undefined ? "RemoteNotInSync" : "FullyInSync",
      ...body,
      remoteAddressSpace: space,
      remoteVirtualNetworkAddressSpace: space,
    };
  },
};

const spacesOf = (network: ArmResource): string[] => Vnet.parse(network.body).properties.addressSpace.addressPrefixes;

/** Peerings to a vnet that is gone stay, and say `Disconnected`: nothing to do but to leave them. */
function disconnectPeers(resource: ArmResource, subscription: Subscription): void {
  for (const p of subscription.ofType(types.peering))
    if (isSame(readPeering(p).remoteVirtualNetwork.id, resource.id)) p.etag = subscription.newEtag();
}

const RuleProperties = z.strictObject({
  description: z.string().max(140).optional(),
  protocol: z.enum(["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"]),
  sourcePortRange: z.string().optional(),
  sourcePortRanges: z.array(z.string()).optional(),
  destinationPortRange: z.string().optional(),
  destinationPortRanges: z.array(z.string()).optional(),
  sourceAddressPrefix: z.string().optional(),
  sourceAddressPrefixes: z.array(z.string()).optional(),
  destinationAddressPrefix: z.string().optional(),
  destinationAddressPrefixes: z.array(z.string()).optional(),
  access: z.enum(["Allow", "Deny"]),
  priority: z.int().min(100).max(4096),
  direction: z.enum(["Inbound", "Outbound"]),
});
const Rule = z.strictObject({ properties: RuleProperties });
const Nsg = z.strictObject({
  properties: z
    .strictObject({
      securityRules: z.array(z.strictObject({ name: z.string().regex(name), properties: RuleProperties })).default([]),
    })
    .default({ securityRules: [] }),
});

const nsg: ArmKind = {
  type: types.nsg,
  apiVersion,
  name,
  busyCode: "AnotherOperationInProgress",
  body: Nsg,
  check: (put) => {
    const { securityRules } = Nsg.parse(put.body).properties;
    checkPriorities(securityRules.map((r) => ({ name: r.name, ...r.properties })));
  },
  onWritten: (put, resource) => {
    const { subscription } = put;
    const { securityRules } = Nsg.parse(put.body).properties;
    for (const old of subscription.childrenOf(resource, types.rule)) subscription.remove(old);
    for (const r of securityRules)
      subscription.add(
        child(put, {
          id: `${resource.id}/securityRules/${r.name}`,
          type: types.rule,
          name: r.name,
          body: { properties: r.properties },
        }),
      );
  },
  properties: (resource, subscription) => {
    const usedBy = (type: string, uses: (r: ArmResource) => string | undefined): readonly WireObject[] | undefined => {
      const users = subscription.ofType(type).filter((r) => isSame(uses(r), resource.id));
      return users.length === 0 ? undefined : users.map((r) => ({ id: r.id }));
    };
    return {
      provisioningState: resource.state,
      resourceGuid: resource.guid,
      securityRules: subscription
        .childrenOf(resource, types.rule)
        .map((r) => childView(r, ruleKind.properties(r, subscription))),
      defaultSecurityRules: defaultRules(resource),
      networkInterfaces: usedBy(types.nic, (n) => readNic(n).networkSecurityGroup?.id),
      subnets: usedBy(types.subnet, (s) => readSubnet(s).networkSecurityGroup?.id),
    };
  },
  canDelete: (resource, subscription) => {
    const user =
      subscription.ofType(types.nic).find((n) => isSame(readNic(n).networkSecurityGroup?.id, resource.id)) ??
      subscription.ofType(types.subnet).find((s) => isSame(readSubnet(s).networkSecurityGroup?.id, resource.id));
    if (user !== undefined)
      throw new CloudError(
        400,
        "InUseNetworkSecurityGroupCannotBeDeleted",
        `Network security group ${resource.id} cannot be deleted because it is in use by the following resources: ${user.id}. In order to delete the Network security group, remove the association with the resource(s).`,
      );
  },
  onDeleted: (resource, subscription) => {
    for (const r of subscription.childrenOf(resource, types.rule)) subscription.remove(r);
  },
};

function checkPriorities(
  rules: readonly { readonly name: string; readonly direction: string; readonly priority: number }[],
): void {
  const seen = new Map<string, string>();
  for (const r of rules) {
    const key = `${r.direction}/${r.priority}`;
    const other = seen.get(key);
    if (other !== undefined)
      throw new CloudError(
        400,
        "SecurityRuleConflict",
        `Security rule ${r.name} conflicts with rule ${other}. Rules cannot have the same Priority and Direction.`,
      );
    seen.set(key, r.name);
  }
}

const ruleKind: ArmKind = {
  type: types.rule,
  apiVersion,
  name,
  isChild: true,
  busyCode: "AnotherOperationInProgress",
  body: Rule,
  check: (put) => {
    const parent = needParent(put);
    const others = put.subscription
      .childrenOf(parent, types.rule)
      .filter((r) => !isSame(r.name, put.name))
      .map((r) => ({ name: r.name, ...Rule.parse(r.body).properties }));
    checkPriorities([...others, { name: put.name, ...Rule.parse(put.body).properties }]);
  },
  properties: (resource) => ({ provisioningState: resource.state, ...Rule.parse(resource.body).properties }),
};

const defaultRules = (group: ArmResource): WireObject[] =>
  [
    ["AllowVnetInBound", "Inbound", 65000, "VirtualNetwork", "VirtualNetwork", "Allow"],
    ["AllowAzureLoadBalancerInBound", "Inbound", 65001, "AzureLoadBalancer", "*", "Allow"],
    ["DenyAllInBound", "Inbound", 65500, "*", "*", "Deny"],
    ["AllowVnetOutBound", "Outbound", 65000, "VirtualNetwork", "VirtualNetwork", "Allow"],
    ["AllowInternetOutBound", "Outbound", 65001, "*", "Internet", "Allow"],
    ["DenyAllOutBound", "Outbound", 65500, "*", "*", "Deny"],
  ].map(([ruleName, direction, priority, source, destination, access]) => ({
    name: ruleName,
    id: `${group.id}/defaultSecurityRules/${String(ruleName)}`,
    etag: group.etag,
    type: "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
    properties: {
      provisioningState: "Succeeded",
      protocol: "*",
      sourcePortRange: "*",
      destinationPortRange: "*",
      sourceAddressPrefix: source,
      destinationAddressPrefix: destination,
      access,
      priority,
      direction,
    },
  }));

const DeleteOption = z.enum(["Delete", "Detach"]);
const PublicIp = z.strictObject({
  sku: z
    .strictObject({ name: z.enum(["Standard", "Basic"]), tier: z.literal("Regional").default("Regional") })
    .default({ name: "Basic", tier: "Regional" }),
  zones: z.array(z.string()).optional(),
  properties: z.strictObject({
    publicIPAllocationMethod: z.enum(["Static", "Dynamic"]).default("Dynamic"),
    publicIPAddressVersion: z.literal("IPv4").default("IPv4"),
    idleTimeoutInMinutes: z.int().min(4).max(30).default(4),
    deleteOption: DeleteOption.optional(),
    /** Decided by the cloud; kept here so that it stays. */
    ipAddress: z.string().optional(),
  }),
});
export const readPublicIp = (r: ArmResource) => PublicIp.parse(r.body);

const publicIp: ArmKind = {
  type: types.publicIp,
  apiVersion,
  name,
  busyCode: "AnotherOperationInProgress",
  body: PublicIp,
  check: (put) => {
    const { sku, properties } = PublicIp.parse(put.body);
    if (sku.name === "Standard" && properties.publicIPAllocationMethod === "Dynamic")
      throw new CloudError(
        400,
        "StandardSkuPublicIPAddressesMustBeStatic",
        `Standard sku publicIp ${put.id} must have static AllocationMethod.`,
      );
    if (sku.name === "Basic")
      throw new CloudError(
        400,
        "IPv4BasicSkuPublicIpCountLimitReached",
        "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region.",
      );
    const { subscription, existing, location } = put;
    const here = subscription.ofType(types.publicIp).filter((p) => p.location === location).length;
    if (existing === undefined && here >= subscription.quotas.publicIps)
      throw new CloudError(
        400,
        "PublicIPCountLimitReached",
        `Cannot create more than ${subscription.quotas.publicIps} public IP addresses for this subscription in this region.`,
      );
  },
  complete: (put) => {
    const body = PublicIp.parse(put.body);
    const kept = put.existing === undefined ? undefined : readPublicIp(put.existing).properties.ipAddress;
    const ipAddress = kept ?? put.subscription.world.publicIp("azure");
    return { ...body, properties: { ...body.properties, ipAddress } };
  },
  immutable: (before, after) =>
    PublicIp.parse(before).sku.name === PublicIp.parse(after).sku.name ? undefined : "sku.name",
  properties: (resource, subscription) => {
    const user = nicUsing(resource, subscription);
    return {
      provisioningState: resource.state,
      resourceGuid: resource.guid,
      ...readPublicIp(resource).properties,
      ipConfiguration:
        user === undefined
          ? undefined
          : { id: `${user.id}/ipConfigurations/${readNic(user).ipConfigurations[0]?.name ?? ""}` },
    };
  },
  beside: (resource) => ({ sku: readPublicIp(resource).sku, zones: readPublicIp(resource).zones }),
  canDelete: (resource, subscription) => {
    const user = nicUsing(resource, subscription);
    if (user !== undefined)
      throw new CloudError(
        400,
        "PublicIPAddressCannotBeDeleted",
        `Public IP address ${resource.id} can not be deleted since it is still allocated to resource ${user.id}/ipConfigurations/${readNic(user).ipConfigurations[0]?.name ?? ""}. In order to delete the public IP, disassociate/detach the Public IP address from the resource.`,
      );
  },
};

const nicUsing = (ip: ArmResource, subscription: Subscription): ArmResource | undefined =>
  subscription
    .ofType(types.nic)
    .find((n) => readNic(n).ipConfigurations.some((c) => isSame(c.properties.publicIPAddress?.id, ip.id)));

const Nic = z.strictObject({
  properties: z.strictObject({
    ipConfigurations: z
      .array(
        z.strictObject({
          name: z.string(),
          properties: z.strictObject({
            subnet: Reference,
            privateIPAllocationMethod: z.literal("Dynamic").default("Dynamic"),
            privateIPAddressVersion: z.literal("IPv4").default("IPv4"),
            primary: z.literal(true).default(true),
            publicIPAddress: z
              .strictObject({
                id: z.string(),
                properties: z.strictObject({ deleteOption: DeleteOption.optional() }).optional(),
              })
              .optional(),
            /** Decided by the cloud. */
            privateIPAddress: z.string().optional(),
          }),
        }),
      )
      .length(1),
    networkSecurityGroup: Reference.optional(),
    enableAcceleratedNetworking: z.boolean().default(false),
    enableIPForwarding: z.boolean().default(false),
  }),
});
export const readNic = (r: ArmResource) => Nic.parse(r.body).properties;

/** Kept by the VM type: which VM has a NIC, and until when one that it lost stays reserved for it. */
export interface NicHolders {
  readonly vmOf: (nic: ArmResource) => ArmResource | undefined;
  readonly reservation: (nic: ArmResource) => { readonly vmId: string; readonly untilMs: number } | undefined;
}

const nicKind = (holders: NicHolders): ArmKind => ({
  type: types.nic,
  apiVersion,
  name,
  busyCode: "AnotherOperationInProgress",
  body: Nic,
  check: (put) => {
    const { ipConfigurations, networkSecurityGroup } = Nic.parse(put.body).properties;
    if (networkSecurityGroup !== undefined) needReferenced(put, networkSecurityGroup.id, types.nsg);
    for (const { properties: config } of ipConfigurations) {
      const inside = needReferenced(put, config.subnet.id, types.subnet);
      const parent = put.subscription.find(parentId(inside.id));
      if (parent?.location !== put.location)
        throw new CloudError(
          400,
          "InvalidResourceReference",
          `Resource ${inside.id} referenced by resource ${put.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
        );
      const ipId = config.publicIPAddress?.id;
      if (ipId === undefined) continue;
      const user = nicUsing(needReferenced(put, ipId, types.publicIp), put.subscription);
      if (user !== undefined && !isSame(user.id, put.id))
        throw new CloudError(
          400,
          "PublicIPAddressInUse",
          `Resource ${put.id} is referencing public IP address ${ipId} that is already allocated to resource ${user.id}.`,
        );
    }
  },
  complete: (put) => {
    const { properties } = Nic.parse(put.body);
    const before = put.existing === undefined ? undefined : readNic(put.existing).ipConfigurations[0];
    const ipConfigurations = properties.ipConfigurations.map((config) => {
      const stays = isSame(before?.properties.subnet.id, config.properties.subnet.id);
      const privateIPAddress =
        (stays ? before?.properties.privateIPAddress : undefined) ??
        freeAddress(put.subscription, config.properties.subnet.id);
      return { ...config, properties: { ...config.properties, privateIPAddress } };
    });
    return { properties: { ...properties, ipConfigurations } };
  },
  properties: (resource) => {
    const body = readNic(resource);
    const vm = holders.vmOf(resource);
    return {
      provisioningState: resource.state,
      resourceGuid: resource.guid,
      ipConfigurations: body.ipConfigurations.map((config) => ({
        name: config.name,
        id: `${resource.id}/ipConfigurations/${config.name}`,
        etag: resource.etag,
        type: "Microsoft.Network/networkInterfaces/ipConfigurations",
        properties: { provisioningState: resource.state, ...config.properties },
      })),
      dnsSettings: { dnsServers: [], appliedDnsServers: [] },
      macAddress: vm === undefined ? undefined : macOf(resource.guid),
      enableAcceleratedNetworking: body.enableAcceleratedNetworking,
      enableIPForwarding: body.enableIPForwarding,
      vnetEncryptionSupported: false,
      networkSecurityGroup: body.networkSecurityGroup,
      primary: vm === undefined ? undefined : true,
      virtualMachine: vm === undefined ? undefined : { id: vm.id },
      hostedWorkloads: [],
    };
  },
  canDelete: (resource, subscription) => {
    const vm = holders.vmOf(resource);
    if (vm !== undefined)
      throw new CloudError(
        400,
        "NicInUse",
        `Network Interface ${resource.id} is used by existing resource ${vm.id}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.`,
      );
    const held = holders.reservation(resource);
    if (held !== undefined && held.untilMs > subscription.world.now()) throw nicReserved(resource, held.vmId);
  },
});

export const nicReserved = (nic: ArmResource, vmId: string): CloudError =>
  new CloudError(
    400,
    "NicReservedForAnotherVm",
    `Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or retry after 180 seconds. Reserved VM: ${vmId} Nic: ${nic.id}`,
  );

const macOf = (guid: string): string =>
  `00-0D-3A-${guid.slice(0, 2)}-${guid.slice(2, 4)}-${guid.slice(4, 6)}`.toUpperCase();

/** The subnet's first address that nobody has; Azure keeps the first four and the last for itself. */
function freeAddress(subscription: Subscription, subnetId: string): string {
  const inside = subscription.find(subnetId);
  const { base, size } = parseCidr(inside === undefined ? "10.0.0.0/24" : readSubnet(inside).addressPrefix);
  const taken = new Set(
    subscription.ofType(types.nic).flatMap((n) =>
      readNic(n)
        .ipConfigurations.filter((c) => isSame(c.properties.subnet.id, subnetId))
        .map((c) => c.properties.privateIPAddress),
    ),
  );
  for (let n = base + 4; n < base + size - 1; n++) if (!taken.has(dotted(n))) return dotted(n);
  throw new CloudError(
    400,
    "SubnetIsFull",
    `Subnet ${subnetId} with address prefix does not have enough capacity for 1 IP addresses.`,
  );
}

interface Cidr {
  readonly base: number;
  readonly size: number;
}
/** @throws {CloudError} InvalidCIDRNotation, also for bits beyond the prefix */
function parseCidr(text: string): Cidr {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = match?.slice(1).map(Number) ?? [];
  const size = 2 ** (32 - bits);
  const base = ((a * 256 + b) * 256 + c) * 256 + d;
  if (Math.max(a, b, c, d) > 255 || bits > 32 || base % size !== 0)
    throw new CloudError(400, "InvalidCIDRNotation", `The address prefix ${text} has an invalid CIDR notation.`);
  return { base, size };
}
const contains = (outer: string, inner: string): boolean => {
  const [o, i] = [parseCidr(outer), parseCidr(inner)];
  return i.base >= o.base && i.base + i.size <= o.base + o.size;
};
const overlap = (left: string, right: string): boolean => {
  const [a, b] = [parseCidr(left), parseCidr(right)];
  return a.base < b.base + b.size && b.base < a.base + a.size;
};
const dotted = (n: number): string => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");

export const networkKinds = (holders: NicHolders): readonly ArmKind[] => [
  vnet,
  subnet,
  peering,
  nsg,
  ruleKind,
  publicIp,
  nicKind(holders),
];
