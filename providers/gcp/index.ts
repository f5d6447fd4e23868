export type { GoogleRequester } from "./compute-api.ts";
export type { MachineDescription, QuotaRow } from "./catalogue.ts";
export type { GcpProvider, GcpProviderDeps } from "./gcp-provider.ts";
export { checkProject, createGcpProvider } from "./gcp-provider.ts";
export { optionNames } from "./options.ts";
export type { GcpRole } from "./permissions.ts";
export { gcpRole } from "./permissions.ts";
