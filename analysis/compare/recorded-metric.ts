import { RepriseError } from "../../core/errors/reprise-error.ts";
import { readColumns } from "../parse/read-columns.ts";
import { mean, nearestRankQuantile, sum } from "../statistics/descriptive.ts";
import type { Trial, TrialArtifact } from "../trials.ts";

/**
 * Metrics that no definition named: a statistic of a column of a CSV file that trials left. Any series that an experiment
 * recorded can so be compared, long after its run.
 */
export interface RecordedMetric {
  /** As it was written: `requests.csv:latencyMs:p99`. */
  readonly name: string;
  /** The file's name, or the end of its path. */
  readonly file: string;
  readonly column: string;
  readonly stat: string;
}

/** A statistic that isn't known, or more values than one trial can have. */
export class RecordedMetricError extends RepriseError {
  override readonly name = "RecordedMetricError";
}

/** Values of one trial, eight bytes each. */
const mostValues = 20_000_000;
const plain: Readonly<Record<string, (values: Float64Array) => number>> = {
  mean: (values) => mean(values),
  median: (values) => nearestRankQuantile(values, 0.5),
  sum: (values) => sum(values),
  count: (values) => values.length,
  min: (values) => nearestRankQuantile(values, 0),
  max: (values) => nearestRankQuantile(values, 1),
};

/**
 * Reads `FILE:COLUMN` or `FILE:COLUMN:STAT`; the mean where no statistic is named.
 *
 * @returns undefined for what isn't of that form: the name of a metric of `summary:`
 * @throws {RecordedMetricError} for another statistic than `mean`, `median`, `sum`, `count`, `min`, `max` or a nearest-rank
 * percentile such as `p99.9`
 */
export function parseRecordedMetric(text: string): RecordedMetric | undefined {
  const [file, column, stat = "mean", ...more] = text.split(":");
  if (!file || !column || more.length > 0) return undefined;
  statisticNamed(stat);
  return { name: text, file, column, stat };
}

/**
 * The same trials with that metric in their summary, in a duet one for each side. A trial that lacks the file stays without
 * it, and so will be left out with its reason.
 *
 * @returns also what was skipped in which file
 * @throws {ParseError} when a file lacks the column
 */
export async function withRecorded(
  trials: readonly Trial[],
  metric: RecordedMetric,
): Promise<{ readonly trials: Trial[]; readonly skipped: string[] }> {
  const skipped: string[] = [];
  const found: Trial[] = [];
  for (const trial of trials) {
    const files = trial.artifacts.filter(({ path }) =>
      [metric.file, `${metric.file}.gz`].some((name) => path === name || path.endsWith(`/${name}`)),
    );
    const summary: Record<string, number> = { ...trial.summary };
    for (const side of trial.comparison?.mode === "duet" ? (["A", "B"] as const) : [undefined]) {
      const own = files.filter((file) => side === undefined || (sideOf(file) ?? side) === side);
      const value = own.length === 0 ? undefined : await valueOf(own, metric, skipped);
      if (value !== undefined) summary[side === undefined ? metric.name : `${metric.name}.${side}`] = value;
    }
    found.push({ ...trial, summary });
  }
  return { trials: found, skipped };
}

/** The side whose process left a file; undefined of a process that both share. */
function sideOf({ path }: TrialArtifact): "A" | "B" | undefined {
  const side = /(?:^|\/)[a-z0-9-]+\.([ab])\//.exec(path)?.[1];
  return side === undefined ? undefined : side === "a" ? "A" : "B";
}

/** Of all values in all of a side's files; undefined where there is none. */
async function valueOf(
  files: readonly TrialArtifact[],
  { name, column, stat }: RecordedMetric,
  skipped: string[],
): Promise<number | undefined> {
  let values = new Float64Array(1_024);
  let length = 0;
  for (const file of files) {
    const reader = readColumns(file.open(), { columns: { [column]: "number" }, file: file.key });
    for await (const { count, columns } of reader.batches) {
      if (length + count > mostValues) {
        throw new RecordedMetricError(`${name}: ${file.key} has more than ${mostValues} values`, {
          hint: "name a metric in `summary:`, or a smaller file",
        });
      }
      while (values.length < length + count) {
        const grown = new Float64Array(values.length * 2);
        grown.set(values);
        values = grown;
      }
      const batch = columns[column];
      if (batch !== undefined) values.set(batch.subarray(0, count), length);
      length += count;
    }
    if (reader.skippedCount > 0) skipped.push(`${file.key}: ${reader.skippedCount} lines have no number in ${column}`);
  }
  return length === 0 ? undefined : statisticNamed(stat)(values.subarray(0, length));
}

function statisticNamed(stat: string): (values: Float64Array) => number {
  const known = Object.hasOwn(plain, stat) ? plain[stat] : undefined;
  if (known !== undefined) return known;
  const percent = /^p(\d+(?:\.\d+)?)$/.exec(stat)?.[1];
  if (percent !== undefined && Number(percent) <= 100) {
    return (values) => nearestRankQuantile(values, Number(percent) / 100);
  }
  throw new RecordedMetricError(`"${stat}" is no statistic`, {
    hint: `one of ${Object.keys(plain).join(", ")}, or a percentile such as p99`,
  });
}
