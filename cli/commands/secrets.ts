import { readFileSync } from "node:fs";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { FailureError } from "../../core/errors/failure.ts";
import { awsFailure, readStack } from "../deployed/stack.ts";
import type { CommandContext } from "../context.ts";

type Cloud = "azure" | "gcp";

/** Moves a cloud's credentials from this environment to the deployed control plane's secret; nothing of them is printed. */
export async function setSecret({ output, stack }: CommandContext, cloud: Cloud): Promise<number> {
  const { cloudSecrets } = await readStack(stack);
  const secret = cloudSecrets[cloud];
  if (secret === undefined) {
    throw new FailureError({
      class: "invalid",
      message: `the stack "${stack.stack}" was deployed without ${cloud}`,
      hint: `\`reprise deploy --providers aws,${cloud}\``,
    });
  }
  const values = readCredentials(cloud, process.env, (path) => readFileSync(path, "utf8"));
  await new SecretsManagerClient({ region: stack.region })
    .send(new PutSecretValueCommand({ SecretId: secret, SecretString: JSON.stringify(values) }))
    .catch((error: unknown) => {
      throw awsFailure(`the secret for ${cloud}`, error);
    });
  output.result({ cloud, set: Object.keys(values) });
  output.line(`${cloud}: ${Object.keys(values).join(", ")} set`);
  return 0;
}

/** What the cloud's function reads back, by the names of the cloud's own tools. */
export function readCredentials(
  cloud: Cloud,
  environment: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string,
): Readonly<Record<string, string>> {
  const take = (name: string): string => {
    const value = environment[name] ?? "";
    if (value !== "") return value;
    throw new FailureError({
      class: "auth",
      message: `${name} is not set`,
      hint:
        cloud === "azure"
          ? "`az ad sp create-for-rbac` makes a service principal; set AZURE_SUBSCRIPTION_ID, AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
          : "set GOOGLE_CLOUD_PROJECT, and GOOGLE_APPLICATION_CREDENTIALS to a service account's key file",
    });
  };
  if (cloud === "azure") {
    const names = ["AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];
    // Clouds apart from the public one sign in elsewhere.
    const authority = environment["AZURE_AUTHORITY_HOST"] ?? "";
    return {
      ...Object.fromEntries(names.map((name) => [name, take(name)])),
      ...(authority === "" ? {} : { AZURE_AUTHORITY_HOST: authority }),
    };
  }
  const file = take("GOOGLE_APPLICATION_CREDENTIALS");
  return { GOOGLE_CLOUD_PROJECT: take("GOOGLE_CLOUD_PROJECT"), GOOGLE_CREDENTIALS: readText(file) };
}
