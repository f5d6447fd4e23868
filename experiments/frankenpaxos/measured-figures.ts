/** What the figures of our own runs share: trials as rows of `results.csv`, grouped into series by their parameters. */
import { defineFigure, latencyThroughput } from "reprise/analysis";
import type { Figure, Trial } from "reprise/analysis";
import { curveRows, CurveRow } from "./curve-figures.ts";
import type { ResultRow } from "./results-csv.ts";
import { toResultRow } from "./trial-results.ts";

/** Names that rows have as well as trials, so that a mark finds its trials. */
export type Inputs = Readonly<Record<string, unknown>>;

/** One recording at a time is held. */
export async function readResults(trials: readonly Trial[]): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for (const trial of trials) rows.push(await toResultRow(trial));
  return rows;
}

/** Rows by series, in order of first appearance. */
export function bySeries(rows: readonly ResultRow[], name: (row: ResultRow) => string): [string, ResultRow[]][] {
  const series = new Map<string, ResultRow[]>();
  for (const row of rows) series.set(name(row), [...(series.get(name(row)) ?? []), row]);
  return [...series];
}

export const clientsOf = (inputs: Inputs): number =>
  Number(inputs["clientProcesses"]) * Number(inputs["clientsPerProcess"]);

export const throughputEstimator =
  "throughput: 90th percentile of the event-weighted rolling one-second rate of starts, by the rule of the harness for its first second";

/** Latency over throughput as clients are added, of runs of ours. */
export const measuredCurve = ({
  name,
  title,
  note,
  sweeps,
  points,
  series,
  order,
}: {
  readonly name: string;
  readonly title: string;
  readonly note?: string;
  readonly sweeps: readonly string[];
  /** @default all of the sweeps' */
  readonly points?: (parameters: Inputs) => boolean;
  readonly series: (parameters: Inputs) => string;
  /** @default that of their first trials */
  readonly order?: readonly string[];
}): Figure<CurveRow> =>
  defineFigure<CurveRow>({
    name,
    title,
    caption: [
      "Each point is a number of clients, added along the line; its place is the mean over trials, bars are one sample standard deviation of the throughput.",
      note,
    ]
      .filter(Boolean)
      .join(" "),
    estimator: `${throughputEstimator}; latency: median over recorded rows; mean over trials`,
    row: CurveRow,
    needs: { sweeps, ...(points && { points }) },
    rows: async (trials) =>
      bySeries(await readResults(trials), ({ inputs }) => series(inputs)).flatMap(([label, rows]) =>
        curveRows(label, rows),
      ),
    isFrom: (row, { sweep, parameters }) =>
      sweeps.includes(sweep) &&
      (points?.(parameters) ?? true) &&
      series(parameters) === row.series &&
      clientsOf(parameters) === row.clients,
    spec: (rows) =>
      latencyThroughput(rows, {
        throughput: {
          field: "throughputPerSec",
          title: "throughput (commands/s)",
          interval: { low: "throughputLowPerSec", high: "throughputHighPerSec" },
        },
        latency: { field: "latencyMs", title: "median latency (ms)" },
        load: "clients",
        aspect: 0.8,
        series: {
          field: "series",
          ...(order && { order: order.filter((label) => rows.some((row) => row.series === label)) }),
        },
      }),
  });
