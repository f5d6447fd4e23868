import { Stack } from "aws-cdk-lib";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { explainFindings } from "./explain-findings.ts";
import type { HostAccess } from "./host-access.ts";

/** Every resource that we make carries this tag from its creation on; only such are ever changed or deleted. */
const ownTag = "reprise-deployment";

/**
 * What the one function that speaks to EC2 may do: look at everything (EC2 knows no finer reading), make things that carry
 * our tag, and change or delete only those.
 *
 * @param regions where it may act
 */
export function allowEc2(to: LambdaFunction, hosts: HostAccess, regions: readonly string[]): void {
  const { partition, account } = Stack.of(to);
  const inRegions = { StringEquals: { "aws:RequestedRegion": [...regions] } };
  const all = `arn:${partition}:ec2:*:${account}:*`;
  const allow = (actions: string[], resources: string[], conditions: Record<string, unknown>): void =>
    to.addToRolePolicy(new PolicyStatement({ actions, resources, conditions }));
  allow(["ec2:Describe*", "ec2:GetSpotPlacementScores"], ["*"], inRegions);
  allow(["ssm:GetParameter"], [`arn:${partition}:ssm:*::parameter/aws/service/*`], inRegions); // image ids
  allow(
    [
      "ec2:RunInstances",
      "ec2:CreateFleet",
      "ec2:CreateSecurityGroup",
      "ec2:CreatePlacementGroup",
      "ec2:CreateLaunchTemplate",
    ],
    [all, `arn:${partition}:ec2:*::image/*`, `arn:${partition}:ec2:*::snapshot/*`],
    inRegions,
  );
  allow(["ec2:CreateTags"], [all], {
    ...inRegions,
    "ForAnyValue:StringEquals": { "aws:TagKeys": [ownTag] },
  });
  allow(
    [
      "ec2:TerminateInstances",
      "ec2:CancelSpotInstanceRequests",
      "ec2:DeleteSecurityGroup",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:RevokeSecurityGroupIngress",
      "ec2:DeletePlacementGroup",
      "ec2:DeleteLaunchTemplate",
      "ec2:DeleteVolume",
      "ec2:ModifyInstanceAttribute",
      "ec2:CreateTags",
    ],
    [all],
    { ...inRegions, Null: { [`aws:ResourceTag/${ownTag}`]: "false" } },
  );
  to.addToRolePolicy(new PolicyStatement({ actions: ["iam:PassRole"], resources: [hosts.role.roleArn] }));
  explainFindings(to.role ?? to, [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: [
        "Action::ec2:Describe*",
        { regex: "/^Resource::arn:.*:ec2:\\*:\\d*:(\\*|image\\/\\*|snapshot\\/\\*)$/" },
        { regex: "/^Resource::arn:.*:ssm:\\*::parameter\\/aws\\/service\\/\\*$/" },
      ],
      reason:
        "hosts don't exist when the role is made: bounded by region, and changes by the tag that all of ours carry",
    },
  ]);
}
