import { FailureError } from "../../core/errors/failure.ts";
import { userOf } from "../../core/flow/borrow.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf, follow, startEngine } from "../drive.ts";
import { findRun, newestEpoch, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { openDeployments } from "../run-hosts.ts";

export async function teardown(context: CommandContext, name: string): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  if ((await engineOf(home, runId)) !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} is still running`,
      hint: `\`reprise stop ${runId}\` ends it and takes it down`,
    });
  }
  const open = await openDeployments(store, runId);
  for (const deploymentId of open) {
    const user = await userOf({ runId, deploymentId }, { store });
    if (user === undefined) continue;
    throw new FailureError({
      class: "invalid",
      message: `${deploymentId} is in use by ${user}`,
      hint: `\`reprise stop ${user}\` first`,
    });
  }
  if (open.length === 0) {
    output.note(`nothing of ${runId} is up`);
    output.result({ runId, deployments: 0 });
    return 0;
  }
  const sinceMs = systemClock.now();
  await startEngine(home, runId, Math.max(1, await newestEpoch(store, runId)), "teardown");
  return follow(context, runId, { sinceMs, whenInterrupted: "leave", task: "teardown" });
}
