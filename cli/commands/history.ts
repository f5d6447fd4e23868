import { FailureError } from "../../core/errors/failure.ts";
import { unpackHistory } from "../../core/evidence/history-chunk.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { HistoryEvent } from "../../engines/asl/history.ts";
import { renderHistory } from "../../engines/asl/render-history.ts";
import { stackOf } from "../deployed/place.ts";
import { findRun, newestEpoch, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { sweepExecution } from "../../core/names/keys.ts";

interface Options {
  readonly execution?: string;
  readonly all?: true;
}

export async function history({ output, home }: CommandContext, name: string, options: Options): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const keys = runKeys(runId);
  if (options.all === true) {
    const executions = new Map<string, number>();
    for await (const entry of store.list(keys.histories)) {
      const execution = entry.key.slice(keys.histories.length).split("/")[0] ?? "";
      executions.set(execution, (executions.get(execution) ?? 0) + entry.bytes);
    }
    output.result([...executions].map(([execution, bytes]) => ({ execution, bytes })));
    for (const [execution, bytes] of executions) output.line(`${execution}  ${bytes} bytes`);
    return 0;
  }
  const execution = options.execution ?? sweepExecution(runId, Math.max(1, await newestEpoch(store, runId)));
  const events: HistoryEvent[] = [];
  for await (const entry of store.list(keys.historyPrefix(execution))) {
    const stored = await store.get(entry.key);
    if (stored === undefined) continue;
    for (const line of unpackHistory(stored.body)) {
      events.push(JSON.parse(line) as HistoryEvent); // written by our own engine, one event a line
    }
  }
  // A deployed engine's history comes to the store when the execution has ended; until then the service has it.
  const stack = stackOf(home, process.env);
  if (events.length === 0 && stack !== undefined) {
    const { openDeployed } = await import("../deployed/open.ts");
    const deployed = await openDeployed(stack, store);
    events.push(...(await deployed.history(execution).catch(() => [])));
  }
  if (events.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `no history of ${execution}`,
      hint: `\`reprise history ${runId} --all\` lists the executions`,
    });
  }
  output.result({ events });
  if (!output.json) for (const line of renderHistory(events)) output.line(line);
  return 0;
}
