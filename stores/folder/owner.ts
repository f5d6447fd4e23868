import { readFileSync } from "node:fs";

/**
 * A process that can be told from a later one with the same number: `{pid}.{start}.{boot}`.
 *
 * `start` is in clock ticks since boot and `boot` the beginning of the boot id; both are 0 where there is no /proc, and
 * the number alone must do. The folder is for the processes of one machine and one PID namespace.
 */
export type OwnerName = string;

const startOf = (pid: number): string | undefined => {
  try {
    // The command's name, in parentheses, may hold anything: what counts begins after the last one.
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const state = fields[0];
    return state === "Z" || state === "X" ? undefined : fields[19]; // proc(5): state is field 3, starttime 22
  } catch {
    return undefined;
  }
};

const bootOf = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
  } catch {
    return "0";
  }
};

export const ownerOf = (pid: number): OwnerName => `${pid}.${startOf(pid) ?? "0"}.${bootOf()}`;

/** The owner at the beginning of a file's name, or undefined when it has none. */
export const ownerIn = (fileName: string): OwnerName | undefined => /^\d+\.\d+\.[0-9a-f]+/.exec(fileName)?.[0];

/** False only when the process has surely ended: the names of dead owners never come back. */
export function isAlive(owner: OwnerName): boolean {
  const [pidText = "", start, boot] = owner.split(".");
  const pid = Number(pidText);
  if (boot !== "0") return boot === bootOf() && startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // kill throws errno errors only
  }
}
