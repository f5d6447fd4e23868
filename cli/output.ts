import { DefinitionError } from "../core/definition/problem.ts";
import { FailureError, exitCodes } from "../core/errors/failure.ts";
import { RepriseError, messageOf } from "../core/errors/reprise-error.ts";

/** Where a command's words go: results to stdout, everything else to stderr (so that pipes stay clean). */
export interface Output {
  readonly json: boolean;
  readonly isTerminal: boolean;
  readonly columns: number;
  /** A result line, or with `--json` nothing: `result` has it. */
  line(text?: string): void;
  /** The whole answer as one JSON document, printed only with `--json`. */
  result(value: unknown): void;
  /** One of several JSON documents, on a line of its own; only with `--json`. */
  document(value: unknown): void;
  /** Progress and warnings. */
  note(text: string): void;
}

export function createOutput(options: { readonly json: boolean }): Output {
  return {
    json: options.json,
    isTerminal: process.stdout.isTTY && process.stderr.isTTY,
    columns: process.stdout.columns || 100,
    line: (text = "") => {
      if (!options.json) process.stdout.write(`${text}\n`);
    },
    result: (value) => {
      if (options.json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    document: (value) => {
      if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    note: (text) => process.stderr.write(`${text}\n`),
  };
}

const codesOfPaths = new Set(["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "EROFS", "ELOOP", "ENAMETOOLONG"]);

/** Whether a file can't be read or written where the command line was told to: a folder that isn't there, a right that lacks. */
const isOfNamedFile = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "code" in error &&
  "path" in error &&
  typeof error.code === "string" &&
  codesOfPaths.has(error.code);

/** Prints what went wrong and what to do, and gives the exit code of its class. */
export function reportError(error: unknown, json: boolean): number {
  const failureClass =
    error instanceof FailureError
      ? error.failure.class
      : error instanceof RepriseError || isOfNamedFile(error)
        ? "invalid"
        : "defect";
  const hint = error instanceof RepriseError ? error.hint : undefined;
  if (json) {
    const problems = error instanceof DefinitionError ? error.problems : undefined;
    const told = { class: failureClass, message: messageOf(error), hint, problems };
    process.stderr.write(`${JSON.stringify({ error: told })}\n`);
  } else {
    process.stderr.write(`error: ${messageOf(error)}\n`);
    if (hint !== undefined && !messageOf(error).includes(hint)) process.stderr.write(`  try: ${hint}\n`);
    if (failureClass === "defect" && error instanceof Error && process.env["REPRISE_DEBUG"] !== undefined) {
      process.stderr.write(`${error.stack ?? ""}\n`);
    }
  }
  return exitCodes[failureClass];
}

/** Left-aligned columns, numbers to the right; two spaces between. */
export function table(rows: readonly (readonly string[])[], rightAligned: ReadonlySet<number> = new Set()): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => (rightAligned.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** `1 trial`, `2 trials`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** `1.5 s`, `3 min`, `2 h 10 min`: as precise as a person wants it. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
