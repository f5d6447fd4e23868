/** Processes as `/proc` shows them: who they are, whose they are, and their end. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { markerVariable } from "./host-files.ts";
import type { ProcessId } from "./host-files.ts";

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly terminal: number;
  readonly start: string;
}

/** @see proc(5): the name in parentheses may hold anything, so fields are counted from the last one. */
async function readStat(pid: number): Promise<Stat | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // it ended
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, , , terminal] = fields;
  const start = fields[19];
  if (state === undefined || parent === undefined || terminal === undefined || start === undefined) return undefined;
  return { state, parent: Number(parent), terminal: Number(terminal), start };
}

const isOver = (stat: Stat): boolean => stat.state === "Z" || stat.state === "X";

export async function processId(pid: number): Promise<ProcessId | undefined> {
  const stat = await readStat(pid);
  return stat === undefined || isOver(stat) ? undefined : { pid, pidStart: stat.start };
}

export async function isAlive(id: ProcessId): Promise<boolean> {
  return (await processId(id.pid))?.pidStart === id.pidStart;
}

/** Signals a process unless it has ended; a later one with its number is left alone. */
export async function signalProcess(id: ProcessId, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(id))) return false;
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
export async function processesOf(dir: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const marker = `${markerVariable}=${dir}`;
  const children = new Map<number, number[]>();
  const found = new Set<number>();
  const look = async (pid: number): Promise<void> => {
    const stat = await readStat(pid);
    if (stat === undefined || isOver(stat) || pid === process.pid) return;
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [pid]);
    else siblings.push(pid);
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (environment.split("\0").includes(marker)) found.add(pid);
    else if (stat.terminal === 0) {
      const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      if (folder === dir || folder.startsWith(`${dir}/`)) found.add(pid);
    }
  };
  await Promise.all(pids.map(look));
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
    const pids = await processesOf(dir);
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
