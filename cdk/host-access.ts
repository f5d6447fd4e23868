import type { Bucket } from "aws-cdk-lib/aws-s3";
import { CfnInstanceProfile, Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { explainFindings } from "./explain-findings.ts";

export interface HostAccessProps {
  readonly bucket: Bucket;
}

/**
 * An instance profile for EC2 hosts whose experiment itself needs AWS. Without it a host has no AWS identity, and needs
 * none: it uploads by signed URLs.
 *
 * `${aws:userid}` ends with the instance's id, so that a host reads and writes below a prefix of its own and can't touch
 * another run's, let alone evidence.
 */
export class HostAccess extends Construct {
  readonly role: Role;
  readonly profile: CfnInstanceProfile;

  constructor(scope: Construct, id: string, { bucket }: HostAccessProps) {
    super(scope, id);
    this.role = new Role(this, "Role", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: ["s3:GetObject", "s3:PutObject"],
        resources: [bucket.arnForObjects("scratch/${aws:userid}/*")],
      }),
    );
    explainFindings(this.role, [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: [{ regex: "/^Resource::<.*Store.*\\.Arn>\\/scratch\\/<aws:userid>\\/\\*$/" }],
        reason: "one prefix an instance, which ends with its own id",
      },
    ]);
    this.profile = new CfnInstanceProfile(this, "Profile", { roles: [this.role.roleName] });
  }
}
