import { createHash } from "node:crypto";
import type { BlockDeviceMapping, RunInstancesCommandInput, _InstanceType } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { Reach } from "../../core/names/reach.ts";
import type { Intent, MachineShape } from "../../core/ports/provider.ts";
import { renderUserData } from "../cloud/user-data.ts";
import type { AwsImage } from "./images.ts";
import type { AwsOptions } from "./options.ts";
import type { Network } from "./security-group.ts";
import { ec2TagKeys, intentTags, tagSpecifications } from "./tags.ts";

export type HostIntent = Intent & { readonly host: NonNullable<Intent["host"]> };

export interface LaunchContext {
  readonly image: AwsImage;
  readonly network: Network;
  readonly zone: string | undefined;
  readonly placementGroup: string | undefined;
  readonly options: AwsOptions;
  readonly instanceProfile: string | undefined;
  readonly reach: Reach;
}

const gibi = 1024 ** 3;

/**
 * The call that makes one host: a pure function of its intent and what was found, so that asking again with the same
 * client token is the same request.
 *
 * One call a host, though EC2 would launch N with one: user data is per call, and it holds the host's own private key.
 * Together the hosts would either share one key, or each hold those of all and could stand in for any other. What a
 * joint call would give, all or nothing, the round gives: the first refusal ends it, and the launched are destroyed.
 */
export function buildLaunch(intent: HostIntent, context: LaunchContext): RunInstancesCommandInput {
  const { image, network, zone, placementGroup, options, instanceProfile, reach } = context;
  const { shape, setup, role, index, maxDollarsPerHour } = intent.host;
  const maxPrice = lowest(maxDollarsPerHour, options.spotMaxDollarsPerHour);
  const tags = {
    ...intentTags(intent, network.createdAt),
    [ec2TagKeys.host]: `${role}-${index}`,
    [ec2TagKeys.user]: setup.user,
    [ec2TagKeys.hostKey]: setup.hostKey,
    ...(reach === "ssm" ? { [ec2TagKeys.reach]: reach } : {}),
  };
  return {
    ImageId: image.id,
    InstanceType: shape.type as _InstanceType, // EC2 knows more than the SDK's list
    MinCount: 1,
    MaxCount: 1,
    ClientToken: launchToken(intent),
    UserData: Buffer.from(renderUserData(setup, shape.disks, "aws")).toString("base64"),
    // The host's own timer shuts it down: that must end it, not leave it stopped with its disks on the bill.
    InstanceInitiatedShutdownBehavior: "terminate",
    // Without a subnet the zone's own in the default VPC is taken; the address is asked for in case that subnet gives none.
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
        Groups: [network.groupId],
        ...(network.subnetId === undefined ? {} : { SubnetId: network.subnetId }),
      },
    ],
    Placement: {
      ...(zone === undefined ? {} : { AvailabilityZone: zone }),
      ...(placementGroup === undefined ? {} : { GroupName: placementGroup }),
    },
    BlockDeviceMappings: diskMappings(shape, image, options),
    // User data holds a private key: only who can write headers may read it, and no container behind another hop.
    MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
    TagSpecifications: tagSpecifications(
      ["instance", "volume", ...(shape.spot ? (["spot-instances-request"] as const) : [])],
      tags,
    ),
    ...(shape.spot ? { InstanceMarketOptions: spotOptions(maxPrice) } : {}),
    ...(instanceProfile === undefined ? {} : { IamInstanceProfile: nameOrArn(instanceProfile) }),
    ...cpuOptions(options),
    ...(options.cpuCredits === undefined ? {} : { CreditSpecification: { CpuCredits: options.cpuCredits } }),
  };
}

/** EC2 takes 64 ASCII characters; a token that was cut to them may have lost what tells two deployments apart. */
export function launchToken({ clientToken, deployment, name, round }: Intent): string {
  const isWhole = clientToken.startsWith(deployment) && /^[\x21-\x7e]{1,64}$/.test(clientToken);
  if (isWhole) return clientToken;
  return createHash("sha256")
    .update(JSON.stringify([deployment, round, name, clientToken]))
    .digest("hex");
}

const spotOptions = (maxPrice: number | undefined): RunInstancesCommandInput["InstanceMarketOptions"] => ({
  MarketType: "spot",
  SpotOptions: {
    SpotInstanceType: "one-time", // a persistent request would launch anew whatever was destroyed
    InstanceInterruptionBehavior: "terminate",
    ...(maxPrice === undefined ? {} : { MaxPrice: String(maxPrice) }),
  },
});

const lowest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

const nameOrArn = (profile: string): { Arn: string } | { Name: string } =>
  profile.startsWith("arn:") ? { Arn: profile } : { Name: profile };

function cpuOptions({
  confidential,
  coreCount,
  threadsPerCore,
}: AwsOptions): Pick<RunInstancesCommandInput, "CpuOptions"> {
  if (confidential === undefined && coreCount === undefined && threadsPerCore === undefined) return {};
  return {
    CpuOptions: {
      ...(coreCount === undefined ? {} : { CoreCount: coreCount }),
      ...(threadsPerCore === undefined ? {} : { ThreadsPerCore: threadsPerCore }),
      ...(confidential === undefined ? {} : { AmdSevSnp: "enabled" as const }),
    },
  };
}

/** Local NVMe comes with the type, swap goes onto what is there: only boot and data disks are volumes. */
function diskMappings(shape: MachineShape, image: AwsImage, options: AwsOptions): BlockDeviceMapping[] {
  const boots = shape.disks.filter(({ kind }) => kind === "boot");
  const data = shape.disks.filter(({ kind }) => kind === "data");
  if (boots.length > 1)
    throw new FailureError({ class: "invalid", message: `${boots.length} boot disks for one machine` });
  if (data.length > deviceLetters.length)
    throw new FailureError({
      class: "invalid",
      message: `${data.length} data disks: EC2 takes ${deviceLetters.length} by name`,
    });
  const ebs = (bytes: number): BlockDeviceMapping["Ebs"] => ({
    VolumeSize: Math.ceil(bytes / gibi),
    VolumeType: options.volumeType ?? "gp3",
    DeleteOnTermination: true,
    ...(options.volumeIops === undefined ? {} : { Iops: options.volumeIops }),
    ...(options.volumeThroughputMiBps === undefined ? {} : { Throughput: options.volumeThroughputMiBps }),
    ...(options.encryptedVolumes === undefined ? {} : { Encrypted: options.encryptedVolumes }),
  });
  return [
    // Named even where nothing is asked of it: an image may say that its disk outlives the instance.
    { DeviceName: image.rootDevice, Ebs: ebs(Math.max(boots[0]?.bytes ?? 0, image.rootBytes)) },
    ...data.map(({ bytes }, index): BlockDeviceMapping => {
      if (bytes === undefined) throw new FailureError({ class: "invalid", message: "a data disk needs a size on AWS" });
      return { DeviceName: `/dev/sd${deviceLetters[index] ?? "f"}`, Ebs: ebs(bytes) };
    }),
  ];
}

/** @see "Device names on Linux instances": recommended for EBS volumes. */
const deviceLetters = "fghijklmnop";
