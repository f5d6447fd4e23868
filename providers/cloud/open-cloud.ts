/**
 * Opens a cloud's provider from what the environment says, in the words of each cloud's own tools. The SDKs are loaded
 * here, when they are asked for: nobody who runs locally waits for them.
 */
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { Provider } from "../../core/ports/provider.ts";
import type { Transport } from "../../core/ports/transport.ts";
import type { Cloud } from "../catalogue/machine-type.ts";
import { renewingHosts } from "./renewing-hosts.ts";

/** Variables of a process' environment, by name. */
export type CloudEnvironment = Readonly<Record<string, string | undefined>>;

export interface CloudDeps {
  readonly environment: CloudEnvironment;
  readonly clock: Clock;
  readonly random: Random;
  /** The way to hosts, whose own timers a longer lease must reach. */
  readonly hosts: Pick<Transport, "run">;
}

export interface OpenedCloud {
  readonly provider: Provider;
  /**
   * Finds out whether anybody is logged in, before anything is begun that would need it.
   *
   * @throws FailureError class auth, with the cloud's own words
   */
  signIn(): Promise<void>;
}

/** @throws FailureError class auth or invalid, when the environment doesn't say who we are there */
export function openCloud(cloud: Cloud, deps: CloudDeps): Promise<OpenedCloud> {
  switch (cloud) {
    case "aws":
      return openAws(deps);
    case "azure":
      return openAzure(deps);
    case "gcp":
      return openGoogle(deps);
    default:
      return cloud satisfies never;
  }
}

/**
 * Whether the environment points to an account of this cloud; nothing is asked of anybody.
 *
 * @param exists whether there is such a file
 */
export function isConfigured(cloud: Cloud, environment: CloudEnvironment, exists: (path: string) => boolean): boolean {
  const isSet = (...names: readonly string[]): boolean => names.some((name) => (environment[name] ?? "") !== "");
  const home = environment["HOME"] ?? "";
  switch (cloud) {
    case "aws":
      return (
        isSet("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE") ||
        isSet("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI") ||
        exists(environment["AWS_SHARED_CREDENTIALS_FILE"] ?? `${home}/.aws/credentials`) ||
        exists(environment["AWS_CONFIG_FILE"] ?? `${home}/.aws/config`)
      );
    case "azure":
      return isSet("AZURE_SUBSCRIPTION_ID");
    case "gcp":
      return (
        isSet("GOOGLE_APPLICATION_CREDENTIALS") || exists(`${home}/.config/gcloud/application_default_credentials.json`)
      );
    default:
      return cloud satisfies never;
  }
}

/** Credentials and endpoints (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_EC2`) are found by the SDK's own rules. */
async function openAws({ environment, clock, random, hosts }: CloudDeps): Promise<OpenedCloud> {
  const { createAwsClients, createAwsProvider, serviceQuotas } = await import("../aws/index.ts");
  const clients = createAwsClients();
  const homeRegion = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
  // Service Quotas is asked at AWS itself: with another endpoint its answer would be about another account.
  const isAwsItself = (environment["AWS_ENDPOINT_URL"] ?? environment["AWS_ENDPOINT_URL_EC2"]) === undefined;
  const quota = isAwsItself ? { quota: serviceQuotas(clients.ec2, clock) } : {};
  return {
    provider: createAwsProvider({ clock, random, ec2: clients.ec2, hosts, ...quota }, { homeRegion }),
    signIn: () =>
      signIn(
        "AWS",
        "`aws configure sso`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        clock,
        () => clients.ec2(homeRegion).config.credentials(),
      ),
  };
}

/**
 * The resource id of the managed identity with which Azure's machines delete themselves, where they were given one: no
 * tool of Azure's has a name for that.
 */
export const selfDeletionIdentity = (environment: CloudEnvironment): string | undefined => {
  const identity = environment["REPRISE_AZURE_SELF_DELETION_IDENTITY"] ?? "";
  if (identity === "") return undefined;
  if (
    /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.ManagedIdentity\/userAssignedIdentities\/[^/]+$/i.test(
      identity,
    )
  )
    return identity;
  throw new FailureError({
    class: "invalid",
    message: `REPRISE_AZURE_SELF_DELETION_IDENTITY is not the id of a user-assigned identity: "${identity}"`,
    hint: "`az identity show --query id` prints it: /subscriptions/…/Microsoft.ManagedIdentity/userAssignedIdentities/NAME",
  });
};

/** Where Azure Resource Manager isn't the public cloud's, `AZURE_RESOURCE_MANAGER_ENDPOINT` says where it is. */
async function openAzure({ environment, clock, random, hosts }: CloudDeps): Promise<OpenedCloud> {
  const { azureIdentityFrom, createAzureClients, createAzureProvider } = await import("../azure/index.ts");
  const { subscriptionId, credential } = azureIdentityFrom(environment);
  const endpoint = environment["AZURE_RESOURCE_MANAGER_ENDPOINT"];
  const clients = createAzureClients({ subscriptionId, credential, endpoint });
  const identity = selfDeletionIdentity(environment);
  const azure = createAzureProvider({
    clients,
    clock,
    random,
    ...(identity === undefined ? {} : { selfDeletionIdentity: identity }),
  });
  const scope = "https://management.azure.com/.default";
  return {
    // A VM's timer can't be reached through Azure: tags and user data stay outside, or as they were.
    provider: renewingHosts(azure, hosts),
    signIn: () =>
      signIn(
        "Azure",
        "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal",
        clock,
        (abortSignal) => credential.getToken(scope, { abortSignal }),
      ),
  };
}

/** `CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE` is gcloud's own variable for another endpoint. */
async function openGoogle({ environment, clock, random }: CloudDeps): Promise<OpenedCloud> {
  const [{ checkProject, createGcpProvider }, { GoogleAuth }] = await Promise.all([
    import("../gcp/index.ts"),
    import("google-auth-library"),
  ]);
  const keyFilename = environment["GOOGLE_APPLICATION_CREDENTIALS"];
  const google = new GoogleAuth({
    scopes: ["https://www.googleapis.com/auth/compute"],
    ...(keyFilename === undefined ? {} : { keyFilename }),
  });
  const hint =
    "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials";
  const auth = await google.getClient().catch((error: unknown) => {
    throw notSignedIn("Google Cloud", hint, error);
  });
  const named = environment["GOOGLE_CLOUD_PROJECT"] ?? environment["CLOUDSDK_CORE_PROJECT"];
  const project = checkProject(named ?? (await google.getProjectId().catch(() => undefined)));
  const endpoint = environment["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"]?.replace(/(\/compute\/v1)?\/*$/, "");
  return {
    provider: createGcpProvider({ auth, project, clock, random, ...(endpoint === undefined ? {} : { endpoint }) }),
    signIn: () => signIn("Google Cloud", hint, clock, () => auth.getAccessToken()),
  };
}

/** Long enough for a machine that looks for an identity of its own on the network and finds none. */
const signInMs = 45_000;

async function signIn(
  cloud: string,
  hint: string,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const late = new AbortController();
  const done = new AbortController();
  const timer = clock.sleep(signInMs, done.signal).then(
    () => {
      late.abort();
      throw new Error(`no answer within ${signInMs / 1000} s`);
    },
    () => undefined, // signed in first
  );
  try {
    await Promise.race([work(late.signal), timer]);
  } catch (error) {
    throw notSignedIn(cloud, hint, error);
  } finally {
    done.abort();
  }
}

const notSignedIn = (cloud: string, hint: string, cause: unknown): FailureError =>
  new FailureError(
    { class: "auth", message: `nobody is logged in to ${cloud}: ${messageOf(cause).split("\n")[0] ?? ""}`, hint },
    { cause },
  );
