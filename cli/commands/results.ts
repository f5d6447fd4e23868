import { writeFile } from "node:fs/promises";
import { buildResultTable } from "../../core/evidence/result-table.ts";
import type { ResultRow } from "../../core/evidence/result-rows.ts";
import { resultRows } from "../../core/evidence/result-rows.ts";
import { toCsv, toJson, toParquet } from "../../stores/export/result-files.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";

interface Options {
  readonly format: "csv" | "json" | "parquet";
  readonly output?: string;
}

export async function results({ output, home }: CommandContext, name: string, options: Options): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const rows: ResultRow[] = [];
  for await (const row of resultRows(store, runId)) rows.push(row);
  const format = output.json ? "json" : options.format;
  const table = buildResultTable(rows);
  const bytes = format === "parquet" ? toParquet(table) : format === "csv" ? toCsv(table) : toJson(table);
  if (options.output === undefined) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(bytes, (error) => (error == null ? resolve() : reject(error)));
    });
  } else {
    await writeFile(options.output, bytes);
    output.note(`${rows.length} rows in ${options.output}`);
  }
  return 0;
}
