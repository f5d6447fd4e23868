/** Processes as `/proc` shows them: who they are, whose they are, and their end. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { markerVariable } from "./host-files.ts";
import type { ProcessId } from "./host-files.ts";

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly terminal: number;
  readonly start: string;
}

/** What can't be read has ended, or is another user's. Synchronous: `/proc` is memory, a thread's turn costs far more. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** @see proc(5): the name in parentheses may hold anything, so fields are counted from the last one. */
function readStat(pid: number): Stat | undefined {
  const text = orElse("", () => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, , , terminal] = fields;
  const start = fields[19];
  if (state === undefined || parent === undefined || terminal === undefined || start === undefined) return undefined;
  return { state, parent: Number(parent), terminal: Number(terminal), start };
}

const isOver = (stat: Stat): boolean => stat.state === "Z" || stat.state === "X";

export function processId(pid: number): ProcessId | undefined {
  const stat = readStat(pid);
  return stat === undefined || isOver(stat) ? undefined : { pid, pidStart: stat.start };
}

export const isAlive = (id: ProcessId): boolean => processId(id.pid)?.pidStart === id.pidStart;

/** Signals a process unless it has ended; a later one with its number is left alone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch {
    return false; // it ended meanwhile
  }
}

/**
 * Everything that was started inside a host's folder: by the marker in its environment; by its working folder, where a
 * daemon has emptied its environment (somebody's terminal that merely looks around there is left alone); and all their
 * descendants.
 */
export function processesOf(dir: string): number[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const marker = `${markerVariable}=${dir}`;
  const children = new Map<number, number[]>();
  const found = new Set<number>();
  for (const pid of pids) {
    const stat = readStat(pid);
    if (stat === undefined || isOver(stat) || pid === process.pid) continue;
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [pid]);
    else siblings.push(pid);
    const environment = orElse("", () => readFileSync(`/proc/${pid}/environ`, "utf8"));
    if (environment.split("\0").includes(marker)) found.add(pid);
    else if (stat.terminal === 0) {
      const folder = orElse("", () => readlinkSync(`/proc/${pid}/cwd`));
      if (folder === dir || folder.startsWith(`${dir}/`)) found.add(pid);
    }
  }
  const queue = [...found];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      queue.push(child);
    }
  }
  return [...found];
}

/** Kills all of them until none is left, however fast they fork. @returns what outlived some 5 s of that */
export async function killProcessesOf(dir: string): Promise<number[]> {
  for (let round = 0; ; round++) {
    const pids = processesOf(dir);
    if (pids.length === 0 || round === 100) return pids;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it ended meanwhile, or is another user's: then it stays in the list
      }
    }
    await sleep(Math.min(5 * (round + 1), 60));
  }
}
