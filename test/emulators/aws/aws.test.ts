import {
  AuthorizeSecurityGroupIngressCommand,
  CancelSpotInstanceRequestsCommand,
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreatePlacementGroupCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteKeyPairCommand,
  DeleteLaunchTemplateCommand,
  DeletePlacementGroupCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeAccountAttributesCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribePlacementGroupsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  EC2Client,
  GetConsoleOutputCommand,
  ImportKeyPairCommand,
  ModifyInstanceAttributeCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { Instance, RunInstancesCommandInput, Tag } from "@aws-sdk/client-ec2";
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetParameterCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createEmulator } from "../cloud.ts";
import type { EmulatorOptions } from "../cloud.ts";
import { MemoryBackend } from "../common/backend.ts";
import { specsPresent } from "../common/specs.ts";
import { awsClientSettings, awsRequestHandler } from "./clients.ts";

const region = "us-east-1";
const ed25519Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Zp1bJb2o3m4v5qk8w9x0y1z2a3b4c5d6e7f8g9h0i me";

function setUp(options: Omit<Partial<EmulatorOptions>, "clock"> = {}) {
  const clock = new VirtualClock();
  const backend = new MemoryBackend();
  const emulator = createEmulator({ clock, backend, ...options });
  const settings = { ...awsClientSettings(region), requestHandler: awsRequestHandler(emulator.aws.handle) };
  const ec2 = new EC2Client(settings);
  const ssm = new SSMClient(settings);
  const image = async (arch = "x86_64"): Promise<string> => {
    const { Images: images = [] } = await ec2.send(
      new DescribeImagesCommand({
        Owners: ["099720109477"],
        Filters: [
          { Name: "name", Values: ["ubuntu/images/*noble-24.04*"] },
          { Name: "architecture", Values: [arch] },
        ],
      }),
    );
    return images.sort((a, b) => (a.CreationDate ?? "").localeCompare(b.CreationDate ?? "")).at(-1)?.ImageId ?? "none";
  };
  const launch = async (overrides: Partial<RunInstancesCommandInput> = {}): Promise<Instance[]> => {
    const { Instances: instances = [] } = await ec2.send(
      new RunInstancesCommand({
        ImageId: await image(),
        InstanceType: "c6i.large",
        MinCount: 1,
        MaxCount: 1,
        ...overrides,
      }),
    );
    return instances;
  };
  const stateOf = async (id: string | undefined): Promise<Instance> => {
    const { Reservations: reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ InstanceIds: [id ?? ""] }),
    );
    return reservations[0]?.Instances?.[0] ?? {};
  };
  return { clock, backend, emulator, ec2, ssm, image, launch, stateOf };
}

const idsOf = (instances: readonly Instance[]): string[] => instances.map((i) => i.InstanceId ?? "");

const instanceTags = (...Tags: Tag[]) => [{ ResourceType: "instance" as const, Tags }];

/** The class of a refusal and its HTTP status. */
const refusal = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "accepted";
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return `${$metadata?.httpStatusCode ?? "none"} ${name}`;
  }
};

/** Runs a test body on the virtual clock and then holds the emulator to the cloud's description. */
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

describe("AwsEmulator", () => {
  it(
    "takes an instance from pending to terminated and then leaves nothing",
    onClock(async ({ clock, emulator, ec2, launch, stateOf, backend }) => {
      const [made] = await launch({ TagSpecifications: instanceTags({ Key: "run", Value: "r1" }) });
      const id = made?.InstanceId;
      expect(made?.State?.Name).toBe("pending");
      await clock.sleep(30_000);
      const running = await stateOf(id);
      expect(running.State?.Name).toBe("running");
      expect(running.PublicIpAddress).toMatch(/^198\.18\./);
      expect(emulator.machineAt(running.PublicIpAddress ?? "")?.vm.id).toBe(id);
      expect(emulator.inventory("aws").map((item) => item.kind)).toEqual(["instance", "volume"]);
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id ?? ""] }));
      expect((await stateOf(id)).State?.Name).toBe("shutting-down");
      expect(backend.running.size).toBe(0);
      await clock.sleep(60_000);
      expect((await stateOf(id)).StateReason?.Code).toBe("Client.UserInitiatedShutdown");
      expect(emulator.inventory()).toEqual([]);
      await clock.sleep(3_600_000);
      expect(await refusal(stateOf(id))).toBe("400 InvalidInstanceID.NotFound");
    }),
  );

  it(
    "gives the first reservation again for the same client token, and refuses other parameters",
    onClock(async ({ clock, emulator, ec2, launch }) => {
      const first = await launch({ ClientToken: "t1", MaxCount: 2 });
      const second = await launch({ ClientToken: "t1", MaxCount: 2 });
      expect(idsOf(second)).toEqual(idsOf(first));
      expect(await refusal(launch({ ClientToken: "t1", MaxCount: 3 }))).toBe("400 IdempotentParameterMismatch");
      await clock.sleep(5_000);
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: idsOf(first) }));
      await clock.sleep(60_000);
      expect(await refusal(launch({ ClientToken: "t1", MaxCount: 2 }))).toBe("400 IdempotentInstanceTerminated");
      expect(emulator.inventory()).toEqual([]);
      expect(await refusal(launch({ ClientToken: "x".repeat(65) }))).toBe("400 InvalidParameterValue");
    }),
  );

  it(
    "hides a new instance for a while from ids, filters and tags",
    onClock(async ({ clock, ec2, launch, stateOf }) => {
      const [made] = await launch({ TagSpecifications: instanceTags({ Key: "run", Value: "r1" }) });
      const byTag = async () =>
        (await ec2.send(new DescribeInstancesCommand({ Filters: [{ Name: "tag:run", Values: ["r1"] }] }))).Reservations;
      expect(await refusal(stateOf(made?.InstanceId))).toBe("400 InvalidInstanceID.NotFound");
      expect(await byTag()).toEqual([]);
      expect(
        await refusal(
          ec2.send(new CreateTagsCommand({ Resources: [made?.InstanceId ?? ""], Tags: [{ Key: "a", Value: "b" }] })),
        ),
      ).toBe("400 InvalidInstanceID.NotFound");
      await clock.sleep(2_000);
      expect(await byTag()).toHaveLength(1);
    }),
  );

  it(
    "launches what capacity allows between minimum and maximum, else nothing",
    onClock(
      async ({ emulator, launch }) => {
        const zone = { Placement: { AvailabilityZone: "us-east-1a" } };
        expect(await launch({ MinCount: 1, MaxCount: 5, ...zone })).toHaveLength(3);
        expect(await refusal(launch(zone))).toBe("500 InsufficientInstanceCapacity");
        expect(emulator.inventory().filter((item) => item.kind === "instance")).toHaveLength(3);
        expect(await launch({ MinCount: 2, MaxCount: 2 })).toHaveLength(2); // another zone has room
      },
      { aws: { capacity: [{ type: "c6i.large", zone: "us-east-1a", machines: 3 }] } },
    ),
  );

  it(
    "refuses beyond the quota of the market asked for",
    onClock(
      async ({ launch }) => {
        expect(await refusal(launch({ MinCount: 3, MaxCount: 3 }))).toBe("400 VcpuLimitExceeded");
        expect(await launch({ MinCount: 2, MaxCount: 2 })).toHaveLength(2);
        const spot = { InstanceMarketOptions: { MarketType: "spot" as const } };
        expect(await refusal(launch({ MinCount: 2, MaxCount: 2, ...spot }))).toBe("400 MaxSpotInstanceCountExceeded");
      },
      { aws: { quotas: { onDemandVcpus: 4, spotVcpus: 2 } } },
    ),
  );

  it.each<[string, string, Partial<RunInstancesCommandInput>]>([
    ["an unknown image", "400 InvalidAMIID.NotFound", { ImageId: "ami-0123456789abcdef0" }],
    ["an unknown type", "400 InvalidParameterValue", { InstanceType: "z9.mega" as never }],
    ["a type of another architecture", "400 InvalidParameterValue", { InstanceType: "c7g.large" }],
    [
      "a type that the zone lacks",
      "400 Unsupported",
      { InstanceType: "c6id.large", Placement: { AvailabilityZone: "us-east-1f" } },
    ],
    ["an unknown key", "400 InvalidKeyPair.NotFound", { KeyName: "nobody" }],
    ["an unknown group", "400 InvalidGroup.NotFound", { SecurityGroupIds: ["sg-0123456789abcdef0"] }],
    ["an unknown placement group", "400 InvalidPlacementGroup.Unknown", { Placement: { GroupName: "nowhere" } }],
    ["user data beyond 16 KiB", "400 InvalidParameterValue", { UserData: Buffer.alloc(16_385).toString("base64") }],
    ["a dry run", "412 DryRunOperation", { DryRun: true }],
    [
      "a bid below the price",
      "400 SpotMaxPriceTooLow",
      { InstanceMarketOptions: { MarketType: "spot", SpotOptions: { MaxPrice: "0.0001" } } },
    ],
    ["a reserved tag", "400 InvalidParameterValue", { TagSpecifications: instanceTags({ Key: "aws:x", Value: "" }) }],
    [
      "51 tags",
      "400 TagLimitExceeded",
      { TagSpecifications: instanceTags(...Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: "v" }))) },
    ],
    [
      "a root disk below the image's",
      "400 InvalidBlockDeviceMapping",
      { BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { VolumeSize: 4 } }] },
    ],
    [
      "confidential computing where there's none",
      "400 InvalidParameterCombination",
      { CpuOptions: { AmdSevSnp: "enabled" } },
    ],
  ])("refuses %s", async (_name, expected, overrides) => {
    const world = setUp();
    await world.clock.run(
      (async () => {
        expect(await refusal(world.launch(overrides))).toBe(expected);
        expect(world.emulator.inventory()).toEqual([]);
      })(),
    );
  });

  it("answers 501 to parameters and operations that it lacks, and records them", async () => {
    const { clock, emulator, launch, ec2 } = setUp();
    await clock.run(
      (async () => {
        expect(await refusal(launch({ HibernationOptions: { Configured: true } }))).toBe("501 NotImplemented");
        expect(await refusal(ec2.send(new StopInstancesCommand({ InstanceIds: ["i-0123456789abcdef0"] })))).toBe(
          "501 NotImplemented",
        );
      })(),
    );
    expect(emulator.violations).toEqual([
      {
        cloud: "aws",
        operation: "RunInstances",
        where: "notImplemented",
        problems: ["not emulated: parameter HibernationOptions"],
      },
      { cloud: "aws", operation: "POST /", where: "notImplemented", problems: ["not emulated: EC2 StopInstances"] },
    ]);
    expect(emulator.inventory()).toEqual([]);
  });

  it(
    "keeps a security group while a machine or another group uses it",
    onClock(async ({ clock, emulator, ec2, launch }) => {
      const { GroupId: id = "" } = await ec2.send(
        new CreateSecurityGroupCommand({
          GroupName: "reprise-d1",
          Description: "hosts",
          TagSpecifications: [{ ResourceType: "security-group", Tags: [{ Key: "run", Value: "r1" }] }],
        }),
      );
      await clock.sleep(3_000);
      const rule = {
        GroupId: id,
        IpPermissions: [
          { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "ssh" }] },
          { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: id }] },
        ],
      };
      await ec2.send(new AuthorizeSecurityGroupIngressCommand(rule));
      expect(await refusal(ec2.send(new AuthorizeSecurityGroupIngressCommand(rule)))).toBe(
        "400 InvalidPermission.Duplicate",
      );
      const shown = await ec2.send(
        new DescribeSecurityGroupsCommand({ Filters: [{ Name: "tag:run", Values: ["r1"] }] }),
      );
      expect(shown.SecurityGroups?.[0]?.IpPermissions).toMatchObject([
        { IpProtocol: "tcp", FromPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
        { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: id }] },
      ]);
      expect(
        await refusal(ec2.send(new CreateSecurityGroupCommand({ GroupName: "reprise-d1", Description: "again" }))),
      ).toBe("400 InvalidGroup.Duplicate");
      const machines = await launch({ SecurityGroupIds: [id] });
      await clock.sleep(30_000);
      const remove = () => ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }));
      expect(await refusal(remove())).toBe("400 DependencyViolation");
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: idsOf(machines) }));
      expect(await refusal(remove())).toBe("400 DependencyViolation"); // still shutting down
      await clock.sleep(60_000);
      await ec2.send(new RevokeSecurityGroupIngressCommand(rule));
      await remove();
      expect(await refusal(remove())).toBe("400 InvalidGroup.NotFound");
      expect(emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "keeps a placement group while machines are in it, and lets only fitting types in",
    onClock(async ({ clock, emulator, ec2, launch }) => {
      await ec2.send(new CreatePlacementGroupCommand({ GroupName: "pg", Strategy: "cluster" }));
      await clock.sleep(3_000);
      const placed = { Placement: { GroupName: "pg" } };
      expect(await refusal(launch({ InstanceType: "t3.micro", ...placed }))).toBe("400 InvalidParameterCombination");
      const machines = await launch(placed);
      await clock.sleep(30_000);
      const remove = () => ec2.send(new DeletePlacementGroupCommand({ GroupName: "pg" }));
      expect(await refusal(remove())).toBe("400 InvalidPlacementGroup.InUse");
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: idsOf(machines) }));
      await clock.sleep(60_000);
      const { PlacementGroups: groups } = await ec2.send(new DescribePlacementGroupsCommand({ GroupNames: ["pg"] }));
      expect(groups?.[0]).toMatchObject({ Strategy: "cluster", State: "available" });
      await remove();
      expect(emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "interrupts a spot machine two minutes after the notice that its metadata shows",
    onClock(async ({ clock, emulator, ec2, launch, stateOf, backend }) => {
      const [made] = await launch({
        InstanceMarketOptions: { MarketType: "spot", SpotOptions: { SpotInstanceType: "one-time" } },
        TagSpecifications: [{ ResourceType: "spot-instances-request", Tags: [{ Key: "run", Value: "r1" }] }],
      });
      const id = made?.InstanceId ?? "";
      await clock.sleep(30_000);
      const guest = backend.running.get(id)?.guest;
      const notice = () =>
        guest?.metadata({ method: "GET", path: "/latest/meta-data/spot/instance-action", headers: {} });
      expect(notice()?.status).toBe(404);
      emulator.aws.interrupt(id);
      expect(JSON.parse(notice()?.body ?? "")).toEqual({ action: "terminate", time: "2026-01-01T00:02:30Z" });
      const request = async () =>
        (await ec2.send(new DescribeSpotInstanceRequestsCommand({ Filters: [{ Name: "tag:run", Values: ["r1"] }] })))
          .SpotInstanceRequests?.[0];
      expect((await request())?.Status?.Code).toBe("marked-for-termination");
      await clock.sleep(119_000);
      expect((await stateOf(id)).State?.Name).toBe("running");
      await clock.sleep(40_000);
      expect((await stateOf(id)).StateReason?.Code).toBe("Server.SpotInstanceTermination");
      expect(await request()).toMatchObject({ State: "closed", Status: { Code: "instance-terminated-no-capacity" } });
      expect(emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "ends a cancelled spot request but not its machine",
    onClock(async ({ clock, emulator, ec2, launch }) => {
      const [made] = await launch({ InstanceMarketOptions: { MarketType: "spot" } });
      await clock.sleep(30_000);
      await ec2.send(
        new CancelSpotInstanceRequestsCommand({ SpotInstanceRequestIds: [made?.SpotInstanceRequestId ?? ""] }),
      );
      expect(emulator.inventory().map((item) => item.kind)).toEqual(["instance", "volume"]);
    }),
  );

  it(
    "terminates or stops a machine that powers itself off, as its launch said",
    onClock(async ({ clock, launch, stateOf, backend }) => {
      const [gone] = await launch({ InstanceInitiatedShutdownBehavior: "terminate" });
      const [kept] = await launch({ InstanceInitiatedShutdownBehavior: "stop" });
      await clock.sleep(30_000);
      for (const { guest } of [...backend.running.values()]) guest.poweredOff();
      await clock.sleep(60_000);
      expect((await stateOf(gone?.InstanceId)).StateReason?.Code).toBe("Client.InstanceInitiatedShutdown");
      expect((await stateOf(gone?.InstanceId)).State?.Name).toBe("terminated");
      expect((await stateOf(kept?.InstanceId)).State?.Name).toBe("stopped");
    }),
  );

  it(
    "leaves disks that were told to outlive their machine",
    onClock(async ({ clock, emulator, ec2, launch }) => {
      const machines = await launch({
        BlockDeviceMappings: [
          { DeviceName: "/dev/sda1", Ebs: { VolumeSize: 30 } },
          { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 100, DeleteOnTermination: false } },
        ],
      });
      await clock.sleep(30_000);
      const { Volumes: volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
      expect(volumes.map((v) => [v.Size, v.State])).toEqual([
        [30, "in-use"],
        [100, "in-use"],
      ]);
      const data = volumes[1]?.VolumeId ?? "";
      expect(await refusal(ec2.send(new DeleteVolumeCommand({ VolumeId: data })))).toBe("400 VolumeInUse");
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: idsOf(machines) }));
      await clock.sleep(60_000);
      expect(emulator.inventory().map((item) => [item.kind, item.state])).toEqual([["volume", "available"]]);
      await ec2.send(new DeleteVolumeCommand({ VolumeId: data }));
      expect(emulator.inventory()).toEqual([]);
    }),
  );

  it(
    "says in an instant fleet's answer which pools had no room",
    onClock(
      async ({ clock, emulator, ec2, image }) => {
        await ec2.send(
          new CreateLaunchTemplateCommand({
            LaunchTemplateName: "reprise-d1",
            LaunchTemplateData: { ImageId: await image(), InstanceType: "c6i.large" },
          }),
        );
        await clock.sleep(3_000);
        const fleet = new CreateFleetCommand({
          Type: "instant",
          ClientToken: "f1",
          LaunchTemplateConfigs: [
            {
              LaunchTemplateSpecification: { LaunchTemplateName: "reprise-d1", Version: "$Latest" },
              Overrides: [{ AvailabilityZone: "us-east-1a" }, { AvailabilityZone: "us-east-1b" }],
            },
          ],
          OnDemandOptions: { AllocationStrategy: "prioritized", MinTargetCapacity: 3, SingleInstanceType: false },
          TargetCapacitySpecification: { TotalTargetCapacity: 3, DefaultTargetCapacityType: "on-demand" },
          TagSpecifications: instanceTags({ Key: "run", Value: "r1" }),
        });
        const made = await ec2.send(fleet);
        expect(made.Errors).toMatchObject([{ ErrorCode: "InsufficientInstanceCapacity", Lifecycle: "on-demand" }]);
        expect(made.Instances?.map((pool) => pool.InstanceIds?.length)).toEqual([2, 1]);
        expect((await ec2.send(fleet)).FleetId).toBe(made.FleetId);
        expect(
          emulator
            .inventory()
            .filter((i) => i.kind === "instance")
            .map((i) => i.tags["run"]),
        ).toEqual(["r1", "r1", "r1"]);
        await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateName: "reprise-d1" }));
      },
      { aws: { capacity: [{ zone: "us-east-1a", machines: 2 }] } },
    ),
  );

  it(
    "guards against termination until the guard is lifted",
    onClock(async ({ clock, ec2, launch }) => {
      const ids = idsOf(await launch({ DisableApiTermination: true }));
      await clock.sleep(5_000);
      const end = () => ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
      expect(await refusal(end())).toBe("400 OperationNotPermitted");
      await ec2.send(
        new ModifyInstanceAttributeCommand({ InstanceId: ids[0], DisableApiTermination: { Value: false } }),
      );
      expect(await refusal(end())).toBe("accepted");
    }),
  );

  it(
    "imports keys, hands them to machines and shows their host keys on the console",
    onClock(
      async ({ clock, ec2, launch }) => {
        await ec2.send(new ImportKeyPairCommand({ KeyName: "k", PublicKeyMaterial: Buffer.from(ed25519Key) }));
        await clock.sleep(3_000);
        const { KeyPairs: keys } = await ec2.send(
          new DescribeKeyPairsCommand({ KeyNames: ["k"], IncludePublicKey: true }),
        );
        expect(keys?.[0]).toMatchObject({ KeyType: "ed25519", PublicKey: ed25519Key });
        const [made] = await launch({ KeyName: "k", UserData: Buffer.from("#cloud-config\n").toString("base64") });
        await clock.sleep(30_000);
        const console = await ec2.send(new GetConsoleOutputCommand({ InstanceId: made?.InstanceId }));
        const text = Buffer.from(console.Output ?? "", "base64").toString();
        expect(text).toContain("ssh-ed25519 HOSTKEY of #cloud-config");
        expect(text).toContain(ed25519Key);
        await ec2.send(new DeleteKeyPairCommand({ KeyName: "k" }));
        await ec2.send(new DeleteKeyPairCommand({ KeyName: "k" })); // succeeds again
      },
      {
        backend: {
          boot: async (vm) => ({
            address: "127.0.0.1",
            port: 2222,
            hostKey: `ssh-ed25519 HOSTKEY of ${vm.userData.trim()} ${vm.sshPublicKeys.join()}`,
          }),
          kill: async () => undefined,
          run: async () => ({ exitCode: 0, stdout: "", stderr: "" }),
        },
      },
    ),
  );

  it(
    "changes and lists tags",
    onClock(async ({ clock, ec2, launch }) => {
      const [id = ""] = idsOf(await launch({ TagSpecifications: instanceTags({ Key: "expires", Value: "1" }) }));
      await clock.sleep(5_000);
      await ec2.send(
        new CreateTagsCommand({
          Resources: [id],
          Tags: [
            { Key: "expires", Value: "2" },
            { Key: "x", Value: "<&>" },
          ],
        }),
      );
      await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: "expires", Value: "1" }] })); // other value: stays
      const { Tags: tags } = await ec2.send(
        new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [id] }] }),
      );
      expect(tags).toEqual([
        { Key: "expires", ResourceId: id, ResourceType: "instance", Value: "2" },
        { Key: "x", ResourceId: id, ResourceType: "instance", Value: "<&>" },
      ]);
    }),
  );

  it(
    "describes its catalogue",
    onClock(async ({ ec2, ssm, image }) => {
      const { InstanceTypes: types } = await ec2.send(
        new DescribeInstanceTypesCommand({
          Filters: [{ Name: "processor-info.supported-architecture", Values: ["arm64"] }],
        }),
      );
      expect(types?.every((t) => t.ProcessorInfo?.SupportedArchitectures?.[0] === "arm64")).toBe(true);
      const { InstanceTypeOfferings: offers = [] } = await ec2.send(
        new DescribeInstanceTypeOfferingsCommand({
          LocationType: "availability-zone",
          Filters: [{ Name: "instance-type", Values: ["c6id.large"] }],
        }),
      );
      expect(offers.map((o) => o.Location)).toEqual(["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"]);
      const { SpotPriceHistory: prices } = await ec2.send(
        new DescribeSpotPriceHistoryCommand({
          InstanceTypes: ["c6i.large"],
          ProductDescriptions: ["Linux/UNIX"],
          MaxResults: 2,
        }),
      );
      expect(prices).toHaveLength(2);
      const { Vpcs: vpcs } = await ec2.send(
        new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }),
      );
      const { Subnets: subnets } = await ec2.send(
        new DescribeSubnetsCommand({ Filters: [{ Name: "vpc-id", Values: [vpcs?.[0]?.VpcId ?? ""] }] }),
      );
      const { AvailabilityZones: zones } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
      expect(subnets?.map((s) => s.AvailabilityZone)).toEqual(zones?.map((z) => z.ZoneName));
      const { AccountAttributes: attributes } = await ec2.send(
        new DescribeAccountAttributesCommand({ AttributeNames: ["default-vpc"] }),
      );
      expect(attributes?.[0]?.AttributeValues?.[0]?.AttributeValue).toBe(vpcs?.[0]?.VpcId);
      const { Parameter: parameter } = await ssm.send(
        new GetParameterCommand({
          Name: "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
        }),
      );
      expect(parameter?.Value).toBe(await image());
    }),
  );

  it.each([
    ["stockOut at the second machine", { kind: "stockOut" as const }, 1],
    ["no fault", undefined, 3],
  ])("grants machines one by one: %s", async (_name, fault, expected) => {
    const { clock, launch } = setUp({ faults: fault === undefined ? [] : [{ on: "machine", nth: 2, fault }] });
    await clock.run((async () => expect(await launch({ MinCount: 1, MaxCount: 3 })).toHaveLength(expected))());
  });

  it(
    "lets an accepted machine die before it runs",
    onClock(
      async ({ clock, emulator, launch, stateOf }) => {
        const [made] = await launch();
        await clock.sleep(15_000);
        expect(await stateOf(made?.InstanceId)).toMatchObject({
          State: { Name: "terminated" },
          StateReason: { Code: "Server.InsufficientInstanceCapacity" },
        });
        expect(emulator.inventory()).toEqual([]);
      },
      { faults: [{ on: "machine", fault: { kind: "fails" } }] },
    ),
  );

  it(
    "throttles launches beyond the bucket",
    onClock(async ({ clock, launch }) => {
      const outcomes = await Promise.all(Array.from({ length: 7 }, () => refusal(launch())));
      expect(outcomes.filter((o) => o === "503 RequestLimitExceeded")).toHaveLength(2);
      await clock.sleep(1_000);
      expect(await refusal(launch())).toBe("accepted");
    }),
  );

  it("finds a request that leaves the cloud's description", async () => {
    if (!specsPresent) return;
    const { clock, emulator, launch } = setUp();
    await clock.run(
      (async () => {
        expect(await refusal(launch({ MetadataOptions: { HttpTokens: "maybe" as never } }))).toBe(
          "400 RequestDoesNotFitDescription",
        );
      })(),
    );
    expect(emulator.violations).toEqual([
      {
        cloud: "aws",
        operation: "RunInstances",
        where: "request",
        problems: [`RunInstances.MetadataOptions.HttpTokens: "maybe" is not one of its values`],
      },
    ]);
  });
});

describe("AwsEmulator's Run Command", () => {
  const profile = { IamInstanceProfile: { Name: "reprise-host" } };
  const shell = (InstanceId: string, ...commands: string[]) =>
    new SendCommandCommand({ InstanceIds: [InstanceId], DocumentName: "AWS-RunShellScript", Parameters: { commands } });

  it(
    "waits for the agent, runs the script on the machine and shows the output at the end",
    onClock(
      async ({ clock, ssm, launch }) => {
        const [id = ""] = idsOf(await launch(profile));
        await clock.sleep(25_000);
        expect(await refusal(ssm.send(shell(id, "hostname")))).toBe("400 InvalidInstanceId");
        await clock.sleep(40_000);
        const { InstanceInformationList: agents } = await ssm.send(new DescribeInstanceInformationCommand({}));
        expect(agents).toMatchObject([{ InstanceId: id, PingStatus: "Online" }]);
        const { Command: command } = await ssm.send(shell(id, "hostname"));
        const invocation = () =>
          ssm.send(new GetCommandInvocationCommand({ CommandId: command?.CommandId, InstanceId: id }));
        expect(await refusal(invocation())).toBe("400 InvocationDoesNotExist");
        await clock.sleep(5_000);
        expect(await invocation()).toMatchObject({ Status: "Failed", ResponseCode: 3, StandardErrorContent: "no" });
        expect((await invocation()).StandardOutputContent).toHaveLength(24_000);
        const { CommandInvocations: all } = await ssm.send(new ListCommandInvocationsCommand({ Details: true }));
        expect(all?.[0]?.CommandPlugins?.[0]?.ResponseCode).toBe(3);
      },
      { backend: new MemoryBackend(() => ({ exitCode: 3, stdout: "x".repeat(30_000), stderr: "no" })) },
    ),
  );

  it(
    "never hears from a machine without an instance profile",
    onClock(async ({ clock, ssm, launch }) => {
      await launch();
      await clock.sleep(3_600_000);
      expect((await ssm.send(new DescribeInstanceInformationCommand({}))).InstanceInformationList).toEqual([]);
    }),
  );

  it("ends a command that overruns, and one that is cancelled", async () => {
    const world = setUp({ backend: new MemoryBackend(() => new Promise(() => undefined)) });
    const { clock, ssm, launch } = world;
    await clock.run(
      (async () => {
        const [id = ""] = idsOf(await launch(profile));
        await clock.sleep(120_000);
        const slow = await ssm.send(
          new SendCommandCommand({
            InstanceIds: [id],
            DocumentName: "AWS-RunShellScript",
            Parameters: { commands: ["sleep 9999"], executionTimeout: ["60"] },
          }),
        );
        const stopped = await ssm.send(shell(id, "sleep 9999"));
        await clock.sleep(5_000);
        await ssm.send(new CancelCommandCommand({ CommandId: stopped.Command?.CommandId }));
        await clock.sleep(70_000);
        const status = async (command: typeof slow) =>
          (await ssm.send(new GetCommandInvocationCommand({ CommandId: command.Command?.CommandId, InstanceId: id })))
            .StatusDetails;
        expect(await status(slow)).toBe("ExecutionTimedOut");
        expect(await status(stopped)).toBe("Cancelling"); // best effort: the script doesn't listen
      })(),
    );
  });
});
