import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership, StorageClass } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { explainFindings } from "./explain-findings.ts";

export interface ArtifactStoreProps {
  /**
   * What becomes of the evidence when the stack is destroyed.
   * @default "keep"
   */
  readonly onDestroy?: "keep" | "delete" | undefined;
  /** Days until raw logs move to a colder, cheaper class. @default 90 */
  readonly rawLogsColdAfterDays?: number | undefined;
  /** Days after which a run's evidence is deleted. @default never */
  readonly evidenceDays?: number | undefined;
}

/** The bucket that is the only truth: private, encrypted, TLS only, versioned, kept when the stack goes. */
export class ArtifactStore extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: ArtifactStoreProps = {}) {
    super(scope, id);
    const deletes = props.onDestroy === "delete";
    this.bucket = new Bucket(this, "Bucket", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // Records that are replaced (boards, beats) keep their earlier versions for a while: what a crash looked like.
      versioned: true,
      removalPolicy: deletes ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: deletes,
      lifecycleRules: [
        { id: "earlier-versions", noncurrentVersionExpiration: Duration.days(30) },
        { id: "broken-uploads", abortIncompleteMultipartUploadAfter: Duration.days(2) },
        {
          id: "cold-runs",
          prefix: "runs/",
          // Small objects stay where they are: the class itself takes none below 128 KiB.
          transitions: [
            {
              storageClass: StorageClass.INTELLIGENT_TIERING,
              transitionAfter: Duration.days(props.rawLogsColdAfterDays ?? 90),
            },
          ],
        },
        ...(props.evidenceDays === undefined
          ? []
          : ["runs/", "results/", "blobs/"].map((prefix) => ({
              id: `expire-${prefix.slice(0, -1)}`,
              prefix,
              expiration: Duration.days(props.evidenceDays ?? 0),
            }))),
        // What EC2 hosts put there by themselves isn't evidence.
        { id: "scratch", prefix: "scratch/", expiration: Duration.days(30) },
        // On its way to a host, or from one, by Systems Manager: gone when the command has ended, or by this.
        {
          id: "handover",
          prefix: "ssm/",
          expiration: Duration.days(1),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
    explainFindings(this, [
      {
        id: "AwsSolutions-S1",
        reason:
          "a second bucket of access logs costs more than it tells: every object names its writer, nothing is deleted",
      },
    ]);
  }
}
