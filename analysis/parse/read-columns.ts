/**
 * Reads the numeric columns of large CSV files into typed arrays, straight from bytes: no string is made for a number,
 * and memory is one batch, whatever the file's size. Made for the request logs that client recorders write: one line a
 * request, few columns, no line breaks inside fields.
 */
import { unpacked } from "./byte-source.ts";
import type { ByteSource } from "./byte-source.ts";
import { csvRecords } from "./lines.ts";
import { ParseError, SkippedLines } from "./parsed.ts";
import type { ParseOptions, SkippedLine } from "./parsed.ts";

/**
 * How a column's bytes become numbers. `number`: decimal, with or without exponent. `timestamp`: ISO 8601 or Python's
 * `YYYY-MM-DD HH:MM:SS[.ffffff][+00:00]`, as milliseconds since 1970, UTC where no zone is given. `boolean`: true/false,
 * 1/0, ok/error, as 1 and 0. `category`: a code into `categories`, by order of appearance.
 */
export type ColumnKind = "number" | "timestamp" | "boolean" | "category";

export interface ReadColumnsOptions<Name extends string> extends ParseOptions {
  /** The columns wanted by their header's name; others are passed over. */
  readonly columns: Readonly<Record<Name, ColumnKind>>;
  /** @default "," */
  readonly delimiter?: string;
  /** What an empty number means: the line is skipped, or the value is NaN. @default "skip" */
  readonly empty?: "skip" | "nan";
  /** @default 65536 */
  readonly batchRows?: number;
}

/** Some rows, column by column. The arrays are used again for the next batch: reduce them or copy them. */
export interface ColumnBatch<Name extends string> {
  readonly count: number;
  /** Only the first `count` values belong to this batch. */
  readonly columns: Readonly<Record<Name, Float64Array>>;
}

/** A pass over one file; what it skipped and found is known when its batches have been read. */
export interface ColumnReader<Name extends string> {
  readonly batches: AsyncGenerator<ColumnBatch<Name>>;
  readonly rowCount: number;
  readonly byteCount: number;
  readonly skipped: readonly SkippedLine[];
  readonly skippedCount: number;
  /** The texts behind the codes of a category column. */
  categories(name: Name): readonly string[];
}

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const powersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const booleans: Readonly<Record<string, number>> = { true: 1, false: 0, ok: 1, error: 0 };

/**
 * @example
 * const reader = readColumns(fileBytes("recorder.csv.gz"), { columns: { start: "timestamp", latency_nanos: "number" } });
 * for await (const { count, columns } of reader.batches) digest.addAll(columns.latency_nanos, count);
 *
 * @throws {ParseError} (while reading) when the header lacks a column or the file is cut short inside gzip
 */
export function readColumns<Name extends string>(
  source: ByteSource,
  options: ReadColumnsOptions<Name>,
): ColumnReader<Name> {
  const parser = new ColumnParser(options);
  return {
    batches: readBatches(source, parser, options.file ?? "input"),
    get rowCount() {
      return parser.rowCount;
    },
    get byteCount() {
      return parser.byteCount;
    },
    get skipped() {
      return parser.skipped.kept;
    },
    get skippedCount() {
      return parser.skipped.count;
    },
    categories: (name) => parser.categoriesOf(name),
  };
}

async function* readBatches<Name extends string>(
  source: ByteSource,
  parser: ColumnParser<Name>,
  file: string,
): AsyncGenerator<ColumnBatch<Name>> {
  let carry: Uint8Array = new Uint8Array(0);
  for await (const chunk of unpacked(source, file)) {
    parser.byteCount += chunk.length;
    const lastBreak = chunk.lastIndexOf(NEWLINE);
    if (lastBreak < 0) {
      carry = Buffer.concat([carry, chunk]);
      continue;
    }
    // Only the line that spans the chunks is copied; a chunk may be megabytes.
    const firstBreak = carry.length === 0 ? -1 : chunk.indexOf(NEWLINE);
    if (carry.length > 0) yield* parser.lines(Buffer.concat([carry, chunk.subarray(0, firstBreak + 1)]));
    yield* parser.lines(chunk.subarray(firstBreak + 1, lastBreak + 1));
    carry = Uint8Array.from(chunk.subarray(lastBreak + 1));
  }
  if (carry.length > 0) yield* parser.lines(Buffer.concat([carry, Uint8Array.of(NEWLINE)]));
  yield* parser.rest();
}

class ColumnParser<Name extends string> {
  readonly skipped: SkippedLines;
  rowCount = 0;
  byteCount = 0;
  readonly #file: string;
  readonly #delimiter: number;
  readonly #delimiterText: string;
  readonly #emptyIsNan: boolean;
  readonly #batchRows: number;
  readonly #names: readonly Name[];
  readonly #kinds: Readonly<Record<Name, ColumnKind>>;
  readonly #columns: Readonly<Record<Name, Float64Array>>;
  readonly #categories = new Map<Name, CategoryColumn>();
  /** By position in the file: what to do with the field, and where its value goes. */
  #plan: { readonly kind: ColumnKind; readonly into: Float64Array; readonly category: CategoryColumn | undefined }[] =
    [];
  #positions: (number | undefined)[] | undefined;
  #fieldCount = 0;
  #lineNumber = 0;
  #filled = 0;
  #isInsideQuotes = false;
  readonly #clock = new TimestampReader();

  constructor(options: ReadColumnsOptions<Name>) {
    this.#file = options.file ?? "input";
    this.#delimiterText = options.delimiter ?? ",";
    this.#delimiter = this.#delimiterText.charCodeAt(0);
    this.#emptyIsNan = options.empty === "nan";
    this.#batchRows = options.batchRows ?? 65_536;
    this.#kinds = options.columns;
    this.#names = Object.keys(options.columns) as Name[]; // The keys of a record of Name are Names.
    this.#columns = Object.fromEntries(this.#names.map((name) => [name, new Float64Array(this.#batchRows)])) as Record<
      Name,
      Float64Array
    >; // As above.
    for (const name of this.#names)
      if (options.columns[name] === "category") this.#categories.set(name, new CategoryColumn());
    this.skipped = new SkippedLines(options.keepSkipped);
  }

  categoriesOf(name: Name): readonly string[] {
    return this.#categories.get(name)?.texts ?? [];
  }

  *rest(): Generator<ColumnBatch<Name>> {
    if (!this.#positions) this.#readHeader("");
    if (this.#filled > 0) yield this.#flush();
  }

  #flush(): ColumnBatch<Name> {
    const batch = { count: this.#filled, columns: this.#columns };
    this.rowCount += this.#filled;
    this.#filled = 0;
    return batch;
  }

  /** @param bytes whole lines, the last one ended too */
  *lines(bytes: Uint8Array): Generator<ColumnBatch<Name>> {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#positions) {
        const end = bytes.indexOf(NEWLINE, at);
        this.#lineNumber++;
        this.#readHeader(textOf(bytes, at, end).replace(/\r$/, ""));
        at = end + 1;
        continue;
      }
      at = this.#fill(bytes, at);
      if (this.#filled === this.#batchRows) yield this.#flush();
    }
  }

  #readHeader(line: string): void {
    const record = [...csvRecords(line, { file: this.#file, delimiter: this.#delimiterText })][0];
    const header = record?.fields ?? [];
    const missing = this.#names.filter((name) => !header.includes(name));
    if (missing.length > 0)
      throw new ParseError(
        { file: this.#file, lineNumber: 1, problem: `no column named ${missing.join(", ")}` },
        { hint: header.length === 0 ? "the file is empty" : `its columns are ${header.join(", ")}` },
      );
    this.#fieldCount = header.length;
    this.#plan = this.#names.map((name) => ({
      kind: this.#kinds[name],
      into: this.#columns[name],
      category: this.#categories.get(name),
    }));
    this.#positions = header.map((name) => {
      const index = this.#names.indexOf(name as Name); // Names it doesn't hold give -1.
      return index < 0 ? undefined : index;
    });
  }

  /** Reads lines until the batch is full or the bytes end. @returns where the next line starts */
  #fill(bytes: Uint8Array, from: number): number {
    const delimiter = this.#delimiter;
    const positions = this.#positions ?? [];
    const plan = this.#plan;
    const limit = this.#batchRows;
    const fieldCount = this.#fieldCount;
    const end = bytes.length;
    let filled = this.#filled;
    let at = from;
    while (at < end && filled < limit) {
      const lineStart = at;
      this.#lineNumber++;
      if (this.#isInsideQuotes) {
        at = this.#skipQuoted(bytes, at);
        continue;
      }
      let reason = "";
      let field = 0;
      for (;;) {
        const index = field < fieldCount ? positions[field] : undefined;
        const step = index === undefined ? undefined : plan[index];
        let byte = bytes[at] ?? NEWLINE;
        if (byte === QUOTE) {
          reason = "quoted";
          break;
        }
        if (step?.kind === "number") {
          const start = at;
          const isNegative = byte === 45;
          if (isNegative) at++;
          let value = 0;
          let digits = 0;
          let decimals = 0;
          let digit = (bytes[at] ?? NEWLINE) - 48;
          while (digit >= 0 && digit <= 9) {
            value = value * 10 + digit;
            digits++;
            digit = (bytes[++at] ?? NEWLINE) - 48;
          }
          if (digit === -2) {
            digit = (bytes[++at] ?? NEWLINE) - 48;
            while (digit >= 0 && digit <= 9) {
              value = value * 10 + digit;
              digits++;
              decimals++;
              digit = (bytes[++at] ?? NEWLINE) - 48;
            }
          }
          byte = bytes[at] ?? NEWLINE;
          const isPlain = byte === delimiter || byte === NEWLINE || byte === RETURN;
          if (isPlain && digits > 0 && digits <= 15) {
            // Both are exact, so the one division rounds as a parser of the text would.
            if (decimals > 0) value /= powersOfTen[decimals] ?? 1;
            step.into[filled] = isNegative ? -value : value;
          } else {
            while (byte !== delimiter && byte !== NEWLINE) byte = bytes[++at] ?? NEWLINE;
            const slow = this.#slowNumber(textOf(bytes, start, at));
            if (slow === undefined) reason ||= `"${textOf(bytes, start, at)}" is not a number`;
            else step.into[filled] = slow;
          }
        } else {
          const start = at;
          while (byte !== delimiter && byte !== NEWLINE) byte = bytes[++at] ?? NEWLINE;
          if (step) {
            const stop = byte === NEWLINE && at > start && bytes[at - 1] === RETURN ? at - 1 : at;
            const value = this.#textField(step, bytes, start, stop);
            if (Number.isNaN(value)) reason ||= `"${textOf(bytes, start, stop)}" is not a ${step.kind}`;
            else step.into[filled] = value;
          }
        }
        if (byte === RETURN) byte = bytes[++at] ?? NEWLINE;
        field++;
        if (byte === delimiter) {
          at++;
          continue;
        }
        if (byte !== NEWLINE) {
          while (byte !== NEWLINE) byte = bytes[++at] ?? NEWLINE;
          reason ||= "a stray carriage return";
        }
        at++;
        break;
      }
      if (reason === "quoted") {
        const stop = bytes.indexOf(NEWLINE, lineStart);
        at = stop + 1;
        reason = this.#quotedLine(textOf(bytes, lineStart, stop), filled);
      } else if (reason === "" && field !== fieldCount) {
        // An empty last line is how files end, not a record.
        if (field === 1 && at - lineStart <= 2 && textOf(bytes, lineStart, at).trim() === "") continue;
        reason = `${field} fields where the header has ${fieldCount}`;
      }
      if (reason === "") filled++;
      else this.skipped.add(this.#lineNumber, textOf(bytes, lineStart, at).trimEnd(), reason);
    }
    this.#filled = filled;
    return at;
  }

  #slowNumber(text: string): number | undefined {
    const trimmed = text.trim();
    if (trimmed === "") return this.#emptyIsNan ? NaN : undefined;
    const value = /^[-+.\deE]+$/.test(trimmed) ? Number(trimmed) : NaN;
    return Number.isNaN(value) ? undefined : value;
  }

  #textField(
    step: { readonly kind: ColumnKind; readonly category: CategoryColumn | undefined },
    bytes: Uint8Array,
    start: number,
    stop: number,
  ): number {
    if (step.category) return step.category.codeOf(bytes, start, stop);
    if (step.kind === "timestamp") return this.#clock.read(bytes, start, stop);
    if (stop - start === 1) return bytes[start] === 49 ? 1 : bytes[start] === 48 ? 0 : NaN;
    return booleans[textOf(bytes, start, stop).toLowerCase()] ?? NaN;
  }

  /** Passes over a line that is the rest of a quoted field; it might look like a row of its own. */
  #skipQuoted(bytes: Uint8Array, at: number): number {
    const stop = bytes.indexOf(NEWLINE, at);
    let quotes = 0;
    for (let i = at; i < stop; i++) if (bytes[i] === QUOTE) quotes++;
    if (quotes % 2 === 1) this.#isInsideQuotes = false;
    this.skipped.add(this.#lineNumber, textOf(bytes, at, stop).trimEnd(), "the rest of a quoted field");
    return stop + 1;
  }

  /** A line with quotes takes the careful way. @returns why it was refused, or nothing */
  #quotedLine(line: string, row: number): string {
    let fields: readonly string[];
    try {
      fields = [...csvRecords(line, { delimiter: this.#delimiterText })][0]?.fields ?? [];
    } catch {
      this.#isInsideQuotes = true;
      return "a quoted field holds a line break: read this file with parseCsv";
    }
    if (fields.length !== this.#fieldCount) return `${fields.length} fields where the header has ${this.#fieldCount}`;
    for (const [position, index] of (this.#positions ?? []).entries()) {
      const step = index === undefined ? undefined : this.#plan[index];
      if (!step) continue;
      const text = fields[position] ?? "";
      const bytes = Buffer.from(text);
      const value = step.kind === "number" ? this.#slowNumber(text) : this.#textField(step, bytes, 0, bytes.length);
      if (value === undefined || (step.kind !== "number" && Number.isNaN(value)))
        return `"${text}" is not a ${step.kind}`;
      step.into[row] = value;
    }
    return "";
  }
}

const textOf = (bytes: Uint8Array, start: number, stop: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, stop - start)).toString("utf8");

/** Codes of a column with few distinct texts, most often the same as on the line before. */
class CategoryColumn {
  readonly texts: string[] = [];
  readonly #codes = new Map<string, number>();
  #last: Uint8Array = new Uint8Array(0);
  #lastCode = -1;
  codeOf(bytes: Uint8Array, start: number, stop: number): number {
    if (this.#lastCode >= 0 && this.#isLast(bytes, start, stop)) return this.#lastCode;
    const text = textOf(bytes, start, stop);
    let code = this.#codes.get(text);
    if (code === undefined) {
      code = this.texts.push(text) - 1;
      this.#codes.set(text, code);
    }
    this.#last = Uint8Array.from(bytes.subarray(start, stop));
    this.#lastCode = code;
    return code;
  }
  #isLast(bytes: Uint8Array, start: number, stop: number): boolean {
    const last = this.#last;
    if (stop - start !== last.length) return false;
    for (let i = 0; i < last.length; i++) if (bytes[start + i] !== last[i]) return false;
    return true;
  }
}

/** Two decimal digits, or a negative number where there are none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 48;
  const ones = (bytes[at + 1] ?? 0) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1000;
}

/** Reads timestamps by position; the day, which hardly ever changes, is kept. */
class TimestampReader {
  #dayKey = -1;
  #dayMs = NaN;

  read(bytes: Uint8Array, start: number, stop: number): number {
    if (stop - start < 19) return NaN;
    const century = twoDigits(bytes, start);
    const year = twoDigits(bytes, start + 2);
    const month = twoDigits(bytes, start + 5);
    const day = twoDigits(bytes, start + 8);
    const key = ((century * 100 + year) * 16 + month) * 32 + day;
    if (key !== this.#dayKey) {
      const ms = Date.UTC(century * 100 + year, month - 1, day);
      const isReal = century >= 0 && year >= 0 && month >= 1 && day >= 1 && new Date(ms).getUTCDate() === day;
      this.#dayKey = key;
      this.#dayMs = isReal && month <= 12 ? ms : NaN;
    }
    const hour = twoDigits(bytes, start + 11);
    const minute = twoDigits(bytes, start + 14);
    const second = twoDigits(bytes, start + 17);
    const isTime = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 61;
    const isPunctuated =
      bytes[start + 4] === 45 && bytes[start + 7] === 45 && bytes[start + 13] === 58 && bytes[start + 16] === 58;
    if (!isTime || !isPunctuated) return NaN;
    let fraction = 0;
    let decimals = 0;
    let at = start + 19;
    if (bytes[at] === 46) {
      for (at++; at < stop; at++) {
        const digit = (bytes[at] ?? 0) - 48;
        if (digit < 0 || digit > 9) break;
        // Digits past the nanoseconds are below what a double keeps of such a time.
        if (decimals < 9) {
          fraction = fraction * 10 + digit;
          decimals++;
        }
      }
    }
    const wholeSec = (hour * 60 + minute) * 60 + second;
    const ms = this.#dayMs + wholeSec * 1000 + (fraction * 1000) / (powersOfTen[decimals] ?? 1);
    if (at === stop || (bytes[at] === 90 && at + 1 === stop)) return ms;
    const sign = bytes[at] === 43 ? 1 : bytes[at] === 45 ? -1 : NaN;
    const hasColon = bytes[at + 3] === 58;
    if (stop - at !== (hasColon ? 6 : 5)) return NaN;
    const offsetMin = twoDigits(bytes, at + 1) * 60 + twoDigits(bytes, at + (hasColon ? 4 : 3));
    return offsetMin < 0 ? NaN : ms - sign * offsetMin * 60_000;
  }
}
