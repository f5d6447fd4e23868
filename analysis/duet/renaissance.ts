import { z } from "zod";
import type { IterationTiming } from "./iteration.ts";
import { skippedLine } from "./parsed.ts";
import type { Parsed, SkippedLine } from "./parsed.ts";

/** What is used of a Renaissance result file, format version 5 (suite 0.13) and later. */
const resultFile = z.looseObject({
  data: z.record(
    z.string(),
    z.looseObject({
      results: z.array(z.unknown()),
      termination: z.string().optional(),
    }),
  ),
  environment: z.looseObject({ vm: z.looseObject({ start_unix_ms: z.int() }) }),
});
const resultEntry = z.looseObject({ duration_ns: z.int().positive(), uptime_ns: z.int() });

/**
 * Reads a Renaissance JSON result. An iteration starts at VM start + uptime: summing durations instead would lose the
 * gaps between iterations.
 *
 * Extras: `epoch_start_ms`, `uptime_ns`, `termination` (`forced` when the harness was stopped early).
 *
 * @returns skipped entries by their number in the file; all of the file when it isn't such a result
 */
export function parseRenaissance(text: string): Parsed<IterationTiming> {
  const rows: IterationTiming[] = [];
  const skipped: SkippedLine[] = [];
  const file = resultFile.safeParse(parseJson(text));
  if (!file.success)
    return { rows, skipped: [skippedLine(1, text, `not a Renaissance result: ${problemOf(file.error)}`)] };
  const startMs = file.data.environment.vm.start_unix_ms;
  let record = 0;
  for (const [benchmark, { results, termination }] of Object.entries(file.data.data)) {
    for (const [iteration, entry] of results.entries()) {
      record++;
      const result = resultEntry.safeParse(entry);
      if (!result.success) {
        skipped.push(
          skippedLine(
            record,
            JSON.stringify(entry),
            `iteration ${iteration} of ${benchmark}: ${problemOf(result.error)}`,
          ),
        );
        continue;
      }
      const { duration_ns: timeNs, uptime_ns: uptimeNs } = result.data;
      const startNs = BigInt(startMs) * 1_000_000n + BigInt(uptimeNs);
      rows.push({
        benchmark,
        iteration,
        startNs,
        endNs: startNs + BigInt(timeNs),
        timeNs,
        extras: { epoch_start_ms: startMs, uptime_ns: uptimeNs, ...(termination === undefined ? {} : { termination }) },
      });
    }
  }
  return { rows, skipped };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const problemOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => `${path.join(".")}: ${message}`)
    .slice(0, 3)
    .join("; ");
