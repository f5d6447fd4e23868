import { RemovalPolicy } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { explainFindings } from "./explain-findings.ts";

/** Clouds whose credentials are a secret; AWS's own are the function's role. */
export type SecretCloud = "azure" | "gcp";

export interface FlowSecretsProps {
  readonly clouds: readonly SecretCloud[];
}

/** The master secret, which every run's keys derive from, and a place for each foreign cloud's credentials. */
export class FlowSecrets extends Construct {
  readonly master: Secret;
  readonly clouds: Readonly<Partial<Record<SecretCloud, Secret>>>;

  constructor(scope: Construct, id: string, props: FlowSecretsProps) {
    super(scope, id);
    this.master = new Secret(this, "Master", {
      description: "reprise: keys of all runs and hosts derive from it",
      // Drawn by Secrets Manager: nobody sees it, no template holds it. Letters and digits: 380 bits.
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.RETAIN, // with it go the keys to hosts that are still up
    });
    this.clouds = Object.fromEntries(
      props.clouds.map((cloud) => [
        cloud,
        new Secret(this, cloud, {
          description: `reprise: credentials for ${cloud}, put there by \`reprise secrets set ${cloud}\``,
        }),
      ]),
    );
    explainFindings(this, [
      {
        id: "AwsSolutions-SMG4",
        reason:
          "a rotated master secret would lock us out of hosts that are up; the clouds' own are the user's, who may rotate them by `reprise secrets set`",
      },
    ]);
  }
}
