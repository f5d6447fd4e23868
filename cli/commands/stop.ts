import { askToStop, engineOf, follow, startEngine } from "../drive.ts";
import { findRun, newestEpoch, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { openDeployments } from "../run-hosts.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";

export async function stop(
  context: CommandContext,
  name: string,
  options: { readonly reason: string; readonly now?: true },
): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  const sinceMs = systemClock.now();
  if ((await engineOf(home, runId)) === undefined && (await openDeployments(store, runId)).length === 0) {
    output.note(`${runId} is not running, and nothing of it is up`);
    output.result({ runId, stopped: false });
    return 0;
  }
  const how = { now: options.now === true };
  const isDriven = (await askToStop(home, runId, options.reason, store, how)) === "asked";
  if (!isDriven) {
    output.note(`no engine drives ${runId}: taking down what it left`);
    await startEngine(home, runId, Math.max(1, await newestEpoch(store, runId)), "teardown");
  }
  return follow(context, runId, { sinceMs, whenInterrupted: "leave", task: "teardown" });
}
