import type { ObjectStore } from "../../core/ports/object-store.ts";
import { runPrefix } from "../../core/names/keys.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf } from "../drive.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../main.ts";

interface Options {
  readonly follow?: true;
  readonly lines: string;
}

/** `{attempt}/{host}/{unit}.out|err` and, while they grow, `{attempt}/live/{host}/{unit}.out/{chunk}`. */
const logKey = /\/(?:attempt-\d+)\/(live\/)?([^/]+)\/(.+?\.(?:out|err|log))(?:\/(\d+))?$/;
const lookEveryMs = 500;

export async function logs(
  { output, home }: CommandContext,
  name: string,
  filter: string | undefined,
  options: Options,
): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const shown = new Set<string>();
  let found = await printNew(store, runId, filter, shown, Number(options.lines), (line) => output.line(line));
  while (options.follow === true && (await engineOf(home, runId)) !== undefined) {
    await systemClock.sleep(lookEveryMs);
    found += await printNew(store, runId, filter, shown, Number.MAX_SAFE_INTEGER, (line) => output.line(line));
  }
  if (found === 0)
    output.note(filter === undefined ? `${runId} has no logs yet` : `no log of ${runId} matches "${filter}"`);
  return 0;
}

/** Prints what wasn't printed yet: whole logs that landed, and chunks of those that grow. */
async function printNew(
  store: ObjectStore,
  runId: string,
  filter: string | undefined,
  shown: Set<string>,
  lines: number,
  print: (line: string) => void,
): Promise<number> {
  let found = 0;
  for await (const { key } of store.list(`${runPrefix(runId)}/`)) {
    const match = logKey.exec(key);
    if (match === null || shown.has(key)) continue;
    shown.add(key);
    const path = key.slice(runPrefix(runId).length + 1);
    if (filter !== undefined && !path.includes(filter)) continue;
    const [, live, host = "", file = ""] = match;
    const stem = `${key.slice(0, match.index)} ${host} ${file}`;
    if (live !== undefined) shown.add(stem);
    else if (shown.has(stem)) continue; // its chunks were followed: the landed file says the same again
    const stored = await store.get(key);
    if (stored === undefined || stored.body.length === 0) continue;
    found++;
    print(`--- ${path}`);
    const all = new TextDecoder().decode(stored.body).trimEnd().split("\n");
    if (all.length > lines) print(`… ${all.length - lines} lines before`);
    for (const line of all.slice(-lines)) print(line);
  }
  return found;
}
