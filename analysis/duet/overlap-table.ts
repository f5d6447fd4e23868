import { completeJoin, filterByOverlap, walkJoin } from "../statistics/overlap.ts";
import type { OverlapPair } from "../statistics/overlap.ts";
import { runSpans } from "./runs.ts";
import type { DuetRun } from "./runs.ts";

/** Columns of the overlap table, as the original names them; identity once, iterations with `_A` and `_B`. Unix nanoseconds are decimal strings. */
export interface OverlapRecord {
  readonly suite: string;
  readonly benchmark: string;
  readonly type: string;
  readonly runid: number;
  readonly order: string;
  readonly date: string;
  readonly hostname: string;
  readonly uname: string;
  readonly lscpu: string;
  readonly meminfo: string;
  readonly environment: string;
  readonly iteration_A: number;
  readonly iteration_start_ns_A: string;
  readonly iteration_end_ns_A: string;
  readonly iteration_time_ns_A: number;
  readonly iteration_B: number;
  readonly iteration_start_ns_B: string;
  readonly iteration_end_ns_B: string;
  readonly iteration_time_ns_B: number;
  readonly overlap_start_ns: string;
  readonly overlap_end_ns: string;
  readonly overlap_time_ns: number;
}

export interface OverlapOptions {
  /** `complete` finds every pair, `walk` those of the original tool. @default "complete" */
  readonly rule?: "complete" | "walk";
  /** Pairs must overlap by more than this share of both iterations. @default 0: every overlap */
  readonly minimumRatio?: number;
}

/** The overlap table of asynchronous runs; other runs, and those without absolute times, have no rows. */
export function overlapTable(
  runs: readonly DuetRun[],
  { rule = "complete", minimumRatio = 0 }: OverlapOptions = {},
): OverlapRecord[] {
  return runs.flatMap((run) => {
    const spans = run.type === "duet" ? runSpans(run) : undefined;
    if (spans === undefined) return [];
    const pairs = rule === "complete" ? completeJoin(spans.a, spans.b) : walkJoin(spans.a, spans.b);
    return filterByOverlap(pairs, spans.a, spans.b, minimumRatio).flatMap((pair) => toRecord(run, pair));
  });
}

function toRecord(run: DuetRun, pair: OverlapPair): OverlapRecord[] {
  const [a, b] = [run.a[pair.a], run.b[pair.b]];
  if (a?.startNs === undefined || b?.startNs === undefined) return [];
  const [endA, endB] = [a.endNs ?? a.startNs + BigInt(a.timeNs), b.endNs ?? b.startNs + BigInt(b.timeNs)];
  return [
    {
      suite: run.suite,
      benchmark: run.benchmark,
      type: run.type,
      runid: run.runId,
      order: run.order ?? "None",
      date: run.date ?? "",
      hostname: run.hostname ?? "",
      uname: run.uname ?? "",
      lscpu: run.lscpu ?? "",
      meminfo: run.meminfo ?? "",
      environment: run.environment ?? "",
      iteration_A: a.iteration,
      iteration_start_ns_A: String(a.startNs),
      iteration_end_ns_A: String(endA),
      iteration_time_ns_A: a.timeNs,
      iteration_B: b.iteration,
      iteration_start_ns_B: String(b.startNs),
      iteration_end_ns_B: String(endB),
      iteration_time_ns_B: b.timeNs,
      overlap_start_ns: String(a.startNs > b.startNs ? a.startNs : b.startNs),
      overlap_end_ns: String(endA < endB ? endA : endB),
      overlap_time_ns: pair.overlap,
    },
  ];
}
