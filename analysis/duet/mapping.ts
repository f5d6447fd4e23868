import { z } from "zod";
import { parseCsv } from "./csv.ts";
import type { IterationTiming } from "./iteration.ts";
import { skippedLine } from "./parsed.ts";
import type { Parsed, SkippedLine } from "./parsed.ts";

/** Units of time a harness may write. */
const nanosecondsPer = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n } as const;
const unit = z.enum(["ns", "us", "ms", "s"]);
/** A column, a JSON field (dots go deeper), or a named group of the pattern, and its unit. */
const quantity = z.strictObject({ field: z.string().min(1), unit });

const fields = {
  time: quantity,
  /** Unix time of the iteration's start. Without it only durations can be compared. */
  start: quantity.optional(),
  /** A field that names the benchmark, where a file holds several. */
  benchmark: z.string().min(1).optional(),
  /** Further fields to keep. */
  extras: z.array(z.string().min(1)).default([]),
};

/**
 * How to read any harness' results, as declared in an experiment: one record an iteration, in order.
 *
 * csv: by header names. json: an array at `records` (dots go deeper; the whole document when empty), or JSON lines. lines: a
 * regular expression with named groups, lines that don't match are nobody's.
 */
export const harnessMappingSchema = z.discriminatedUnion("format", [
  z.strictObject({ format: z.literal("csv"), ...fields }),
  z.strictObject({ format: z.literal("json"), records: z.string().default(""), ...fields }),
  z.strictObject({ format: z.literal("jsonLines"), ...fields }),
  z.strictObject({
    format: z.literal("lines"),
    pattern: z.string().refine(isPattern, "not a regular expression"),
    ...fields,
  }),
]);
export type HarnessMapping = z.infer<typeof harnessMappingSchema>;

function isPattern(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}

interface SourceRecord {
  readonly number: number;
  readonly text: string;
  readonly get: (field: string) => string | undefined;
}

/** Reads a result by a declared mapping. */
export function parseByMapping(text: string, mapping: HarnessMapping): Parsed<IterationTiming> {
  const skipped: SkippedLine[] = [];
  const rows: IterationTiming[] = [];
  const iterations = new Map<string | undefined, number>();
  for (const record of recordsOf(text, mapping, skipped)) {
    const time = toNanoseconds(record.get(mapping.time.field), mapping.time.unit);
    const start =
      mapping.start === undefined ? undefined : toNanoseconds(record.get(mapping.start.field), mapping.start.unit);
    if (time === undefined || time <= 0n || time > BigInt(Number.MAX_SAFE_INTEGER)) {
      skipped.push(skippedLine(record.number, record.text, `${mapping.time.field} isn't a positive time`));
      continue;
    }
    if (mapping.start !== undefined && start === undefined) {
      skipped.push(skippedLine(record.number, record.text, `${mapping.start.field} isn't a time`));
      continue;
    }
    const benchmark = mapping.benchmark === undefined ? undefined : record.get(mapping.benchmark);
    const iteration = iterations.get(benchmark) ?? 0;
    iterations.set(benchmark, iteration + 1);
    const extras: Record<string, number | string> = {};
    for (const name of mapping.extras) {
      const value = record.get(name);
      if (value !== undefined && value !== "") extras[name] = Number.isFinite(Number(value)) ? Number(value) : value;
    }
    rows.push({
      benchmark,
      iteration,
      startNs: start,
      endNs: start === undefined ? undefined : start + time,
      timeNs: Number(time),
      extras,
    });
  }
  return { rows, skipped };
}

function recordsOf(text: string, mapping: HarnessMapping, skipped: SkippedLine[]): SourceRecord[] {
  switch (mapping.format) {
    case "csv": {
      const [header, ...records] = parseCsv(text);
      return records.map(({ lineNumber, fields: values }) => ({
        number: lineNumber,
        text: values.join(","),
        get: (field) => values[header?.fields.indexOf(field) ?? -1],
      }));
    }
    case "json": {
      const found = valueAt(parseJson(text), mapping.records);
      if (!Array.isArray(found)) {
        skipped.push(skippedLine(1, text, `no array at "${mapping.records}"`));
        return [];
      }
      return found.map((record: unknown, index) => fromObject(record, index + 1, JSON.stringify(record)));
    }
    case "jsonLines":
      return text
        .split("\n")
        .flatMap((line, index) => (line.trim() === "" ? [] : [fromObject(parseJson(line), index + 1, line)]));
    case "lines": {
      const pattern = new RegExp(mapping.pattern);
      return text.split("\n").flatMap((line, index) => {
        const groups = pattern.exec(line)?.groups;
        return groups === undefined ? [] : [{ number: index + 1, text: line, get: (field) => groups[field] }];
      });
    }
    default:
      return mapping satisfies never;
  }
}

function fromObject(record: unknown, number: number, text: string): SourceRecord {
  return {
    number,
    text,
    get: (field) => {
      const value = valueAt(record, field);
      return typeof value === "number" || typeof value === "string" ? String(value) : undefined;
    },
  };
}

function valueAt(value: unknown, path: string): unknown {
  if (path === "") return value;
  return path
    .split(".")
    .reduce<unknown>(
      (at, key) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      value,
    ); // an object's own keys
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const decimalPattern = /^(\d+)(?:\.(\d*))?$/;

/** A decimal text in a unit as nanoseconds, exactly; digits below a nanosecond are cut. Exponents go through a double. */
function toNanoseconds(text: string | undefined, from: keyof typeof nanosecondsPer): bigint | undefined {
  if (text === undefined) return undefined;
  const [, whole, fraction = ""] = decimalPattern.exec(text.trim()) ?? [];
  const scale = nanosecondsPer[from];
  if (whole !== undefined)
    return BigInt(whole) * scale + (BigInt(fraction.padEnd(18, "0").slice(0, 18)) * scale) / 10n ** 18n;
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) && value >= 0
    ? BigInt(Math.round(value * Number(scale)))
    : undefined;
}
