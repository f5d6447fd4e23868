/**
 * `results.csv` of FrankenPaxos' suites: one row a finished point, the input record flattened with dots, then what was
 * measured. Text in, rows out.
 */
import { csvRecords, ParseError } from "reprise/analysis";
import type { Parsed, ParseOptions, SkippedLine } from "reprise/analysis";

/** The seven numbers of each measured series; latencies in ms, rates per second. */
export interface Statistics {
  readonly mean: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

/** What was measured of one kind of request. */
export interface Measured {
  readonly latencyMs: Statistics;
  /** Rates in a rolling second at the requests' starts; absent where the file says `nan`: nothing outlived the first second. */
  readonly startThroughputPerSec: Statistics | undefined;
}

/** `all` where the file doesn't tell reads from writes. */
export type OutputLabel = "all" | "read" | "write";

export interface ResultRow {
  readonly file: string;
  readonly lineNumber: number;
  /** By column name: numbers and True/False converted, all else as it stands. */
  readonly inputs: Readonly<Record<string, string | number | boolean>>;
  /** Only what occurred: a label whose columns are all -1.0 is left out. */
  readonly outputs: Readonly<Partial<Record<OutputLabel, Measured>>>;
  /** `num_client_procs` times `num_clients_per_proc`. */
  readonly clients: number;
}

const statisticNames = ["mean", "median", "min", "max", "p90", "p95", "p99"] as const;
const outputColumn =
  /^(?:(?:read_|write_)?output\.)?(?:latency\.\w+_ms|(?:start|stop)_throughput_\d+s\.(?:mean|median|min|max|p\d+))$/;
const prefixes: readonly (readonly [prefix: string, label: OutputLabel])[] = [
  ["", "all"],
  ["output.", "all"],
  ["read_output.", "read"],
  ["write_output.", "write"],
];

/**
 * Reads a `results.csv` of any age: columns are found by name, never by place.
 *
 * @throws {ParseError} when the header names no client counts or no measured columns, or the same column twice
 * @see section 3 of the FrankenPaxos description: flattening, and what -1.0 and nan stand for
 */
export function parseResults(
  text: string,
  { file = "results.csv", keepSkipped = 100 }: ParseOptions = {},
): Parsed<ResultRow> {
  const rows: ResultRow[] = [];
  const skipped: SkippedLine[] = [];
  let skippedCount = 0;
  let header: Header | undefined;
  for (const { lineNumber, fields } of csvRecords(text, { file })) {
    if (!header) {
      header = readHeader(fields, { file, lineNumber });
      continue;
    }
    const result = readRow(fields, header, { file, lineNumber });
    if (typeof result !== "string") rows.push(result);
    else if (++skippedCount <= keepSkipped)
      skipped.push({ lineNumber, line: fields.join(",").slice(0, 200), reason: result });
  }
  if (!header) throw new ParseError({ file, lineNumber: 1, problem: "an empty file" });
  return { rows, skipped, skippedCount };
}

interface Header {
  readonly names: readonly string[];
  readonly inputs: readonly (readonly [name: string, index: number])[];
  readonly outputs: readonly {
    readonly label: OutputLabel;
    readonly latency: readonly number[];
    readonly throughput: readonly number[];
  }[];
}

function readHeader(names: readonly string[], at: { file: string; lineNumber: number }): Header {
  const indexes = new Map(names.map((name, index) => [name, index]));
  if (indexes.size < names.length) {
    const twice = names.find((name, index) => indexes.get(name) !== index) ?? "";
    throw new ParseError({ ...at, problem: `the column "${twice}" stands twice` });
  }
  for (const name of ["num_client_procs", "num_clients_per_proc"])
    if (!indexes.has(name))
      throw new ParseError({ ...at, problem: `no column "${name}"` }, { hint: "is it a results.csv of FrankenPaxos?" });
  const columnsOf = (columns: readonly string[]): number[] | undefined => {
    const found = columns.flatMap((column) => indexes.get(column) ?? []);
    return found.length === columns.length ? found : undefined;
  };
  const outputs = prefixes.flatMap(([prefix, label]) => {
    const latency = columnsOf(statisticNames.map((name) => `${prefix}latency.${name}_ms`));
    const throughput = columnsOf(statisticNames.map((name) => `${prefix}start_throughput_1s.${name}`));
    return latency && throughput ? [{ label, latency, throughput }] : [];
  });
  if (outputs.length === 0)
    throw new ParseError(
      { ...at, problem: "no measured columns" },
      {
        hint: "latency.median_ms and start_throughput_1s.p90 with their siblings, bare or after output., read_output., write_output.",
      },
    );
  return { names, inputs: [...indexes].filter(([name]) => !outputColumn.test(name)), outputs };
}

/** @returns the row, or why there is none */
function readRow(
  fields: readonly string[],
  header: Header,
  at: { file: string; lineNumber: number },
): ResultRow | string {
  const { names } = header;
  if (fields.length !== names.length) return `${fields.length} fields where the header has ${names.length}`;
  if (fields.every((field, index) => field === names[index])) return "the header again: files were joined";
  const inputs: Record<string, string | number | boolean> = {};
  for (const [name, index] of header.inputs) inputs[name] = toValue(fields[index] ?? "");
  const [processes, perProcess] = [inputs["num_client_procs"], inputs["num_clients_per_proc"]];
  if (typeof processes !== "number" || typeof perProcess !== "number") return "the client counts aren't numbers";
  const outputs: Partial<Record<OutputLabel, Measured>> = {};
  for (const { label, latency, throughput } of header.outputs) {
    for (const index of [...latency, ...throughput])
      if (toNumber(fields[index] ?? "") === undefined)
        return `${names[index] ?? ""} isn't a number: "${fields[index] ?? ""}"`;
    const latencyMs = statisticsAt(fields, latency);
    if (latencyMs.median === -1) continue; // No such request: the harness fills the label's columns with -1.0.
    if (!Object.values(latencyMs).every(Number.isFinite)) return `a ${label} latency is nan`;
    if (latencyMs.min < 0) return `a ${label} latency is below zero`;
    const rates = statisticsAt(fields, throughput);
    const isPresent = Object.values(rates).every((value: number) => Number.isFinite(value) && value >= 0);
    outputs[label] = { latencyMs, startThroughputPerSec: isPresent ? rates : undefined };
  }
  if (Object.keys(outputs).length === 0) return "no request was measured";
  return { ...at, inputs, outputs, clients: processes * perProcess };
}

function statisticsAt(fields: readonly string[], indexes: readonly number[]): Statistics {
  const [mean = NaN, median = NaN, min = NaN, max = NaN, p90 = NaN, p95 = NaN, p99 = NaN] = indexes.map(
    (index) => toNumber(fields[index] ?? "") ?? NaN,
  );
  return { mean, median, min, max, p90, p95, p99 };
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** @returns NaN for `nan`, undefined for what isn't a number */
function toNumber(text: string): number | undefined {
  if (decimal.test(text)) return Number(text);
  return text === "nan" || text === "NaN" ? NaN : undefined;
}

function toValue(text: string): string | number | boolean {
  if (text === "True" || text === "False") return text === "True";
  return decimal.test(text) ? Number(text) : text;
}

/** A number among a row's inputs. @throws {ParseError} which names the file and line that lacks it */
export function inputNumber({ inputs, file, lineNumber }: ResultRow, name: string): number {
  const value = inputs[name];
  if (typeof value === "number") return value;
  throw new ParseError(
    { file, lineNumber, problem: `no number in "${name}": ${JSON.stringify(value)}` },
    { hint: "is it the results.csv of another protocol?" },
  );
}
