export { azureIdentityFrom, createAzureClients } from "./clients.ts";
export type { AzureClients, AzureClientSettings, AzureEnvironment } from "./clients.ts";
export { createAzureProvider } from "./azure-provider.ts";
export type { AzureDeps, AzureProvider } from "./azure-provider.ts";
export { azureRole, azureSelfDeletionRole } from "./permissions.ts";
export type { RoleDefinition } from "./permissions.ts";
export type { MachineDescription } from "./machines.ts";
