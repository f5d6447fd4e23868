import { DisksClient } from "@google-cloud/compute/build/src/v1/disks_client.js";
import { FirewallsClient } from "@google-cloud/compute/build/src/v1/firewalls_client.js";
import { GlobalOperationsClient } from "@google-cloud/compute/build/src/v1/global_operations_client.js";
import { ImagesClient } from "@google-cloud/compute/build/src/v1/images_client.js";
import { InstancesClient } from "@google-cloud/compute/build/src/v1/instances_client.js";
import { MachineTypesClient } from "@google-cloud/compute/build/src/v1/machine_types_client.js";
import { NetworksClient } from "@google-cloud/compute/build/src/v1/networks_client.js";
import { RegionOperationsClient } from "@google-cloud/compute/build/src/v1/region_operations_client.js";
import { RegionsClient } from "@google-cloud/compute/build/src/v1/regions_client.js";
import { ResourcePoliciesClient } from "@google-cloud/compute/build/src/v1/resource_policies_client.js";
import { SubnetworksClient } from "@google-cloud/compute/build/src/v1/subnetworks_client.js";
import { ZoneOperationsClient } from "@google-cloud/compute/build/src/v1/zone_operations_client.js";
import type { protos } from "@google-cloud/compute";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createEmulator } from "../cloud.ts";
import type { Emulator, EmulatorOptions } from "../cloud.ts";
import { MemoryBackend } from "../common/backend.ts";
import { patientRun } from "../common/patient-run.ts";
import { specsPresent } from "../common/specs.ts";
import { gcpAuthClient, gcpClientOptions } from "./clients.ts";
import { projectName as project } from "./service.ts";

type IInstance = protos.google.cloud.compute.v1.IInstance;
type IOperation = protos.google.cloud.compute.v1.IOperation;

const zone = "us-central1-a";
const region = "us-central1";

/** Building a Google client takes a tenth of a second: made once, they talk to whichever emulator is set up. */
let current: Emulator;
const settings = gcpClientOptions(gcpAuthClient((request, signal) => current.gcp.handle(request, signal)));
const clients = {
  instances: new InstancesClient(settings),
  disks: new DisksClient(settings),
  networks: new NetworksClient(settings),
  subnetworks: new SubnetworksClient(settings),
  firewalls: new FirewallsClient(settings),
  policies: new ResourcePoliciesClient(settings),
  zoneOperations: new ZoneOperationsClient(settings),
  regionOperations: new RegionOperationsClient(settings),
  globalOperations: new GlobalOperationsClient(settings),
  images: new ImagesClient(settings),
  machineTypes: new MachineTypesClient(settings),
  regions: new RegionsClient(settings),
};

function setUp(options: Omit<Partial<EmulatorOptions>, "clock"> = {}) {
  const clock = new VirtualClock();
  const backend = new MemoryBackend();
  const emulator = createEmulator({ clock, backend, ...options });
  current = emulator;
  const insert = (instanceResource: IInstance, requestId?: string) =>
    clients.instances.insert({ project, zone, instanceResource, ...(requestId === undefined ? {} : { requestId }) });
  /** Waits for an operation as the API does, on the virtual clock. */
  const done = async (begun: Promise<unknown>): Promise<IOperation> => {
    const [{ latestResponse }] = (await begun) as [{ latestResponse: IOperation }];
    const operation = latestResponse.name ?? "";
    const [finished] = latestResponse.zone
      ? await clients.zoneOperations.wait({ project, zone, operation })
      : latestResponse.region
        ? await clients.regionOperations.wait({ project, region, operation })
        : await clients.globalOperations.wait({ project, operation });
    return finished;
  };
  const get = async (instance: string): Promise<IInstance> =>
    (await clients.instances.get({ project, zone, instance }))[0];
  return { clock, backend, emulator, ...clients, insert, done, get };
}

const machine = (name: string, overrides: IInstance = {}): IInstance => ({
  name,
  machineType: `zones/${zone}/machineTypes/n2-standard-2`,
  disks: [
    {
      boot: true,
      autoDelete: true,
      initializeParams: {
        sourceImage: "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64",
        diskSizeGb: 20,
        labels: { "reprise-run": "r1" },
      },
    },
  ],
  networkInterfaces: [{ network: "global/networks/default", accessConfigs: [{ type: "ONE_TO_ONE_NAT" }] }],
  labels: { "reprise-run": "r1" },
  metadata: {
    items: [
      { key: "user-data", value: "#cloud-config\n" },
      { key: "ssh-keys", value: "reprise:ssh-ed25519 AAAA me" },
    ],
  },
  ...overrides,
});
const spot = (instanceTerminationAction: "DELETE" | "STOP"): IInstance => ({
  scheduling: { provisioningModel: "SPOT", instanceTerminationAction },
});

/** HTTP status and reason of a refusal. */
const refusal = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "accepted";
  } catch (error) {
    const body = JSON.parse((error as Error).message) as { error: { code: number; errors: { reason: string }[] } };
    return `${body.error.code} ${body.error.errors[0]?.reason ?? ""}`;
  }
};
const failure = (operation: IOperation): string =>
  `${operation.httpErrorStatusCode ?? 0} ${operation.error?.errors?.[0]?.code ?? "none"}`;

const onClock =
  (body: (world: ReturnType<typeof setUp>) => Promise<void>, options?: Omit<Partial<EmulatorOptions>, "clock">) =>
  async (): Promise<void> => {
    const world = setUp(options);
    const stop = new AbortController();
    const driving = world.emulator.drive(stop.signal);
    await patientRun(world.clock, body(world));
    stop.abort();
    await driving;
    expect(world.emulator.violations).toEqual([]);
    expect(world.emulator.problems).toEqual([]);
  };

const kinds = ({ emulator }: ReturnType<typeof setUp>): string[] =>
  emulator
    .inventory("gcp")
    .map((i) => i.kind)
    .sort();

describe("GcpEmulator", () => {
  it(
    "takes an instance from provisioning to gone, boot disk included",
    onClock(async (world) => {
      const { clock, emulator, insert, done, get, instances, backend } = world;
      const [begun] = await insert(machine("host-1"));
      const operation = begun.latestResponse as IOperation;
      expect(operation).toMatchObject({ status: "PENDING", operationType: "insert", progress: 0 });
      expect(await refusal(get("host-1"))).toBe("404 notFound"); // not yet to be seen
      await clock.sleep(3_000);
      expect((await get("host-1")).status).toMatch(/PROVISIONING|STAGING/);
      const [finished] = await world.zoneOperations.wait({ project, zone, operation: operation.id as string });
      expect(finished).toMatchObject({ status: "DONE", progress: 100 });
      const running = await get("host-1");
      expect(running).toMatchObject({ status: "RUNNING", labels: { "reprise-run": "r1" } });
      const address = running.networkInterfaces?.[0]?.accessConfigs?.[0]?.natIP ?? "";
      expect(emulator.machineAt(address)?.vm).toMatchObject({
        name: "host-1",
        userData: "#cloud-config\n",
        sshPublicKeys: ["ssh-ed25519 AAAA me"],
        privateIp: "10.128.0.2",
      });
      expect(kinds(world)).toEqual(["disks", "instances"]);
      expect(failure(await done(instances.delete({ project, zone, instance: "host-1" })))).toBe("0 none");
      expect(backend.running.size).toBe(0);
      expect(await refusal(instances.delete({ project, zone, instance: "host-1" }))).toBe("404 notFound");
      expect(emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "gives the first operation again for the same request id, and refuses a taken name",
    onClock(async ({ insert, emulator }) => {
      const id = "11111111-2222-4333-8444-555555555555";
      const [first] = await insert(machine("host-1"), id);
      const [second] = await insert(machine("host-1"), id);
      expect((second.latestResponse as IOperation).name).toBe((first.latestResponse as IOperation).name);
      expect(await refusal(insert(machine("host-1")))).toBe("409 alreadyExists");
      expect(await refusal(insert(machine("host-2"), "00000000-0000-0000-0000-000000000000"))).toBe("400 invalid");
      expect(emulator.inventory().filter((i) => i.kind === "instances")).toHaveLength(1);
    }),
  );

  it.each<[string, string, IInstance]>([
    ["a bad name", "400 invalid", { name: "Host_1" }],
    ["an unknown machine type", "400 invalid", { machineType: `zones/${zone}/machineTypes/z9-mega` }],
    ["a type of another zone", "400 invalid", { machineType: "zones/us-east1-b/machineTypes/n2-standard-2" }],
    [
      "an image of another architecture",
      "400 badRequest",
      { machineType: `zones/${zone}/machineTypes/t2a-standard-2` },
    ],
    ["a label with capitals", "400 invalid", { labels: { Run: "r1" } }],
    ["a label value with dots", "400 invalid", { labels: { run: "r.1" } }],
    ["65 labels", "400 invalid", { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, "v"])) }],
    ["an unknown network", "400 invalid", { networkInterfaces: [{ network: "global/networks/none" }] }],
    ["a time limit without an action", "400 invalid", { scheduling: { maxRunDuration: { seconds: 3600 } } }],
    [
      "a time limit that is too short",
      "400 invalid",
      { scheduling: { maxRunDuration: { seconds: 10 }, instanceTerminationAction: "DELETE" } },
    ],
    [
      "confidential computing where there's none",
      "400 badRequest",
      { confidentialInstanceConfig: { confidentialInstanceType: "TDX" } },
    ],
  ])("refuses %s", async (_name, expected, overrides) => {
    const { clock, insert, emulator } = setUp();
    expect(await patientRun(clock, refusal(insert(machine("host-1", overrides))))).toBe(expected);
    expect(emulator.inventory()).toEqual([]);
  });

  it(
    "reports want of capacity in the operation, and makes nothing",
    onClock(
      async (world) => {
        const { insert, done, get } = world;
        expect(failure(await done(insert(machine("host-1"))))).toBe("0 none");
        const operation = await done(insert(machine("host-2")));
        expect(failure(operation)).toBe("503 ZONE_RESOURCE_POOL_EXHAUSTED");
        expect(await refusal(get("host-2"))).toBe("404 notFound");
        expect(kinds(world)).toEqual(["disks", "instances"]);
      },
      { gcp: { capacity: [{ type: "n2-standard-2", zone, machines: 1 }] } },
    ),
  );

  it(
    "makes many at once, or at least the minimum, or none",
    onClock(
      async (world) => {
        const { done, instances, emulator } = world;
        const { name: _name, ...instanceProperties } = machine("", { machineType: "n2-standard-2" });
        const bulk = (namePattern: string, count: number, minCount: number) =>
          done(
            instances.bulkInsert({
              project,
              zone,
              bulkInsertInstanceResourceResource: {
                count,
                minCount,
                namePattern,
                instanceProperties: { ...instanceProperties, machineType: `zones/${zone}/machineTypes/n2-standard-2` },
              },
            }),
          );
        expect(failure(await bulk("a-##", 4, 4))).toBe("503 ZONE_RESOURCE_POOL_EXHAUSTED");
        expect(emulator.inventory()).toEqual([]);
        expect(failure(await bulk("b-##", 4, 2))).toBe("0 none");
        expect(
          emulator
            .inventory()
            .filter((i) => i.kind === "instances")
            .map((i) => i.name),
        ).toEqual(["b-01", "b-02", "b-03"]);
      },
      { gcp: { capacity: [{ zone, machines: 3 }] } },
    ),
  );

  it(
    "refuses beyond the quota, which regions show",
    onClock(
      async ({ insert, done, regions }) => {
        expect(await refusal(done(insert(machine("host-1"))))).toBe("accepted");
        expect(await refusal(insert(machine("host-2")))).toBe("403 quotaExceeded");
        expect(await refusal(insert(machine("host-2", spot("DELETE"))))).toBe("accepted");
        const [shown] = await regions.get({ project, region });
        const usage = new Map((shown.quotas ?? []).map((q) => [q.metric, `${q.usage ?? 0} of ${q.limit ?? 0}`]));
        expect(usage.get("N2_CPUS")).toBe("2 of 3");
        expect(usage.get("PREEMPTIBLE_CPUS")).toBe("2 of 500");
      },
      { gcp: { quotas: { cpus: 3 } } },
    ),
  );

  it(
    "ends a machine at its time although nobody asks",
    onClock(async (world) => {
      const { clock, emulator, insert, done, backend } = world;
      const limited = machine("host-1", {
        scheduling: { maxRunDuration: { seconds: 3600 }, instanceTerminationAction: "DELETE" },
      });
      await done(insert(limited));
      const shown = await emulator.gcp.handle({
        method: "GET",
        url: new URL(`https://compute.googleapis.com/compute/v1/projects/${project}/zones/${zone}/instances/host-1`),
        headers: { authorization: "Bearer x" },
        body: "",
      });
      const { resourceStatus } = JSON.parse(shown.body) as {
        resourceStatus: { scheduling: { terminationTimestamp: string } }; // newer than the SDK's types
      };
      const at = Date.parse(resourceStatus.scheduling.terminationTimestamp);
      expect(at - clock.now()).toBeGreaterThan(3_590_000);
      await clock.sleep(3_590_000);
      expect(backend.running.size).toBe(1);
      await clock.sleep(60_000);
      expect(backend.running.size).toBe(0);
      expect(kinds(world)).toEqual([]);
    }),
  );

  it(
    "preempts a spot machine half a minute after saying so, then stops or deletes it",
    onClock(async (world) => {
      const { clock, emulator, insert, done, get, backend, zoneOperations } = world;
      await done(insert(machine("gone", spot("DELETE"))));
      await done(insert(machine("kept", spot("STOP"))));
      const preempted = (): string | undefined =>
        [...backend.running.values()]
          .find((m) => m.vm.name === "gone")
          ?.guest.metadata({
            method: "GET",
            path: "/computeMetadata/v1/instance/preempted",
            headers: { "metadata-flavor": "Google" },
          }).body;
      expect(preempted()).toBe("FALSE");
      emulator.gcp.preempt("gone");
      emulator.gcp.preempt("kept");
      expect(preempted()).toBe("TRUE");
      await clock.sleep(29_000);
      expect((await get("gone")).status).toBe("RUNNING");
      await clock.sleep(40_000);
      expect(await refusal(get("gone"))).toBe("404 notFound");
      expect((await get("kept")).status).toBe("TERMINATED");
      const [operations] = await zoneOperations.list({
        project,
        zone,
        filter: 'operationType="compute.instances.preempted"',
      });
      expect(operations.map((o) => o.targetLink?.split("/").at(-1))).toEqual(["gone", "kept"]);
      expect(kinds(world)).toEqual(["disks", "instances"]);
    }),
  );

  it(
    "stops a machine that shuts itself down; only then can its scheduling be set",
    onClock(async ({ clock, insert, done, get, backend, instances }) => {
      await done(insert(machine("host-1")));
      const limit = () =>
        instances.setScheduling({
          project,
          zone,
          instance: "host-1",
          schedulingResource: { maxRunDuration: { seconds: 60 }, instanceTerminationAction: "DELETE" },
        });
      expect(await refusal(limit())).toBe("400 invalid");
      for (const { guest } of [...backend.running.values()]) guest.poweredOff();
      await clock.sleep(60_000);
      expect((await get("host-1")).status).toBe("TERMINATED");
      expect(await refusal(limit())).toBe("accepted");
    }),
  );

  it(
    "takes new metadata on a running machine, but only of who has read the old ones",
    onClock(async ({ insert, done, get, backend, instances }) => {
      await done(insert(machine("host-1")));
      const { metadata: old } = await get("host-1");
      const set = (fingerprint: string, value: string) =>
        done(
          instances.setMetadata({
            project,
            zone,
            instance: "host-1",
            metadataResource: { fingerprint, items: [{ key: "lease", value }] },
          }),
        );
      expect(await refusal(set("c3RhbGU=", "1"))).toBe("412 conditionNotMet");
      expect(failure(await set(old?.fingerprint ?? "", "2"))).toBe("0 none");
      expect(await refusal(set(old?.fingerprint ?? "", "3"))).toBe("412 conditionNotMet");
      expect((await get("host-1")).metadata?.items).toMatchObject([{ key: "lease", value: "2" }]);
      const heard = [...backend.running.values()][0]?.guest.metadata({
        method: "GET",
        path: "/computeMetadata/v1/instance/attributes/lease",
        headers: { "metadata-flavor": "Google" },
      });
      expect(heard?.body).toBe("2");
    }),
  );

  it(
    "keeps disks that were told to outlive their machine",
    onClock(async (world) => {
      const { insert, done, instances, disks } = world;
      await done(
        insert(
          machine("host-1", {
            disks: [
              ...(machine("").disks ?? []),
              {
                autoDelete: false,
                initializeParams: { diskName: "data-1", diskSizeGb: 100, diskType: `zones/${zone}/diskTypes/pd-ssd` },
              },
              {
                type: "SCRATCH",
                interface: "NVME",
                autoDelete: true,
                initializeParams: { diskType: `zones/${zone}/diskTypes/local-ssd` },
              },
            ],
          }),
        ),
      );
      expect(await refusal(disks.delete({ project, zone, disk: "data-1" }))).toBe("400 resourceInUseByAnotherResource");
      await done(instances.delete({ project, zone, instance: "host-1" }));
      const [left] = await disks.list({ project, zone });
      expect(left.map((d) => [d.name, d.sizeGb, d.users])).toEqual([["data-1", "100", []]]);
      await done(disks.delete({ project, zone, disk: "data-1" }));
      expect(kinds(world)).toEqual([]);
    }),
  );

  it(
    "lets networks go only when nothing uses them",
    onClock(async (world) => {
      const { insert, done, networks, subnetworks, firewalls, instances } = world;
      const network = "reprise-d1";
      await networks.insert({ project, networkResource: { name: network, autoCreateSubnetworks: false } });
      const subnet = () =>
        subnetworks.insert({
          project,
          region,
          subnetworkResource: { name: network, network: `global/networks/${network}`, ipCidrRange: "10.9.0.0/24" },
        });
      expect(await refusal(subnet())).toBe("400 resourceNotReady"); // the network's insert still runs
      await world.clock.sleep(5_000);
      await done(subnet());
      await done(
        firewalls.insert({
          project,
          firewallResource: {
            name: `${network}-ssh`,
            network: `global/networks/${network}`,
            allowed: [{ IPProtocol: "tcp", ports: ["22"] }],
            sourceRanges: ["0.0.0.0/0"],
          },
        }),
      );
      const placed = {
        networkInterfaces: [{ subnetwork: `regions/${region}/subnetworks/${network}` }],
      };
      await done(insert(machine("host-1", placed)));
      const removeNetwork = async () => failure(await done(networks.delete({ project, network })));
      expect(await removeNetwork()).toBe("400 RESOURCE_IN_USE_BY_ANOTHER_RESOURCE");
      expect(await refusal(subnetworks.delete({ project, region, subnetwork: network }))).toBe(
        "400 resourceInUseByAnotherResource",
      );
      await done(instances.delete({ project, zone, instance: "host-1" }));
      await done(subnetworks.delete({ project, region, subnetwork: network }));
      expect(await removeNetwork()).toBe("400 RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"); // the firewall
      await done(firewalls.delete({ project, firewall: `${network}-ssh` }));
      expect(await removeNetwork()).toBe("0 none");
      expect(kinds(world)).toEqual([]);
    }),
  );

  it(
    "changes a firewall in part",
    onClock(async ({ done, firewalls }) => {
      const firewallResource = {
        name: "fw",
        network: "global/networks/default",
        allowed: [{ IPProtocol: "all" }],
        sourceRanges: ["10.0.0.1/32"],
        priority: 900,
      };
      await done(firewalls.insert({ project, firewallResource }));
      await done(
        firewalls.patch({
          project,
          firewall: "fw",
          firewallResource: { name: "fw", sourceRanges: ["10.0.0.1/32", "10.0.0.2/32"] },
        }),
      );
      const [changed] = await firewalls.get({ project, firewall: "fw" });
      expect(changed).toMatchObject({
        priority: 900,
        sourceRanges: ["10.0.0.1/32", "10.0.0.2/32"],
        direction: "INGRESS",
      });
    }),
  );

  it(
    "holds a compact placement policy while machines follow it",
    onClock(async (world) => {
      const { insert, done, policies, instances } = world;
      await done(
        policies.insert({
          project,
          region,
          resourcePolicyResource: { name: "compact", groupPlacementPolicy: { collocation: "COLLOCATED" } },
        }),
      );
      const placed = { resourcePolicies: [`regions/${region}/resourcePolicies/compact`] };
      expect(
        await refusal(insert(machine("host-1", { ...placed, machineType: `zones/${zone}/machineTypes/e2-medium` }))),
      ).toBe("400 badRequest");
      await done(insert(machine("host-1", placed)));
      const remove = () => policies.delete({ project, region, resourcePolicy: "compact" });
      expect(await refusal(remove())).toBe("400 resourceInUseByAnotherResource");
      await done(instances.delete({ project, zone, instance: "host-1" }));
      await done(remove());
      expect(kinds(world)).toEqual([]);
    }),
  );

  it(
    "changes labels only for who has read them, and finds machines by label over all zones",
    onClock(async ({ clock, insert, done, get, instances }) => {
      await done(insert(machine("host-1")));
      const set = (labelFingerprint: string, expires: string) =>
        instances.setLabels({
          project,
          zone,
          instance: "host-1",
          instancesSetLabelsRequestResource: { labels: { "reprise-run": "r1", expires }, labelFingerprint },
        });
      const fingerprint = (await get("host-1")).labelFingerprint ?? "";
      expect(await refusal(set(fingerprint, "1"))).toBe("accepted");
      expect(await refusal(set(fingerprint, "2"))).toBe("412 conditionNotMet");
      await clock.sleep(5_000);
      const found: string[] = [];
      for await (const [scope, { instances: here }] of instances.aggregatedListAsync({
        project,
        filter: 'labels.reprise-run="r1" AND labels.expires:*',
      }))
        for (const i of here ?? []) found.push(`${scope}/${i.name ?? ""}`);
      expect(found).toEqual([`zones/${zone}/host-1`]);
      const [none] = await instances.list({ project, zone, filter: "(labels.reprise-run = other) (status = RUNNING)" });
      expect(none).toEqual([]);
    }),
  );

  it(
    "shows the host key on the serial port, and pages through lists",
    onClock(
      async ({ insert, done, instances }) => {
        for (const name of ["a", "b", "c"]) await done(insert(machine(name)));
        const [serial] = await instances.getSerialPortOutput({ project, zone, instance: "a" });
        expect(serial.contents).toContain("ssh-ed25519 HOSTKEY");
        const names: string[] = [];
        for await (const i of instances.listAsync({ project, zone, maxResults: 2 })) names.push(i.name ?? "");
        expect(names).toEqual(["a", "b", "c"]);
      },
      {
        backend: {
          boot: async () => ({ address: "127.0.0.1", port: 2222, hostKey: "ssh-ed25519 HOSTKEY" }),
          kill: async () => undefined,
          run: async () => ({ exitCode: 0, stdout: "", stderr: "" }),
        },
      },
    ),
  );

  it(
    "describes its catalogue",
    onClock(async ({ images, machineTypes }) => {
      const [image] = await images.getFromFamily({ project: "ubuntu-os-cloud", family: "ubuntu-2404-lts-arm64" });
      expect(image).toMatchObject({ name: "ubuntu-2404-noble-arm64-v20251103", architecture: "ARM64" });
      const names = async (where: string) =>
        (await machineTypes.list({ project, zone: where, filter: "guestCpus = 4" }))[0].map((t) => t.name);
      expect(await names("us-central1-a")).toContain("t2a-standard-4");
      expect(await names("us-east1-d")).not.toContain("c3-standard-4");
      expect(await refusal(machineTypes.get({ project, zone, machineType: "n9-x" }))).toBe("404 notFound");
    }),
  );

  it("answers 501 to what it lacks, and records it", async () => {
    const { clock, emulator, insert, instances } = setUp();
    await patientRun(
      clock,
      (async () => {
        expect(await refusal(insert(machine("host-1", { guestAccelerators: [{ acceleratorCount: 1 }] })))).toBe(
          "501 NotImplemented",
        );
        expect(await refusal(instances.stop({ project, zone, instance: "host-1" }))).toBe("501 NotImplemented");
      })(),
    );
    expect(emulator.violations.map((v) => [v.where, v.operation, v.problems])).toEqual([
      ["notImplemented", "compute.instances.insert", ["not emulated: parameter guestAccelerators"]],
      ["notImplemented", expect.stringMatching(/^POST .*\/stop$/), [expect.stringMatching(/^not emulated: POST/)]],
    ]);
    expect(emulator.inventory()).toEqual([]);
  });

  it("finds a request that leaves the cloud's description", async () => {
    if (!specsPresent) return;
    const { clock, emulator } = setUp();
    const response = await clock.run(
      emulator.gcp.handle({
        method: "POST",
        url: new URL(`https://compute.googleapis.com/compute/v1/projects/${project}/global/networks`),
        headers: { authorization: "Bearer x" },
        body: JSON.stringify({ name: "n", mtu: "1460", autoCreateSubnets: true }),
      }),
    );
    expect(response.status).toBe(400);
    expect(emulator.violations[0]?.problems).toEqual([
      "compute.networks.insert.mtu: not a whole number",
      "compute.networks.insert.autoCreateSubnets: unknown",
    ]);
  });
});
