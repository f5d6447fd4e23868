import { ComputeManagementClient } from "@azure/arm-compute";
import { NetworkManagementClient } from "@azure/arm-network";
import { ResourceManagementClient } from "@azure/arm-resources";
import {
  AzureCliCredential,
  ChainedTokenCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
  WorkloadIdentityCredential,
} from "@azure/identity";
import type { TokenCredential } from "@azure/identity";
import { FailureError } from "../../core/errors/failure.ts";

/** One subscription, spoken to by the SDKs. */
export interface AzureClients {
  readonly subscriptionId: string;
  /** Of Azure Resource Manager, without a slash at its end. */
  readonly endpoint: string;
  readonly compute: ComputeManagementClient;
  readonly network: NetworkManagementClient;
  readonly resources: ResourceManagementClient;
}

type ClientOptions = NonNullable<ConstructorParameters<typeof ComputeManagementClient>[2]>;

export interface AzureClientSettings {
  readonly subscriptionId: string;
  readonly credential: TokenCredential;
  /** Of Azure Resource Manager, where it isn't the public cloud's. */
  readonly endpoint?: string | undefined;
  /** In place of the network. */
  readonly httpClient?: ClientOptions["httpClient"];
  /** As Node's `tls.connect` takes it; for an endpoint with an authority of its own. */
  readonly tlsOptions?: ClientOptions["tlsOptions"];
}

const publicCloud = "https://management.azure.com";

/** Retries are ours: the SDKs' own sleep on the machine's clock, and repeat what we may want to give up. */
export function createAzureClients(settings: AzureClientSettings): AzureClients {
  const { subscriptionId, credential, httpClient, tlsOptions } = settings;
  const endpoint = (settings.endpoint ?? publicCloud).replace(/\/+$/, "");
  // arm-compute alone would ask for a token of the public cloud wherever it speaks to.
  const scopes = [`${endpoint}/.default`];
  const options = {
    retryOptions: { maxRetries: 0 },
    credentialScopes: scopes,
    credentials: { scopes },
    endpoint,
    ...(httpClient === undefined ? {} : { httpClient }),
    ...(tlsOptions === undefined ? {} : { tlsOptions }),
  };
  return {
    subscriptionId,
    endpoint,
    compute: new ComputeManagementClient(credential, subscriptionId, options),
    network: new NetworkManagementClient(credential, subscriptionId, options),
    resources: new ResourceManagementClient(credential, subscriptionId, options),
  };
}

/** What Azure's own tools read: https://learn.microsoft.com/javascript/api/overview/azure/identity-readme */
export interface AzureEnvironment {
  readonly AZURE_SUBSCRIPTION_ID?: string | undefined;
  readonly AZURE_TENANT_ID?: string | undefined;
  readonly AZURE_CLIENT_ID?: string | undefined;
  readonly AZURE_CLIENT_SECRET?: string | undefined;
  readonly AZURE_FEDERATED_TOKEN_FILE?: string | undefined;
  /** Another sign-in service than the public cloud's: a sovereign or private cloud's. */
  readonly AZURE_AUTHORITY_HOST?: string | undefined;
}

/**
 * Who we are, and in which subscription: a service principal or workload identity where the environment names one, else
 * this machine's managed identity, else whoever has logged in with the `az` command line.
 *
 * @throws {FailureError} class auth, when no subscription is named
 */
export function azureIdentityFrom(environment: AzureEnvironment): {
  readonly subscriptionId: string;
  readonly credential: TokenCredential;
} {
  const {
    AZURE_SUBSCRIPTION_ID: subscriptionId,
    AZURE_TENANT_ID: tenantId,
    AZURE_CLIENT_ID: clientId,
    AZURE_CLIENT_SECRET: secret,
    AZURE_FEDERATED_TOKEN_FILE: tokenFilePath,
    AZURE_AUTHORITY_HOST: authorityHost,
  } = environment;
  if (subscriptionId === undefined || subscriptionId === "") {
    throw new FailureError({
      class: "auth",
      message: "AZURE_SUBSCRIPTION_ID is not set",
      hint: "set it to the subscription that shall pay: `az account show --query id`",
    });
  }
  const authority =
    authorityHost === undefined
      ? {}
      : // The public cloud, which is asked whether it knows the host, doesn't know private ones.
        { authorityHost, disableInstanceDiscovery: !isMicrosofts(authorityHost) };
  const credential = ((): TokenCredential => {
    if (tenantId !== undefined && clientId !== undefined && secret !== undefined)
      return new ClientSecretCredential(tenantId, clientId, secret, authority);
    if (tenantId !== undefined && clientId !== undefined && tokenFilePath !== undefined)
      return new WorkloadIdentityCredential({ tenantId, clientId, tokenFilePath, ...authority });
    return new ChainedTokenCredential(
      clientId === undefined ? new ManagedIdentityCredential() : new ManagedIdentityCredential({ clientId }),
      tenantId === undefined ? new AzureCliCredential() : new AzureCliCredential({ tenantId }),
    );
  })();
  return { subscriptionId, credential };
}

const isMicrosofts = (authorityHost: string): boolean =>
  /^https:\/\/login\.(microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn|chinacloudapi\.cn)\b/.test(
    authorityHost,
  );
