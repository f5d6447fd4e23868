import { EC2Client } from "@aws-sdk/client-ec2";
import type { EC2ClientConfig } from "@aws-sdk/client-ec2";

export interface AwsClientSettings {
  /** @default the SDK's chain: environment, shared files, single sign-on, the machine's own role */
  readonly credentials?: EC2ClientConfig["credentials"];
  /** For another endpoint than AWS's own: an emulator, a VPC endpoint. */
  readonly endpoint?: string;
  /** How requests are sent. @default the SDK's Node handler, with bounds on connecting and answering */
  readonly requestHandler?: EC2ClientConfig["requestHandler"];
}

export interface AwsClients {
  readonly ec2: (region: string) => EC2Client;
  readonly destroy: () => void;
}

/**
 * Clients by region, each made once, with one attempt a call: the SDK would take a lack of capacity (a 5xx) for a hiccup
 * and try it three times, and sleeps on the machine's clock. What is repeated is decided in `Ec2Api`.
 */
export function createAwsClients(settings: AwsClientSettings = {}): AwsClients {
  const common = {
    maxAttempts: 1,
    requestHandler: settings.requestHandler ?? { connectionTimeout: 5_000, requestTimeout: 30_000 },
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
  };
  const ec2 = new Map<string, EC2Client>();
  return {
    ec2: (region) => keep(ec2, region, () => new EC2Client({ ...common, region })),
    destroy: () => {
      for (const client of ec2.values()) client.destroy();
    },
  };
}

function keep<T>(kept: Map<string, T>, region: string, make: () => T): T {
  const known = kept.get(region);
  if (known !== undefined) return known;
  const made = make();
  kept.set(region, made);
  return made;
}
