import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { overlapTable } from "../../analysis/duet/overlap-table.ts";
import { harnessMappingSchema } from "../../analysis/duet/mapping.ts";
import type { HarnessMapping } from "../../analysis/duet/mapping.ts";
import { readResults } from "../../analysis/duet/read-results.ts";
import type { FileProblem, ResultFile } from "../../analysis/duet/read-results.ts";
import { parseResultName } from "../../analysis/duet/result-name.ts";
import type { IterationRow } from "../../analysis/duet/iteration.ts";
import { groupRuns } from "../../analysis/duet/runs.ts";
import { parseUnifiedCsv, toUnifiedRecord, unifiedColumns } from "../../analysis/duet/unified-table.ts";
import type { ResultTable } from "../../core/evidence/result-table.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";

/** Result files are text; one above this isn't one of a harness. */
const largestFileBytes = 256 * 2 ** 20;

/** In a result folder, for suites that aren't built in. */
export const mappingsFile = "mappings.yml";

export interface FoundIterations {
  readonly rows: readonly IterationRow[];
  readonly problems: readonly FileProblem[];
  readonly folders: number;
}

/** All iterations of a unified table, a result folder, or a folder of result folders; each has its own host facts. */
export async function findIterations(path: string): Promise<FoundIterations> {
  const what = await stat(path).catch(() => undefined);
  if (what === undefined) throw new FailureError({ class: "invalid", message: `there is no ${path}` });
  if (what.isFile()) {
    const { rows, skipped } = parseUnifiedCsv(await readFile(path, "utf8"));
    const problems =
      skipped.length === 0 ? [] : [{ path, reason: `${skipped.length} lines weren't understood`, skipped }];
    return { rows, problems, folders: 0 };
  }
  const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const isResultFolder = entries.some(({ name }) => name === "artifacts" || parseResultName(name) !== undefined);
  const folders = isResultFolder
    ? [path]
    : entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  const rows: IterationRow[] = [];
  const problems: FileProblem[] = [];
  for (const folder of folders) {
    const { files, tooLarge } = await filesBelow(folder);
    const read = readResults(
      files.filter(({ path }) => path !== mappingsFile),
      { mappings: parseMappings(files, folder) },
    );
    const within = (problem: FileProblem): FileProblem => ({ ...problem, path: join(basename(folder), problem.path) });
    problems.push(...tooLarge.map(within), ...read.problems.map(within));
    // Without a date of their own two folders' runs would be taken for one another's.
    for (const row of read.rows) rows.push(row.date === undefined ? { ...row, date: basename(folder) } : row);
  }
  return { rows, problems, folders: folders.length };
}

/**
 * How results of a folder are read whose suites aren't built in: a mapping by suite.
 *
 * @throws {FailureError} class invalid
 */
function parseMappings(files: readonly ResultFile[], folder: string): ReadonlyMap<string, HarnessMapping> {
  const file = files.find(({ path }) => path === mappingsFile);
  if (file === undefined) return new Map();
  try {
    return new Map(Object.entries(z.record(z.string(), harnessMappingSchema).parse(parse(file.text))));
  } catch (error) {
    throw new FailureError({
      class: "invalid",
      message: `${join(folder, mappingsFile)}: ${error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)}`,
      hint: "by suite: `format` (csv, json, jsonLines or lines), and `time` and maybe `start` with `field` and `unit`",
    });
  }
}

async function filesBelow(folder: string): Promise<{ files: ResultFile[]; tooLarge: FileProblem[] }> {
  const files: ResultFile[] = [];
  const tooLarge: FileProblem[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(folder.replace(/\/+$/, "").length + 1);
    if ((await stat(file)).size > largestFileBytes)
      tooLarge.push({ path, reason: "too large for a result", skipped: [] });
    else files.push({ path, text: await readFile(file, "utf8") });
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, tooLarge };
}

/** The unified table; the times since 1970 stay decimal texts, for they exceed what doubles hold. */
export function unifiedTable(rows: readonly IterationRow[]): ResultTable {
  const extras = [...new Set(rows.flatMap((row) => Object.keys(row.extras)))].sort();
  const records = rows.map(toUnifiedRecord);
  return tableOf(records, [
    ...unifiedColumns,
    ...extras.filter((name) => !unifiedColumns.some((known) => known === name)),
  ]);
}

/** Pairs of asynchronous iterations that ran at the same time: every one, by a complete join. */
export const overlapsTable = (rows: readonly IterationRow[]): ResultTable => tableOf(overlapTable(groupRuns(rows)));

/** Any records as a table: a column is numbers where all its values are. */
export function tableOf(records: readonly object[], names?: readonly string[]): ResultTable {
  const columns = names ?? [...new Set(records.flatMap((record) => Object.keys(record)))];
  const cells = records.map((record) => {
    const values = new Map<string, unknown>(Object.entries(record));
    return columns.map((name) => {
      const value = values.get(name);
      // An absent fact is an empty text in the unified table.
      if (value === "") return null;
      return typeof value === "number" || typeof value === "boolean" || typeof value === "string" ? value : null;
    });
  });
  const typeOf = (i: number): "string" | "number" | "boolean" => {
    const seen = new Set(cells.flatMap((row) => (row[i] === null || row[i] === undefined ? [] : [typeof row[i]])));
    return seen.size === 1 && seen.has("number")
      ? "number"
      : seen.size === 1 && seen.has("boolean")
        ? "boolean"
        : "string";
  };
  const typed = columns.map((name, i) => ({ name, type: typeOf(i) }));
  return {
    columns: typed,
    rows: cells.map((row) =>
      row.map((cell, i) => (cell !== null && typed[i]?.type === "string" ? String(cell) : cell)),
    ),
  };
}
