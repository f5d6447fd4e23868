import { ComputeManagementClient } from "@azure/arm-compute";
import type { VirtualMachine } from "@azure/arm-compute";
import { NetworkManagementClient } from "@azure/arm-network";
import { ResourceManagementClient } from "@azure/arm-resources";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createEmulator } from "../cloud.ts";
import type { EmulatorOptions } from "../cloud.ts";
import { MemoryBackend } from "../common/backend.ts";
import { specsPresent } from "../common/specs.ts";
import { azureClientSettings, azureCredential, azureHttpClient } from "./clients.ts";
import { subscriptionId } from "./subscription.ts";

const location = "eastus";
const group = "reprise-d1";

/** arm-compute's poller is a promise too: awaiting it polls to the end, with pauses in real time. */
interface ComputePoller {
  readonly submitted: () => Promise<void>;
  readonly poll: () => Promise<unknown>;
}
interface NetworkPoller {
  readonly poll: () => Promise<unknown>;
}

function setUp(options: Omit<Partial<EmulatorOptions>, "clock"> = {}) {
  const clock = new VirtualClock();
  const backend = new MemoryBackend();
  const emulator = createEmulator({ clock, backend, ...options });
  const settings = { ...azureClientSettings, httpClient: azureHttpClient(emulator.azure.handle) };
  const compute = new ComputeManagementClient(azureCredential, subscriptionId, settings);
  const network = new NetworkManagementClient(azureCredential, subscriptionId, settings);
  const resources = new ResourceManagementClient(azureCredential, subscriptionId, settings);

  /** Begins, waits on the virtual clock, and asks once more: the operation's outcome. */
  const done = async (begun: ComputePoller | Promise<NetworkPoller>, waitMs = 90_000): Promise<void> => {
    if ("submitted" in begun) await begun.submitted();
    const poller = "submitted" in begun ? begun : await begun;
    await clock.sleep(waitMs);
    await poller.poll();
  };
  const tags = { "reprise-deployment": "d1" };
  const makeGroup = () => resources.resourceGroups.createOrUpdate(group, { location, tags });
  const makeNetwork = async () => {
    await done(
      network.networkSecurityGroups.beginCreateOrUpdate(group, "nsg", { location, tags, securityRules: [ssh] }),
    );
    await done(
      network.virtualNetworks.beginCreateOrUpdate(group, "vnet", {
        location,
        tags,
        addressSpace: { addressPrefixes: ["10.1.0.0/16"] },
        subnets: [
          {
            name: "hosts",
            addressPrefix: "10.1.0.0/24",
            networkSecurityGroup: { id: idOf("networkSecurityGroups", "nsg") },
          },
        ],
      }),
    );
  };
  const makeNic = async (name: string, ipDeleteOption: "Delete" | "Detach" = "Delete") => {
    await done(
      network.publicIPAddresses.beginCreateOrUpdate(group, `${name}-ip`, {
        location,
        tags,
        sku: { name: "Standard" },
        publicIPAllocationMethod: "Static",
      }),
    );
    await done(
      network.networkInterfaces.beginCreateOrUpdate(group, name, {
        location,
        tags,
        ipConfigurations: [
          {
            name: "primary",
            subnet: { id: `${idOf("virtualNetworks", "vnet")}/subnets/hosts` },
            publicIPAddress: { id: idOf("publicIPAddresses", `${name}-ip`), deleteOption: ipDeleteOption },
          },
        ],
      }),
    );
  };
  const beginVm = (name: string, overrides: Partial<VirtualMachine> = {}, nicDelete: "Delete" | "Detach" = "Delete") =>
    compute.virtualMachines.createOrUpdate(group, name, { ...vmBody(name, nicDelete), tags, ...overrides });
  const ready = async () => {
    await makeGroup();
    await makeNetwork();
    await makeNic("nic-1");
  };
  return {
    clock,
    backend,
    emulator,
    compute,
    network,
    resources,
    done,
    makeGroup,
    makeNetwork,
    makeNic,
    beginVm,
    ready,
  };
}

const ssh = {
  name: "ssh",
  protocol: "Tcp",
  access: "Allow",
  direction: "Inbound",
  priority: 100,
  sourceAddressPrefix: "*",
  sourcePortRange: "*",
  destinationAddressPrefix: "*",
  destinationPortRange: "22",
};
const idOf = (type: string, name: string): string =>
  `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/Microsoft.${type.startsWith("virtualMachines") || type === "disks" ? "Compute" : "Network"}/${type}/${name}`;

const vmBody = (name: string, nicDelete: "Delete" | "Detach"): VirtualMachine => ({
  location,
  hardwareProfile: { vmSize: "Standard_D2s_v5" },
  storageProfile: {
    imageReference: { publisher: "Canonical", offer: "ubuntu-24_04-lts", sku: "server", version: "latest" },
    osDisk: { createOption: "FromImage", deleteOption: "Delete", managedDisk: { storageAccountType: "Premium_LRS" } },
  },
  osProfile: {
    computerName: name,
    adminUsername: "reprise",
    customData: Buffer.from("#cloud-config\n").toString("base64"),
    linuxConfiguration: {
      disablePasswordAuthentication: true,
      ssh: { publicKeys: [{ path: "/home/reprise/.ssh/authorized_keys", keyData: "ssh-ed25519 AAAA me" }] },
    },
  },
  networkProfile: {
    networkInterfaces: [
      { id: idOf("networkInterfaces", `nic-${name.split("-").at(-1) ?? ""}`), primary: true, deleteOption: nicDelete },
    ],
  },
});

/** HTTP status and code of a refusal, or the text of a failed operation. */
const refusal = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "accepted";
  } catch (error) {
    const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string };
    return statusCode === undefined ? message : `${statusCode} ${code ?? ""}`;
  }
};

const onClock =
  (body: (world: ReturnType<typeof setUp>) => Promise<void>, options?: Omit<Partial<EmulatorOptions>, "clock">) =>
  async (): Promise<void> => {
    const world = setUp(options);
    const stop = new AbortController();
    const driving = world.emulator.drive(stop.signal);
    await world.clock.run(body(world));
    stop.abort();
    await driving;
    expect(world.emulator.violations).toEqual([]);
    expect(world.emulator.problems).toEqual([]);
  };

const kinds = (world: ReturnType<typeof setUp>): string[] =>
  world.emulator
    .inventory("azure")
    .map((item) => item.kind.split("/").at(-1) ?? "")
    .sort();

describe("AzureEmulator", () => {
  it(
    "takes a VM through its life, and one delete takes NIC, address and disk with it",
    onClock(async (world) => {
      const { clock, emulator, compute, network, done, beginVm, ready, backend } = world;
      await ready();
      const poller = beginVm("vm-1", { zones: ["1"] });
      await poller.submitted();
      expect((await compute.virtualMachines.get(group, "vm-1")).provisioningState).toBe("Creating");
      await clock.sleep(30_000);
      await poller.poll();
      expect(poller.isDone).toBe(true);
      const vm = await compute.virtualMachines.get(group, "vm-1", { expand: "instanceView" });
      expect(vm).toMatchObject({ provisioningState: "Succeeded", zones: ["1"], tags: { "reprise-deployment": "d1" } });
      expect(vm.instanceView?.statuses?.map((s) => s.code)).toEqual([
        "ProvisioningState/succeeded",
        "PowerState/running",
      ]);
      expect(vm.storageProfile?.imageReference?.exactVersion).toBe("24.04.202511030");
      const address = (await network.publicIPAddresses.get(group, "nic-1-ip")).ipAddress ?? "";
      expect(emulator.machineAt(address)?.vm).toMatchObject({
        name: "vm-1",
        userData: "#cloud-config\n",
        privateIp: "10.1.0.4",
      });
      expect((await network.networkInterfaces.get(group, "nic-1")).virtualMachine?.id).toBe(vm.id);
      expect(kinds(world)).toContain("disks");
      await done(compute.virtualMachines.delete(group, "vm-1", { forceDeletion: true }));
      expect(backend.running.size).toBe(0);
      expect(kinds(world)).toEqual([
        "networkSecurityGroups",
        "resourceGroups",
        "securityRules",
        "subnets",
        "virtualNetworks",
      ]);
      expect(await refusal(compute.virtualMachines.get(group, "vm-1"))).toBe("404 ResourceNotFound");
      expect(await refusal(done(compute.virtualMachines.delete(group, "vm-1")))).toBe("accepted"); // 204
    }),
  );

  it(
    "puts the same VM again by name, and refuses another under it",
    onClock(async (world) => {
      const { clock, done, beginVm, ready, compute } = world;
      await ready();
      await done(beginVm("vm-1"));
      const again = beginVm("vm-1");
      await again.submitted();
      expect(await refusal(beginVm("vm-1").submitted())).toBe("409 Conflict"); // while that one runs
      await clock.sleep(10_000);
      await again.poll();
      expect(await refusal(beginVm("vm-1", { hardwareProfile: { vmSize: "Standard_D4s_v5" } }).submitted())).toBe(
        "409 PropertyChangeNotAllowed",
      );
      let count = 0;
      for await (const vm of compute.virtualMachines.listAll()) if (vm.name !== undefined) count++;
      expect(count).toBe(1);
    }),
  );

  it(
    "refuses at once what a location lacks, and keeps nothing",
    onClock(async (world) => {
      const { beginVm, ready, emulator } = world;
      await ready();
      const before = emulator.inventory();
      const storage = (sku: string) => ({
        ...vmBody("vm-1", "Delete").storageProfile,
        imageReference: { publisher: "Canonical", offer: "ubuntu-24_04-lts", sku, version: "latest" },
      });
      const tries: [string, Partial<VirtualMachine>][] = [
        ["400 InvalidParameter", { hardwareProfile: { vmSize: "Standard_Z9" } }],
        ["409 SkuNotAvailable", { hardwareProfile: { vmSize: "Standard_L8s_v3" }, zones: ["3"] }],
        ["404 PlatformImageNotFound", { storageProfile: storage("nothing") }],
        ["400 BadRequest", { storageProfile: storage("server-arm64") }],
        ["400 InvalidParameter", { evictionPolicy: "Delete" }],
        [
          "400 InvalidResourceReference",
          { networkProfile: { networkInterfaces: [{ id: idOf("networkInterfaces", "no") }] } },
        ],
        ["400 InvalidTagNameCharacters", { tags: { "a/b": "c" } }],
        ["400 LocationNotAvailableForResourceType", { location: "atlantis" }],
        ["400 InvalidRequestContent", { osProfile: { computerName: "under_score", adminUsername: "a" } }],
      ];
      for (const [expected, overrides] of tries)
        expect(await refusal(beginVm("vm-1", overrides).submitted())).toBe(expected);
      expect(emulator.inventory()).toEqual(before);
    }),
  );

  it(
    "fails for capacity in the operation: the VM stays, failed, and its NIC is reserved for three minutes",
    onClock(
      async (world) => {
        const { clock, compute, network, done, beginVm, ready } = world;
        await ready();
        expect(await refusal(done(beginVm("vm-1", { zones: ["1"] }), 20_000))).toMatch(/ZonalAllocationFailed/);
        const failed = await compute.virtualMachines.get(group, "vm-1", { expand: "instanceView" });
        expect(failed.provisioningState).toBe("Failed");
        const removeNic = () => network.networkInterfaces.beginDelete(group, "nic-1");
        expect(await refusal(removeNic())).toBe("400 NicReservedForAnotherVm");
        await done(compute.virtualMachines.delete(group, "vm-1"), 60_000);
        // deleteOption Delete takes the NIC even of a failed VM
        expect(kinds(world)).not.toContain("networkInterfaces");
        await clock.sleep(1);
      },
      { azure: { capacity: [{ zone: "eastus/1", machines: 0 }] } },
    ),
  );

  it(
    "keeps a detached NIC reserved after its VM's delete",
    onClock(async (world) => {
      const { clock, compute, network, done, beginVm, ready } = world;
      await ready();
      await done(beginVm("vm-1", {}, "Detach"));
      expect(await refusal(network.networkInterfaces.beginDelete(group, "nic-1"))).toBe("400 NicInUse");
      await done(compute.virtualMachines.delete(group, "vm-1"), 40_000);
      expect(await refusal(network.networkInterfaces.beginDelete(group, "nic-1"))).toBe("400 NicReservedForAnotherVm");
      await clock.sleep(180_000);
      expect(await refusal(done(network.networkInterfaces.beginDelete(group, "nic-1")))).toBe("accepted");
      expect(await refusal(done(network.publicIPAddresses.beginDelete(group, "nic-1-ip")))).toBe("accepted");
    }),
  );

  it(
    "lets things go only in order",
    onClock(async (world) => {
      const { network, done, ready } = world;
      await ready();
      const remove = {
        ip: () => network.publicIPAddresses.beginDelete(group, "nic-1-ip"),
        nsg: () => network.networkSecurityGroups.beginDelete(group, "nsg"),
        subnet: () => network.subnets.beginDelete(group, "vnet", "hosts"),
        vnet: () => network.virtualNetworks.beginDelete(group, "vnet"),
        nic: () => network.networkInterfaces.beginDelete(group, "nic-1"),
      };
      expect(await refusal(remove.ip())).toBe("400 PublicIPAddressCannotBeDeleted");
      expect(await refusal(remove.nsg())).toBe("400 InUseNetworkSecurityGroupCannotBeDeleted");
      expect(await refusal(remove.subnet())).toBe("400 InUseSubnetCannotBeDeleted");
      expect(await refusal(remove.vnet())).toBe("400 InUseSubnetCannotBeDeleted");
      await done(remove.nic());
      await done(remove.ip());
      await done(remove.vnet());
      await done(remove.nsg());
      expect(kinds(world)).toEqual(["resourceGroups"]);
    }),
  );

  it(
    "deletes a resource group with everything in it, and refuses to build in it meanwhile",
    onClock(async (world) => {
      const { clock, resources, network, done, beginVm, ready, makeGroup, backend } = world;
      await ready();
      await done(beginVm("vm-1"));
      const poller = await resources.resourceGroups.beginDelete(group);
      expect(backend.running.size).toBe(0);
      expect((await resources.resourceGroups.get(group)).properties?.provisioningState).toBe("Deleting");
      expect(await refusal(makeGroup())).toBe("409 ResourceGroupBeingDeleted");
      expect(await refusal(network.networkSecurityGroups.beginCreateOrUpdate(group, "late", { location }))).toBe(
        "409 ResourceGroupBeingDeleted",
      );
      await clock.sleep(120_000);
      await poller.poll();
      expect(poller.isDone()).toBe(true);
      expect(await refusal(resources.resourceGroups.get(group))).toBe("404 ResourceGroupNotFound");
      expect((await resources.resourceGroups.checkExistence(group)).body).toBe(false);
      expect(await refusal(resources.resourceGroups.beginDelete(group))).toBe("404 ResourceGroupNotFound");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "peers vnets that both agree and don't overlap",
    onClock(async (world) => {
      const { network, done, makeGroup } = world;
      await makeGroup();
      const make = (name: string, where: string, prefix: string) =>
        done(
          network.virtualNetworks.beginCreateOrUpdate(group, name, {
            location: where,
            addressSpace: { addressPrefixes: [prefix] },
          }),
        );
      await make("a", "eastus", "10.1.0.0/16");
      await make("b", "westeurope", "10.2.0.0/16");
      await make("c", "westeurope", "10.1.128.0/17");
      const peer = (from: string, to: string) =>
        network.virtualNetworkPeerings.beginCreateOrUpdate(group, from, `to-${to}`, {
          remoteVirtualNetwork: { id: idOf("virtualNetworks", to) },
          allowVirtualNetworkAccess: true,
        });
      const state = async () => (await network.virtualNetworkPeerings.get(group, "a", "to-b")).peeringState;
      await done(peer("a", "b"));
      expect(await state()).toBe("Initiated");
      await done(peer("b", "a"));
      expect(await state()).toBe("Connected");
      expect(await refusal(peer("a", "c"))).toBe("400 VnetAddressSpacesOverlap");
      await done(network.virtualNetworks.beginDelete(group, "b"));
      expect(await state()).toBe("Disconnected");
    }),
  );

  it(
    "takes one change at a time on a resource and its children",
    onClock(async (world) => {
      const { network, ready } = world;
      await ready();
      const rule = (name: string, priority: number) =>
        network.securityRules.beginCreateOrUpdate(group, "nsg", name, { ...ssh, priority });
      await rule("one", 200);
      expect(await refusal(rule("two", 300))).toBe("409 AnotherOperationInProgress");
      await world.clock.sleep(5_000);
      expect(await refusal(rule("two", 200))).toBe("400 SecurityRuleConflict");
      expect(await refusal(rule("two", 300))).toBe("accepted");
      expect(await refusal(rule("three", 9))).toBe("400 InvalidRequestContent");
    }),
  );

  it(
    "refuses a VM whose NIC isn't ready yet",
    onClock(async (world) => {
      const { network, makeGroup, makeNetwork, beginVm } = world;
      await makeGroup();
      await makeNetwork();
      await network.networkInterfaces.beginCreateOrUpdate(group, "nic-1", {
        location,
        ipConfigurations: [{ name: "primary", subnet: { id: `${idOf("virtualNetworks", "vnet")}/subnets/hosts` } }],
      });
      expect(await refusal(beginVm("vm-1").submitted())).toBe("409 ReferencedResourceNotProvisioned");
    }),
  );

  it(
    "refuses beyond each quota, and shows usage against it",
    onClock(
      async (world) => {
        const { compute, network, done, beginVm, ready, makeNic } = world;
        await ready();
        await makeNic("nic-2");
        await done(beginVm("vm-1"));
        expect(await refusal(beginVm("vm-2").submitted())).toBe("409 OperationNotAllowed");
        const spot = { priority: "Spot", evictionPolicy: "Delete" } as const;
        expect(await refusal(beginVm("vm-2", spot).submitted())).toBe("accepted");
        expect(await refusal(makeNic("nic-3"))).toBe("400 PublicIPCountLimitReached");
        const usage = new Map<string, string>();
        for await (const u of compute.usage.list(location))
          usage.set(u.name.value ?? "", `${u.currentValue} of ${u.limit}`);
        expect(usage.get("cores")).toBe("2 of 3");
        expect(usage.get("lowPriorityCores")).toBe("2 of 350");
        expect(usage.get("standardDSv5Family")).toBe("2 of 350");
        for await (const u of network.usages.list(location))
          if (u.name.value === "PublicIPAddresses") expect(u.currentValue).toBe(2);
      },
      { azure: { quotas: { regionalCores: 3, publicIps: 2 } } },
    ),
  );

  it(
    "evicts a spot VM thirty seconds after the scheduled event, as its policy says",
    onClock(async (world) => {
      const { clock, compute, done, beginVm, ready, makeNic, backend } = world;
      await ready();
      await makeNic("nic-2");
      await done(beginVm("vm-1", { priority: "Spot", evictionPolicy: "Delete", billingProfile: { maxPrice: -1 } }));
      await done(beginVm("vm-2", { priority: "Spot", evictionPolicy: "Deallocate" }));
      const events = (): unknown[] => {
        const guest = [...backend.running.values()].find((m) => m.vm.name === "vm-1")?.guest;
        const answer = guest?.metadata({
          method: "GET",
          path: "/metadata/scheduledevents?api-version=2020-07-01",
          headers: { metadata: "true" },
        });
        return (JSON.parse(answer?.body ?? "{}") as { Events: unknown[] }).Events;
      };
      expect(events()).toEqual([]);
      await compute.virtualMachines.simulateEviction(group, "vm-1");
      world.emulator.azure.evict(idOf("virtualMachines", "vm-2"));
      expect(events()).toMatchObject([{ EventType: "Preempt", Resources: ["vm-1"] }]);
      await clock.sleep(90_000);
      expect(await refusal(compute.virtualMachines.get(group, "vm-1"))).toBe("404 ResourceNotFound");
      const view = await compute.virtualMachines.instanceView(group, "vm-2");
      expect(view.statuses?.at(-1)?.code).toBe("PowerState/deallocated");
    }),
  );

  it(
    "leaves a VM that shuts itself down stopped, and billed",
    onClock(async (world) => {
      const { compute, done, beginVm, ready, backend } = world;
      await ready();
      await done(beginVm("vm-1"));
      for (const { guest } of [...backend.running.values()]) guest.poweredOff();
      expect((await compute.virtualMachines.instanceView(group, "vm-1")).statuses?.at(-1)?.code).toBe(
        "PowerState/stopped",
      );
      await done(compute.virtualMachines.restart(group, "vm-1"));
      expect((await compute.virtualMachines.instanceView(group, "vm-1")).statuses?.at(-1)?.code).toBe(
        "PowerState/running",
      );
    }),
  );

  it(
    "calls a creation off when the VM is deleted meanwhile",
    onClock(async (world) => {
      const { clock, compute, done, beginVm, ready } = world;
      await ready();
      const creation = beginVm("vm-1");
      await creation.submitted();
      await done(compute.virtualMachines.delete(group, "vm-1"));
      expect(await refusal(creation.poll())).toMatch(/cancel/i);
      await clock.sleep(60_000);
      expect(kinds(world)).not.toContain("virtualMachines");
      expect(kinds(world)).not.toContain("disks");
    }),
  );

  it(
    "holds a proximity group while VMs are in it, and tells over-constrained requests apart",
    onClock(
      async (world) => {
        const { compute, done, beginVm, ready } = world;
        await ready();
        const made = await compute.proximityPlacementGroups.createOrUpdate(group, "ppg", { location });
        const failed = beginVm("vm-1", { proximityPlacementGroup: { id: made.id ?? "" } });
        expect(await refusal(done(failed, 20_000))).toMatch(/OverconstrainedAllocationRequest/);
        expect(await refusal(compute.proximityPlacementGroups.delete(group, "ppg"))).toBe("409 OperationNotAllowed");
        await done(compute.virtualMachines.delete(group, "vm-1"));
        await compute.proximityPlacementGroups.delete(group, "ppg");
      },
      { azure: { capacity: [{ type: "Standard_D2s_v5", machines: 0 }] } },
    ),
  );

  it(
    "finds resources and groups by tag, after a while, and changes tags at any scope",
    onClock(async (world) => {
      const { clock, resources, network, makeGroup, makeNetwork } = world;
      await makeGroup();
      const filter = "tagName eq 'reprise-deployment' and tagValue eq 'd1'";
      const groups = async () => {
        const names: string[] = [];
        for await (const g of resources.resourceGroups.list({ filter })) names.push(g.name ?? "");
        return names;
      };
      expect(await groups()).toEqual([]);
      await clock.sleep(2_000);
      expect(await groups()).toEqual([group]);
      await makeNetwork();
      const found: string[] = [];
      for await (const r of resources.resources.list({ filter })) found.push(r.type ?? "");
      expect(found.sort()).toEqual(["Microsoft.Network/networkSecurityGroups", "Microsoft.Network/virtualNetworks"]);
      const scope = `/subscriptions/${subscriptionId}/resourceGroups/${group}`;
      await resources.tagsOperations.beginUpdateAtScopeAndWait(scope, {
        operation: "Merge",
        properties: { tags: { expires: "9" } },
      });
      expect((await resources.resourceGroups.get(group)).tags).toEqual({ "reprise-deployment": "d1", expires: "9" });
      await resources.resourceGroups.update(group, { tags: { expires: "10" } });
      expect((await resources.resourceGroups.get(group)).tags).toEqual({ expires: "10" });
      expect((await network.virtualNetworks.updateTags(group, "vnet", { tags: { a: "b" } })).tags).toEqual({ a: "b" });
    }),
  );

  it(
    "describes its catalogue",
    onClock(async ({ compute }) => {
      const sizes = new Map<string, string>();
      for await (const sku of compute.resourceSkus.list({ filter: "location eq 'westus2'" }))
        sizes.set(sku.name ?? "", sku.restrictions?.[0]?.reasonCode ?? (sku.locationInfo?.[0]?.zones ?? []).join());
      expect(sizes.get("Standard_D2s_v5")).toBe("1,2,3");
      expect(sizes.get("Standard_L8s_v3")).toBe("1,2");
      expect(sizes.get("Standard_DC2as_v5")).toBe("NotAvailableForSubscription");
      const versions = await compute.virtualMachineImages.list(location, "Canonical", "ubuntu-24_04-lts", "server", {
        top: 1,
        orderby: "name desc",
      });
      expect(versions.map((v) => v.name)).toEqual(["24.04.202511030"]);
      const image = await compute.virtualMachineImages.get(
        location,
        "Canonical",
        "ubuntu-24_04-lts",
        "server-arm64",
        "latest",
      );
      expect(image.architecture).toBe("Arm64");
    }),
  );

  it(
    "throttles writes with a Retry-After",
    onClock(async ({ resources, makeGroup }) => {
      const outcomes = await Promise.all(Array.from({ length: 203 }, () => refusal(makeGroup())));
      expect(outcomes.filter((o) => o === "429 TooManyRequests")).toHaveLength(3);
      const late: { response?: { headers: { get: (name: string) => string | undefined } } } =
        await resources.resourceGroups.createOrUpdate(group, { location }).then(
          () => ({}),
          (error: unknown) => error as object,
        );
      expect(late.response?.headers.get("retry-after")).toBe("1");
    }),
  );

  it("answers 501 to what it lacks, and records it", async () => {
    const { clock, emulator, compute, beginVm, ready } = setUp();
    await clock.run(
      (async () => {
        await ready();
        expect(await refusal(beginVm("vm-1", { licenseType: "RHEL_BYOS" }).submitted())).toBe("501 NotImplemented");
        expect(await refusal(compute.availabilitySets.get(group, "set"))).toBe("501 NotImplemented");
      })(),
    );
    expect(emulator.violations.map((v) => [v.where, v.operation])).toEqual([
      ["notImplemented", "PUT virtualMachines"],
      ["notImplemented", expect.stringContaining("/availabilitySets/set")],
    ]);
    expect(emulator.inventory().map((item) => item.kind)).not.toContain("Microsoft.Compute/virtualMachines");
  });

  it("finds a request that leaves the cloud's description", async () => {
    if (!specsPresent) return;
    const { clock, emulator, makeGroup } = setUp();
    await clock.run(
      (async () => {
        await makeGroup();
        const response = await emulator.azure.handle({
          method: "PUT",
          url: new URL(`https://management.azure.com${idOf("networkSecurityGroups", "nsg")}?api-version=2025-05-01`),
          headers: { authorization: "Bearer x" },
          body: JSON.stringify({ location, properties: { provisioningState: "Succeeded", securityRulez: [] } }),
        });
        expect(response.status).toBe(400);
      })(),
    );
    expect(emulator.violations[0]?.problems).toEqual([
      "Microsoft.Network/networkSecurityGroups.properties.provisioningState: read-only",
      "Microsoft.Network/networkSecurityGroups.properties.securityRulez: unknown",
    ]);
  });
});
