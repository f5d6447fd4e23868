import { FailureError } from "../../core/errors/failure.ts";
import type { Intent } from "../../core/ports/provider.ts";
import { toTags } from "../cloud/identity-tags.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { ourGroup } from "./groups.ts";
import type { HostWanted } from "./machine-body.ts";
import { groupName, inGroup, resourceId } from "./names.ts";
import type { GroupRef } from "./names.ts";
import { addressSpaceOf } from "./regions.ts";
import { identityOf } from "./tags.ts";

/** Everything that one resource group is to hold, and what is needed to make it. */
export interface GroupPlan {
  readonly ref: GroupRef;
  /** The network's intent, or a host's where that alone was asked for: whose words the group's tags are. */
  readonly owner: Intent;
  readonly hosts: readonly HostWanted[];
  /** Nothing is made after this instant. */
  readonly notAfter: number;
}

export interface GroupMaker {
  readonly clients: AzureClients;
  readonly session: ArmSession;
  readonly now: () => number;
  readonly sshSources: readonly string[];
}

/** A group and what its machines stand on. Each is made if it isn't there, and then waited for: the next refers to it. */
export class GroupResources {
  readonly name: string;
  private readonly plan: GroupPlan;
  private readonly maker: GroupMaker;
  private readonly tags: Record<string, string>;
  private givenUp: FailureError | undefined;

  constructor(plan: GroupPlan, maker: GroupMaker) {
    this.plan = plan;
    this.maker = maker;
    this.name = groupName(plan.ref);
    const { role: _role, ...identity } = identityOf(plan.owner, maker.now());
    this.tags = toTags(identity);
  }

  /** Before each change: the time for changes may end between two calls, and a failure of one host ends it for all. */
  checkOpen(): void {
    this.maker.session.signal?.throwIfAborted();
    if (this.givenUp !== undefined) throw this.givenUp;
    if (this.maker.now() > this.plan.notAfter)
      throw new FailureError({ class: "cancelled", message: `the time to create ${this.name} is over` });
  }

  /** A whole deployment moves, never part of it: what isn't made yet won't be needed. */
  giveUp(failure: FailureError): void {
    this.givenUp ??= failure;
  }

  async group(): Promise<void> {
    const { clients, session } = this.maker;
    const existing = await session.find(`resource group ${this.name}`, (options) =>
      clients.resources.resourceGroups.get(this.name, options),
    );
    if (existing !== undefined) {
      const ours = ourGroup(existing);
      // Adopted, it would one day be deleted with everything in it.
      if (ours?.deployment !== this.plan.ref.deployment)
        throw new FailureError({
          class: "invalid",
          message: `resource group ${this.name} exists and is not ours`,
          hint: "somebody took the name: start another run",
        });
      if (ours.isDeleting)
        throw new FailureError({ class: "cancelled", message: `resource group ${this.name} is being deleted` });
      // Not put again: that would bring back the tags of its birth, and end a renewed lease.
      return;
    }
    this.checkOpen();
    await session.call({
      doing: `resource group ${this.name}`,
      kind: "write",
      send: (options) =>
        clients.resources.resourceGroups.createOrUpdate(
          this.name,
          { location: this.plan.ref.region, tags: this.tags },
          options,
        ),
    });
  }

  network(): Promise<string> {
    const { virtualNetworks } = this.maker.clients.network;
    const { network, subnet } = addressSpaceOf(this.plan.ref.region);
    return this.resource("virtual network", inGroup.network, {
      get: (options) => virtualNetworks.get(this.name, inGroup.network, options),
      put: (options) =>
        virtualNetworks.beginCreateOrUpdate(
          this.name,
          inGroup.network,
          {
            location: this.plan.ref.region,
            tags: this.tags,
            addressSpace: { addressPrefixes: [network] },
            subnets: [{ name: inGroup.subnet, addressPrefix: subnet }],
          },
          options,
        ),
    });
  }

  /**
   * SSH from outside; Azure's own rules admit everything among the hosts (VirtualNetwork, peered ones included). It is
   * attached to interfaces and not to the subnet, so that neither has to wait for the other.
   */
  firewall(): Promise<string> {
    const { networkSecurityGroups } = this.maker.clients.network;
    return this.resource("network security group", inGroup.firewall, {
      get: (options) => networkSecurityGroups.get(this.name, inGroup.firewall, options),
      put: (options) =>
        networkSecurityGroups.beginCreateOrUpdate(
          this.name,
          inGroup.firewall,
          {
            location: this.plan.ref.region,
            tags: this.tags,
            securityRules: [
              {
                name: "ssh",
                protocol: "Tcp",
                access: "Allow",
                direction: "Inbound",
                priority: 100,
                ...sources(this.maker.sshSources),
                sourcePortRange: "*",
                destinationAddressPrefix: "*",
                destinationPortRange: "22",
              },
            ],
          },
          options,
        ),
    });
  }

  async proximity(name: string): Promise<string> {
    const { clients, session } = this.maker;
    const { proximityPlacementGroups } = clients.compute;
    const doing = `proximity group ${name} in ${this.plan.ref.region}`;
    const existing = await session.find(doing, (options) => proximityPlacementGroups.get(this.name, name, options));
    if (existing?.id !== undefined) return existing.id;
    this.checkOpen();
    const made = await session.call({
      doing,
      kind: "write",
      send: (options) =>
        proximityPlacementGroups.createOrUpdate(
          this.name,
          name,
          { location: this.plan.ref.region, tags: this.tags },
          options,
        ),
    });
    return made.id ?? this.idOf("Microsoft.Compute/proximityPlacementGroups", name);
  }

  address({ vm, body }: HostWanted): Promise<string> {
    const name = inGroup.address(vm);
    const { publicIPAddresses } = this.maker.clients.network;
    return this.resource("public address", name, {
      get: (options) => publicIPAddresses.get(this.name, name, options),
      put: (options) =>
        publicIPAddresses.beginCreateOrUpdate(
          this.name,
          name,
          {
            location: this.plan.ref.region,
            tags: body.tags ?? {},
            sku: { name: "Standard" },
            publicIPAllocationMethod: "Static",
          },
          options,
        ),
    });
  }

  interface({ vm, body, options: wanted }: HostWanted, addressId: string): Promise<string> {
    const name = inGroup.interface(vm);
    const { networkInterfaces } = this.maker.clients.network;
    const networkId = this.idOf("Microsoft.Network/virtualNetworks", inGroup.network);
    return this.resource("network interface", name, {
      get: (options) => networkInterfaces.get(this.name, name, options),
      put: (options) =>
        networkInterfaces.beginCreateOrUpdate(
          this.name,
          name,
          {
            location: this.plan.ref.region,
            tags: body.tags ?? {},
            networkSecurityGroup: { id: this.idOf("Microsoft.Network/networkSecurityGroups", inGroup.firewall) },
            ...(wanted.acceleratedNetworking === undefined
              ? {}
              : { enableAcceleratedNetworking: wanted.acceleratedNetworking }),
            ipConfigurations: [
              {
                name: "primary",
                subnet: { id: `${networkId}/subnets/${inGroup.subnet}` },
                publicIPAddress: { id: addressId, deleteOption: "Delete" },
              },
            ],
          },
          options,
        ),
    });
  }

  /** There and provisioned; made, or made again after a failure. @returns its id */
  private async resource(
    what: string,
    name: string,
    verbs: {
      readonly get: (options: { readonly abortSignal: AbortSignal }) => Promise<NetworkResource>;
      readonly put: (options: { readonly abortSignal: AbortSignal }) => Promise<unknown>;
    },
  ): Promise<string> {
    const { session } = this.maker;
    const doing = `${what} ${name} in ${this.plan.ref.region}`;
    const look = (): Promise<NetworkResource | undefined> => session.find(doing, verbs.get);
    const before = await look();
    if (before === undefined || before.provisioningState === "Failed") {
      this.checkOpen();
      await session.call({ doing, kind: "write", send: verbs.put });
    }
    const made = await session.until(doing, async () => {
      const found = await look();
      if (found?.provisioningState === "Failed")
        throw new FailureError({ class: "throttled", message: `${doing}: Azure could not make it; it is asked again` });
      return found?.provisioningState === "Succeeded" ? found : undefined;
    });
    return made.id ?? "";
  }

  idOf(type: string, name: string): string {
    return resourceId(this.maker.clients.subscriptionId, this.plan.ref, { type, name });
  }
}

interface NetworkResource {
  readonly id?: string;
  readonly provisioningState?: string;
}

/** One prefix or several, in the two fields that ARM has for them. */
export const sources = (
  prefixes: readonly string[],
): { readonly sourceAddressPrefix: string } | { readonly sourceAddressPrefixes: string[] } => {
  const [first, ...others] = prefixes;
  return first !== undefined && others.length === 0
    ? { sourceAddressPrefix: first }
    : { sourceAddressPrefixes: [...prefixes] };
};
