/** What `redis-benchmark --csv` prints, as rows. */
import { expectRows, ParseError, parseCsv } from "reprise/analysis";
import { z } from "zod";

/** One command's result on one client host; latencies are redis-benchmark's own, of single requests. */
export interface BenchmarkRow {
  /** As redis-benchmark names it: `SET`, `GET`, `LPUSH (needed to benchmark LRANGE)`. */
  readonly test: string;
  readonly requestsPerSec: number;
  readonly meanMs: number;
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const measured = z
  .string()
  .regex(/^\d+(\.\d+)?$/, "not a number")
  .transform(Number);

const Line = z
  .object({
    test: z.string().min(1),
    rps: measured,
    avg_latency_ms: measured,
    min_latency_ms: measured,
    p50_latency_ms: measured,
    p95_latency_ms: measured,
    p99_latency_ms: measured,
    max_latency_ms: measured,
  })
  .transform((line): BenchmarkRow => ({
    test: line.test,
    requestsPerSec: line.rps,
    meanMs: line.avg_latency_ms,
    minMs: line.min_latency_ms,
    p50Ms: line.p50_latency_ms,
    p95Ms: line.p95_latency_ms,
    p99Ms: line.p99_latency_ms,
    maxMs: line.max_latency_ms,
  }));

/**
 * Reads the CSV of redis-benchmark 6.2 or newer.
 *
 * @param file named in errors
 * @throws {ParseError} when a line isn't a result, or the file has no header, as before 6.2, or no result
 */
export function parseBenchmark(text: string, file = "redis-benchmark's output"): BenchmarkRow[] {
  if (!text.startsWith('"test","rps",'))
    throw new ParseError(
      { file, lineNumber: 1, problem: `not redis-benchmark's header: "${text.split("\n", 1).join("").slice(0, 80)}"` },
      { hint: "redis-benchmark's CSV has a header and latencies since 6.2; was the file written with --csv?" },
    );
  const rows = expectRows(parseCsv(text, Line, { file }), 0, file);
  if (rows.length === 0)
    throw new ParseError(
      { file, lineNumber: 2, problem: "a header and no result" },
      { hint: "redis-benchmark ended early: its stderr lies beside the file" },
    );
  return rows;
}
