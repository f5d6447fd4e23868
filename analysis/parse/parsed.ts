/** What every parser gives back: rows, and each line that didn't become one. */
import { RepriseError } from "../../core/errors/reprise-error.ts";

export interface SkippedLine {
  /** From 1, as editors count. */
  readonly lineNumber: number;
  /** The line itself, its first 200 characters. */
  readonly line: string;
  readonly reason: string;
}

export interface Parsed<Row> {
  readonly rows: Row[];
  /** The first of them, up to `keepSkipped`. */
  readonly skipped: readonly SkippedLine[];
  /** All of them. */
  readonly skippedCount: number;
}

export interface ParseOptions {
  /** Named in errors. @default "input" */
  readonly file?: string;
  /** How many skipped lines are kept with their text. @default 100 */
  readonly keepSkipped?: number;
}

/** A file that can't be read as what it should be; the message names the file and the line. */
export class ParseError extends RepriseError {
  override readonly name = "ParseError";
  readonly file: string;
  readonly lineNumber: number;
  constructor(
    { file, lineNumber, problem }: { file: string; lineNumber: number; problem: string },
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(`${file}:${lineNumber}: ${problem}`, options);
    this.file = file;
    this.lineNumber = lineNumber;
  }
}

/** Collects skipped lines, keeping the text of the first few. */
export class SkippedLines {
  readonly kept: SkippedLine[] = [];
  readonly #limit: number;
  count = 0;
  constructor(limit = 100) {
    this.#limit = limit;
  }
  add(lineNumber: number, line: string, reason: string): void {
    this.count++;
    if (this.kept.length < this.#limit) this.kept.push({ lineNumber, line: line.slice(0, 200), reason });
  }
}

/**
 * The rows, if few enough lines were skipped.
 *
 * @param limit how many are too many: 0 for files that a program wrote
 * @throws {ParseError} which names the first skipped line and its reason
 */
export function expectRows<Row>(parsed: Parsed<Row>, limit: number, file = "input"): Row[] {
  const first = parsed.skipped[0];
  if (parsed.skippedCount <= limit || !first) return parsed.rows;
  throw new ParseError(
    { file, lineNumber: first.lineNumber, problem: `${first.reason}: "${first.line}"` },
    { hint: `${parsed.skippedCount} lines weren't understood, ${limit} are allowed: mend the file or the parser` },
  );
}
