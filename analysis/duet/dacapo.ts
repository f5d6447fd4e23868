import { parseCsv } from "./csv.ts";
import type { IterationTiming } from "./iteration.ts";
import { skippedLine } from "./parsed.ts";
import type { Parsed, SkippedLine } from "./parsed.ts";

/**
 * Reads the CSV that the patched DaCapo and ScalaBench harnesses write: a header, then one row an iteration. Rows of the
 * old format, without `start_unix`, have durations only: the original's guess at their start is wrong twice (`total_ms` is
 * the end, and its date that of the whole batch).
 *
 * Extras: every other column, as a number where it is one.
 */
export function parseDacapo(text: string): Parsed<IterationTiming> {
  const rows: IterationTiming[] = [];
  const skipped: SkippedLine[] = [];
  const [header, ...records] = parseCsv(text);
  const names = header?.fields ?? [];
  if (!names.includes("iteration_time_ns")) {
    return { rows, skipped: [skippedLine(1, names.join(","), "no column iteration_time_ns")] };
  }
  for (const [iteration, { lineNumber, fields }] of records.entries()) {
    const line = fields.join(",");
    const values = new Map(names.map((name, i) => [name, fields[i] ?? ""]));
    const timeNs = Number(values.get("iteration_time_ns"));
    if (fields.length !== names.length) {
      skipped.push(skippedLine(lineNumber, line, `${fields.length} fields under ${names.length} columns`));
      continue;
    }
    if (!Number.isSafeInteger(timeNs) || timeNs <= 0) {
      skipped.push(skippedLine(lineNumber, line, "iteration_time_ns isn't a positive whole number"));
      continue;
    }
    const start = values.get("start_unix");
    if (start !== undefined && !/^\d+$/.test(start)) {
      skipped.push(skippedLine(lineNumber, line, "start_unix isn't a whole number of milliseconds"));
      continue;
    }
    const startNs = start === undefined ? undefined : BigInt(start) * 1_000_000n;
    const extras: Record<string, number | string> = {};
    for (const [name, value] of values) {
      if (name === "benchmark" || name === "iteration_time_ns" || name === "start_unix" || value === "") continue;
      extras[name] = Number.isFinite(Number(value)) ? Number(value) : value;
    }
    rows.push({
      benchmark: values.get("benchmark"),
      iteration,
      startNs,
      endNs: startNs === undefined ? undefined : startNs + BigInt(timeNs),
      timeNs,
      extras,
    });
  }
  return { rows, skipped };
}

const startingLine = /^=+ DaCapo (\S+) (\S+) starting\b/;
const finishedLine = /^=+ DaCapo (\S+) (\S+) (?:completed warmup \d+|PASSED) in (\d+) msec/;
const failedLine = /^=+ DaCapo (\S+) (\S+) FAILED/;

/** A line of output with the time of its arrival, Unix nanoseconds. */
export interface TimedLine {
  readonly arrivedNs: bigint;
  readonly line: string;
}

/**
 * Reads a stock DaCapo harness, which prints lines and no clock: an iteration starts when its "starting" line arrives and
 * took the milliseconds that its last line says. Lines of the benchmark itself are nobody's and aren't counted as skipped;
 * a harness line out of order is.
 */
export function parseDacapoLines(lines: readonly TimedLine[]): Parsed<IterationTiming> {
  const rows: IterationTiming[] = [];
  const skipped: SkippedLine[] = [];
  let startNs: bigint | undefined;
  for (const [index, { arrivedNs, line }] of lines.entries()) {
    if (!line.startsWith("=====")) continue;
    if (startingLine.test(line)) {
      startNs = arrivedNs;
      continue;
    }
    const [, version, benchmark, took] = finishedLine.exec(line) ?? [];
    if (took === undefined || startNs === undefined || Number(took) === 0) {
      const reason = failedLine.test(line)
        ? "the iteration failed"
        : took === undefined
          ? "not a line of the harness"
          : Number(took) === 0
            ? "shorter than a millisecond"
            : "ends an iteration that didn't start";
      skipped.push(skippedLine(index + 1, line, reason));
      continue;
    }
    const timeNs = Number(took) * 1_000_000;
    rows.push({
      benchmark,
      iteration: rows.length,
      startNs,
      endNs: startNs + BigInt(timeNs),
      timeNs,
      extras: version === undefined ? {} : { dacapo_version: version },
    });
    startNs = undefined;
  }
  return { rows, skipped };
}
