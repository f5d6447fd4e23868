import { reapExpired } from "../../../core/flow/reap.ts";
import type { CloudName } from "../../emulators/common/cloud-name.ts";
import type { LoopbackTls } from "../../emulators/common/tls.ts";
import { makeLoopbackTls } from "../../emulators/common/tls.ts";
import type { Schedule } from "../../providers/policy/cloud-run.ts";
import { drawSchedule } from "../../providers/policy/cloud-run.ts";
import { openLivedRun } from "./lived-schedule.ts";
import type { LivedRun } from "./lived-schedule.ts";

/** How many schedules ended how. */
export interface Lived {
  /** By how the sweep ended: SUCCEEDED, FAILED, DIED. */
  readonly ends: Readonly<Record<string, number>>;
  /** Runs that have their result. */
  readonly measured: number;
  readonly broken: readonly BrokenSchedule[];
}

export interface BrokenSchedule {
  /** All that is needed to see it again. */
  readonly schedule: Schedule;
  readonly problems: readonly string[];
}

/** Lives the schedules of one cloud, as many at a time as there are lanes: they mostly wait. */
export async function liveSchedules(
  seeds: readonly number[],
  cloud: CloudName,
  lanes: readonly number[],
): Promise<Lived> {
  const tls = makeLoopbackTls(Date.now());
  const left = [...seeds];
  const ends: Record<string, number> = {};
  const broken: BrokenSchedule[] = [];
  let measured = 0;
  const live = async (lane: number): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const schedule = drawSchedule(seed, cloud);
      try {
        const { end, valid, problems } = await liveOne(schedule, lane, tls);
        ends[end] = (ends[end] ?? 0) + 1;
        measured += valid;
        if (problems.length > 0) broken.push({ schedule, problems });
      } catch (error) {
        broken.push({ schedule, problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)] });
      }
    }
  };
  await Promise.all(lanes.map(live));
  return { ends, measured, broken };
}

interface LivedOne {
  readonly end: string;
  readonly valid: number;
  /** What doesn't hold. */
  readonly problems: readonly string[];
}

async function liveOne(schedule: Schedule, lane: number, tls: LoopbackTls): Promise<LivedOne> {
  const run = await openLivedRun(schedule, lane, tls);
  try {
    let end = await run.epoch(1, schedule.diesAtCall);
    if (end === "DIED" && schedule.resumes) {
      await run.clock.sleep(30_000);
      end = await run.epoch(2);
    }
    const problems = end === "DIED" ? await reaped(run) : await receipted(run);
    const { emulator, hosts, clock } = run;
    problems.push(...emulator.inventory().map(({ kind, id }) => `left: ${kind} ${id}`));
    problems.push(...emulator.violations.map((violation) => `violation: ${JSON.stringify(violation)}`));
    problems.push(...emulator.problems);
    // A machine whose power was just taken is a moment in dying.
    for (let looks = 0; looks < 600 && hosts.running().length > 0; looks++) await clock.sleep(2_000);
    problems.push(...hosts.running().map(({ name }) => `has power: ${name}`));
    if (problems.length > 0) problems.push(...(await run.told()));
    return { end, valid: await run.valid(), problems };
  } finally {
    await run.close();
  }
}

/** What is left is what the intents say, and the reaper, which knows tags and expiry alone, deletes it. */
async function reaped(run: LivedRun): Promise<string[]> {
  const { emulator, clock } = run;
  const intended = await run.intended();
  const left = emulator.inventory().flatMap(({ tags }) => tags["reprise-deployment"] ?? []);
  const problems = left.filter((id) => !intended.includes(id)).map((id) => `nobody intended ${id}`);
  emulator.faults.clear();
  await clock.leap(24 * 3_600_000); // past every expiry
  for (let looks = 0; looks < 20 && emulator.inventory().length > 0; looks++) {
    await reapExpired(run.providers, { clock });
    await clock.leap(120_000);
  }
  return problems;
}

/** Nothing is left, each deployment's receipt says so, and what takes effect late doesn't come after it. */
async function receipted(run: LivedRun): Promise<string[]> {
  const receipts = await run.receipts();
  const problems: string[] = [];
  for (const id of await run.intended())
    if (!receipts.some(({ deploymentId }) => deploymentId === id)) problems.push(`no receipt of ${id}`);
  for (const { resources } of receipts)
    for (const { id, outcome } of resources)
      if (outcome !== "gone" && outcome !== "never created") problems.push(`a receipt says ${outcome}: ${id}`);
  await run.clock.leap(120_000);
  return problems;
}
