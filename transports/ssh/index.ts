export type { ConnectionEffects as SshEffects } from "./connection.ts";
export { AuthenticationError, HostKeyError, OutputTooLongError } from "./errors.ts";
export { expectSuccess, parseSuccess } from "./expect-success.ts";
export { forEachHost, HostsFailedError } from "./for-each-host.ts";
export type { FanOut } from "./for-each-host.ts";
export { dialTcp } from "./options.ts";
export type { SshOptions } from "./options.ts";
export { SshTransport } from "./ssh-transport.ts";
