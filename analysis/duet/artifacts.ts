import type { HostFacts } from "./iteration.ts";

/** The host facts of a result folder's `artifacts/`, and the names of files that nobody knows how to read. */
export interface ParsedArtifacts {
  readonly facts: HostFacts;
  readonly unknown: readonly string[];
}

/** The value of a `Name:   value` line; trimmed. */
const valueOfLine = (text: string, name: string): string | undefined =>
  text
    .split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim();

/**
 * Reads artifact files: `date`, `hostname` and `uname` whole, `lscpu`'s model and `meminfo`'s total.
 *
 * @param files file name to content
 */
export function parseArtifacts(files: ReadonlyMap<string, string>): ParsedArtifacts {
  const known = new Set(["date", "hostname", "uname", "lscpu", "meminfo"]);
  const text = (name: string) => files.get(name)?.trim();
  return {
    facts: {
      date: text("date"),
      hostname: text("hostname"),
      uname: text("uname"),
      lscpu: valueOfLine(files.get("lscpu") ?? "", "Model name"),
      meminfo: valueOfLine(files.get("meminfo") ?? "", "MemTotal"),
    },
    unknown: [...files.keys()].filter((name) => !known.has(name)),
  };
}

/** Environments of the published campaign, by the start of a host's name. */
export const publishedEnvironments: ReadonlyMap<string, string> = new Map([
  ["cirrus", "bare-metal"],
  ["teaching", "shared-vm"],
  ["ip-", "AWS t3.medium"],
]);

/** The environment of a host by its name's start; undefined when none fits. */
export function environmentOf(
  hostname: string | undefined,
  prefixes: ReadonlyMap<string, string> = publishedEnvironments,
): string | undefined {
  for (const [prefix, environment] of prefixes) if (hostname?.startsWith(prefix) === true) return environment;
  return undefined;
}
