import { FailureError } from "../../core/errors/failure.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { runPrefix } from "../../core/names/keys.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf } from "../drive.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";

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
  if (!/^\d+$/.test(options.lines)) {
    throw new FailureError({ class: "invalid", message: `--lines takes a number, not "${options.lines}"` });
  }
  const store = openStore(home);
  const runId = await findRun(store, name);
  const shown = new Set<string>();
  // With --json a document a log, one a line, so that following is possible.
  const print = (log: Log): void => {
    if (output.json) output.document(log);
    else for (const line of textOf(log)) output.line(line);
  };
  let found = await printNew(store, runId, filter, shown, Number(options.lines), print);
  while (options.follow === true && (await engineOf(home, runId)) !== undefined) {
    await systemClock.sleep(lookEveryMs);
    found += await printNew(store, runId, filter, shown, Number.MAX_SAFE_INTEGER, print);
  }
  if (found === 0) {
    output.note(filter === undefined ? `${runId} has no logs yet` : `no log of ${runId} matches "${filter}"`);
    // Where the engine fetches, a step's output lands when the step has ended.
    if ((await engineOf(home, runId)) !== undefined)
      output.note(`  try: \`reprise exec ${runId} -- 'tail -n 20 .reprise/*/attempts/*/*.out'\` asks its hosts`);
  }
  return 0;
}

/** Prints what wasn't printed yet: whole logs that landed, and chunks of those that grow. */
async function printNew(
  store: ObjectStore,
  runId: string,
  filter: string | undefined,
  shown: Set<string>,
  lines: number,
  print: (log: Log) => void,
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
    const all = new TextDecoder().decode(stored.body).trimEnd().split("\n");
    print({ path, linesBefore: Math.max(0, all.length - lines), lines: lines === 0 ? [] : all.slice(-lines) });
  }
  return found;
}

interface Log {
  readonly path: string;
  readonly linesBefore: number;
  readonly lines: readonly string[];
}

const textOf = ({ path, linesBefore, lines }: Log): string[] => [
  `--- ${path}`,
  ...(linesBefore > 0 ? [`… ${linesBefore} lines before`] : []),
  ...lines,
];
