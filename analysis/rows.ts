/** Row types that many experiments share, and the summaries between them: requests → one row a trial → one row a point. */
import { z } from "zod";
import { bootstrapInterval } from "./statistics/bootstrap.ts";
import { nearestRankOfSorted } from "./statistics/descriptive.ts";
import { median } from "./statistics/descriptive.ts";
import { tInterval } from "./statistics/t-interval.ts";
import type { ValueDigest } from "./digest/value-digest.ts";
import type { Trial } from "./trials.ts";

/** One request of a client. */
export const RequestRow = z.object({
  /** When it was sent, on the client's clock or from the trial's start. */
  startMs: z.number(),
  latencyMs: z.number().nonnegative(),
  ok: z.boolean().default(true),
  client: z.union([z.string(), z.number()]).optional(),
});
export type RequestRow = z.infer<typeof RequestRow>;

/** Latencies of one trial; percentiles are nearest-rank, over successful requests. */
export interface LatencySummary {
  readonly okCount: number;
  readonly failedCount: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** NaN in every latency when no request succeeded: an empty trial is seen, not drawn as zero. */
export function summarizeLatencies(rows: Iterable<Pick<RequestRow, "latencyMs" | "ok">>): LatencySummary {
  const latencies: number[] = [];
  let failedCount = 0;
  for (const { latencyMs, ok } of rows) {
    if (ok) latencies.push(latencyMs);
    else failedCount++;
  }
  const sorted = Float64Array.from(latencies).sort();
  const total = sorted.reduce((sum, value) => sum + value, 0);
  const at = (share: number): number => (sorted.length === 0 ? NaN : nearestRankOfSorted(sorted, share));
  return toSummary(at, {
    okCount: sorted.length,
    failedCount,
    meanMs: sorted.length === 0 ? NaN : total / sorted.length,
  });
}

/** The same from a digest of milliseconds, whose error it then has; its invalid values count as failed. */
export const summarizeDigest = (digest: ValueDigest): LatencySummary =>
  toSummary((share) => digest.quantile(share), {
    okCount: digest.count,
    failedCount: digest.invalidCount,
    meanMs: digest.mean,
  });

const toSummary = (
  at: (share: number) => number,
  counts: { readonly okCount: number; readonly failedCount: number; readonly meanMs: number },
): LatencySummary => ({
  ...counts,
  p50Ms: at(0.5),
  p90Ms: at(0.9),
  p95Ms: at(0.95),
  p99Ms: at(0.99),
  p999Ms: at(0.999),
  maxMs: at(1),
});

/** One trial: its point's parameters, its place among the point's trials, and its metrics, all in one flat row. */
export type TrialSummaryRow = {
  readonly runId: string;
  readonly pointKey: string;
  readonly trialIndex: number;
} & Readonly<Record<string, string | number | boolean>>;

/**
 * Rows from what the trials' definitions summarised. Nested parameters are named by their path (`client.count`); a
 * metric stands over a parameter of the same name.
 */
export function toTrialSummaryRows(trials: readonly Trial[]): TrialSummaryRow[] {
  return trials.map(({ runId, pointKey, trialIndex, parameters, summary }) => ({
    ...flatten(parameters),
    ...summary,
    runId,
    pointKey,
    trialIndex,
  }));
}

function flatten(value: object, prefix = ""): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
      if (typeof item === "string" || typeof item === "number" || typeof item === "boolean")
        return [[prefix + key, item]];
      return typeof item === "object" && item !== null ? Object.entries(flatten(item, `${prefix}${key}.`)) : [];
    }),
  );
}

/**
 * What whiskers over trials span. `range`: smallest to largest. `quartiles`: 25th to 75th percentile, nearest-rank.
 * `t`: Student's interval of the mean. `bootstrap`: BCa interval of the median, seeded. The last two need two trials and
 * are the value itself for one.
 */
export type TrialInterval = "range" | "quartiles" | "t" | "bootstrap";

export interface AcrossTrialsOptions<Row, Key extends keyof Row & string, Value extends keyof Row & string> {
  /** What makes a point: its parameters. */
  readonly by: readonly Key[];
  /** The metrics to summarise. */
  readonly values: readonly Value[];
  /** @default "range" */
  readonly interval?: TrialInterval;
  /** For `t` and `bootstrap`. @default 0.95 */
  readonly confidence?: number;
}

/** A point's row: `p50Ms` becomes the centre over trials, `p50MsLow` and `p50MsHigh` its interval. */
export type AcrossTrialsRow<Row, Key extends keyof Row, Value extends keyof Row & string> = Pick<Row, Key> & {
  readonly trialCount: number;
} & Readonly<Record<Value | `${Value}Low` | `${Value}High`, number>>;

/**
 * One row a point, in order of first appearance. The centre is the median over trials, and with interval `t` the mean.
 * A metric that is NaN in some trial is left out of that metric's centre; NaN in all gives NaN.
 */
export function acrossTrials<Row extends object, Key extends keyof Row & string, Value extends keyof Row & string>(
  rows: readonly Row[],
  options: AcrossTrialsOptions<Row, Key, Value>,
): AcrossTrialsRow<Row, Key, Value>[] {
  const { by, values, interval = "range", confidence = 0.95 } = options;
  return summarizeBy(rows, by, (trials) => {
    const entries = values.flatMap((name) => {
      const numbers = trials.map((row) => Number(row[name])).filter(Number.isFinite);
      const { centre, low, high } = centreOf(numbers, interval, confidence);
      return [
        [name, centre],
        [`${name}Low`, low],
        [`${name}High`, high],
      ];
    });
    return { trialCount: trials.length, ...Object.fromEntries(entries) } as { trialCount: number } & Record<
      Value | `${Value}Low` | `${Value}High`,
      number
    >; // The entries are just these names.
  });
}

function centreOf(
  numbers: readonly number[],
  interval: TrialInterval,
  confidence: number,
): { centre: number; low: number; high: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return { centre: NaN, low: NaN, high: NaN };
  const centre = median(sorted);
  if (sorted.length === 1) return { centre, low: centre, high: centre };
  switch (interval) {
    case "range":
      return { centre, low: first, high: last };
    case "quartiles":
      return { centre, low: nearestRankOfSorted(sorted, 0.25), high: nearestRankOfSorted(sorted, 0.75) };
    case "t": {
      const { estimate, low, high } = tInterval(sorted, confidence);
      return { centre: estimate, low, high };
    }
    case "bootstrap": {
      // A constant sample has no spread to resample.
      if (first === last) return { centre, low: first, high: last };
      const { low, high } = bootstrapInterval(sorted, { statistic: "median", confidence });
      return { centre, low, high };
    }
    default:
      return interval satisfies never;
  }
}

/**
 * Groups rows by some of their fields and makes one row a group: the fields, then what `summarize` gives. Groups come in
 * order of first appearance.
 */
export function summarizeBy<Row extends object, Key extends keyof Row & string, Summary extends object>(
  rows: readonly Row[],
  keys: readonly Key[],
  summarize: (group: readonly Row[]) => Summary,
): (Pick<Row, Key> & Summary)[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = JSON.stringify(keys.map((key) => row[key]));
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (!first) return [];
    const fields = Object.fromEntries(keys.map((key) => [key, first[key]])) as Pick<Row, Key>; // Just these keys.
    return [{ ...fields, ...summarize(group) }];
  });
}
