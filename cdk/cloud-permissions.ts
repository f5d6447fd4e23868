import { Stack } from "aws-cdk-lib";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { explainFindings } from "./explain-findings.ts";
import type { HostAccess } from "./host-access.ts";

/** Every resource that we make carries this tag from its creation on; only such are ever changed or deleted. */
const ownTag = "reprise-deployment";

type Conditions = Record<string, Record<string, unknown>>;
const inRegions = (regions: readonly string[]): Conditions => ({
  StringEquals: { "aws:RequestedRegion": [...regions] },
});

/**
 * What the one function that speaks to EC2 may do, the same as `awsPolicy` asks of anybody who drives EC2 by hand (a test
 * compares): look at everything, for EC2 knows no finer reading, make what carries our tag from its creation on, and
 * change or delete only that.
 *
 * @param regions where it may act
 */
export function allowEc2(to: LambdaFunction, hosts: HostAccess, regions: readonly string[]): void {
  const { partition, account } = Stack.of(to);
  const bounds = inRegions(regions);
  const willBeOurs = { ...bounds, Null: { [`aws:RequestTag/${ownTag}`]: "false" } };
  const isOurs = { ...bounds, Null: { [`aws:ResourceTag/${ownTag}`]: "false" } };
  const ec2 = (...kinds: readonly string[]): string[] =>
    kinds.map((kind) => `arn:${partition}:ec2:*:${account}:${kind}/*`);
  const allow = (actions: string[], resources: string[], conditions: Conditions): void =>
    to.addToRolePolicy(new PolicyStatement({ actions, resources, conditions }));

  allow(["ec2:Describe*", "servicequotas:GetServiceQuota"], ["*"], bounds);
  allow(["ec2:RunInstances"], ec2("instance", "volume", "spot-instances-request"), willBeOurs);
  // Network interfaces are made untagged, and end with their instance.
  allow(
    ["ec2:RunInstances"],
    [`arn:${partition}:ec2:*::image/*`, `arn:${partition}:ec2:*::snapshot/*`, ...ec2("network-interface", "subnet")],
    bounds,
  );
  allow(["ec2:RunInstances"], ec2("security-group", "placement-group"), isOurs);
  allow(["ec2:CreateSecurityGroup", "ec2:CreatePlacementGroup"], ec2("security-group", "placement-group"), willBeOurs);
  allow(["ec2:CreateSecurityGroup"], ec2("vpc"), bounds);
  allow(["ec2:CreateTags"], ec2("*"), {
    StringEquals: {
      ...bounds["StringEquals"],
      "ec2:CreateAction": ["RunInstances", "CreateSecurityGroup", "CreatePlacementGroup"],
    },
  });
  allow(
    [
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CancelSpotInstanceRequests",
      "ec2:CreateTags",
      "ec2:DeletePlacementGroup",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteVolume",
      "ec2:RevokeSecurityGroupIngress",
      "ec2:TerminateInstances",
    ],
    ec2("*"),
    isOurs,
  );
  // Once an account: EC2 makes spot machines by a role of its own.
  allow(
    ["iam:CreateServiceLinkedRole"],
    [`arn:${partition}:iam::${account}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot`],
    { StringEquals: { "iam:AWSServiceName": "spot.amazonaws.com" } },
  );
  allow(["iam:PassRole"], [hosts.role.roleArn], { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } });
  explainFindings(to.role ?? to, [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: ["Action::ec2:Describe*", { regex: "/^Resource::arn:.*:ec2:\\*:.*:[a-z-]*\\*?(\\/\\*)?$/" }],
      reason:
        "hosts don't exist when the role is made: bounded by region, and changes by the tag that all of ours carry",
    },
  ]);
}

/** Commands to hosts of ours by Systems Manager, through the one document that its agents have for that. */
export function allowRunCommand(to: LambdaFunction, regions: readonly string[]): void {
  const { partition, account } = Stack.of(to);
  const bounds = inRegions(regions);
  const allow = (actions: string[], resources: string[], conditions: Conditions): void =>
    to.addToRolePolicy(new PolicyStatement({ actions, resources, conditions }));
  allow(["ssm:SendCommand"], [`arn:${partition}:ec2:*:${account}:instance/*`], {
    ...bounds,
    Null: { [`ssm:resourceTag/${ownTag}`]: "false" },
  });
  allow(["ssm:SendCommand"], [`arn:${partition}:ssm:*::document/AWS-RunShellScript`], bounds);
  allow(
    ["ssm:CancelCommand", "ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations"],
    ["*"],
    bounds,
  );
  explainFindings(to.role ?? to, [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: [
        { regex: "/^Resource::arn:.*:ec2:\\*:.*:instance\\/\\*$/" },
        { regex: "/^Resource::arn:.*:ssm:\\*::document\\/AWS-RunShellScript$/" },
      ],
      reason: "hosts don't exist when the role is made: bounded by region and by the tag that all of ours carry",
    },
    {
      id: "AwsSolutions-IAM5",
      appliesTo: ["Resource::*"],
      reason: "Systems Manager knows no finer rights to follow a command: bounded by region",
    },
  ]);
}
