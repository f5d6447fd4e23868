/**
 * What FrankenPaxos' client recorders write, plain or labelled, packed or not: `client_0_data.csv` of one process, or the
 * merged `data.csv.gz` of a run. Columns go straight into typed arrays, some 32 bytes a row.
 */
import { ParseError, readColumns, unpacked } from "reprise/analysis";
import type { ByteSource, SkippedLine } from "reprise/analysis";

/** All rows of one or more recorder files, sorted by start. */
export interface Recording {
  /** `plain`: one request a row. `labelled`: a row may stand for a group of requests of one label. */
  readonly kind: "plain" | "labelled";
  /** Milliseconds since 1970. */
  readonly startMs: Float64Array;
  readonly stopMs: Float64Array;
  /** By the client's monotonic clock; of a group, its mean. */
  readonly latencyMs: Float64Array;
  /** Requests behind a row; 1 in plain files. */
  readonly counts: Float64Array;
  /** Index into `labels`. */
  readonly labelCodes: Float64Array;
  /** `write` alone in plain files. */
  readonly labels: readonly string[];
  readonly skipped: readonly SkippedLine[];
  readonly skippedCount: number;
  /** Rows that began before the row above them: usual in one client's file, in a merged one the mark of another writer. */
  readonly outOfOrderCount: number;
}

/**
 * @throws {ParseError} when the header is neither of the two formats, the gzip stream is broken, or no row is left
 * @see section 1.8 of the FrankenPaxos description
 */
export async function readRecording(source: ByteSource, file = "data.csv"): Promise<Recording> {
  const { header, bytes } = await withHeader(unpacked(source, file));
  const names = header.split(",").map((name) => name.trim());
  const has = (...wanted: string[]): boolean => wanted.every((name) => names.includes(name));
  if (!has("start", "stop", "latency_nanos"))
    throw new ParseError(
      { file, lineNumber: 1, problem: `not a recorder's header: "${header.slice(0, 120)}"` },
      { hint: "start, stop and latency_nanos are needed, and count with label for groups" },
    );
  if (has("count") !== has("label"))
    throw new ParseError({ file, lineNumber: 1, problem: "of count and label there is only one" });
  return has("label") ? readLabelled(bytes, file) : readPlain(bytes, file);
}

async function readPlain(bytes: ByteSource, file: string): Promise<Recording> {
  const reader = readColumns(bytes, {
    file,
    columns: { start: "timestamp", stop: "timestamp", latency_nanos: "number" },
  });
  const [start, stop, nanos] = [new GrowingColumn(), new GrowingColumn(), new GrowingColumn()];
  for await (const { count, columns } of reader.batches) {
    start.append(columns.start, count);
    stop.append(columns.stop, count);
    nanos.append(columns.latency_nanos, count);
  }
  const [counts, labels] = [new Float64Array(reader.rowCount).fill(1), new Float64Array(reader.rowCount)];
  const columns = { start: start.values, stop: stop.values, nanos: nanos.values, counts, labels };
  const { skipped, skippedCount } = reader;
  return toRecording("plain", columns, { file, labels: ["write"], skipped, skippedCount });
}

async function readLabelled(bytes: ByteSource, file: string): Promise<Recording> {
  const reader = readColumns(bytes, {
    file,
    columns: { start: "timestamp", stop: "timestamp", count: "number", latency_nanos: "number", label: "category" },
  });
  const [start, stop, nanos] = [new GrowingColumn(), new GrowingColumn(), new GrowingColumn()];
  const [counts, labels] = [new GrowingColumn(), new GrowingColumn()];
  for await (const { count, columns } of reader.batches) {
    start.append(columns.start, count);
    stop.append(columns.stop, count);
    nanos.append(columns.latency_nanos, count);
    counts.append(columns.count, count);
    labels.append(columns.label, count);
  }
  const columns = {
    ...{ start: start.values, stop: stop.values, nanos: nanos.values },
    ...{ counts: counts.values, labels: labels.values },
  };
  const { skipped, skippedCount } = reader;
  return toRecording("labelled", columns, { file, labels: reader.categories("label"), skipped, skippedCount });
}

/** Numbers as they come, without a second copy at the end. */
class GrowingColumn {
  #buffer = new Float64Array(65_536);
  #length = 0;
  append(values: Float64Array, count: number): void {
    if (this.#length + count > this.#buffer.length) {
      const larger = new Float64Array(Math.max(2 * this.#buffer.length, this.#length + count));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(values.subarray(0, count), this.#length);
    this.#length += count;
  }
  get values(): Float64Array {
    return this.#buffer.subarray(0, this.#length);
  }
}

interface Columns {
  readonly start: Float64Array;
  readonly stop: Float64Array;
  /** Becomes milliseconds where it is. */
  readonly nanos: Float64Array;
  readonly counts: Float64Array;
  readonly labels: Float64Array;
}

function toRecording(
  kind: Recording["kind"],
  { start, stop, nanos, counts, labels: labelCodes }: Columns,
  about: { file: string; labels: readonly string[]; skipped: readonly SkippedLine[]; skippedCount: number },
): Recording {
  const { file, labels, skipped, skippedCount } = about;
  if (start.length === 0)
    throw new ParseError(
      { file, lineNumber: 1, problem: "no request was recorded" },
      { hint: "the client's own log tells why: look for requests that timed out" },
    );
  for (let i = 0; i < nanos.length; i++) nanos[i] = (nanos[i] ?? NaN) / 1e6;
  const columns = { startMs: start, stopMs: stop, latencyMs: nanos, counts, labelCodes };
  return { kind, labels, skipped, skippedCount, ...sortedByStart(columns) };
}

type RowColumns = Pick<Recording, "startMs" | "stopMs" | "latencyMs" | "counts" | "labelCodes">;

/** Rows of one start stay in their order. */
function sortedByStart(columns: RowColumns): RowColumns & { outOfOrderCount: number } {
  const { startMs } = columns;
  let outOfOrderCount = 0;
  for (let i = 1; i < startMs.length; i++) if ((startMs[i] ?? 0) < (startMs[i - 1] ?? 0)) outOfOrderCount++;
  if (outOfOrderCount === 0) return { ...columns, outOfOrderCount };
  const order = Uint32Array.from(startMs.keys()).sort((i, j) => (startMs[i] ?? 0) - (startMs[j] ?? 0) || i - j);
  return { ...pickRows(columns, order), outOfOrderCount };
}

function pickRows(columns: RowColumns, order: Uint32Array): RowColumns {
  const pick = (values: Float64Array): Float64Array => Float64Array.from(order, (index) => values[index] ?? NaN);
  return {
    startMs: pick(columns.startMs),
    stopMs: pick(columns.stopMs),
    latencyMs: pick(columns.latencyMs),
    counts: pick(columns.counts),
    labelCodes: pick(columns.labelCodes),
  };
}

/** The rows of some client processes together, sorted by start, as the harness merges them. */
export function mergeRecordings(recordings: readonly Recording[]): Recording {
  const labels = [...new Set(recordings.flatMap((recording) => recording.labels))];
  const columns = {
    startMs: joined(recordings.map((recording) => recording.startMs)),
    stopMs: joined(recordings.map((recording) => recording.stopMs)),
    latencyMs: joined(recordings.map((recording) => recording.latencyMs)),
    counts: joined(recordings.map((recording) => recording.counts)),
    labelCodes: joined(
      recordings.map(({ labelCodes, labels: own }) => labelCodes.map((code) => labels.indexOf(own[code] ?? ""))),
    ),
  };
  return {
    kind: recordings.every(({ kind }) => kind === "plain") ? "plain" : "labelled",
    labels,
    skipped: recordings.flatMap(({ skipped }) => skipped),
    skippedCount: recordings.reduce((count, { skippedCount }) => count + skippedCount, 0),
    ...sortedByStart(columns),
    outOfOrderCount: recordings.reduce((count, { outOfOrderCount }) => count + outOfOrderCount, 0),
  };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Longer first lines are no header. */
const headerLimitBytes = 4096;

/** Looks at the first line, and gives it back with the rest. */
async function withHeader(source: AsyncGenerator<Uint8Array>): Promise<{ header: string; bytes: ByteSource }> {
  let head: Uint8Array = new Uint8Array(0);
  while (!head.includes(10) && head.length < headerLimitBytes) {
    const next = await source.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  const end = head.indexOf(10);
  const header = Buffer.from(head.subarray(0, end < 0 ? headerLimitBytes : end))
    .toString("utf8")
    .trim();
  const bytes = (async function* () {
    yield head;
    yield* source;
  })();
  return { header, bytes };
}
