import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { Provider } from "../../core/ports/provider.ts";
import { LocalProvider } from "../../providers/local/index.ts";
import { cloudCapabilities } from "../cloud-capabilities.ts";
import type { Parts } from "../effects.ts";
import type { Environment } from "../environment.ts";
import type { CloudName } from "../functions.ts";
import type { InvokeCloud } from "../provider-calls.ts";
import { RemoteProvider } from "../provider-calls.ts";

/** The clouds, each behind its own function; and hosts of this machine, where the functions run on one. */
export const openProviders: NonNullable<Parts["providers"]> = (environment, clock) => {
  const opened = new Map<string, Provider>();
  return (name) => {
    const known = opened.get(name);
    if (known !== undefined) return known;
    const made = name === "local" ? openLocal() : openCloud(name);
    opened.set(name, made);
    return made;
  };

  function openLocal(): Provider {
    const { localHosts } = environment;
    if (localHosts === undefined || !environment.providers.includes("local")) throw notConfigured("local", environment);
    return new LocalProvider({ root: localHosts.root, command: [process.execPath, localHosts.program] }, { clock });
  }

  function openCloud(name: string): Provider {
    const cloud = isCloud(name) ? environment.clouds[name] : undefined;
    if (!isCloud(name) || cloud === undefined) throw notConfigured(name, environment);
    return new RemoteProvider({
      name,
      capabilities: cloudCapabilities[name],
      invoke: invokeFunction(cloud, environment.region),
    });
  }
};

const isCloud = (name: string): name is CloudName => Object.hasOwn(cloudCapabilities, name);

const notConfigured = (name: string, { providers }: Environment): FailureError =>
  new FailureError({
    class: "invalid",
    message: `this control plane was deployed without the provider "${name}"`,
    hint: `it has ${providers.length === 0 ? "none" : providers.join(", ")}; \`reprise deploy --providers\` adds one`,
  });

function invokeFunction(functionName: string, region: string): InvokeCloud {
  const client = new LambdaClient({ region });
  return async (payload) => {
    const answer = await client
      .send(new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(payload) }))
      .catch((error: unknown) => {
        const isThrottled = error instanceof Error && error.name === "TooManyRequestsException";
        throw new FailureError(
          { class: isThrottled ? "throttled" : "transport", message: `${functionName}: ${messageOf(error)}` },
          { cause: error },
        );
      });
    const text = new TextDecoder().decode(answer.Payload);
    if (answer.FunctionError !== undefined) {
      throw new FailureError({ class: "transport", message: `${functionName} broke off: ${text.slice(0, 1_000)}` });
    }
    return JSON.parse(text) as unknown;
  };
}
