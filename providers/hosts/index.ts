export { HostsProvider } from "./hosts-provider.ts";
export type { HostsProviderEffects, HostsProviderOptions } from "./hosts-provider.ts";
export { findHostKey, parseKnownHosts } from "./known-hosts.ts";
export { machineIdentities, MachinesSpec, resolveMachines } from "./machines.ts";
export type { Machine } from "./machines.ts";
