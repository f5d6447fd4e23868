/** A CSV record with its line number, from 1; a quoted field may span lines. */
export interface CsvRecord {
  readonly lineNumber: number;
  readonly fields: readonly string[];
}

/** Splits CSV text into records (RFC 4180: quotes, doubled quotes, CRLF). Empty lines are left out. */
export function parseCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let field = "";
  let isQuoted = false;
  let line = 1;
  let recordLine = 1;
  const endRecord = () => {
    if (fields.length > 0 || field !== "") records.push({ lineNumber: recordLine, fields: [...fields, field] });
    fields = [];
    field = "";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (isQuoted) {
      if (c === "\n") line++;
      if (c !== '"') field += c;
      else if (text.charAt(i + 1) === '"') {
        field += c;
        i++;
      } else isQuoted = false;
    } else if (c === '"' && field === "") isQuoted = true;
    else if (c === ",") {
      fields.push(field);
      field = "";
    } else if (c === "\n") {
      endRecord();
      line++;
      recordLine = line;
    } else if (c !== "\r") field += c;
  }
  endRecord();
  return records;
}

/** One CSV line; fields with commas, quotes or line breaks are quoted. */
export const csvLine = (fields: readonly (string | number | bigint | undefined)[]): string =>
  fields
    .map((field) => {
      const text = field === undefined ? "" : String(field);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(",");
