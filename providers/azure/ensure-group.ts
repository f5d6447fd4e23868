import { FailureError } from "../../core/errors/failure.ts";
import type { Intent } from "../../core/ports/provider.ts";
import { toTags } from "../cloud/identity-tags.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { AzureError } from "./errors.ts";
import { findGroup } from "./groups.ts";
import type { HostWanted } from "./machine-body.ts";
import { groupName, inGroup } from "./names.ts";
import type { GroupRef } from "./names.ts";
import { addressSpaceOf } from "./regions.ts";
import { failedMachine } from "./host-states.ts";
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

/** Machines whose creation is begun at once. */
const hostsAtOnce = 8;

/**
 * Makes what isn't there yet of one group: group, then network, firewall and proximity groups side by side, then each
 * host's address, interface and machine.
 *
 * Each step waits for what it refers to, some seconds each; the machines themselves are only begun. One PUT a resource,
 * and not one template deployment for all: ARM would then hold the order, but tell of a refusal minutes later, and a
 * deployment that is under way goes on creating behind a group's deletion.
 *
 * @returns by intent name, why it wasn't made; all others are accepted
 */
export async function ensureGroup(plan: GroupPlan, maker: GroupMaker): Promise<ReadonlyMap<string, FailureError>> {
  const group = new GroupEnsurer(plan, maker);
  return group.run();
}

class GroupEnsurer {
  private readonly plan: GroupPlan;
  private readonly maker: GroupMaker;
  private readonly name: string;
  private readonly tags: Record<string, string>;

  constructor(plan: GroupPlan, maker: GroupMaker) {
    this.plan = plan;
    this.maker = maker;
    this.name = groupName(plan.ref);
    const { role: _role, ...identity } = identityOf(plan.owner, maker.now());
    this.tags = toTags(identity);
  }

  async run(): Promise<ReadonlyMap<string, FailureError>> {
    const { hosts } = this.plan;
    const failures = new Map<string, FailureError>();
    await this.group();
    const proximityGroups = [...new Set(hosts.flatMap((host) => host.proximityGroup ?? []))];
    const base = Promise.all([this.network(), this.firewall(), ...proximityGroups.map((name) => this.proximity(name))]);
    base.catch(() => undefined); // awaited by each host, and below
    const queue = [...hosts];
    const worker = async (): Promise<void> => {
      for (let host = queue.shift(); host !== undefined; host = queue.shift()) {
        try {
          await this.host(host, base);
        } catch (error) {
          if (!(error instanceof FailureError)) throw error;
          failures.set(host.intent.name, error);
          // A whole deployment moves, never part of it: what isn't begun yet won't be needed.
          for (const other of queue.splice(0)) failures.set(other.intent.name, error);
        }
      }
    };
    const workers = Array.from({ length: Math.min(hostsAtOnce, queue.length) }, worker);
    // All settle before an error is told: nothing goes on behind the caller's back.
    const settled = await Promise.allSettled([base, ...workers]);
    const broken = settled.find((each) => each.status === "rejected");
    if (broken?.status === "rejected") throw broken.reason;
    return failures;
  }

  /** The time for creating may end between two calls. */
  private checkTime(): void {
    this.maker.session.signal?.throwIfAborted();
    if (this.maker.now() > this.plan.notAfter)
      throw new FailureError({ class: "cancelled", message: `the time to create ${this.name} is over` });
  }

  private async group(): Promise<void> {
    const { clients, session } = this.maker;
    const existing = await findGroup(clients, session, this.plan.ref);
    if (existing?.isDeleting === true)
      throw new FailureError({ class: "cancelled", message: `resource group ${this.name} is being deleted` });
    // Not put again: that would bring back the tags of its birth, and end a renewed lease.
    if (existing !== undefined) return;
    this.checkTime();
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

  private network(): Promise<string> {
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
  private firewall(): Promise<string> {
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

  private async proximity(name: string): Promise<string> {
    const { clients, session } = this.maker;
    const { proximityPlacementGroups } = clients.compute;
    const doing = `proximity group ${name} in ${this.plan.ref.region}`;
    const existing = await session.find(doing, (options) => proximityPlacementGroups.get(this.name, name, options));
    if (existing?.id !== undefined) return existing.id;
    this.checkTime();
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

  private async host(wanted: HostWanted, base: Promise<unknown>): Promise<void> {
    const { session, clients } = this.maker;
    const existing = await this.look(wanted);
    if (existing) return;
    const addressId = await this.address(wanted);
    await base;
    const interfaceId = await this.interface(wanted, addressId);
    const { virtualMachines } = clients.compute;
    const body = {
      ...wanted.body,
      networkProfile: { networkInterfaces: [{ id: interfaceId, primary: true, deleteOption: "Delete" }] },
      ...(wanted.proximityGroup === undefined
        ? {}
        : {
            proximityPlacementGroup: {
              id: this.idOf("Microsoft.Compute/proximityPlacementGroups", wanted.proximityGroup),
            },
          }),
    };
    const doing = this.describe(wanted);
    await session.until(doing, async () => {
      this.checkTime();
      try {
        await session.call({
          doing,
          kind: "write",
          // Only if there's none: the same PUT again would begin an update of a machine that is coming up.
          send: (options) =>
            virtualMachines.createOrUpdate(this.name, wanted.vm, body, { ifNoneMatch: "*", ...options }).submitted(),
        });
        return true;
      } catch (error) {
        if (!(error instanceof AzureError) || (error.kind !== "exists" && error.kind !== "busy")) throw error;
        return (await this.look(wanted)) ? true : undefined;
      }
    });
  }

  /**
   * @returns whether the machine is there, made by us or by another who was asked the same
   * @throws {FailureError} when it is there and has failed
   */
  private async look(wanted: HostWanted): Promise<boolean> {
    const { session, clients } = this.maker;
    const doing = this.describe(wanted);
    const vm = await session.find(doing, (options) =>
      clients.compute.virtualMachines.get(this.name, wanted.vm, { expand: "instanceView", ...options }),
    );
    const failure = vm === undefined ? undefined : failedMachine(vm, doing);
    if (failure !== undefined) throw new FailureError(failure);
    return vm !== undefined;
  }

  private describe({ vm, intent }: HostWanted): string {
    const { region, zone } = intent.place;
    return `virtual machine ${vm} in ${region}${zone === undefined ? "" : ` zone ${zone}`}`;
  }

  private address({ vm, body }: HostWanted): Promise<string> {
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

  private interface({ vm, body, options: wanted }: HostWanted, addressId: string): Promise<string> {
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
      this.checkTime();
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

  private idOf(type: string, name: string): string {
    const { subscriptionId } = this.maker.clients;
    return `/subscriptions/${subscriptionId}/resourceGroups/${this.name}/providers/${type}/${name}`;
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
