import { parquetWriteBuffer } from "hyparquet-writer";
import { canonicalJson } from "../../core/evidence/canonical-json.ts";
import type { Cell, Column, ResultTable } from "../../core/evidence/result-table.ts";

/** RFC 4180 with `\n`: what spreadsheets, pandas and R read. An empty field is null; an empty string is `""`. */
export function toCsv(table: ResultTable): string {
  const lines = [table.columns.map(({ name }) => csvField(name)), ...table.rows.map((row) => row.map(csvField))];
  return lines.map((line) => `${line.join(",")}\n`).join("");
}

function csvField(cell: Cell): string {
  if (cell === null) return "";
  const text = String(cell);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A list of objects, one a row and line; what a row doesn't have is null. */
export function toJson(table: ResultTable): string {
  const lines = table.rows.map(
    (row) =>
      // Column order is meaning here, so members aren't sorted.
      `{${table.columns.map(({ name }, i) => `${canonicalJson(name)}:${canonicalJson(row[i] ?? null)}`).join(",")}}`,
  );
  return lines.length === 0 ? "[]\n" : `[\n${lines.join(",\n")}\n]\n`;
}

const parquetTypes = { string: "STRING", number: "DOUBLE", boolean: "BOOLEAN" } as const satisfies Record<
  Column["type"],
  string
>;

/** Numbers are doubles in every column, so that files of two runs always have one schema. */
export function toParquet(table: ResultTable): Uint8Array {
  const buffer = parquetWriteBuffer({
    columnData: table.columns.map(({ name, type }, i) => ({
      name,
      data: table.rows.map((row) => row[i] ?? null),
      type: parquetTypes[type],
      nullable: true,
    })),
  });
  return new Uint8Array(buffer);
}
