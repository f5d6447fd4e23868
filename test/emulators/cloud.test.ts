import { createSecureContext } from "node:tls";
import {
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { DescribeInstanceInformationCommand, SSMClient } from "@aws-sdk/client-ssm";
import { ComputeManagementClient } from "@azure/arm-compute";
import { NetworkManagementClient } from "@azure/arm-network";
import { ResourceManagementClient } from "@azure/arm-resources";
import { FirewallsClient } from "@google-cloud/compute/build/src/v1/firewalls_client.js";
import { GlobalOperationsClient } from "@google-cloud/compute/build/src/v1/global_operations_client.js";
import { OAuth2Client } from "google-auth-library";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { VirtualClock } from "../../engines/clock/virtual-clock.ts";
import { awsClientSettings, awsRequestHandler } from "./aws/clients.ts";
import { azureClientSettings, azureCredential } from "./azure/clients.ts";
import { subscriptionId } from "./azure/subscription.ts";
import { createEmulator } from "./cloud.ts";
import type { Emulator, ListeningEmulator } from "./cloud.ts";
import { MemoryBackend } from "./common/backend.ts";
import { randomFaults } from "./common/faults.ts";
import type { FaultRule } from "./common/faults.ts";
import { swiftTimings } from "./common/timings.ts";
import { gcpClientOptions, gcpCredentials } from "./gcp/clients.ts";
import { projectName } from "./gcp/service.ts";

const until = async (what: () => Promise<boolean>): Promise<void> => {
  const deadline = systemClock.now() + 90_000;
  while (!(await what())) {
    if (systemClock.now() > deadline) throw new Error("did not happen within 90 s");
    await systemClock.sleep(10);
  }
};

describe("createEmulator's listen", () => {
  let emulator: Emulator;
  let listening: ListeningEmulator;
  const backend = new MemoryBackend();
  beforeAll(async () => {
    emulator = createEmulator({ clock: systemClock, timings: swiftTimings, backend });
    listening = await emulator.listen();
  });
  afterAll(() => listening.close());
  afterEach(() => {
    expect(emulator.violations).toEqual([]);
    expect(emulator.inventory()).toEqual([]);
  });

  it("serves EC2 and SSM over http", async () => {
    const settings = { ...awsClientSettings("us-east-1"), endpoint: listening.aws.url };
    const ec2 = new EC2Client(settings);
    const made = await ec2.send(
      new RunInstancesCommand({
        ImageId: "ami-00000000000000100",
        InstanceType: "c6i.large",
        MinCount: 1,
        MaxCount: 1,
      }),
    );
    const id = made.Instances?.[0]?.InstanceId ?? "";
    const state = async (): Promise<string | undefined> => {
      const { Reservations: r } = await ec2.send(
        new DescribeInstancesCommand({ Filters: [{ Name: "instance-id", Values: [id] }] }),
      );
      return r?.[0]?.Instances?.[0]?.State?.Name;
    };
    await until(async () => (await state()) === "running");
    expect([...backend.running.keys()]).toEqual([id]);
    expect(
      (await new SSMClient(settings).send(new DescribeInstanceInformationCommand({}))).InstanceInformationList,
    ).toEqual([]);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await until(async () => (await state()) === "terminated");
    expect(backend.running.size).toBe(0);
    ec2.destroy();
  });

  it("serves ARM over https with an authority that Node's TLS accepts", async () => {
    expect(() => createSecureContext({ ca: listening.azure.caPem })).not.toThrow();
    const settings = {
      ...azureClientSettings,
      endpoint: listening.azure.url,
      credentialScopes: "https://management.azure.com/.default",
      tlsOptions: { ca: listening.azure.caPem },
    };
    const resources = new ResourceManagementClient(azureCredential, subscriptionId, settings);
    const network = new NetworkManagementClient(azureCredential, subscriptionId, settings);
    const compute = new ComputeManagementClient(azureCredential, subscriptionId, settings);
    await resources.resourceGroups.createOrUpdate("g", { location: "eastus" });
    // The SDKs' own pollers, to the end: they follow Azure-AsyncOperation and Location to this server.
    const vnet = await network.virtualNetworks.beginCreateOrUpdateAndWait(
      "g",
      "v",
      { location: "eastus", addressSpace: { addressPrefixes: ["10.0.0.0/16"] } },
      { updateIntervalInMs: 10 },
    );
    expect(vnet.provisioningState).toBe("Succeeded");
    const usages: string[] = [];
    for await (const usage of compute.usage.list("eastus")) usages.push(usage.name.value ?? "");
    expect(usages).toContain("cores");
    await resources.resourceGroups.beginDeleteAndWait("g", { updateIntervalInMs: 10 });
  });

  it("serves Google Compute over http", async () => {
    const client = new OAuth2Client();
    client.setCredentials(gcpCredentials);
    const options = {
      ...gcpClientOptions(client),
      apiEndpoint: "127.0.0.1",
      port: listening.gcp.port,
      protocol: "http",
    };
    const firewalls = new FirewallsClient(options);
    const operations = new GlobalOperationsClient(options);
    const done = async (begun: Promise<unknown>): Promise<void> => {
      const [{ latestResponse }] = (await begun) as [{ latestResponse: { name: string } }];
      const [finished] = await operations.wait({ project: projectName, operation: latestResponse.name });
      expect(finished).toMatchObject({ status: "DONE", progress: 100 });
    };
    const firewallResource = {
      name: "fw",
      allowed: [{ IPProtocol: "tcp", ports: ["22"] }],
      sourceRanges: ["0.0.0.0/0"],
    };
    await done(firewalls.insert({ project: projectName, firewallResource }));
    await done(firewalls.delete({ project: projectName, firewall: "fw" }));
  });

  it("drops the connection where the script says so", async () => {
    emulator.faults.add({ on: "call", operation: "DescribeInstances", fault: { kind: "drop", when: "before" } });
    const ec2 = new EC2Client({ ...awsClientSettings("us-east-1"), endpoint: listening.aws.url });
    await expect(ec2.send(new DescribeInstancesCommand({}))).rejects.toThrow("socket hang up");
    await ec2.send(new DescribeInstancesCommand({}));
    ec2.destroy();
  });
});

describe("the fault script", () => {
  const setUp = (faults: readonly FaultRule[] = []) => {
    const clock = new VirtualClock();
    const emulator = createEmulator({ clock, faults });
    const ec2 = new EC2Client({
      ...awsClientSettings("us-east-1"),
      requestHandler: awsRequestHandler(emulator.aws.handle),
    });
    const launch = (ClientToken?: string) =>
      ec2.send(
        new RunInstancesCommand({
          ImageId: "ami-00000000000000100",
          InstanceType: "c6i.large",
          MinCount: 1,
          MaxCount: 1,
          ClientToken,
        }),
      );
    const outcome = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => "ok",
        (error: unknown) => {
          const { name, code } = error as { name: string; code?: string };
          return code ?? name;
        },
      );
    return { clock, emulator, ec2, launch, outcome };
  };

  it("loses a reply after the effect; the same token finds what was made", async () => {
    const { clock, emulator, launch, outcome } = setUp([
      { on: "call", operation: "RunInstances", fault: { kind: "drop", when: "after" } },
    ]);
    await clock.run(
      (async () => {
        expect(await outcome(launch("t"))).toBe("ECONNRESET");
        expect(emulator.inventory().filter((i) => i.kind === "instance")).toHaveLength(1);
        const again = await launch("t");
        expect(emulator.inventory().map((i) => i.id)).toContain(again.Instances?.[0]?.InstanceId);
        expect(emulator.inventory().filter((i) => i.kind === "instance")).toHaveLength(1);
      })(),
    );
    expect(emulator.log.mutating.map((c) => [c.operation, c.outcome.kind, c.mutations.length])).toEqual([
      ["RunInstances", "dropped", 1],
    ]);
  });

  it.each<[string, FaultRule, string[], number]>([
    ["drops before the effect", { on: "call", fault: { kind: "drop", when: "before" } }, ["ECONNRESET", "ok"], 1],
    [
      "errs before the effect, on the calls that it names",
      {
        on: "call",
        operation: "Run*",
        nth: 2,
        count: 2,
        fault: { kind: "error", when: "before", status: 503, code: "RequestLimitExceeded" },
      },
      ["ok", "RequestLimitExceeded", "RequestLimitExceeded", "ok"],
      2,
    ],
    [
      "errs after the effect",
      { on: "call", fault: { kind: "error", when: "after", status: 500, code: "InternalError" } },
      ["InternalError", "ok"],
      2,
    ],
    [
      "minds the resource",
      { on: "call", resource: "us-east-1*c6i.large*", nth: 2, fault: { kind: "drop", when: "before" } },
      ["ok", "ECONNRESET"],
      1,
    ],
    ["minds the cloud", { on: "call", cloud: "gcp", count: 9, fault: { kind: "drop", when: "before" } }, ["ok"], 1],
  ])("%s", async (_name, rule, outcomes, made) => {
    const { clock, emulator, launch, outcome } = setUp([rule]);
    await clock.run(
      (async () => {
        for (const expected of outcomes) expect(await outcome(launch())).toBe(expected);
      })(),
    );
    expect(emulator.inventory().filter((i) => i.kind === "instance")).toHaveLength(made);
  });

  it("acts on a request long after its caller saw the connection close", async () => {
    const { clock, emulator, launch, outcome } = setUp([
      { on: "call", operation: "RunInstances", fault: { kind: "late", when: "before", ms: 60_000 } },
    ]);
    await clock.run(
      (async () => {
        expect(await outcome(launch("t"))).toBe("ECONNRESET");
        await clock.sleep(59_000);
        expect(emulator.inventory()).toEqual([]);
        await clock.sleep(1_000);
        expect(emulator.inventory().map((i) => i.kind)).toEqual(["instance", "volume"]);
      })(),
    );
  });

  it("delays on the clock, and hangs until the caller gives up", async () => {
    const { clock, launch, outcome, ec2 } = setUp([
      { on: "call", fault: { kind: "delay", when: "after", ms: 45_000 } },
      { on: "call", nth: 2, fault: { kind: "hang", when: "before" } },
    ]);
    await clock.run(
      (async () => {
        const before = clock.now();
        expect(await outcome(launch())).toBe("ok");
        expect(clock.now() - before).toBe(45_000);
        const patience = new AbortController();
        const hanging = outcome(ec2.send(new DescribeInstancesCommand({}), { abortSignal: patience.signal }));
        await clock.sleep(1_000);
        patience.abort();
        expect(await hanging).toMatch(/Abort/);
      })(),
    );
  });

  it("tells an observer of each call, so that a test can stop its caller at any of them", async () => {
    const { clock, emulator, launch } = setUp();
    const seen: string[] = [];
    emulator.log.observe((call, moment) => seen.push(`${moment} ${call.operation} ${call.mutations.length}`));
    await clock.run(launch());
    expect(seen).toEqual(["begun RunInstances 0", "acted RunInstances 1", "ended RunInstances 1"]);
  });

  it("spreads latency before and after the effect", async () => {
    const clock = new VirtualClock();
    const emulator = createEmulator({ clock, timings: { latencyMs: 100 } });
    const ec2 = new EC2Client({
      ...awsClientSettings("us-east-1"),
      requestHandler: awsRequestHandler(emulator.aws.handle),
    });
    const before = clock.now();
    await clock.run(ec2.send(new DescribeInstancesCommand({})));
    expect(clock.now() - before).toBe(200);
  });
});

describe("randomFaults", () => {
  it("gives the same schedule for the same seed, and others for others", () => {
    const options = { clouds: ["aws", "azure", "gcp"] as const };
    expect(randomFaults(7, options)).toEqual(randomFaults(7, options));
    const schedules = new Set(
      Array.from({ length: 100 }, (_, seed) => JSON.stringify(randomFaults(seed, options).rules)),
    );
    expect(schedules.size).toBeGreaterThan(90);
  });

  it("comes back whole from its printed form", () => {
    const schedule = randomFaults(11, { clouds: ["azure"] });
    expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
  });

  it("drives a caller that retries by token, and never makes a machine twice", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const clock = new VirtualClock();
      const { rules } = randomFaults(seed, { clouds: ["aws"], maxNth: 3 });
      const emulator = createEmulator({ clock, seed, faults: rules });
      const ec2 = new EC2Client({
        ...awsClientSettings("us-east-1"),
        requestHandler: awsRequestHandler(emulator.aws.handle),
      });
      const launch = new RunInstancesCommand({
        ImageId: "ami-00000000000000100",
        InstanceType: "c6i.large",
        MinCount: 2,
        MaxCount: 2,
        ClientToken: `seed-${seed}`,
      });
      const insist = async (): Promise<void> => {
        for (let attempt = 0; attempt < 20; attempt++) {
          try {
            await ec2.send(launch);
            return;
          } catch (error) {
            if ((error as Error).name === "IdempotentInstanceTerminated") return;
          }
          await clock.sleep(5_000);
        }
        throw new Error(`seed ${seed}: never launched`);
      };
      await clock.run(insist());
      const launches = emulator.log.mutating.filter((c) => c.operation === "RunInstances");
      expect({ seed, launches: launches.map((c) => c.mutations.length) }).toEqual({ seed, launches: [2] });
    }
  });
});
