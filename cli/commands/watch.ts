import { follow } from "../drive.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";

export async function watch(context: CommandContext, name: string): Promise<number> {
  const runId = await findRun(openStore(context.home), name);
  context.output.note(`following ${runId}`);
  return follow(context, runId, { whenInterrupted: "leave" });
}
