import { FailureError } from "../../core/errors/failure.ts";
import { nextEpoch } from "../../core/flow/submit.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf, follow, startEngine } from "../drive.ts";
import { Interrupts } from "../interrupts.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";

export async function resume(
  context: CommandContext,
  name: string,
  options: { readonly detach?: true },
): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  if ((await engineOf(home, runId)) !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} is being driven already`,
      hint: `\`reprise watch ${runId}\` follows it`,
    });
  }
  const sinceMs = systemClock.now();
  const epoch = await nextEpoch(runId, store);
  const interrupts = new Interrupts();
  const page = await startEngine(home, runId, epoch, "sweep");
  output.note(`resumed ${runId}, epoch ${epoch}`);
  if (page !== undefined) output.note(`  ${page}`);
  if (options.detach === true && !interrupts.hasPending()) {
    interrupts.end();
    output.result({ runId, epoch });
    return 0;
  }
  return follow(context, runId, { sinceMs, interrupts });
}
