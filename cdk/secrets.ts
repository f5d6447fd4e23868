import { RemovalPolicy } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";

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
      // 32 bytes as hex, drawn by Secrets Manager: nobody sees it, no template holds it.
      generateSecretString: {
        passwordLength: 64,
        excludeUppercase: true,
        excludePunctuation: true,
        excludeCharacters: "ghijklmnopqrstuvwxyz",
        requireEachIncludedType: false,
      },
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
  }
}
