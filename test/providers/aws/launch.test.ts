import type { DiskShape } from "../../../core/ports/provider.ts";
import { buildLaunch, launchToken } from "../../../providers/aws/launch.ts";
import type { HostIntent, LaunchContext } from "../../../providers/aws/launch.ts";
import { readOptions } from "../../../providers/aws/options.ts";
import { askFor } from "./aws-world.ts";

const gib = 1024 ** 3;
const now = Date.UTC(2026, 0, 1);

const context = (overrides: Partial<LaunchContext> = {}): LaunchContext => ({
  image: { id: "ami-1", reference: "o/n", architecture: "x86_64", rootDevice: "/dev/sda1", rootBytes: 8 * gib },
  network: { groupId: "sg-1", zone: "us-east-1a", createdAt: now },
  zone: "us-east-1a",
  placementGroup: undefined,
  options: {},
  instanceProfile: undefined,
  reach: "open",
  ...overrides,
});

const hostOf = (shape: Parameters<typeof askFor>[1]["shape"] = {}): HostIntent =>
  askFor(1, { now, shape })[1] as HostIntent; // the second intent is the host

const disk = (kind: DiskShape["kind"], gibs: number | undefined): DiskShape => ({
  kind,
  bytes: gibs === undefined ? undefined : gibs * gib,
  mount: undefined,
  fileSystem: undefined,
});

describe("buildLaunch", () => {
  it("gives the same request for the same intent, or its client token would be refused", () => {
    expect(buildLaunch(hostOf(), context())).toEqual(buildLaunch(hostOf(), context()));
  });

  it("ends the instance where it shuts itself down, and hides its user data from passers-by", () => {
    const input = buildLaunch(hostOf(), context());
    expect(input).toMatchObject({
      MinCount: 1,
      MaxCount: 1,
      ClientToken: "d1-r0-server-0",
      InstanceInitiatedShutdownBehavior: "terminate",
      MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
      Placement: { AvailabilityZone: "us-east-1a" },
    });
    expect(input).not.toHaveProperty("InstanceMarketOptions");
    const userData = Buffer.from(input.UserData ?? "", "base64").toString("utf8");
    expect(userData).toMatch(/^#cloud-config\n/);
    expect(userData).toContain("OPENSSH PRIVATE KEY");
    expect(userData.length).toBeLessThan(16_384);
  });

  it("makes volumes of boot and data disks alone, whole GiB, never smaller than the image's, all ended with it", () => {
    const disks = [disk("boot", 4), disk("data", 10.2), disk("data", 1), disk("localNvme", undefined), disk("swap", 8)];
    const { BlockDeviceMappings = [] } = buildLaunch(hostOf({ disks }), context({ options: { volumeIops: 4000 } }));
    expect(BlockDeviceMappings.map(({ DeviceName, Ebs }) => [DeviceName, Ebs?.VolumeSize])).toEqual([
      ["/dev/sda1", 8],
      ["/dev/sdf", 11],
      ["/dev/sdg", 1],
    ]);
    for (const { Ebs } of BlockDeviceMappings)
      expect(Ebs).toMatchObject({ VolumeType: "gp3", DeleteOnTermination: true, Iops: 4000 });
  });

  it.each<[string, DiskShape[]]>([
    ["two boot disks", [disk("boot", 8), disk("boot", 8)]],
    ["a data disk without a size", [disk("data", undefined)]],
    ["more data disks than there are names", Array.from({ length: 12 }, () => disk("data", 1))],
  ])("refuses %s", (_name, disks) => {
    expect(() => buildLaunch(hostOf({ disks }), context())).toThrow(/disk/);
  });

  it("tags a spot request only where there is one, for EC2 refuses that otherwise", () => {
    const kinds = (spot: boolean) =>
      buildLaunch(hostOf({ spot }), context()).TagSpecifications?.map(({ ResourceType }) => ResourceType);
    expect(kinds(false)).toEqual(["instance", "volume"]);
    expect(kinds(true)).toEqual(["instance", "volume", "spot-instances-request"]);
    expect(buildLaunch(hostOf({ spot: true }), context()).InstanceMarketOptions).toEqual({
      MarketType: "spot",
      SpotOptions: { SpotInstanceType: "one-time", InstanceInterruptionBehavior: "terminate" },
    });
  });

  it("bids the lower of what the plan and the definition allow", () => {
    const bid = (maxDollarsPerHour: number | undefined, spotMaxDollarsPerHour: number | undefined) => {
      const intent = hostOf({ spot: true });
      const options = spotMaxDollarsPerHour === undefined ? {} : { spotMaxDollarsPerHour };
      return buildLaunch({ ...intent, host: { ...intent.host, maxDollarsPerHour } }, context({ options }))
        .InstanceMarketOptions?.SpotOptions?.MaxPrice;
    };
    expect(bid(undefined, undefined)).toBeUndefined();
    expect([bid(0.2, undefined), bid(undefined, 0.3), bid(0.2, 0.3), bid(0.4, 0.3)]).toEqual([
      "0.2",
      "0.3",
      "0.2",
      "0.3",
    ]);
  });

  it("passes options on", () => {
    const options = readOptions({
      threadsPerCore: 1,
      cpuCredits: "unlimited",
      encryptedVolumes: true,
    });
    expect(
      buildLaunch(
        hostOf(),
        context({ options, instanceProfile: "arn:aws:iam::123456789012:instance-profile/p", placementGroup: "pg" }),
      ),
    ).toMatchObject({
      IamInstanceProfile: { Arn: "arn:aws:iam::123456789012:instance-profile/p" },
      CpuOptions: { ThreadsPerCore: 1 },
      CreditSpecification: { CpuCredits: "unlimited" },
      Placement: { GroupName: "pg" },
    });
  });
});

describe("launchToken", () => {
  it("keeps what tells deployments apart, in 64 ASCII characters", () => {
    const base = hostOf();
    expect(launchToken(base)).toBe("d1-r0-server-0");
    const long = (deployment: string) => {
      const clientToken = `${deployment}-r0-server-0`.slice(-64);
      return launchToken({ ...base, deployment, clientToken });
    };
    const tail = "x".repeat(80);
    expect(long(`a${tail}`)).toMatch(/^[0-9a-f]{64}$/);
    expect(long(`a${tail}`)).not.toBe(long(`b${tail}`));
    expect(launchToken({ ...base, clientToken: "d1-é" })).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("readOptions", () => {
  it("says which option isn't one, and which was meant", () => {
    expect(() => readOptions({ placementgroup: "cluster" })).toThrow(/no option "placementgroup".*`placementGroup`/);
    expect(() => readOptions({ confidential: "tdx" })).toThrow(/confidential/);
    expect(() => readOptions({ threadsPerCore: "1" })).toThrow(/threadsPerCore/);
    expect(readOptions({})).toEqual({});
  });
});
