import type { Place } from "../../../core/ports/provider.ts";
import { accepted, deploymentIntents, eastus, never, onAzure, ready, tearDown } from "./azure-world.ts";
import type { AzureWorld } from "./azure-world.ts";

const europe: Place = { region: "northeurope" };

const rule = async (world: AzureWorld, group: string) => {
  const rules = world.clients.network.securityRules;
  const { sourceAddressPrefix, sourceAddressPrefixes, destinationPortRange, access } = await rules.get(
    group,
    "hosts",
    "peers",
  );
  return { from: sourceAddressPrefixes ?? [sourceAddressPrefix], destinationPortRange, access };
};

describe("AzureProvider.connect", () => {
  it(
    "peers the regions of a deployment, whose hosts have distinct private addresses",
    onAzure(async (world) => {
      const [east, west] = [deploymentIntents("d1", 1), deploymentIntents("d1", 1, { place: europe, role: "client" })];
      const provider = world.fresh();
      expect(await provider.ensure([...east, ...west], never)).toEqual(accepted([...east, ...west]));
      const states = [...(await ready(world, east)), ...(await ready(world, west))];
      const addresses = states.flatMap((state) => (state.state === "ready" ? (state.privateAddress ?? []) : []));
      expect(new Set(addresses).size).toBe(2);
      // One network in all regions: hosts are told each other's private addresses.
      const networks = states.flatMap((state) => (state.state === "ready" ? (state.facts?.["network"] ?? []) : []));
      expect(networks).toEqual(["azure", "azure"]);
      // Once is enough for a pair; again, and from the other side, changes nothing.
      await provider.connect("d1", eastus, []);
      const changes = world.emulator.log.mutating.length;
      await provider.connect("d1", eastus, []);
      expect(world.emulator.log.mutating.length).toBe(changes);
      await provider.connect("d1", europe, []);
      for (const [group, to] of [
        ["reprise-d1-r0-eastus", "to-northeurope"],
        ["reprise-d1-r0-northeurope", "to-eastus"],
      ] as const) {
        const peering = await world.clients.network.virtualNetworkPeerings.get(group, "hosts", to);
        expect(peering).toMatchObject({ peeringState: "Connected", allowVirtualNetworkAccess: true });
      }
      // Who speaks to a public address of the other region is let in as well.
      expect((await rule(world, "reprise-d1-r0-eastus")).from).toHaveLength(1);
      await tearDown(world, "d1", [eastus, europe]);
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "admits the hosts of other clouds, and after a replacement the new ones only",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 1);
      await world.fresh().ensure(intents, never);
      await world.fresh().connect("d1", eastus, ["203.0.113.9", "203.0.113.10"]);
      const group = "reprise-d1-r0-eastus";
      expect(await rule(world, group)).toEqual({
        from: ["203.0.113.10", "203.0.113.9"],
        destinationPortRange: "*",
        access: "Allow",
      });
      await world.clock.sleep(5_000);
      await world.fresh().connect("d1", eastus, ["203.0.113.11"]);
      expect((await rule(world, group)).from).toEqual(["203.0.113.11"]);
      await world.clock.sleep(5_000);
      await world.fresh().connect("d1", eastus, []);
      await world.clock.sleep(5_000);
      await expect(rule(world, group)).rejects.toMatchObject({ code: "ResourceNotFound" });
      await tearDown(world, "d1");
    }),
  );

  it(
    "makes a peering anew whose other end was replaced",
    onAzure(async (world) => {
      const [east, west] = [deploymentIntents("d1", 0), deploymentIntents("d1", 0, { place: europe })];
      await world.fresh().ensure([...east, ...west], never);
      await world.clock.sleep(5_000);
      await world.fresh().connect("d1", eastus, []);
      const { network } = world.clients;
      await network.virtualNetworks.beginDelete("reprise-d1-r0-northeurope", "hosts");
      await world.clock.sleep(10_000);
      await world.fresh().ensure(west, never);
      await world.fresh().connect("d1", eastus, []);
      const peering = await network.virtualNetworkPeerings.get("reprise-d1-r0-eastus", "hosts", "to-northeurope");
      expect(peering.peeringState).toBe("Connected");
      await tearDown(world, "d1", [eastus, europe]);
    }),
  );

  it(
    "does nothing for a deployment that is gone",
    onAzure(async (world) => {
      await world.fresh().connect("d1", eastus, ["203.0.113.9"]);
      expect(world.emulator.log.mutating).toEqual([]);
    }),
  );
});
