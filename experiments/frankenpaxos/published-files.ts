/** The published results as a folder, and what was read of it. */
import { createHash } from "node:crypto";
import type { Parsed } from "reprise/analysis";
import { readRecording } from "./recorder-csv.ts";
import type { Recording } from "./recorder-csv.ts";
import { parseResults } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";

/** A file's bytes by its path below the folder, with forward slashes; undefined where there is none. */
export type FolderReader = (path: string) => Promise<Uint8Array | undefined>;

/** A file that rows were made of. */
export interface ReadFile {
  readonly key: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The files of one figure: what was read, and what there was to say of it. */
export interface FigureInputs {
  /** Rows of a `results.csv`; undefined where it is absent, which is then known. */
  readonly results: (path: string) => Promise<readonly ResultRow[] | undefined>;
  readonly recording: (path: string) => Promise<Recording | undefined>;
  /** Something that the figure is drawn without. */
  readonly lacks: (what: string) => void;
}

export interface WatchedInputs extends FigureInputs {
  readonly files: () => readonly ReadFile[];
  /** Absent files, skipped lines and points without a row, in order. */
  readonly missing: () => readonly string[];
}

/** The results read last, for the next figure of the same file; known by the very bytes that they were parsed from. */
let lastResults: { readonly bytes: Uint8Array; readonly results: Parsed<ResultRow> } | undefined;

/** The recording read last, for the next figure of the same run; known by the very bytes that it was parsed from. */
let last: { readonly bytes: Uint8Array; readonly recording: Recording } | undefined;

/**
 * Reads, parses and keeps count. Both the papers' data folder and a checkout of the upstream repository, where the same
 * paths lie below `benchmarks/`, will do.
 */
export function watchedInputs(read: FolderReader): WatchedInputs {
  const files = new Map<string, ReadFile>();
  const missing: string[] = [];
  const parsed = new Map<string, readonly ResultRow[] | undefined>();
  const open = async (path: string): Promise<Uint8Array | undefined> => {
    const bytes = (await read(path)) ?? (await read(`benchmarks/${path}`));
    if (bytes)
      files.set(path, { key: path, sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length });
    else missing.push(`${path}: no such file`);
    return bytes;
  };
  const reportSkipped = (
    path: string,
    count: number,
    first: { lineNumber: number; reason: string } | undefined,
  ): void => {
    if (first) missing.push(`${path}:${first.lineNumber}: ${first.reason} (${count} lines skipped in all)`);
  };
  return {
    results: async (path) => {
      if (parsed.has(path)) return parsed.get(path);
      const bytes = await open(path);
      if (!bytes) {
        parsed.set(path, undefined);
        return undefined;
      }
      last = undefined; // Of large things no more than one is held.
      if (lastResults?.bytes !== bytes)
        lastResults = { bytes, results: parseResults(new TextDecoder().decode(bytes), { file: path }) };
      const { rows, skipped, skippedCount } = lastResults.results;
      reportSkipped(path, skippedCount, skipped[0]);
      parsed.set(path, rows);
      return rows;
    },
    recording: async (path) => {
      const bytes = await open(path);
      if (!bytes) return undefined;
      if (last?.bytes !== bytes) {
        [last, lastResults] = [undefined, undefined];
        last = { bytes, recording: await readRecording(chunks(bytes), path) };
      }
      const { recording } = last;
      reportSkipped(path, recording.skippedCount, recording.skipped[0]);
      const { outOfOrderCount } = recording;
      // Merged recordings are sorted, unless a clock was set: a time axis of theirs can't be trusted then.
      if (outOfOrderCount > 0)
        missing.push(
          `${path}: ${outOfOrderCount} requests began before the one above them, as after a step of the clock`,
        );
      return recording;
    },
    lacks: (what) => missing.push(what),
    files: () => [...files.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    missing: () => missing,
  };
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1 << 20) yield await Promise.resolve(bytes.subarray(at, at + (1 << 20)));
}
