import type { NetworkInterface, PublicIPAddress } from "@azure/arm-network";
import type { ResourceState } from "../../core/ports/provider.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { AzureError } from "./errors.ts";
import { collect } from "./groups.ts";
import type { OurGroup } from "./groups.ts";
import { hostState } from "./host-states.ts";
import type { Addresses } from "./host-states.ts";
import { inGroup } from "./names.ts";

/** What is in one group: the group itself stands for the network. One that is being deleted speaks for all in it. */
export async function observeGroup(
  clients: AzureClients,
  session: ArmSession,
  group: OurGroup,
): Promise<ResourceState[]> {
  const common = { name: group.identity.name ?? group.name, resourceKind: "resourceGroup", id: group.id };
  if (group.isDeleting) return [{ ...common, state: "deleting" }];
  try {
    const { virtualNetworks } = clients.network;
    const [network, hosts] = await Promise.all([
      session.find(`network of ${group.name}`, (options) => virtualNetworks.get(group.name, inGroup.network, options)),
      observeHosts(clients, session, group),
    ]);
    const isReady = network?.provisioningState === "Succeeded";
    const state: ResourceState = isReady
      ? { ...common, state: "ready", facts: { region: group.region } }
      : { ...common, state: "pending", since: group.identity.createdAt };
    return [state, ...hosts];
  } catch (error) {
    // Deleted while we looked.
    if (error instanceof AzureError && error.kind === "missing") return [];
    throw error;
  }
}

async function observeHosts(clients: AzureClients, session: ArmSession, group: OurGroup): Promise<ResourceState[]> {
  const { name } = group;
  const list = <T>(doing: string, items: (options: { readonly abortSignal: AbortSignal }) => AsyncIterable<T>) =>
    session.call({ doing: `${doing} of ${name}`, kind: "read", send: (options) => collect(items(options)) });
  const { networkInterfaces, publicIPAddresses } = clients.network;
  const [machines, interfaces, addresses] = await Promise.all([
    list("virtual machines", (options) => clients.compute.virtualMachines.list(name, options)),
    list("network interfaces", (options) => networkInterfaces.list(name, options)),
    list("public addresses", (options) => publicIPAddresses.list(name, options)),
  ]);
  const states = await Promise.all(
    machines.map(async (listed) => {
      const vm = listed.name ?? "";
      const at = addressesOf(vm, interfaces, addresses);
      if (listed.provisioningState === "Creating") return hostState(listed, at);
      // Lists are old and know nothing of power: what has been made is asked by itself.
      const now = await session.find(`virtual machine ${vm}`, (options) =>
        clients.compute.virtualMachines.get(name, vm, { expand: "instanceView", ...options }),
      );
      return now === undefined ? undefined : hostState(now, at);
    }),
  );
  return states.filter((state) => state !== undefined);
}

function addressesOf(
  vm: string,
  interfaces: readonly NetworkInterface[],
  addresses: readonly PublicIPAddress[],
): Addresses {
  const nic = interfaces.find(({ name }) => name === inGroup.interface(vm));
  return {
    publicAddress: addresses.find(({ name }) => name === inGroup.address(vm))?.ipAddress,
    privateAddress: nic?.ipConfigurations?.[0]?.privateIPAddress,
  };
}
