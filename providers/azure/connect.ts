import type { SecurityRule } from "@azure/arm-network";
import { FailureError } from "../../core/errors/failure.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { collect, listGroups } from "./groups.ts";
import type { OurGroup } from "./groups.ts";
import { sources } from "./group-resources.ts";
import { inGroup } from "./names.ts";

/**
 * Opens a group's firewall to `peers` and peers its network with those of the deployment's other regions.
 *
 * Hosts of several regions talk by their private addresses; as nobody has to know that, their public ones are let in as
 * well. Both sides of a peering are made, so that one call is enough for a pair, and asked again it changes nothing.
 */
export async function connectGroups(
  clients: AzureClients,
  session: ArmSession,
  group: OurGroup,
  peers: readonly string[],
): Promise<void> {
  const others = (await listGroups(clients, session, group.deployment)).filter(
    (other) => other.round === group.round && other.region !== group.region && !other.isDeleting,
  );
  const elsewhere = await Promise.all(others.map((other) => publicAddresses(clients, session, other)));
  await admit(clients, session, group, [...new Set([...peers, ...elsewhere.flat()])].sort());
  // A network takes one change at a time: our side one after another, the other sides side by side.
  for (const other of others) await peer(clients, session, { from: group, to: other });
  await Promise.all(others.map((other) => peer(clients, session, { from: other, to: group })));
}

async function publicAddresses(clients: AzureClients, session: ArmSession, group: OurGroup): Promise<string[]> {
  const listed = await session.call({
    doing: `public addresses of ${group.name}`,
    kind: "read",
    send: (options) => collect(clients.network.publicIPAddresses.list(group.name, options)),
  });
  return listed.flatMap(({ ipAddress }) => ipAddress ?? []);
}

/** One rule of the firewall holds all peers: a replaced host's old address goes when the rule is written again. */
async function admit(
  { network }: AzureClients,
  session: ArmSession,
  group: OurGroup,
  peers: readonly string[],
): Promise<void> {
  const doing = `firewall of ${group.name}`;
  const rules = network.securityRules;
  const before = await session.find(doing, (options) =>
    rules.get(group.name, inGroup.firewall, inGroup.peersRule, options),
  );
  if (sourcesOf(before).join() === peers.join() && before?.provisioningState !== "Failed") return;
  await session.call({
    doing,
    kind: "write",
    send: (options): Promise<unknown> =>
      peers.length === 0
        ? rules.beginDelete(group.name, inGroup.firewall, inGroup.peersRule, options)
        : rules.beginCreateOrUpdate(
            group.name,
            inGroup.firewall,
            inGroup.peersRule,
            {
              protocol: "*",
              access: "Allow",
              direction: "Inbound",
              priority: 200,
              ...sources(peers),
              sourcePortRange: "*",
              destinationAddressPrefix: "*",
              destinationPortRange: "*",
            },
            options,
          ),
  });
}

function sourcesOf(rule: SecurityRule | undefined): string[] {
  const { sourceAddressPrefix, sourceAddressPrefixes } = rule ?? {};
  return [...(sourceAddressPrefix === undefined ? [] : [sourceAddressPrefix]), ...(sourceAddressPrefixes ?? [])].sort();
}

interface Pair {
  readonly from: OurGroup;
  readonly to: OurGroup;
}

async function peer(clients: AzureClients, session: ArmSession, { from, to }: Pair): Promise<void> {
  const { virtualNetworkPeerings } = clients.network;
  const name = inGroup.peering(to.region);
  const doing = `peering of ${from.region} with ${to.region}`;
  const look = () =>
    session.find(doing, (options) => virtualNetworkPeerings.get(from.name, inGroup.network, name, options));
  const before = await look();
  const isBroken = before?.provisioningState === "Failed" || before?.peeringState === "Disconnected";
  if (before !== undefined && isBroken) {
    // A peering whose other end was made anew can't be mended, only replaced.
    await session.call({
      doing,
      kind: "write",
      send: (options) => virtualNetworkPeerings.beginDelete(from.name, inGroup.network, name, options),
    });
    await session.until(doing, async () => ((await look()) === undefined ? true : undefined));
  }
  if (before === undefined || isBroken) {
    await session.call({
      doing,
      kind: "write",
      send: (options) =>
        virtualNetworkPeerings.beginCreateOrUpdate(
          from.name,
          inGroup.network,
          name,
          {
            remoteVirtualNetwork: { id: `${to.id}/providers/Microsoft.Network/virtualNetworks/${inGroup.network}` },
            allowVirtualNetworkAccess: true,
            allowForwardedTraffic: false,
          },
          options,
        ),
    });
  }
  await session.until(doing, async () => {
    const now = await look();
    if (now?.provisioningState === "Failed")
      throw new FailureError({ class: "throttled", message: `${doing} failed; it is made again` });
    return now?.provisioningState === "Succeeded" ? true : undefined;
  });
}
