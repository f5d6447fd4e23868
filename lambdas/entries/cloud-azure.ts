import { azureIdentityFrom, createAzureClients, createAzureProvider } from "../../providers/azure/index.ts";
import { renewingHosts } from "../../providers/cloud/renewing-hosts.ts";
import { asCloud } from "../cloud.ts";

export const handler = asCloud("azure", ({ clock, random, hosts, credentials, environment: { sshFrom } }) => {
  const { subscriptionId, credential } = azureIdentityFrom(credentials);
  const endpoint = process.env["AZURE_RESOURCE_MANAGER_ENDPOINT"];
  const ssh = sshFrom === undefined ? {} : { sshSources: sshFrom };
  const clients = createAzureClients({ subscriptionId, credential, endpoint });
  return renewingHosts(createAzureProvider({ clients, clock, random, reachesControl: true, ...ssh }), hosts);
});
