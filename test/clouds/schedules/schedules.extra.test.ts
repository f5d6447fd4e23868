import { spawn } from "node:child_process";
import { join } from "node:path";
import type { CloudName } from "../../emulators/common/cloud-name.ts";
import type { Lived } from "./live-schedules.ts";

/** More where there is time: REPRISE_LIVED=1000, and REPRISE_SEED=17 for one alone. */
const count = Number(process.env["REPRISE_LIVED"] ?? 100);
const only = process.env["REPRISE_SEED"];
/** A schedule takes seconds of an idle machine; these are for any. */
const patienceMs = 4 * 3_600_000;

/** Blocks of addresses that no lab of another test process has: those begin at 20 for each. */
const lanes: Readonly<Record<CloudName, string>> = { aws: "0-5", azure: "6-11", gcp: "12-17" };

function live(cloud: CloudName, seeds: string): Promise<Lived> {
  const args = ["--no-warnings", "--import", "tsx", join(import.meta.dirname, "main.ts"), cloud, lanes[cloud], seeds];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0)
        resolve(JSON.parse(stdout) as Lived); // what main.ts prints
      else reject(new Error(`schedules on ${cloud} ended with ${String(code)}: ${stderr.slice(-4_000)}`));
    });
  });
}

describe("a run over real HTTP, on real hosts", () => {
  it.concurrent.each<CloudName>(["aws", "azure", "gcp"])(
    `on %s survives ${only === undefined ? `${count} schedules` : `schedule ${only}`} of faults, refusals and deaths, and leaves nothing`,
    async (cloud) => {
      const { ends, measured, broken } = await live(cloud, only ?? `1-${count}`);
      const told = broken.map(({ schedule, problems }) =>
        [
          `REPRISE_SEED=${schedule.seed} npm run test:clouds -- -t 'on ${cloud} survives'`,
          JSON.stringify(schedule),
          ...problems,
        ].join("\n"),
      );
      expect(told.join("\n\n")).toBe("");
      if (only !== undefined || count < 50) return;
      // Our process died in some, and most of the others have their result.
      expect(Object.keys(ends)).toEqual(expect.arrayContaining(["DIED", "SUCCEEDED"]));
      expect(measured).toBeGreaterThan(count / 4);
    },
    patienceMs,
  );
});
