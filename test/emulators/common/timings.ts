/** How long a cloud takes, in milliseconds. Where a real cloud varies, a time is drawn between half and all of it. */
export interface Timings {
  /** From request to effect and from effect to answer, each. @default 0 */
  readonly latencyMs?: number;
  /** How long a new resource may stay invisible to reads (EC2, and Azure's lists). @default 2000 */
  readonly visibilityMs?: number;
  /** From accepted launch to running. @default 20000 */
  readonly launchMs?: number;
  /** From delete to gone. @default 30000 */
  readonly terminateMs?: number;
  /** A network, firewall, address or the like: operation begun to done. @default 3000 */
  readonly operationMs?: number;
  /** From accepted launch to the news that it failed for capacity. @default 8000 */
  readonly failureMs?: number;
  /** From running to the SSM agent's first ping. @default 30000 */
  readonly agentMs?: number;
  /** How long EC2 shows a terminated instance. @default 3600000 */
  readonly terminatedVisibleMs?: number;
  /** How long Azure keeps a network interface for a VM that failed or was deleted. @default 180000 */
  readonly nicReservedMs?: number;
  /** `Retry-After` on accepted long-running operations, in seconds; 0 sends none. @default 5 */
  readonly retryAfterSec?: number;
}
export type ResolvedTimings = Required<Timings>;

export const resolveTimings = (timings: Timings = {}): ResolvedTimings => ({
  latencyMs: 0,
  visibilityMs: 2_000,
  launchMs: 20_000,
  terminateMs: 30_000,
  operationMs: 3_000,
  failureMs: 8_000,
  agentMs: 30_000,
  terminatedVisibleMs: 3_600_000,
  nicReservedMs: 180_000,
  retryAfterSec: 5,
  ...timings,
});

/** For tests on the machine's own clock: every stage exists, none lasts. */
export const swiftTimings: Timings = {
  visibilityMs: 20,
  launchMs: 60,
  terminateMs: 60,
  operationMs: 30,
  failureMs: 40,
  agentMs: 30,
  nicReservedMs: 400,
  retryAfterSec: 0,
};
