/** The published tables as rows, and what was read of them. */
import { createHash } from "node:crypto";
import { csvRecords } from "reprise/analysis";
import type { AnyFigure, Figure } from "reprise/analysis";

/** A file's bytes by its path below the folder of published data; undefined where there is none. */
export type FolderReader = (path: string) => Promise<Uint8Array | undefined>;

export interface ReadFile {
  readonly key: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** One record of a table, by its header. */
export interface TableRow {
  readonly text: (column: string) => string;
  /** NaN where the cell is empty. */
  readonly number: (column: string) => number;
}

export interface PublishedFigure {
  readonly figure: AnyFigure;
  /** The tables it is drawn from: while they are what they were, so is the figure. */
  readonly inputs: readonly string[];
  /** Its rows, from those tables in their order. */
  readonly collect: (first: readonly TableRow[], second?: readonly TableRow[]) => readonly object[];
}

/** Holds a figure's rows to its row type, which {@link PublishedFigure} forgets. */
export const publishedFigure = <Row extends object>(
  figure: Figure<Row>,
  inputs: readonly string[],
  collect: (first: readonly TableRow[], second?: readonly TableRow[]) => readonly Row[],
): PublishedFigure => ({ figure, inputs, collect });

export const environments = ["AWS t3.medium", "bare-metal", "shared-vm"] as const;
export const suites = ["renaissance", "dacapo", "scalabench", "speccpu"] as const;
export const methods = ["seqn", "duet", "syncduet"] as const;
export const methodLabels = { seqn: "sequential", duet: "asynchronous duet", syncduet: "synchronous duet" } as const;

/** Reads tables as figures ask for them. A file that isn't there has no rows and is told. */
export function watchedTables(read: FolderReader) {
  const files = new Map<string, ReadFile>();
  const missing: string[] = [];
  return {
    files: () => [...files.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    missing: () => missing,
    table: async (name: string): Promise<readonly TableRow[]> => {
      const bytes = await read(name);
      if (bytes === undefined) {
        missing.push(`${name}: no such file`);
        return [];
      }
      files.set(name, { key: name, sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length });
      return parseTable(new TextDecoder().decode(bytes), name);
    },
  };
}

/** @throws {Error} which names file and column, when a column isn't in the header */
export function parseTable(text: string, name: string): TableRow[] {
  const [header, ...records] = [...csvRecords(text, { file: name })];
  const columns = new Map((header?.fields ?? []).map((column, i) => [column, i]));
  return records.map(({ fields, lineNumber }) => {
    const cell = (column: string): string => {
      const index = columns.get(column);
      if (index === undefined) throw new Error(`${name}:${lineNumber}: there is no column ${column}`);
      return fields[index] ?? "";
    };
    return { text: cell, number: (column) => (cell(column) === "" ? NaN : Number(cell(column))) };
  });
}

export function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}
