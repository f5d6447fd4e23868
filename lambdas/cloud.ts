import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { z } from "zod";
import type { Clock } from "../core/effects/clock.ts";
import type { Json } from "../core/effects/json.ts";
import type { Random } from "../core/effects/random.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { deriveKeyPair } from "../core/identity/index.ts";
import { runOfDeployment } from "../core/names/keys.ts";
import type { Provider } from "../core/ports/provider.ts";
import type { Transport } from "../core/ports/transport.ts";
import { SshTransport, dialTcp } from "../transports/ssh/index.ts";
import { openWays } from "../transports/ways/index.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import type { Environment } from "./environment.ts";
import { environmentSchema } from "./environment.ts";
import type { CloudName } from "./functions.ts";
import { writeLog } from "./log.ts";
import { keepSecret } from "./master-secret.ts";
import { serveProviderCall } from "./provider-calls.ts";
import type { CallContext, TaskFunction } from "./task.ts";
import { stdoutLine } from "./task.ts";

/** What a cloud's provider is made from. */
export interface CloudFunctionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly region: string;
  readonly environment: Environment;
  /** The way to hosts, whose own timers a longer lease must reach. */
  readonly hosts: Pick<Transport, "run">;
  /** What `reprise secrets set` put there, by the names of the cloud's own variables; AWS has none. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** Spreads repeated calls; no secret is drawn from it. */
const random: Random = { next: () => Math.random() };

const callSchema = z.object({ call: z.string(), deployment: z.string().optional() });

/**
 * A cloud's provider as a function: one call of the interface an invocation.
 *
 * @param openSsm the way to hosts that Systems Manager reaches, where the cloud has some
 */
export function asCloud(
  cloud: CloudName,
  open: (deps: CloudFunctionDeps) => Provider | Promise<Provider>,
  openSsm?: (deps: Pick<CloudFunctionDeps, "clock" | "random">) => Transport,
): TaskFunction {
  // Not the other functions' base: a cloud's function reads no store, and needn't load what reads it.
  let base: { readonly environment: Environment; readonly secret: () => Promise<Uint8Array> } | undefined;
  let credentials: Promise<Readonly<Record<string, string>>> | undefined;
  return async (event, context: CallContext = {}): Promise<Json> => {
    base ??= openCloudBase(process.env);
    const { environment, secret } = base;
    const clock = systemClock;
    const startedAt = clock.now();
    credentials ??= readCredentials(environment.region, environment.cloudSecret);
    credentials.catch(() => (credentials = undefined)); // the next call may have more luck
    const { call, deployment } = callSchema.parse(event);
    // Only a longer lease is told to hosts, and only by the run that they belong to.
    const transport =
      call === "extend" && deployment !== undefined
        ? openTransport(deployment, clock, secret).then((ssh) => openWays(ssh, openSsm?.({ clock, random })))
        : undefined;
    try {
      const provider = await open({
        clock,
        random,
        region: environment.region,
        environment,
        hosts: { run: async (...args) => (await (transport ?? noTransport())).run(...args) },
        credentials: await credentials,
      });
      const answer = await serveProviderCall(event, provider);
      writeLog(stdoutLine, {
        level: "info",
        function: `cloud-${cloud}`,
        deploymentId: deployment,
        requestId: context.awsRequestId,
        durationMs: clock.now() - startedAt,
        answer: call,
      });
      return answer;
    } finally {
      await (await transport)?.close();
    }
  };
}

function openCloudBase(variables: Readonly<Record<string, string | undefined>>): {
  readonly environment: Environment;
  readonly secret: () => Promise<Uint8Array>;
} {
  const environment = environmentSchema.parse(variables);
  return { environment, secret: keepSecret(environment) };
}

async function openTransport(
  deployment: string,
  clock: Clock,
  secret: () => Promise<Uint8Array>,
): Promise<SshTransport> {
  const { privateKey } = deriveKeyPair(await secret(), { kind: "user", runId: runOfDeployment(deployment) });
  return new SshTransport({ privateKey: () => privateKey }, { clock, dial: dialTcp });
}

const noTransport = (): never => {
  throw new FailureError({ class: "defect", message: "this call reaches no hosts" });
};

async function readCredentials(region: string, id: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (id === undefined) return {};
  const hint = "`reprise secrets set` puts them there";
  const answer = await new SecretsManagerClient({ region })
    .send(new GetSecretValueCommand({ SecretId: id }))
    .catch((error: unknown) => {
      throw new FailureError({ class: "auth", message: `the cloud's credentials: ${messageOf(error)}`, hint });
    });
  const parsed = z.record(z.string(), z.string()).safeParse(parseJson(answer.SecretString ?? ""));
  if (parsed.success) return parsed.data;
  throw new FailureError({ class: "auth", message: "the cloud's credentials were never set", hint });
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};
