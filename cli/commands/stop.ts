import { askToStop, follow, startEngine } from "../drive.ts";
import { findRun, newestEpoch, openStore } from "../home.ts";
import type { CommandContext } from "../main.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";

export async function stop(
  context: CommandContext,
  name: string,
  options: { readonly reason: string },
): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  const since = systemClock.now();
  if ((await askToStop(home, runId, options.reason, store)) === "not driven") {
    output.note(`no engine drives ${runId}: taking down what it left`);
    await startEngine(home, runId, Math.max(1, await newestEpoch(store, runId)), "teardown");
  }
  await follow(context, runId, since);
  return 0;
}
