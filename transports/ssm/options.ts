import type { HostAddress, RemoteTask } from "../../core/ports/transport.ts";

export interface SsmOptions {
  /** Where commands keep their output on the host until it was fetched: root's own, a day long. @default /var/lib/reprise-ssm */
  readonly spool?: string;
  /** Calls for the same command within this time become one, of up to 50 hosts. @default 20 */
  readonly gatherMs?: number;
  /** Commands under way at a time, each for up to 50 hosts. @default 20 */
  readonly commandsAtOnce?: number;
  /** Commands that may wait for their turn; more are refused. @default 1,000 */
  readonly maxQueued?: number;
  /** Tries for one command, as long as none of them can have started it, or it is idempotent. @default 3 */
  readonly attempts?: number;
  /** Before the second try; doubled before each later one. @default 1,000 */
  readonly backoffMs?: number;
  /** Between the first looks at a command; grows to `longestPollMs`. @default 500 */
  readonly pollMs?: number;
  /** @default 5,000 */
  readonly longestPollMs?: number;
  /** How often a silent command's agent is asked after. @default 30,000 */
  readonly agentCheckMs?: number;
  /** The largest output that is fetched in pieces through the API, compressed bytes. @default 4 MiB: some 250 calls */
  readonly piecewiseLimitBytes?: number;
  /** The largest output at all. @default 256 MiB */
  readonly outputLimitBytes?: number;
  /** Hides secrets in the commands that results show. @default nothing is hidden */
  readonly mask?: (command: string) => string;
  /**
   * Whether a task's stdin may be read by everybody who may read the account's command history.
   * @default that of a task which says so; any other goes by a one-time URL, or is refused
   */
  readonly isPublic?: (task: RemoteTask<unknown>, stdin: Uint8Array) => boolean;
}

export type ResolvedSsm = Required<SsmOptions>;

export const resolveSsm = (options: SsmOptions): ResolvedSsm => ({
  spool: "/var/lib/reprise-ssm",
  gatherMs: 20,
  commandsAtOnce: 20,
  maxQueued: 1_000,
  attempts: 3,
  backoffMs: 1_000,
  pollMs: 500,
  longestPollMs: 5_000,
  agentCheckMs: 30_000,
  piecewiseLimitBytes: 4 * 1024 ** 2,
  outputLimitBytes: 256 * 1024 ** 2,
  mask: (command) => command,
  isPublic: (task) => task.publicStdin === true,
  ...options,
});

/** An instance, as Systems Manager knows it: its id is given to no other machine, ever. */
export interface Instance {
  readonly region: string;
  readonly instanceId: string;
}

/** Finds a host's instance; undefined where there is none any more. */
export type FindInstance = (host: HostAddress, signal: AbortSignal) => Promise<Instance | undefined>;
