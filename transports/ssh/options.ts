import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { Algorithms } from "ssh2";
import type { HostAddress } from "../../core/ports/transport.ts";

export interface SshOptions {
  /** The private key for a host, in a form that OpenSSH or node:crypto wrote. */
  readonly privateKey: (host: HostAddress) => string | Promise<string>;
  /** Dial, key exchange and authentication together. @default 10,000 */
  readonly connectTimeoutMs?: number;
  /** Tries for one command, as long as none of them can have started it, or it is idempotent. @default 3 */
  readonly attempts?: number;
  /** Before the second try; doubled before each later one. @default 200 */
  readonly backoffMs?: number;
  /** A silent host is lost after `keepAliveMissed` + 1 of these. 0: never. @default 5,000 */
  readonly keepAliveMs?: number;
  /** @default 3 */
  readonly keepAliveMissed?: number;
  /** OpenSSH refuses the 11th session of a connection; the rest is room for what others may hold. @default 8 */
  readonly channelsPerConnection?: number;
  /** Once these are full, commands wait their turn. @default 2 */
  readonly connectionsPerHost?: number;
  /**
   * A channel that its server still holds open so long after we closed it is given up with its connection, which serves
   * nothing new and ends with the last other command on it. OpenSSH does that where it refuses to signal: as root.
   * @default 5,000
   */
  readonly closeGraceMs?: number;
  /** stderr is for people: this much of its end is kept. @default 65,536 */
  readonly stderrBytes?: number;
  /** Hides secrets in the commands that results show. @default nothing is hidden */
  readonly mask?: (command: string) => string;
}

export interface ResolvedSsh extends Required<SshOptions> {
  readonly algorithms: Algorithms;
}

export const resolveSsh = (options: SshOptions): ResolvedSsh => ({
  connectTimeoutMs: 10_000,
  attempts: 3,
  backoffMs: 200,
  keepAliveMs: 5_000,
  keepAliveMissed: 3,
  channelsPerConnection: 8,
  connectionsPerHost: 2,
  closeGraceMs: 5_000,
  stderrBytes: 65_536,
  mask: (command) => command,
  ...options,
  algorithms: {
    // ed25519 first, as OpenSSH and `known_hosts` readers do: a host with several keys shows the same one to all.
    serverHostKey: [
      "ssh-ed25519",
      "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
      "rsa-sha2-512",
      "rsa-sha2-256",
    ],
  },
});

/** The task's bound where it names none: an answer, not a log. */
export const defaultMaxOutputBytes = 1024 * 1024;

/** A TCP connection to the host's address. */
export const dialTcp = (host: HostAddress, signal: AbortSignal): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: host.address, port: host.port });
    const onAbort = (): void => {
      socket.destroy(signal.reason as Error); // ours: the connect timeout
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      signal.removeEventListener("abort", onAbort);
      resolve(socket);
    });
  });
