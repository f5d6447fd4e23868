import { FailureError } from "../../core/errors/failure.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf, follow, startEngine } from "../drive.ts";
import { findRun, newestEpoch, openStore } from "../home.ts";
import type { CommandContext } from "../main.ts";
import { readProgress } from "../read-progress.ts";

export async function teardown(context: CommandContext, name: string): Promise<number> {
  const { home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  if ((await engineOf(home, runId)) !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} is still running`,
      hint: `\`reprise stop ${runId}\` ends it and takes it down`,
    });
  }
  const since = systemClock.now();
  await startEngine(home, runId, Math.max(1, await newestEpoch(store, runId)), "teardown");
  await follow(context, runId, since);
  return (await readProgress(store, runId)).stillThere > 0 ? 70 : 0;
}
