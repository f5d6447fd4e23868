import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { StackOutputs } from "../../core/names/stack.ts";
import { stackOutputsSchema, stackParameterName } from "../../core/names/stack.ts";
import { buildHome } from "./place.ts";

export interface StackRef {
  readonly stack: string;
  readonly region: string;
}

const known = new Map<string, Promise<StackOutputs>>();

/**
 * What the stack says of itself; read once a command.
 *
 * @throws FailureError class auth without credentials, class invalid when there is no such stack
 */
export function readStack(ref: StackRef): Promise<StackOutputs> {
  const name = `${ref.region}/${ref.stack}`;
  const there = known.get(name);
  if (there !== undefined) return there;
  const read = readParameter(ref, new SSMClient({ region: ref.region }));
  known.set(name, read);
  return read;
}

export async function readParameter({ stack, region }: StackRef, client: SSMClient): Promise<StackOutputs> {
  const name = stackParameterName(stack);
  const answer = await client.send(new GetParameterCommand({ Name: name })).catch((error: unknown) => {
    throw awsFailure(`the stack "${stack}" in ${region}`, error);
  });
  const outputs = stackOutputsSchema.safeParse(parseJson(answer.Parameter?.Value ?? ""));
  if (outputs.success) return outputs.data;
  throw new FailureError({
    class: "invalid",
    message: `the stack "${stack}" was deployed by another version: ${outputs.error.issues[0]?.message ?? ""}`,
    hint: "`reprise deploy` brings it to this version",
  });
}

/** The home of a deployed control plane's runs. */
export async function homeOfStack(ref: StackRef): Promise<string> {
  const { bucket } = await readStack(ref);
  return buildHome({ ...ref, bucket });
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const authErrors: ReadonlySet<string> = new Set([
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "AccessDeniedException",
  "TokenProviderError",
]);

/** What AWS answered a command of ours, with what to do about it. */
export function awsFailure(what: string, error: unknown): FailureError {
  const name = error instanceof Error ? error.name : "";
  const message = `${what}: ${name === "" ? "" : `${name}: `}${messageOf(error)}`;
  if (name === "ParameterNotFound") {
    return new FailureError(
      {
        class: "invalid",
        message: `${what} isn't there`,
        hint: "`reprise deploy` makes it; --stack, --region and --profile say which is meant",
      },
      { cause: error },
    );
  }
  if (authErrors.has(name)) {
    return new FailureError(
      { class: "auth", message, hint: "sign in to AWS or name a --profile; `reprise doctor` looks closer" },
      { cause: error },
    );
  }
  return new FailureError({ class: "transport", message, hint: "`reprise doctor` looks closer" }, { cause: error });
}
