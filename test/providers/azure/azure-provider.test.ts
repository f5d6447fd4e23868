import { parse } from "yaml";
import type { Failure } from "../../../core/errors/failure.ts";
import type { EnsureOutcome, MachineShape, ResourceState, TaggedResource } from "../../../core/ports/provider.ts";
import {
  accepted,
  deploymentIntents,
  eastus,
  kindsLeft,
  never,
  onAzure,
  ready,
  shapeFixture,
  swept,
  tearDown,
  until,
} from "./azure-world.ts";
import type { AzureWorld } from "./azure-world.ts";

const refusals = (outcomes: readonly EnsureOutcome[]): Failure[] =>
  outcomes.flatMap((outcome) => (outcome.kind === "refused" ? [outcome.failure] : []));

const hostsOf = (states: readonly ResourceState[]): readonly ResourceState[] =>
  states.filter(({ resourceKind }) => resourceKind === "virtualMachine");

const vmId = (group: string, vm: string): string =>
  `/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/${group}/providers/Microsoft.Compute/virtualMachines/${vm}`;

/** As `vm` in the backend knows it. */
const machine = (world: AzureWorld, name: string) =>
  [...world.backend.running.values()].find(({ vm }) => vm.name === name)?.vm;

describe("AzureProvider", () => {
  it(
    "makes hosts with addresses, tags, facts and user data, and leaves nothing",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 2, {
        shape: {
          disks: [
            { kind: "boot", bytes: 64 * 1024 ** 3, mount: undefined, fileSystem: undefined },
            { kind: "data", bytes: 100 * 1024 ** 3 + 1, mount: "/data", fileSystem: "xfs" },
          ],
        },
      });
      expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
      const states = await ready(world, intents);
      expect(hostsOf(states)[0]).toMatchObject({
        state: "ready",
        name: "d1-r0-server-0",
        address: { host: "server-0", port: 22, user: "bench" },
        privateAddress: expect.stringMatching(/^10\.1\.0\.\d+$/) as unknown,
        facts: {
          machineType: "Standard_D2s_v5",
          image: "Canonical:ubuntu-24_04-lts:server:24.04.202511030",
          zone: "1",
          lifecycle: "on-demand",
        },
      });
      const made = machine(world, "server-0");
      expect(made).toMatchObject({ zone: "1", tags: { "reprise-deployment": "d1", "reprise-name": "d1-r0-server-0" } });
      expect(parse(made?.userData ?? "")).toMatchObject({ users: [{ name: "bench" }] });
      const disks = world.emulator.inventory("azure").filter(({ kind }) => kind.endsWith("/disks"));
      expect(disks.map(({ name }) => name).sort()).toEqual([
        "server-0-boot",
        "server-0-data-0",
        "server-1-boot",
        "server-1-data-0",
      ]);
      await tearDown(world, "d1");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "passes confidential machines, proximity groups, fast networking and identities through",
    onAzure(async (world) => {
      const identity =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/bench";
      const intents = deploymentIntents("d1", 2, {
        place: { region: "eastus" },
        shape: {
          type: "Standard_DC4as_v5",
          image: "Canonical:ubuntu-24_04-lts:cvm:latest",
          options: { confidential: "sev-snp", proximityGroup: true, acceleratedNetworking: true, identity },
        },
      });
      expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
      await ready(world, intents);
      const vm = await world.clients.compute.virtualMachines.get("reprise-d1-r0-eastus", "server-0");
      expect(vm).toMatchObject({
        securityProfile: {
          securityType: "ConfidentialVM",
          uefiSettings: { secureBootEnabled: true, vTpmEnabled: true },
        },
        storageProfile: {
          osDisk: { managedDisk: { securityProfile: { securityEncryptionType: "VMGuestStateOnly" } } },
        },
        proximityPlacementGroup: { id: expect.stringMatching(/proximityPlacementGroups\/near$/) as unknown },
        identity: { type: "UserAssigned" },
      });
      const nic = await world.clients.network.networkInterfaces.get("reprise-d1-r0-eastus", "server-0-nic");
      expect(nic.enableAcceleratedNetworking).toBe(true);
      expect(kindsLeft(world).filter((kind) => kind === "proximityPlacementGroups")).toHaveLength(1);
      await tearDown(world, "d1");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "refuses an impossible machine before it asks for anything",
    onAzure(async (world) => {
      const [network, good] = deploymentIntents("d1", 1);
      const [, bad] = deploymentIntents("d1", 1, { role: "client", shape: { options: { turbo: true } } });
      if (network === undefined || good === undefined || bad === undefined) throw new Error("no intents");
      const outcomes = await world.fresh().ensure([network, good, bad], never);
      expect(refusals(outcomes).map((failure) => failure.class)).toEqual(["invalid", "invalid", "invalid"]);
      expect(refusals(outcomes)[0]?.message).toMatch(/client-0: options/);
      expect(world.emulator.log.calls).toEqual([]);
    }),
  );

  it.each<[string, Partial<MachineShape>, Failure["class"], RegExp]>([
    ["a type that doesn't exist", { type: "Standard_Z9s_v9" }, "invalid", /InvalidParameter/],
    ["an image that doesn't exist", { image: "Canonical:nothing:server:latest" }, "invalid", /PlatformImageNotFound/],
    ["an image for other CPUs", { image: "Canonical:ubuntu-24_04-lts:server-arm64:latest" }, "invalid", /BadRequest/],
    ["a type that the zone lacks", { type: "Standard_L8s_v3" }, "capacity", /SkuNotAvailable/],
  ])("says why: %s", (_, shape, failureClass, message) =>
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 1, { shape, place: { region: "eastus", zone: "3" } });
      const outcomes = await world.fresh().ensure(intents, never);
      expect(refusals(outcomes)).toMatchObject([
        { class: failureClass, message: expect.stringMatching(message) as unknown },
      ]);
      await tearDown(world, "d1");
      expect(world.emulator.inventory()).toEqual([]);
    })(),
  );

  it(
    "says why: a quota, in Azure's own words",
    onAzure(
      async (world) => {
        const intents = deploymentIntents("d1", 3);
        const outcomes = await world.fresh().ensure(intents, never);
        expect(refusals(outcomes)[0]).toMatchObject({
          class: "quota",
          message: expect.stringMatching(/OperationNotAllowed.*Total Regional Cores.*Current Limit: 4/) as unknown,
          hint: expect.stringMatching(/another region/) as unknown,
        });
        await tearDown(world, "d1");
        expect(world.emulator.inventory()).toEqual([]);
      },
      { azure: { quotas: { regionalCores: 4 } } },
    ),
  );

  it(
    "tells of a machine that was accepted and failed for capacity, at its observation and when asked again",
    onAzure(
      async (world) => {
        const intents = deploymentIntents("d1", 1);
        expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
        const states = await until(
          world,
          () => world.fresh().observe("d1", eastus),
          (all) => all.some(({ state }) => state === "failed"),
        );
        const capacity = { class: "capacity", message: expect.stringMatching(/ZonalAllocationFailed/) as unknown };
        expect(hostsOf(states)).toMatchObject([{ state: "failed", failure: capacity }]);
        expect(refusals(await world.fresh().ensure(intents, never))).toMatchObject([capacity]);
        await tearDown(world, "d1");
        expect(world.emulator.inventory()).toEqual([]);
      },
      { azure: { capacity: [{ zone: "eastus/1", machines: 0 }] } },
    ),
  );

  it(
    "moves to another zone of the same region while the first round's group is still going",
    onAzure(
      async (world) => {
        const first = deploymentIntents("d1", 2);
        const outcomes = await world.fresh().ensure(first, never);
        expect(refusals(outcomes)[0]?.class).toBe("capacity");
        await world.fresh().beginDestroy("d1", eastus);
        const place = { region: "eastus", zone: "2" };
        const second = deploymentIntents("d1", 2, { round: 1, place });
        expect(await world.fresh().ensure(second, never)).toEqual(accepted(second));
        const states = await ready(world, second);
        expect(hostsOf(states).map(({ name }) => name)).toEqual(["d1-r1-server-0", "d1-r1-server-1"]);
        await tearDown(world, "d1", [place]);
        expect(world.emulator.inventory()).toEqual([]);
      },
      { faults: [{ on: "machine", zone: "eastus/1", nth: 2, fault: { kind: "stockOut" } }] },
    ),
  );

  it(
    "finds a late round's group at once in the process that made it, and by its list in another",
    onAzure(
      async (world) => {
        const place = { region: "westeurope", zone: "1" };
        const intents = deploymentIntents("d1", 0, { round: 7, place });
        const maker = world.fresh();
        await maker.ensure(intents, never);
        expect(await maker.observe("d1", place)).toHaveLength(1);
        expect(await world.fresh().observe("d1", place)).toEqual([]);
        await world.clock.sleep(60_000);
        expect(await world.fresh().observe("d1", place)).toHaveLength(1);
        await tearDown(world, "d1", [place]);
        expect(world.emulator.inventory()).toEqual([]);
      },
      { timings: { visibilityMs: 60_000 } },
    ),
  );

  it(
    "gives lost replies, Azure's own errors and passing throttles another try",
    onAzure(
      async (world) => {
        const intents = deploymentIntents("d1", 2);
        expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
        await ready(world, intents);
        expect(hostsOf(await world.fresh().observe("d1", eastus))).toHaveLength(2);
        expect(world.emulator.faults.hits).toHaveLength(6);
        await tearDown(world, "d1");
        expect(world.emulator.inventory()).toEqual([]);
      },
      {
        faults: [
          { on: "call", operation: "PUT resourceGroups", fault: { kind: "drop", when: "after" } },
          { on: "call", operation: "PUT virtualNetworks", fault: { kind: "drop", when: "after" } },
          {
            on: "call",
            operation: "PUT networkInterfaces",
            fault: { kind: "error", when: "after", status: 500, code: "InternalServerError" },
          },
          { on: "call", operation: "PUT virtualMachines", fault: { kind: "drop", when: "after" } },
          {
            on: "call",
            operation: "PUT virtualMachines",
            nth: 3,
            fault: { kind: "error", when: "before", status: 429, code: "TooManyRequests", retryAfterSec: 7 },
          },
          { on: "call", operation: "GET virtualNetworks", nth: 2, fault: { kind: "hang", when: "before" } },
        ],
      },
    ),
  );

  it(
    "hands a throttle that outlasts the call on, with the wait that Azure asked for",
    onAzure(
      async (world) => {
        const intents = deploymentIntents("d1", 1);
        const startedAt = world.clock.now();
        const outcomes = await world.fresh().ensure(intents, never);
        expect(outcomes).toMatchObject([
          { kind: "accepted" }, // the network is there
          { kind: "refused", retryAfterMs: 300_000, failure: { class: "throttled" } },
        ]);
        expect(world.clock.now() - startedAt).toBeLessThan(60_000);
        await world.clock.sleep(1_000);
        // The same again goes on from what exists.
        expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
        await tearDown(world, "d1");
        expect(world.emulator.inventory()).toEqual([]);
      },
      {
        faults: [
          {
            on: "call",
            operation: "PUT networkInterfaces",
            fault: { kind: "error", when: "before", status: 429, code: "TooManyRequests", retryAfterSec: 300 },
          },
        ],
      },
    ),
  );

  it(
    "ends within a minute when Azure is dead, and says so",
    onAzure(
      async (world) => {
        const startedAt = world.clock.now();
        const outcomes = await world.fresh().ensure(deploymentIntents("d1", 1), never);
        expect(refusals(outcomes)[0]).toMatchObject({
          class: "throttled",
          message: expect.stringMatching(/ETIMEDOUT/) as unknown,
        });
        await expect(world.fresh().observe("d1", eastus)).rejects.toMatchObject({ name: "ThrottledFailure" });
        expect(world.clock.now() - startedAt).toBeLessThan(120_000);
      },
      { faults: [{ on: "call", count: 1_000, fault: { kind: "hang", when: "before" } }] },
    ),
  );

  it(
    "makes forty hosts within one call, at Azure's own pace",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 40);
      const startedAt = world.clock.now();
      const outcomes = await world.fresh().ensure(intents, never);
      expect(outcomes).toEqual(accepted(intents));
      expect(world.clock.now() - startedAt).toBeLessThan(55_000);
      expect(hostsOf(await ready(world, intents))).toHaveLength(40);
      await tearDown(world, "d1");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "says that a login is missing, without trying it again",
    onAzure(
      async (world) => {
        const outcomes = await world.fresh().ensure(deploymentIntents("d1", 1), never);
        expect(refusals(outcomes)[0]).toMatchObject({
          class: "auth",
          hint: expect.stringMatching(/Contributor/) as unknown,
        });
        expect(world.emulator.log.calls).toHaveLength(1);
      },
      {
        faults: [
          {
            on: "call",
            fault: { kind: "error", when: "before", status: 403, code: "AuthorizationFailed", message: "no" },
          },
        ],
      },
    ),
  );

  it(
    "stops creating when its time is over in the middle",
    onAzure(
      async (world) => {
        const intents = deploymentIntents("d1", 1).map((intent) => ({
          ...intent,
          notAfter: world.clock.now() + 5_000,
        }));
        const outcomes = await world.fresh().ensure(intents, never);
        expect(refusals(outcomes)[0]?.class).toBe("cancelled");
        expect(kindsLeft(world)).not.toContain("virtualMachines");
        await tearDown(world, "d1");
        expect(world.emulator.inventory()).toEqual([]);
      },
      { timings: { operationMs: 12_000 } },
    ),
  );

  it(
    "makes nothing in a group that is being deleted",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 1);
      await world.fresh().ensure(intents, never);
      await world.fresh().beginDestroy("d1", eastus);
      expect(refusals(await world.fresh().ensure(intents, never))[0]).toMatchObject({
        class: "cancelled",
        message: expect.stringMatching(/being deleted/) as unknown,
      });
      await tearDown(world, "d1");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "finds a group that came into being after everything was gone, before a receipt may close",
    onAzure(
      async (world) => {
        const intents = deploymentIntents("d1", 1);
        expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
        const closedAt = world.clock.now();
        const provider = world.fresh();
        await provider.beginDestroy("d1", eastus);
        await world.clock.sleep(36_000);
        expect(world.emulator.inventory()).toEqual([]);
        await world.clock.sleep(closedAt + provider.capabilities.visibilityDelayMs - world.clock.now());
        expect(kindsLeft(world)).toEqual(["resourceGroups"]);
        expect(await provider.observe("d1", eastus)).toMatchObject([{ resourceKind: "resourceGroup" }]);
        await tearDown(world, "d1");
        expect(world.emulator.inventory()).toEqual([]);
      },
      {
        faults: [{ on: "call", operation: "PUT resourceGroups", fault: { kind: "late", when: "before", ms: 59_000 } }],
      },
    ),
  );

  it(
    "leaves groups alone that only bear a name like ours",
    onAzure(async (world) => {
      const { resources } = world.clients;
      await resources.resourceGroups.createOrUpdate("reprise-d1-r0-eastus", {
        location: "eastus",
        tags: { by: "them" },
      });
      // Not made ours either: all in it would go with the deployment.
      expect(refusals(await world.fresh().ensure(deploymentIntents("d1", 1), never))[0]).toMatchObject({
        class: "invalid",
        message: expect.stringMatching(/is not ours/) as unknown,
      });
      await world.fresh().beginDestroy("d1", eastus);
      await world.clock.sleep(120_000);
      expect(world.emulator.inventory("azure").map(({ name }) => name)).toEqual(["reprise-d1-r0-eastus"]);
      expect(await world.fresh().observe("d1", eastus)).toEqual([]);
      expect(await swept(world.fresh(), { kind: "all" })).toEqual([]);
    }),
  );

  it(
    "sees an evicted spot machine, and one that was stopped",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 2, { shape: { spot: true } });
      await world.fresh().ensure(intents, never);
      await ready(world, intents);
      world.emulator.azure.evict(vmId("reprise-d1-r0-eastus", "server-0"));
      for (const { vm, guest } of [...world.backend.running.values()]) if (vm.name === "server-1") guest.poweredOff();
      await world.clock.sleep(31_000);
      const states = hostsOf(await world.fresh().observe("d1", eastus));
      expect(states).toMatchObject([
        {
          state: "failed",
          failure: { class: "preempted", host: "server-0", message: expect.stringMatching(/evicted/) as unknown },
        },
        {
          state: "failed",
          failure: { class: "preempted", host: "server-1", message: expect.stringMatching(/stopped/) as unknown },
        },
      ]);
      await tearDown(world, "d1");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "keeps a renewed lease when the same is ensured again",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 1);
      await world.fresh().ensure(intents, never);
      const later = world.clock.now() + 7_200_000;
      await world.fresh().extend("d1", eastus, later);
      await world.fresh().ensure(intents, never);
      await world.clock.sleep(5_000);
      const found = await swept(world.fresh(), { kind: "deployment", deployment: "d1" });
      expect(new Set(found.map(({ expiresAt }) => expiresAt))).toEqual(new Set([later]));
      await tearDown(world, "d1");
    }),
  );

  it(
    "sweeps and destroys the expired, of runs that nobody knows, and nothing else",
    onAzure(async (world) => {
      const [old, young] = [deploymentIntents("d1", 1, { ttlMs: 120_000 }), deploymentIntents("d2", 1)];
      await world.fresh().ensure([...old, ...young], never);
      await ready(world, old);
      await world.clock.sleep(120_000);
      const reaper = world.fresh();
      const expired = await swept(reaper, { kind: "expired", now: world.clock.now() });
      expect(new Set(expired.map(({ deployment }) => deployment))).toEqual(new Set(["d1"]));
      expect(expired[0]).toMatchObject({ resourceKind: "resourceGroup", place: { region: "eastus" }, runId: "r1" });
      expect(expired.map(({ resourceKind }) => resourceKind)).toContain("virtualMachines");
      // In any order: a machine's own interface can't go before it.
      for (const resource of [...expired].reverse()) await reaper.destroyResource(resource);
      await world.clock.sleep(120_000);
      expect(await swept(reaper, { kind: "deployment", deployment: "d1" })).toEqual([]);
      expect(hostsOf(await reaper.observe("d2", eastus))).toMatchObject([{ state: "ready" }]);
      await tearDown(world, "d2");
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "waits for a slow reader of its sweep",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 2, { shape: { spot: true } });
      await world.fresh().ensure([...intents, ...deploymentIntents("d2", 0)], never);
      await ready(world, intents);
      const found: TaggedResource[] = [];
      for await (const resource of world.fresh().sweep({ kind: "all" })) {
        found.push(resource);
        await world.clock.sleep(20_000);
      }
      expect(new Set(found.map(({ deployment }) => deployment))).toEqual(new Set(["d1", "d2"]));
      expect(found.filter(({ machineType }) => machineType !== undefined)).toMatchObject([
        { name: "d1-r0-server-0", machineType: "Standard_D2s_v5", spot: true },
        { name: "d1-r0-server-1", machineType: "Standard_D2s_v5", spot: true },
      ]);
      for (const deployment of ["d1", "d2"]) await tearDown(world, deployment);
      expect(world.emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "sweeps what was tagged as ours elsewhere, and deletes that alone",
    onAzure(async (world) => {
      const { resources, network } = world.clients;
      await resources.resourceGroups.createOrUpdate("theirs", { location: "eastus" });
      await network.publicIPAddresses.beginCreateOrUpdate("theirs", "stray", {
        location: "eastus",
        sku: { name: "Standard" },
        publicIPAllocationMethod: "Static",
        tags: { "reprise-deployment": "d9", "reprise-expires": "5" },
      });
      await world.clock.sleep(10_000);
      const found = await swept(world.fresh(), { kind: "expired", now: world.clock.now() });
      expect(found).toMatchObject([{ resourceKind: "publicIPAddresses", deployment: "d9", expiresAt: 5_000 }]);
      for (const resource of found) await world.fresh().destroyResource(resource);
      await world.clock.sleep(10_000);
      expect(kindsLeft(world)).toEqual(["resourceGroups"]);
      for (const resource of found) await world.fresh().destroyResource(resource);
    }),
  );

  it(
    "knows the quota that a deployment needs, and what is left of it",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 1);
      await world.fresh().ensure(intents, never);
      const shapes = [shapeFixture(), shapeFixture(), shapeFixture({ spot: true })];
      const rows = await world.fresh().quota(eastus, shapes);
      expect(new Map(rows.map(({ metric, used, limit, needed }) => [metric, [used, limit, needed]]))).toEqual(
        new Map([
          ["cores", [2, 350, 4]],
          ["virtualMachines", [1, 25_000, 3]],
          ["lowPriorityCores", [0, 350, 2]],
          ["standardDSv5Family", [2, 350, 4]],
          ["StandardSkuPublicIpAddresses", [1, 200, 3]],
        ]),
      );
      expect((await world.fresh().quota(eastus)).every(({ used }) => used > 0)).toBe(true);
      await tearDown(world, "d1");
    }),
  );

  it(
    "describes machine types as Azure's catalogue does",
    onAzure(async (world) => {
      const types = ["Standard_D2s_v5", "standard_d4ps_v5", "Standard_Nothing", "Standard_DC2as_v5"];
      expect(await world.fresh().describeMachines({ region: "West US 2" }, types)).toEqual([
        {
          type: "Standard_D2s_v5",
          vcpus: 2,
          memoryBytes: 8 * 1024 ** 3,
          architecture: "x86_64",
          family: "standardDSv5Family",
          zones: ["1", "2", "3"],
          spot: true,
        },
        expect.objectContaining({ type: "Standard_D4ps_v5", architecture: "arm64", vcpus: 4 }),
      ]);
    }),
  );

  it(
    "finds which version of an image is the latest, and leaves exact ones and galleries' as they are",
    onAzure(async (world) => {
      const provider = world.fresh();
      const latest = "Canonical:ubuntu-24_04-lts:server:latest";
      const exact = await provider.resolveImage({ region: "East US" }, latest);
      expect(exact).toBe("Canonical:ubuntu-24_04-lts:server:24.04.202511030");
      const calls = world.emulator.log.calls.length;
      for (const image of [exact, "/CommunityGalleries/g/Images/i"])
        expect(await provider.resolveImage(eastus, image)).toBe(image);
      expect(world.emulator.log.calls).toHaveLength(calls);
      await expect(provider.resolveImage(eastus, "Canonical:no-such:server:latest")).rejects.toMatchObject({
        failure: { class: "invalid" },
      });
    }),
  );
});
