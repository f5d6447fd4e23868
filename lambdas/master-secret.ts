import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { masterSecretFromText } from "../core/names/stack.ts";
import type { Environment } from "./environment.ts";

/** The master secret, read when it is first asked for and kept while the function is warm. */
export function keepSecret(environment: Pick<Environment, "region" | "masterSecret">): () => Promise<Uint8Array> {
  let secret: Promise<Uint8Array> | undefined;
  return () => {
    secret ??= readMasterSecret(environment.region, environment.masterSecret);
    secret.catch(() => (secret = undefined)); // the next call may have more luck
    return secret;
  };
}

async function readMasterSecret(region: string, id: string | undefined): Promise<Uint8Array> {
  if (id === undefined)
    throw new FailureError({ class: "defect", message: "this function was given no master secret" });
  const answer = await new SecretsManagerClient({ region })
    .send(new GetSecretValueCommand({ SecretId: id }))
    .catch((error: unknown) => {
      throw new FailureError({ class: "auth", message: `the master secret: ${messageOf(error)}` }, { cause: error });
    });
  return masterSecretFromText(answer.SecretString ?? "");
}
