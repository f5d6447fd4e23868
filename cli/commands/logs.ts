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

/** How much of a log was printed, in bytes and pieces; all of it once its file has landed. */
interface Shown {
  readonly bytes: number;
  readonly pieces: number;
  readonly isWhole: boolean;
}
const nothingShown: Shown = { bytes: 0, pieces: 0, isWhole: false };

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
  const shown = new Map<string, Shown>();
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
  if (found === 0)
    output.note(filter === undefined ? `${runId} has no logs yet` : `no log of ${runId} matches "${filter}"`);
  return 0;
}

/** Prints what wasn't printed yet: of logs that landed the rest, of those that grow the next pieces. */
async function printNew(
  store: ObjectStore,
  runId: string,
  filter: string | undefined,
  shown: Map<string, Shown>,
  lines: number,
  print: (log: Log) => void,
): Promise<number> {
  let found = 0;
  for await (const { key } of store.list(`${runPrefix(runId)}/`)) {
    const match = logKey.exec(key);
    if (match === null) continue;
    const path = key.slice(runPrefix(runId).length + 1);
    if (filter !== undefined && !path.includes(filter)) continue;
    const [, live, host = "", file = "", piece = "0"] = match;
    const log = `${key.slice(0, match.index)} ${host} ${file}`;
    const before = shown.get(log) ?? nothingShown;
    if (before.isWhole || (live !== undefined && Number(piece) !== before.pieces)) continue;
    const stored = await store.get(key);
    if (stored === undefined) continue;
    // The landed file begins with what its pieces said.
    const body = live === undefined ? stored.body.subarray(before.bytes) : stored.body;
    const { length } = body;
    shown.set(log, { bytes: before.bytes + length, pieces: before.pieces + 1, isWhole: live === undefined });
    if (length === 0) continue;
    found++;
    const all = new TextDecoder().decode(body).trimEnd().split("\n");
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
