import type { Span } from "../statistics/overlap.ts";
import type { HostFacts, IterationRow } from "./iteration.ts";
import type { RunType, StartOrder } from "./result-name.ts";

/** One run: both sides of one run id, on one host, of one batch. Iterations are in order of time. */
export interface DuetRun extends HostFacts {
  readonly suite: string;
  readonly benchmark: string;
  readonly environment: string | undefined;
  readonly type: RunType;
  readonly runId: number;
  readonly order: StartOrder;
  readonly a: readonly IterationRow[];
  readonly b: readonly IterationRow[];
}

/**
 * Groups rows into runs. Run ids restart with each batch, so host and batch belong to a run's identity; a missing artifact
 * doesn't lose a row, as it did in the original's grouping.
 */
export function groupRuns(rows: readonly IterationRow[]): DuetRun[] {
  const groups = new Map<string, { first: IterationRow; a: IterationRow[]; b: IterationRow[] }>();
  for (const row of rows) {
    const key = JSON.stringify([
      row.suite,
      row.benchmark,
      row.type,
      row.runId,
      row.environment,
      row.hostname,
      row.date,
      row.uname,
      row.lscpu,
      row.meminfo,
    ]);
    let group = groups.get(key);
    if (group === undefined) {
      group = { first: row, a: [], b: [] };
      groups.set(key, group);
    }
    (row.pair === "A" ? group.a : group.b).push(row);
  }
  return Array.from(groups.values(), ({ first, a, b }) => ({
    suite: first.suite,
    benchmark: first.benchmark,
    environment: first.environment,
    type: first.type,
    runId: first.runId,
    order: first.order,
    date: first.date,
    hostname: first.hostname,
    uname: first.uname,
    lscpu: first.lscpu,
    meminfo: first.meminfo,
    a: a.sort(byIteration),
    b: b.sort(byIteration),
  }));
}

const byIteration = (x: IterationRow, y: IterationRow): number => x.iteration - y.iteration;

/** Both sides' iterations in nanoseconds since the run's first start, exact in doubles; undefined without absolute times. */
export function runSpans(run: DuetRun): { readonly a: Span[]; readonly b: Span[] } | undefined {
  let origin: bigint | undefined;
  for (const { startNs } of [...run.a, ...run.b]) {
    if (startNs === undefined) return undefined;
    if (origin === undefined || startNs < origin) origin = startNs;
  }
  const since = origin ?? 0n;
  const toSpan = ({ startNs = 0n, timeNs }: IterationRow): Span => {
    const start = Number(startNs - since);
    return { start, end: start + timeNs };
  };
  return { a: run.a.map(toSpan), b: run.b.map(toSpan) };
}

/** What a run was called, for reports: "dacapo.fop duet run 3 on host0". */
export const describeRun = ({ suite, benchmark, type, runId, hostname }: DuetRun): string =>
  `${suite}.${benchmark} ${type} run ${runId}${hostname === undefined ? "" : ` on ${hostname}`}`;
