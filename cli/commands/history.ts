import { FailureError } from "../../core/errors/failure.ts";
import { unpackHistory } from "../../core/evidence/history-chunk.ts";
import { listKeys } from "../../core/flow/effects.ts";
import { runKeys, sweepExecution } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import type { HistoryEvent } from "../../engines/asl/history.ts";
import { renderHistory } from "../../engines/asl/render-history.ts";
import { stackOf } from "../deployed/place.ts";
import { findRun, newestEpoch, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import type { ExecutionSummary } from "../executions.ts";
import { summariseExecution } from "../executions.ts";
import { table } from "../output.ts";

interface Options {
  readonly execution?: string;
  readonly all?: true;
}

export async function history({ output, home }: CommandContext, name: string, options: Options): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  if (options.all === true) {
    const executions: ExecutionSummary[] = [];
    for (const execution of await executionNames(store, runId))
      executions.push(summariseExecution(execution, await readHistory(store, runId, execution)));
    executions.sort((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""));
    output.result(executions);
    const rows = executions.map(({ execution, startedAt = "", events, ended, attempts }) => [
      execution,
      startedAt.replace("T", " ").replace("Z", ""),
      String(events),
      ended ?? "no end",
      attempts.join("; "),
    ]);
    const header = ["execution", "started (UTC)", "events", "ended", "trials"];
    for (const line of table([header, ...rows], new Set([2]))) output.line(line);
    return 0;
  }
  const execution =
    options.execution === undefined
      ? sweepExecution(runId, Math.max(1, await newestEpoch(store, runId)))
      : await findExecution(store, runId, options.execution);
  const events = await readHistory(store, runId, execution);
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

async function executionNames(store: ObjectStore, runId: string): Promise<string[]> {
  const keys = runKeys(runId);
  const names = new Set<string>();
  for (const key of await listKeys(store, keys.histories))
    names.add(key.slice(keys.histories.length).split("/")[0] ?? "");
  return [...names];
}

/** The one execution that a person means: its name, or a part that no other has. */
async function findExecution(store: ObjectStore, runId: string, name: string): Promise<string> {
  const names = await executionNames(store, runId);
  const matches = names.includes(name) ? [name] : names.filter((known) => known.includes(name));
  return matches.length === 1 ? (matches[0] ?? name) : name; // the service may know one that isn't in the store
}

async function readHistory(store: ObjectStore, runId: string, execution: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for (const key of await listKeys(store, runKeys(runId).historyPrefix(execution))) {
    const stored = await store.get(key);
    if (stored === undefined) continue;
    for (const line of unpackHistory(stored.body)) {
      events.push(JSON.parse(line) as HistoryEvent); // written by our own engine, one event a line
    }
  }
  return events;
}
