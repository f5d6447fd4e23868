/** A line, or a record, that wasn't understood: kept, so that the caller decides how many are too many. */
export interface SkippedLine {
  /** From 1; a record's number where the format has no lines. */
  readonly lineNumber: number;
  /** At most 200 characters of it. */
  readonly line: string;
  readonly reason: string;
}

export interface Parsed<Row> {
  readonly rows: readonly Row[];
  readonly skipped: readonly SkippedLine[];
}

export const skippedLine = (lineNumber: number, line: string, reason: string): SkippedLine => ({
  lineNumber,
  line: line.slice(0, 200),
  reason,
});
