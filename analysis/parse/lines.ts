/** Parsers of text, line by line: CSV by RFC 4180, JSON lines, and logs by a regular expression. */
import type { z } from "zod";
import { ParseError, SkippedLines } from "./parsed.ts";
import type { Parsed, ParseOptions } from "./parsed.ts";

/** A record of a CSV file, and the line it starts on. */
export interface CsvRecord {
  readonly lineNumber: number;
  readonly fields: readonly string[];
}

/**
 * Splits CSV text into records: quoted fields may hold delimiters, doubled quotes and line breaks; CRLF and LF both end
 * a record; a byte order mark and empty lines are passed over.
 *
 * @throws {ParseError} when a quote is never closed
 * @see RFC 4180
 */
export function* csvRecords(text: string, { file = "input", delimiter = "," } = {}): Generator<CsvRecord> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let lineNumber = 1;
  while (at < text.length) {
    const fields: string[] = [];
    const startLine = lineNumber;
    for (let isRecord = true; isRecord;) {
      if (text[at] === '"') {
        let field = "";
        for (;;) {
          const close = text.indexOf('"', at + 1);
          if (close < 0)
            throw new ParseError(
              { file, lineNumber: startLine, problem: "a quote is opened and never closed" },
              { hint: "the file may be cut short" },
            );
          const part = text.slice(at + 1, close);
          for (let i = part.indexOf("\n"); i >= 0; i = part.indexOf("\n", i + 1)) lineNumber++;
          field += part;
          at = close + 1;
          if (text[at] !== '"') break;
          field += '"';
        }
        fields.push(field + text.slice(at, (at = endOfField(text, at, delimiter))));
      } else fields.push(text.slice(at, (at = endOfField(text, at, delimiter))));
      if (text[at] === delimiter) at++;
      else isRecord = false;
    }
    if (text[at] === "\r") at++;
    at++;
    lineNumber++;
    if (fields.length > 1 || fields[0] !== "") yield { lineNumber: startLine, fields };
  }
}

function endOfField(text: string, from: number, delimiter: string): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === delimiter || character === "\n" || (character === "\r" && text[at + 1] === "\n")) return at;
  }
  return text.length;
}

export interface CsvOptions extends ParseOptions {
  /** @default "," */
  readonly delimiter?: string;
}

/**
 * Reads CSV with a header. Each record becomes an object of strings by column name and goes through the schema, which
 * converts (`z.coerce.number()`) and may drop columns; a record that it refuses, or of another length than the header,
 * is skipped with its reason.
 *
 * For large numeric files see `readColumns`, which is some twenty times as fast.
 */
export function parseCsv<Row>(text: string, schema: z.ZodType<Row>, options: CsvOptions = {}): Parsed<Row> {
  const skipped = new SkippedLines(options.keepSkipped);
  const rows: Row[] = [];
  let header: readonly string[] | undefined;
  for (const { lineNumber, fields } of csvRecords(text, options)) {
    if (!header) {
      header = fields;
      continue;
    }
    if (fields.length !== header.length) {
      skipped.add(lineNumber, fields.join(","), `${fields.length} fields where the header has ${header.length}`);
      continue;
    }
    const parsed = schema.safeParse(Object.fromEntries(header.map((name, index) => [name, fields[index]])));
    if (parsed.success) rows.push(parsed.data);
    else skipped.add(lineNumber, fields.join(","), describeIssues(parsed.error));
  }
  return { rows, skipped: skipped.kept, skippedCount: skipped.count };
}

/** Reads one JSON value a line through a schema; empty lines are passed over. */
export function parseJsonLines<Row>(text: string, schema: z.ZodType<Row>, options: ParseOptions = {}): Parsed<Row> {
  return parseLines(
    text,
    (line) => {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        return { skip: "not JSON" };
      }
      const parsed = schema.safeParse(value);
      return parsed.success ? { row: parsed.data } : { skip: describeIssues(parsed.error) };
    },
    options,
  );
}

/**
 * Reads the lines of a log that match; their named groups go through the schema as strings.
 *
 * @param pattern with named groups: `/^\[(?<sec>\d+)s\] committed (?<ops>\d+)$/`
 */
export function parseMatchingLines<Row>(
  text: string,
  pattern: RegExp,
  schema: z.ZodType<Row>,
  options: ParseOptions = {},
): Parsed<Row> {
  // A sticky or global pattern would remember where the last line's match ended.
  const once = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  return parseLines(
    text,
    (line) => {
      const groups = once.exec(line)?.groups;
      if (!groups) return { skip: "doesn't match" };
      const parsed = schema.safeParse({ ...groups });
      return parsed.success ? { row: parsed.data } : { skip: describeIssues(parsed.error) };
    },
    options,
  );
}

function parseLines<Row>(
  text: string,
  parse: (line: string) => { readonly row: Row } | { readonly skip: string },
  options: ParseOptions,
): Parsed<Row> {
  const skipped = new SkippedLines(options.keepSkipped);
  const rows: Row[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line.trim() === "") continue;
    const result = parse(line);
    if ("row" in result) rows.push(result.row);
    else skipped.add(index + 1, line, result.skip);
  }
  return { rows, skipped: skipped.kept, skippedCount: skipped.count };
}

const describeIssues = (error: z.ZodError): string =>
  error.issues.map(({ path, message }) => `${path.map(String).join(".") || "line"}: ${message}`).join("; ");
