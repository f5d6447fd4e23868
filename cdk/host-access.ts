import { Stack } from "aws-cdk-lib";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { CfnInstanceProfile, Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { explainFindings } from "./explain-findings.ts";

export interface HostAccessProps {
  readonly bucket: Bucket;
}

/**
 * What an agent of Systems Manager asks of AWS. Not AWS's managed policy `AmazonSSMManagedInstanceCore`: that one lets a
 * host read every parameter of the account.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
 */
export const agentActions = [
  "ssm:UpdateInstanceInformation",
  "ssmmessages:CreateControlChannel",
  "ssmmessages:CreateDataChannel",
  "ssmmessages:OpenControlChannel",
  "ssmmessages:OpenDataChannel",
  "ec2messages:AcknowledgeMessage",
  "ec2messages:DeleteMessage",
  "ec2messages:FailMessage",
  "ec2messages:GetEndpoint",
  "ec2messages:GetMessages",
  "ec2messages:SendReply",
];

/**
 * The instance profile of EC2 hosts that Systems Manager reaches, or whose experiment itself needs AWS. For evidence no
 * host needs it: that goes by signed URLs.
 *
 * `${aws:userid}` ends with the instance's id, so that a host reads and writes below a prefix of its own and can't touch
 * another run's, let alone evidence.
 */
export class HostAccess extends Construct {
  readonly role: Role;
  readonly profile: CfnInstanceProfile;

  constructor(scope: Construct, id: string, { bucket }: HostAccessProps) {
    super(scope, id);
    this.role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("ec2.amazonaws.com"),
      description: `reprise: hosts of the stack ${Stack.of(this).stackName}`,
    });
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: ["s3:GetObject", "s3:PutObject"],
        resources: [bucket.arnForObjects("scratch/${aws:userid}/*")],
      }),
    );
    this.role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions: agentActions, resources: ["*"] }));
    // The agent puts output there that is too long for the API; nobody believes it without the digest that came by that.
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: ["s3:PutObject", "s3:PutObjectAcl"],
        resources: [bucket.arnForObjects("ssm/output/*")],
      }),
    );
    explainFindings(this.role, [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: [{ regex: "/^Resource::<.*Store.*\\.Arn>\\/scratch\\/<aws:userid>\\/\\*$/" }],
        reason: "one prefix an instance, which ends with its own id",
      },
      {
        id: "AwsSolutions-IAM5",
        appliesTo: ["Resource::*"],
        reason: "the agent's own actions know no resources: an instance asks for its own messages by its identity",
      },
      {
        id: "AwsSolutions-IAM5",
        appliesTo: [{ regex: "/^Resource::<.*Store.*\\.Arn>\\/ssm\\/output\\/\\*$/" }],
        reason: "the service names what lies there; it may only be added to, and is deleted within a day",
      },
    ]);
    this.profile = new CfnInstanceProfile(this, "Profile", { roles: [this.role.roleName] });
  }
}
