import { environmentOf, parseArtifacts, publishedEnvironments } from "./artifacts.ts";
import { parseDacapo } from "./dacapo.ts";
import type { IterationRow, IterationTiming } from "./iteration.ts";
import { parseByMapping } from "./mapping.ts";
import type { HarnessMapping } from "./mapping.ts";
import type { Parsed, SkippedLine } from "./parsed.ts";
import { parseRenaissance } from "./renaissance.ts";
import { parseResultName } from "./result-name.ts";
import { parseSpecCpu, selectSpecLog } from "./spec-cpu.ts";

/** A file of a result folder, by its path inside that folder with `/`, and its text. */
export interface ResultFile {
  readonly path: string;
  readonly text: string;
}

/** A file that gave no rows, or not all. */
export interface FileProblem {
  readonly path: string;
  readonly reason: string;
  readonly skipped: readonly SkippedLine[];
}

export interface ReadResults {
  readonly rows: readonly IterationRow[];
  readonly problems: readonly FileProblem[];
}

export interface ReadOptions {
  /** How to read suites that aren't built in. */
  readonly mappings?: ReadonlyMap<string, HarnessMapping>;
  /** Start of a host's name to its environment. @default those of the published campaign */
  readonly environments?: ReadonlyMap<string, string>;
}

type Parser = (text: string) => Parsed<IterationTiming>;

const parsers: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  ["renaissance", parseRenaissance],
  ["dacapo", parseDacapo],
  ["scalabench", parseDacapo],
  ["speccpu", parseSpecCpu],
  // Shell commands to try a set-up with: no measurements.
  ["debug", () => ({ rows: [], skipped: [] })],
]);

/** Suites that are read without a mapping. */
export const builtInSuites: readonly string[] = [...parsers.keys()];

/**
 * Reads one result folder into the unified table: results by their names, host facts from `artifacts/`. Nothing is lost
 * silently: every file and line that gave no row is in `problems`.
 *
 * @param files all files of the folder; a SPEC result is a folder of its own in it
 */
export function readResults(files: readonly ResultFile[], options: ReadOptions = {}): ReadResults {
  const { mappings, environments = publishedEnvironments } = options;
  const rows: IterationRow[] = [];
  const problems: FileProblem[] = [];
  const problem = (path: string, reason: string, skipped: readonly SkippedLine[] = []) =>
    problems.push({ path, reason, skipped });

  const artifacts = files.filter(({ path }) => path.startsWith("artifacts/"));
  const { facts, unknown } = parseArtifacts(
    new Map(artifacts.map(({ path, text }) => [path.slice("artifacts/".length), text])),
  );
  for (const name of unknown) problem(`artifacts/${name}`, "an artifact that nobody reads");

  const results = new Map<string, ResultFile[]>();
  for (const file of files) {
    if (file.path.startsWith("artifacts/")) continue;
    const [top = ""] = file.path.split("/");
    results.set(top, [...(results.get(top) ?? []), file]);
  }
  for (const [top, members] of results) {
    const name = parseResultName(top);
    if (name === undefined) {
      problem(top, "not a result's name: suite.benchmark.run.type.order.pair.file");
      continue;
    }
    const mapping = mappings?.get(name.suite);
    const parse = mapping === undefined ? parsers.get(name.suite) : (text: string) => parseByMapping(text, mapping);
    if (parse === undefined) {
      problem(top, `unknown suite ${name.suite}: declare a mapping`);
      continue;
    }
    const path = members.some((member) => member.path !== top)
      ? selectSpecLog(members.map((member) => member.path))
      : top;
    const file = members.find((member) => member.path === path);
    if (file === undefined) {
      problem(top, "not exactly one file ending in 002.log");
      continue;
    }
    const parsed = parse(file.text);
    const named = new Set(parsed.rows.map(({ benchmark }) => benchmark));
    // Several benchmarks in one file would number their iterations twice: only the one that the name means is read.
    const own =
      named.size > 1
        ? parsed.rows.filter(({ benchmark }) => benchmark?.replaceAll(".", "_") === name.benchmark)
        : parsed.rows;
    if (named.size > 1)
      problem(
        file.path,
        `holds ${named.size} benchmarks (${[...named].join(", ")}): only ${name.benchmark} is read, as its name says`,
      );
    if (parsed.skipped.length > 0)
      problem(file.path, `${parsed.skipped.length} records weren't understood`, parsed.skipped);
    else if (own.length === 0 && name.suite !== "debug") problem(file.path, "no iterations");
    const { file: _file, ...identity } = name;
    for (const row of own)
      rows.push({ ...row, ...identity, ...facts, environment: environmentOf(facts.hostname, environments) });
  }
  return { rows, problems };
}
