import type { BenchmarkRow } from "./redis-benchmark.ts";

/** What client hosts measured of one command, as one result. */
export interface CombinedResult {
  readonly throughputPerSec: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * One result from those of all client hosts, which sent the same number of requests each and started together.
 *
 * Throughput is all requests over the time of the slowest host, so that the end of a run, when some hosts have finished,
 * doesn't count as capacity. The hosts' latencies are known by quantiles alone. The p99 of all requests is at most the
 * largest of the hosts' p99, which is what is given; their p50 lies between the hosts', whose mean is given. For a single
 * host all three are exact.
 *
 * @throws {RangeError} when there is no host
 */
export function combineHosts(
  hosts: readonly Pick<BenchmarkRow, "requestsPerSec" | "p50Ms" | "p99Ms">[],
): CombinedResult {
  if (hosts.length === 0) throw new RangeError("no client host left a result");
  return {
    throughputPerSec: hosts.length * Math.min(...hosts.map(({ requestsPerSec }) => requestsPerSec)),
    p50Ms: hosts.reduce((sum, { p50Ms }) => sum + p50Ms, 0) / hosts.length,
    p99Ms: Math.max(...hosts.map(({ p99Ms }) => p99Ms)),
  };
}
