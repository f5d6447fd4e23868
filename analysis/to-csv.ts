/**
 * Rows as CSV by RFC 4180, with the columns of all rows in order of appearance. Numbers are written so that they read
 * back the same; NaN and absent values are empty; nested values are JSON.
 */
export function toCsv(rows: readonly object[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => {
    const fields = new Map<string, unknown>(Object.entries(row));
    return columns.map((column) => toField(fields.get(column))).join(",");
  });
  return [columns.map(toField).join(","), ...lines].map((line) => `${line}\n`).join("");
}

function toField(value: unknown): string {
  if (value === undefined || value === null || (typeof value === "number" && !Number.isFinite(value))) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
