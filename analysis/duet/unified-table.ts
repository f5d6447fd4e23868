import { csvLine, parseCsv } from "./csv.ts";
import type { IterationRow } from "./iteration.ts";
import { skippedLine } from "./parsed.ts";
import type { Parsed, SkippedLine } from "./parsed.ts";
import { runTypes } from "./result-name.ts";
import type { RunType } from "./result-name.ts";

/** Columns of the unified table, as the original tool names them; suite-specific ones follow, sorted. */
export const unifiedColumns = [
  "suite",
  "benchmark",
  "type",
  "runid",
  "pair",
  "order",
  "iteration",
  "iteration_start_ns",
  "iteration_end_ns",
  "iteration_time_ns",
  "date",
  "hostname",
  "uname",
  "lscpu",
  "meminfo",
  "environment",
] as const;
export type UnifiedColumn = (typeof unifiedColumns)[number];

/** A row as flat values, for CSV, JSON, Parquet and frames. Times since 1970 are decimal strings: doubles cut them to 256 ns. */
export type UnifiedRecord = Readonly<Record<UnifiedColumn, string | number>> &
  Readonly<Record<string, string | number>>;

export function toUnifiedRecord(row: IterationRow): UnifiedRecord {
  return {
    ...row.extras,
    suite: row.suite,
    benchmark: row.benchmark,
    type: row.type,
    runid: row.runId,
    pair: row.pair,
    order: row.order ?? "None",
    iteration: row.iteration,
    iteration_start_ns: row.startNs === undefined ? "" : String(row.startNs),
    iteration_end_ns: row.endNs === undefined ? "" : String(row.endNs),
    iteration_time_ns: row.timeNs,
    date: row.date ?? "",
    hostname: row.hostname ?? "",
    uname: row.uname ?? "",
    lscpu: row.lscpu ?? "",
    meminfo: row.meminfo ?? "",
    environment: row.environment ?? "",
  };
}

/** The unified table as CSV, with every column that any row has. */
export function buildUnifiedCsv(rows: readonly IterationRow[]): string {
  const extras = [...new Set(rows.flatMap((row) => Object.keys(row.extras)))].sort();
  const columns = [...unifiedColumns, ...extras];
  const lines = rows.map((row) => {
    const record = toUnifiedRecord(row);
    return csvLine(columns.map((column) => record[column]));
  });
  return [csvLine(columns), ...lines, ""].join("\n");
}

/** Reads a unified table back, ours or the original's (whose start and end may be in floating point). */
export function parseUnifiedCsv(text: string): Parsed<IterationRow> {
  const rows: IterationRow[] = [];
  const skipped: SkippedLine[] = [];
  const [header, ...records] = parseCsv(text);
  const columns = header?.fields ?? [];
  const missing = ["suite", "benchmark", "type", "runid", "pair", "iteration", "iteration_time_ns"].filter(
    (column) => !columns.includes(column),
  );
  if (missing.length > 0)
    return { rows, skipped: [skippedLine(1, columns.join(","), `no column ${missing.join(", ")}`)] };
  for (const { lineNumber, fields } of records) {
    const record = new Map(columns.map((column, i) => [column, fields[i] ?? ""]));
    const row = toRow(record);
    if (typeof row === "string") skipped.push(skippedLine(lineNumber, fields.join(","), row));
    else rows.push(row);
  }
  return { rows, skipped };
}

const wholeColumns = new Set<string>([...unifiedColumns]);

/** The row, or why there is none. */
function toRow(record: ReadonlyMap<string, string>): IterationRow | string {
  const text = (column: UnifiedColumn) => {
    const value = record.get(column);
    return value === undefined || value === "" ? undefined : value;
  };
  const type = runTypes.find((known): known is RunType => known === record.get("type"));
  const pair = record.get("pair");
  const order = record.get("order");
  const [runId, iteration, timeNs] = ["runid", "iteration", "iteration_time_ns"].map((column) =>
    Number(record.get(column)),
  );
  if (type === undefined) return `no such type: ${String(record.get("type"))}`;
  if (pair !== "A" && pair !== "B") return `no such pair: ${String(pair)}`;
  if (
    runId === undefined ||
    iteration === undefined ||
    timeNs === undefined ||
    !Number.isInteger(runId) ||
    !Number.isInteger(iteration) ||
    !(timeNs > 0)
  ) {
    return "runid, iteration or iteration_time_ns isn't a number in range";
  }
  const [startNs, endNs] = [toWhole(text("iteration_start_ns")), toWhole(text("iteration_end_ns"))];
  const extras: Record<string, number | string> = {};
  for (const [column, value] of record) {
    if (wholeColumns.has(column) || value === "") continue;
    extras[column] = Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return {
    suite: record.get("suite") ?? "",
    benchmark: record.get("benchmark") ?? "",
    type,
    runId,
    pair,
    order: order === "AB" || order === "BA" ? order : undefined,
    iteration,
    startNs,
    endNs: endNs ?? (startNs === undefined ? undefined : startNs + BigInt(Math.round(timeNs))),
    timeNs,
    date: text("date"),
    hostname: text("hostname"),
    uname: text("uname"),
    lscpu: text("lscpu"),
    meminfo: text("meminfo"),
    environment: text("environment"),
    extras,
  };
}

/** Whole nanoseconds of a decimal text, "1.656256694533e+18" included, without going through a double; fractions are cut. */
function toWhole(text: string | undefined): bigint | undefined {
  const [, whole, fraction = "", exponent = "0"] = /^(\d+)(?:\.(\d*))?(?:e\+?(\d{1,2}))?$/i.exec(text ?? "") ?? [];
  if (whole === undefined) return undefined;
  const shift = Number(exponent);
  return BigInt(whole + fraction.padEnd(shift, "0").slice(0, shift));
}
