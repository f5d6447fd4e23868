/**
 * What the harness left, as trials: suite directories, `results.csv` files and recorder files, of a folder or of a checkout of
 * the upstream repository.
 */
import { createHash } from "node:crypto";
import { ParseError } from "reprise/analysis";
import { aggregate } from "./aggregate.ts";
import { readRecording } from "./recorder-csv.ts";
import { parseResults } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";
import { definitionOfPath, definitionOfProtocol, isOfOwnSweep, recordingOf, slug, sweepOf } from "./own-sweeps.ts";
import { summaryOf } from "./trial-results.ts";
import { toParameters } from "./upstream-inputs.ts";

/** A folder of somebody's: paths with forward slashes, in order. */
export interface ImportFolder {
  readonly paths: readonly string[];
  readonly read: (path: string) => Promise<Uint8Array>;
}

export interface ImportOptions {
  /** Tuning sweeps too (`…hyperparameter…`), which have more trials than all else. @default false */
  readonly includesTuning?: boolean;
}

interface FoundFile {
  readonly path: string;
  readonly body: Uint8Array;
}

/** A file that is kept as it is, with the trials made from it. */
interface KeptFile extends FoundFile {
  readonly experiment: string;
}

interface Found {
  /** The definition whose run it belongs to, by name. */
  experiment: string;
  sweep: string;
  parameters: ReturnType<typeof toParameters>;
  summary: Record<string, number>;
  origin: string;
  files: FoundFile[];
  measured?: { fromMs: number; toMs: number } | undefined;
  failure?: { class: "integrity" | "command"; message: string; hint?: string } | undefined;
}

/** Reads everything that the harness writes below a folder; what can't be read is named, with file and line. */
export async function collectResults(folder: ImportFolder, { includesTuning = false }: ImportOptions = {}) {
  const trials: Found[] = [];
  const files: KeptFile[] = [];
  const problems: string[] = [];
  const seen = new Map<string, string>();
  /** Copies of a file (the upstream repository links them) are one file of a run. */
  const isCopy = (path: string, body: Uint8Array): boolean => {
    const digest = `${definitionOfPath(path) ?? ""} ${createHash("sha256").update(body).digest("hex")}`;
    const first = seen.get(digest);
    if (first !== undefined) problems.push(`${path}: the same as ${first}, whose trials stand for both`);
    else seen.set(digest, path);
    return first !== undefined;
  };
  const suites = suitesOf(folder.paths);
  for (const suite of suites) trials.push(...(await readSuite(folder, suite, problems)));
  const inSuites = (path: string): boolean => suites.some(({ folder: own }) => path.startsWith(own));

  let tuning = 0;
  // Of copies the one counts that has one of our own sweeps' names.
  const inOrder = [...folder.paths.filter(isOfOwnSweep), ...folder.paths.filter((path) => !isOfOwnSweep(path))];
  for (const path of inOrder) {
    if (inSuites(path)) continue;
    const kept = path.replace(/^benchmarks\//, "");
    if (path.endsWith("results.csv")) {
      if (!includesTuning && path.includes("hyperparameter")) {
        tuning++;
        continue;
      }
      const body = await folder.read(path);
      const own = rowsToTrials(path, body, sweepOf(kept), problems);
      files.push({ path: kept, body, experiment: own[0]?.experiment ?? definitionOfProtocol(undefined) });
      if (!isCopy(path, body)) trials.push(...own);
    } else if (/\.csv\.gz$|(?:^|\/)data\.csv$/.test(path)) {
      const body = await folder.read(path);
      const trial = await recordingToTrial(path, kept, body, problems);
      if (trial === undefined) continue;
      files.push({ path: kept, body, experiment: trial.experiment });
      if (!isCopy(path, body)) trials.push(trial);
    }
  }
  if (tuning > 0)
    problems.push(`${tuning} file${tuning === 1 ? "" : "s"} of tuning sweeps left out (--all takes them)`);
  return { trials: withoutDuplicates(trials, problems), files, problems };
}

/** A line of `results.csv` as a trial: the line with its header is its artifact. */
function rowsToTrials(path: string, body: Uint8Array, sweep: string, problems: string[]): Found[] {
  const text = new TextDecoder().decode(body);
  const lines = text.split("\n");
  try {
    const { rows, skipped, skippedCount } = parseResults(text, { file: path });
    for (const { lineNumber, reason } of skipped) problems.push(`${path}:${lineNumber}: ${reason}`);
    if (skippedCount > skipped.length) problems.push(`${path}: ${skippedCount} lines skipped in all`);
    return rows.map((row) => rowToTrial(row, sweep, `${lines[0] ?? ""}\n${lines[row.lineNumber - 1] ?? ""}\n`));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    problems.push(error.message);
    return [];
  }
}

function rowToTrial(row: ResultRow, sweep: string, text: string): Found {
  const parameters = toParameters(row.inputs, { name: row.file });
  return {
    experiment: definitionOfPath(row.file) ?? definitionOfProtocol(parameters["protocol"]),
    sweep,
    parameters,
    summary: summaryOf(row),
    origin: `${row.file}:${row.lineNumber}`,
    files: [{ path: "results.csv", body: new TextEncoder().encode(text) }],
  };
}

/** A recording that stands alone, such as the papers' time series. */
async function recordingToTrial(
  path: string,
  kept: string,
  body: Uint8Array,
  problems: string[],
): Promise<Found | undefined> {
  const name = kept.split("/").at(-1) ?? kept;
  const known = recordingOf(kept);
  const trial = {
    experiment: definitionOfPath(kept) ?? definitionOfProtocol(known?.parameters["protocol"]),
    sweep: known?.sweep ?? (slug(kept.split("/").slice(0, -1).join("-")) || "recordings"),
    parameters: known?.parameters ?? { recording: name.replace(/\.csv(?:\.gz)?$/, "") },
    origin: path,
    files: [{ path: path.endsWith(".gz") ? "data.csv.gz" : "data.csv", body }],
  };
  try {
    const { summary, measured, notes } = await summarize(path, body);
    problems.push(...notes);
    return { ...trial, summary, measured };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    if (error.message.includes("not a recorder's header")) return undefined; // some other program's table
    problems.push(error.message);
    return { ...trial, summary: {}, failure: { class: "integrity", message: error.message } };
  }
}

async function summarize(file: string, body: Uint8Array) {
  const recording = await readRecording(chunks(body), file);
  const { startMs, stopMs, skipped, skippedCount, outOfOrderCount } = recording;
  const [first] = skipped;
  const notes = [
    ...(first === undefined
      ? []
      : [`${file}:${first.lineNumber}: ${first.reason} (${skippedCount} lines skipped in all)`]),
    // Clients' own files overlap; a merged one is sorted, unless a clock was set.
    ...(outOfOrderCount > 0 && !/client_\d+_data\.csv/.test(file)
      ? [`${file}: ${outOfOrderCount} requests began before the one above them, as after a step of the clock`]
      : []),
  ];
  const summary: Record<string, number> = {};
  for (const label of recording.labels.length > 1 ? (["read", "write"] as const) : (["all"] as const)) {
    const measured = aggregate(recording, label === "all" ? {} : { label });
    if (measured === undefined) continue;
    const prefix = label === "all" ? "" : `${label}.`;
    summary[`${prefix}latencyMs`] = measured.latencyMs.median;
    if (measured.startThroughputPerSec !== undefined)
      summary[`${prefix}throughputPerSec`] = measured.startThroughputPerSec.p90;
  }
  const measured = { fromMs: startMs[0] ?? 0, toMs: stopMs.reduce((last, stop) => Math.max(last, stop), 0) };
  return { summary, measured, notes };
}

interface Suite {
  /** With a slash at its end. */
  readonly folder: string;
  readonly name: string;
  /** `001` and on, in order. */
  readonly benchmarks: readonly string[];
}

/** `{date}_{time}_{ten letters}_{name}/001/…`: folders that hold numbered ones with an `input.json`. */
function suitesOf(paths: readonly string[]): Suite[] {
  const suites = new Map<string, Set<string>>();
  for (const path of paths) {
    const match = /^((?:.*\/)?)(\d{3,})\/input\.json$/.exec(path);
    if (match?.[2] === undefined) continue;
    const folder = match[1] ?? "";
    suites.set(folder, (suites.get(folder) ?? new Set<string>()).add(match[2]));
  }
  return [...suites].map(([folder, benchmarks]) => {
    const last = folder.split("/").at(-2) ?? "suite";
    const name = /^\d{4}-\d\d-\d\d_[\d:.]+_[A-Z]{10}_(.+)$/.exec(last)?.[1] ?? last;
    return { folder, name, benchmarks: [...benchmarks].sort() };
  });
}

/** Logs and settings of a benchmark that are worth keeping. */
const keptFile =
  /(?:_(?:out|err|cmd|returncode)\.txt|config\.pbtxt|workload\.pbtxt|input\.json|log\.txt|data\.csv|data\.csv\.gz)$/;

async function readSuite(folder: ImportFolder, suite: Suite, problems: string[]): Promise<Found[]> {
  const resultsPath = `${suite.folder}results.csv`;
  const text = folder.paths.includes(resultsPath)
    ? new TextDecoder().decode(await folder.read(resultsPath))
    : undefined;
  let rows: readonly ResultRow[] = [];
  if (text === undefined) problems.push(`${resultsPath}: no such file, so the recordings alone count`);
  else {
    const parsed = parseResults(text, { file: resultsPath });
    rows = parsed.rows;
    for (const { lineNumber, reason } of parsed.skipped) problems.push(`${resultsPath}:${lineNumber}: ${reason}`);
  }
  // The n-th finished benchmark wrote the n-th row; the header is line 1.
  const byLine = new Map(rows.map((row) => [row.lineNumber, row]));
  const lines = (text ?? "").split("\n");
  const trials: Found[] = [];
  for (const [index, number] of suite.benchmarks.entries()) {
    const prefix = `${suite.folder}${number}/`;
    const own = folder.paths.filter((path) => path.startsWith(prefix) && keptFile.test(path));
    const files: FoundFile[] = [];
    for (const path of own) files.push({ path: path.slice(prefix.length), body: await folder.read(path) });
    const row = byLine.get(index + 2);
    const input = files.find(({ path }) => path === "input.json");
    const parameters = toParameters(row?.inputs ?? inputsOf(input, `${prefix}input.json`, problems), {
      name: suite.name,
    });
    const base = {
      experiment: definitionOfProtocol(parameters["protocol"]),
      sweep: slug(suite.name),
      parameters,
      origin: row === undefined ? prefix : `${prefix} and ${resultsPath}:${index + 2}`,
      files:
        row === undefined
          ? files
          : [
              ...files,
              { path: "results.csv", body: new TextEncoder().encode(`${lines[0] ?? ""}\n${lines[index + 1] ?? ""}\n`) },
            ],
    };
    const recordings = files.filter(({ path }) => /(?:^|\/)(?:client_\d+_)?data\.csv(?:\.gz)?$/.test(path));
    try {
      let measured: Found["measured"];
      let summary = row === undefined ? {} : summaryOf(row);
      for (const { path, body } of recordings) {
        const one = await summarize(`${prefix}${path}`, body);
        problems.push(...one.notes);
        measured = {
          fromMs: Math.min(measured?.fromMs ?? Infinity, one.measured.fromMs),
          toMs: Math.max(measured?.toMs ?? 0, one.measured.toMs),
        };
        if (row === undefined && recordings.length === 1) summary = one.summary;
      }
      const isEmpty = row === undefined && recordings.length === 0;
      if (isEmpty) problems.push(`${prefix}: it has neither a row in results.csv nor a recording: it didn't finish`);
      trials.push({
        ...base,
        summary,
        measured,
        failure: isEmpty ? { class: "command", message: `${prefix} has no result: it didn't finish` } : undefined,
      });
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      problems.push(error.message);
      trials.push({ ...base, summary: {}, failure: { class: "integrity", message: error.message } });
    }
  }
  if (rows.length > suite.benchmarks.length)
    problems.push(
      `${resultsPath}: ${rows.length} rows for ${suite.benchmarks.length} folders: the rest of the rows is left out`,
    );
  return trials;
}

/** `input.json` flattened as the harness flattens it for `results.csv`. */
function inputsOf(
  file: FoundFile | undefined,
  path: string,
  problems: string[],
): Record<string, string | number | boolean> {
  const flatten = (value: object, prefix: string): [string, string | number | boolean][] =>
    Object.entries(value).flatMap(([key, item]: [string, unknown]): [string, string | number | boolean][] => {
      if (typeof item === "object" && item !== null && !Array.isArray(item)) return flatten(item, `${prefix}${key}.`);
      const plain = typeof item === "string" || typeof item === "number" || typeof item === "boolean";
      return [[prefix + key, plain ? item : JSON.stringify(item)]];
    });
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(file?.body));
    if (typeof json === "object" && json !== null) return Object.fromEntries(flatten(json, ""));
  } catch {
    // Said below.
  }
  problems.push(`${path}:1: it isn't JSON`);
  return { input: path };
}

/** Equal rows down to the last digit are one measurement that was written down twice. */
function withoutDuplicates(trials: readonly Found[], problems: string[]): Found[] {
  const seen = new Map<string, string>();
  return trials.filter(({ sweep, origin, files, summary }) => {
    const digest = createHash("sha256").update(`${sweep}\n${JSON.stringify(summary)}\n`);
    for (const { body } of files) digest.update(body);
    const name = digest.digest("hex");
    const first = seen.get(name);
    if (first !== undefined) problems.push(`${origin}: the same trial as ${first}, left out`);
    else seen.set(name, origin);
    return first === undefined;
  });
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1 << 20) yield await Promise.resolve(bytes.subarray(at, at + (1 << 20)));
}
