import { reapExpired } from "../../../core/flow/reap.ts";
import { movesOn } from "../../../core/flow/policy.ts";
import type { CloudName } from "../../emulators/common/cloud-name.ts";
import type { CloudRun, Schedule } from "./cloud-run.ts";
import { allChoices, choiceWord, deploymentId, drawSchedule, openCloudRun, runId } from "./cloud-run.ts";

/** More where there is time: REPRISE_SCHEDULES=1000, and REPRISE_SEED=17 for one alone. */
const count = Number(process.env["REPRISE_SCHEDULES"] ?? 12);
const only = process.env["REPRISE_SEED"];
const seeds = only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(only)];

/** Lives a schedule through to the end. @returns how its last epoch ended */
async function live(run: CloudRun, schedule: Schedule): Promise<string> {
  let status = await run.epoch(1, schedule.diesAtCall);
  if (status !== "DIED") return status;
  if (schedule.resumes) {
    await run.clock.sleep(30_000);
    status = await run.epoch(2);
  }
  return status;
}

/** The policy's own rules, as the store has them. */
async function expectPolicyKept(run: CloudRun): Promise<void> {
  const rounds = await run.rounds();
  const order = allChoices(run.experiment);
  const asked = rounds.map(({ choice }) => order.indexOf(choiceWord(choice)));
  expect(asked).toEqual([...new Set(asked)].sort((a, b) => a - b)); // each once, in the user's order
  expect(asked).not.toContain(-1);
  for (const [index, { refused }] of rounds.entries()) {
    if (index === rounds.length - 1) break;
    expect(refused?.failure).toBeDefined();
    expect(refused !== undefined && movesOn(refused.failure)).toBe(true);
  }
}

/** Nothing is left, or it is what the intents say, and the reaper, which knows tags and expiry alone, deletes it. */
async function expectNothingLeft(run: CloudRun, status: string): Promise<void> {
  const { emulator, clock } = run;
  const ours = [deploymentId, `${runId}-main-2`];
  if (status === "DIED") {
    for (const { tags } of emulator.inventory())
      if (tags["reprise-deployment"] !== undefined) expect(ours).toContain(tags["reprise-deployment"]);
    emulator.faults.clear();
    await clock.sleep(3 * 3_600_000); // past every expiry
    for (let looks = 0; looks < 20 && emulator.inventory().length > 0; looks++) {
      await reapExpired(run.providers(), { clock });
      await clock.sleep(120_000);
    }
  } else {
    await clock.sleep(120_000); // what takes effect after its receipt is left for ever
  }
  expect(emulator.inventory()).toEqual([]);
  expect(emulator.violations).toEqual([]);
  expect(emulator.problems).toEqual([]);
}

describe("the policy over a cloud's provider", () => {
  it.each<CloudName>(["aws", "azure", "gcp"])(
    `on %s survives ${seeds.length} schedules of refusals, faults and deaths, and leaves nothing`,
    async (cloud) => {
      const seen = new Map<string, number>();
      for (const seed of seeds) {
        const schedule = drawSchedule(seed, cloud);
        const run = await openCloudRun(schedule);
        try {
          const status = await run.clock.run(live(run, schedule));
          await expectPolicyKept(run);
          await run.clock.run(expectNothingLeft(run, status));
          seen.set(status, (seen.get(status) ?? 0) + 1);
        } catch (error) {
          throw new Error(`REPRISE_SEED=${seed}: ${JSON.stringify(schedule)}`, { cause: error });
        }
      }
      // Not all of them fail, and not all of them go well.
      if (seeds.length >= 12) expect([...seen.keys()].sort()).toEqual(["DIED", "FAILED", "SUCCEEDED"]);
    },
    600_000,
  );
});
