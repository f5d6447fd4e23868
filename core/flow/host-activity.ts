import type { AttemptRef, PhaseName } from "../names/keys.ts";
import { phaseKeys } from "../names/keys.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { expectedRecordSchema } from "../records/schemas.ts";
import { readRecord } from "./effects.ts";
import { doneResults } from "./phase.ts";
import { begunPhases } from "./stop.ts";

/** What a host does for the trial that runs on its lane. */
export interface HostActivity {
  readonly host: string;
  readonly doing: "resetting" | "starting services" | "running jobs" | "serving" | "collecting" | "waiting";
}

const doingIn: Readonly<Record<Exclude<PhaseName, "prepare">, HostActivity["doing"]>> = {
  reset: "resetting",
  services: "starting services",
  jobs: "running jobs",
  collect: "collecting",
};

/** What the hosts of a running trial do, by the newest phase that was begun; hosts that take no part in it wait. */
export async function readActivity(attempt: AttemptRef, store: ObjectStore): Promise<readonly HostActivity[]> {
  const phases = await begunPhases(attempt, { store });
  const newest = phases.at(-1);
  if (newest === undefined || newest.phase === "prepare") return [];
  const { phase } = newest;
  const expected = await readRecord(store, phaseKeys(newest).expected, expectedRecordSchema);
  const done = await doneResults(newest, { store });
  return Object.entries(expected?.value.hosts ?? {}).map(([host, part]) => ({
    host,
    doing: done.has(host) ? "waiting" : phase === "jobs" && part === "guard" ? "serving" : doingIn[phase],
  }));
}

/** In a few words: who does what, by name while that is short. */
export function activityText(activities: readonly HostActivity[]): string {
  const hosts = new Map<HostActivity["doing"], string[]>();
  for (const { host, doing } of activities) hosts.set(doing, [...(hosts.get(doing) ?? []), host]);
  return [...hosts]
    .map(([doing, names]) => `${names.length > 2 ? `${names.length} hosts` : names.join(", ")} ${doing}`)
    .join("; ");
}
