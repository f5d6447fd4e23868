import { FailureError } from "../../core/errors/failure.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { openDeployments } from "../run-hosts.ts";
import { listRuns } from "../home.ts";
import type { Driver } from "../driver.ts";

export interface LiveRun {
  readonly runId: string;
  readonly driver: Driver | undefined;
  /** Deployments without a receipt. */
  readonly open: readonly string[];
}

/** So many of the newest runs are looked at: a run lasts two weeks at most. */
const mostRuns = 200;

/** Runs that something drives, or of which something is up. */
export async function liveRuns(
  store: ObjectStore,
  driverOf: (runId: string) => Promise<Driver | undefined>,
): Promise<LiveRun[]> {
  const live: LiveRun[] = [];
  for (const runId of (await listRuns(store)).slice(-mostRuns)) {
    const open = await openDeployments(store, runId);
    const driver = await driverOf(runId);
    if (driver !== undefined || open.length > 0) live.push({ runId, driver, open });
  }
  return live;
}

/** @throws FailureError class invalid while any run is live: with the stack goes what takes its hosts down */
export function requireNoLiveRuns(live: readonly LiveRun[]): void {
  if (live.length === 0) return;
  throw new FailureError({
    class: "invalid",
    message: `live: ${live.map(({ runId }) => runId).join(", ")}: with the stack goes what takes their hosts down`,
    hint: "`reprise --engine aws stop RUN` each of them first",
  });
}
