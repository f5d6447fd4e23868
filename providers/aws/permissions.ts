import { tagKeys } from "../cloud/identity-tags.ts";

/** One statement of an IAM policy. */
export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly PolicyStatement[];
}

const ec2 = (...kinds: readonly string[]): string[] => kinds.map((kind) => `arn:aws:ec2:*:*:${kind}/*`);

/** Only what has our tag: `Null` is false where the tag is there. */
const isOurs = { Null: { [`aws:ResourceTag/${tagKeys.deployment}`]: "false" } };
const willBeOurs = { Null: { [`aws:RequestTag/${tagKeys.deployment}`]: "false" } };

/**
 * The least that a user or role needs to drive EC2: everything may be read, only what bears our tag from its creation
 * on may be made, changed and deleted.
 *
 * @param profiles ARNs of the roles behind the instance profiles that definitions name; none may be passed without
 */
export const awsPolicy = (profiles: readonly string[] = []): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [
    {
      // EC2 knows no finer rights to read.
      Sid: "Read",
      Effect: "Allow",
      Action: [
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeRegions",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotInstanceRequests",
        "ec2:DescribeSubnets",
        "ec2:DescribeVolumes",
        "servicequotas:GetServiceQuota",
      ],
      Resource: "*",
    },
    {
      Sid: "LaunchTagged",
      Effect: "Allow",
      Action: ["ec2:RunInstances"],
      Resource: ec2("instance", "volume", "spot-instances-request"),
      Condition: willBeOurs,
    },
    {
      Sid: "LaunchInto",
      Effect: "Allow",
      Action: ["ec2:RunInstances"],
      // Network interfaces are made untagged, and end with their instance.
      Resource: ["arn:aws:ec2:*::image/*", ...ec2("network-interface", "subnet")],
    },
    {
      Sid: "LaunchIntoOurs",
      Effect: "Allow",
      Action: ["ec2:RunInstances"],
      Resource: ec2("security-group", "placement-group"),
      Condition: isOurs,
    },
    {
      Sid: "CreateTagged",
      Effect: "Allow",
      Action: ["ec2:CreateSecurityGroup", "ec2:CreatePlacementGroup"],
      Resource: ec2("security-group", "placement-group"),
      Condition: willBeOurs,
    },
    { Sid: "CreateInVpc", Effect: "Allow", Action: ["ec2:CreateSecurityGroup"], Resource: ec2("vpc") },
    {
      Sid: "TagAtCreation",
      Effect: "Allow",
      Action: ["ec2:CreateTags"],
      Resource: "arn:aws:ec2:*:*:*/*",
      Condition: {
        StringEquals: { "ec2:CreateAction": ["RunInstances", "CreateSecurityGroup", "CreatePlacementGroup"] },
      },
    },
    {
      Sid: "ChangeOurs",
      Effect: "Allow",
      Action: [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CancelSpotInstanceRequests",
        "ec2:CreateTags",
        "ec2:DeletePlacementGroup",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteVolume",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:TerminateInstances",
      ],
      Resource: "arn:aws:ec2:*:*:*/*",
      Condition: isOurs,
    },
    {
      // Once an account: EC2 makes spot machines by a role of its own.
      Sid: "SpotRole",
      Effect: "Allow",
      Action: ["iam:CreateServiceLinkedRole"],
      Resource: "arn:aws:iam::*:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
      Condition: { StringEquals: { "iam:AWSServiceName": "spot.amazonaws.com" } },
    },
    ...(profiles.length === 0
      ? []
      : [
          {
            Sid: "PassRoles",
            Effect: "Allow",
            Action: ["iam:PassRole"],
            Resource: profiles,
            Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
          } as const,
        ]),
  ],
});

/** What driving hosts by Systems Manager needs beside: commands go to hosts of ours alone, by the agents' one document. */
export const ssmPolicy = (): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "CommandOurs",
      Effect: "Allow",
      Action: ["ssm:SendCommand"],
      Resource: ["arn:aws:ec2:*:*:instance/*"],
      Condition: { Null: { [`ssm:resourceTag/${tagKeys.deployment}`]: "false" } },
    },
    {
      Sid: "RunShellScript",
      Effect: "Allow",
      Action: ["ssm:SendCommand"],
      Resource: ["arn:aws:ssm:*::document/AWS-RunShellScript"],
    },
    {
      // These know no finer rights.
      Sid: "FollowCommands",
      Effect: "Allow",
      Action: [
        "ssm:CancelCommand",
        "ssm:DescribeInstanceInformation",
        "ssm:GetCommandInvocation",
        "ssm:ListCommandInvocations",
      ],
      Resource: "*",
    },
  ],
});
