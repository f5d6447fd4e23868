import { PutObjectCommand } from "@aws-sdk/client-s3";
import type { S3Client } from "@aws-sdk/client-s3";
import { serveClouds } from "../../clouds/served-clouds.ts";
import type { ServedClouds } from "../../clouds/served-clouds.ts";
import type { Gateway } from "./gateway.ts";

/** Our three clouds with real hosts, which reach the gateway and nothing else of this machine. */
export interface RigClouds extends ServedClouds {
  /** The gateway as hosts call it. */
  readonly gatewayUrl: string;
  /** Where the clouds but AWS are: that one is behind the gateway. No credentials among it. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/** @param s3 where agents of Systems Manager put whole outputs */
export async function openClouds(gateway: Gateway, s3: S3Client): Promise<RigClouds> {
  const clouds = await serveClouds({
    aws: {
      putObject: async (bucket, key, body) => {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
      },
    },
  });
  const address = clouds.hosts.open(gateway.port);
  await gateway.listenAt(address);
  const names = [
    "NODE_EXTRA_CA_CERTS",
    "AZURE_RESOURCE_MANAGER_ENDPOINT",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE",
  ] as const;
  return {
    ...clouds,
    gatewayUrl: `http://${address}:${gateway.port}`,
    endpoints: Object.fromEntries(names.map((name) => [name, clouds.environment[name] ?? ""])),
  };
}

/** What `reprise secrets set` takes from whoever gives it: no AWS of the clouds' own. */
export const credentialsOf = ({ environment }: RigClouds): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(AWS_|HOME$)/.test(name)));
