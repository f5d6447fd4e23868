import { bootstrapInterval } from "../statistics/bootstrap.ts";
import { coefficientOfVariation, mean } from "../statistics/descriptive.ts";
import { completeJoin, filterByOverlap, relativeOverlapTime, walkJoin } from "../statistics/overlap.ts";
import { mannWhitney } from "../statistics/rank.ts";
import { secondHalf } from "./evaluate-run.ts";
import { runSpans } from "./runs.ts";
import type { DuetRun } from "./runs.ts";

/**
 * The evaluation of the thesis (sections 4.1 to 4.4 of the duet description), for standing beside published numbers. Its
 * flaws are kept: differences in nanoseconds, a BCa bootstrap of few values, iterations taken for independent. For results of
 * one's own there is `compareBenchmarks`.
 */

/** One run as RQ1 counts it. */
export interface RunTime {
  readonly type: DuetRun["type"];
  /** Whole seconds: A plus B for sequential runs, the span of both for duets. */
  readonly runTimeSec: number;
  /** Of A and B together. */
  readonly iterations: number;
}

/** RQ1's run time; undefined without absolute times, or when a partner is missing. */
export function originalRunTime(run: DuetRun): RunTime | undefined {
  const spans = runSpans(run);
  if (spans === undefined || run.a.length === 0 || run.b.length === 0) return undefined;
  const extent = (side: readonly { start: number; end: number }[]) => ({
    start: Math.min(...side.map(({ start }) => start)),
    end: Math.max(...side.map(({ end }) => end)),
  });
  const [a, b] = [extent(spans.a), extent(spans.b)];
  const totalNs =
    run.type === "seqn" ? a.end - a.start + (b.end - b.start) : Math.max(a.end, b.end) - Math.min(a.start, b.start);
  return { type: run.type, runTimeSec: Math.floor(totalNs / 1e9), iterations: run.a.length + run.b.length };
}

/**
 * RQ1's speed-up of a benchmark by running both sides at once: mean time per iteration of sequential runs over that of
 * asynchronous ones, minus 1. Undefined when a method has no runs.
 */
export function originalSpeedup(runs: readonly RunTime[]): number | undefined {
  const perIteration = (type: RunTime["type"]) =>
    runs.filter((run) => run.type === type).map(({ runTimeSec, iterations }) => runTimeSec / iterations);
  const [sequential, duet] = [perIteration("seqn"), perIteration("duet")];
  return sequential.length === 0 || duet.length === 0 ? undefined : mean(sequential) / mean(duet) - 1;
}

export interface OriginalOptions {
  /** Asynchronous pairs must overlap by more than this share of both. @default 0.4 */
  readonly minimumRatio?: number;
  /** @default "walk", the original's own */
  readonly rule?: "complete" | "walk";
  /** The original's bootstrap is unseeded. @default 1 */
  readonly seed?: number;
}

/** Differences a − b in nanoseconds of a run's kept pairs, after the second-half filter. */
export function originalDifferences(
  run: DuetRun,
  { minimumRatio = 0.4, rule = "walk" }: OriginalOptions = {},
): number[] {
  const kept = keptHalves(run);
  if (run.type === "duet") {
    const { spans } = kept;
    if (spans === undefined) return [];
    const pairs = filterByOverlap(
      rule === "walk" ? walkJoin(spans.a, spans.b) : completeJoin(spans.a, spans.b),
      spans.a,
      spans.b,
      minimumRatio,
    );
    return pairs.flatMap((pair) => {
      const [a, b] = [kept.a[pair.a], kept.b[pair.b]];
      return a === undefined || b === undefined ? [] : [a.timeNs - b.timeNs];
    });
  }
  const ofB = new Map(kept.b.map((row) => [row.iteration, row.timeNs]));
  return kept.a.flatMap((row) => {
    const b = ofB.get(row.iteration);
    return b === undefined ? [] : [row.timeNs - b];
  });
}

function keptHalves(run: DuetRun) {
  const [fromA, fromB] = secondHalf(run);
  const spans = runSpans(run);
  return {
    a: run.a.slice(fromA),
    b: run.b.slice(fromB),
    spans: spans === undefined ? undefined : { a: spans.a.slice(fromA), b: spans.b.slice(fromB) },
  };
}

/** RQ3's row of one benchmark × environment × method. */
export interface OriginalInterval {
  readonly runs: number;
  readonly cv: number;
  readonly grandMeanNs: number;
  readonly ciMidNs: number;
  readonly ciHalfWidthNs: number;
  readonly relativeCiWidth: number;
  /** A and B are taken for equal: the interval holds 0. */
  readonly aaMatch: boolean;
  /** Two-sided p of Mann and Whitney's test over all iterations. */
  readonly uTestP: number;
}

/**
 * RQ3 of the runs of one benchmark: BCa interval of the mean over runs of each run's mean difference a − b. Undefined with
 * fewer than two runs that have pairs.
 */
export function originalInterval(
  runs: readonly DuetRun[],
  options: OriginalOptions = {},
): OriginalInterval | undefined {
  const differences = runs.map((run) => originalDifferences(run, options)).filter((values) => values.length > 0);
  if (differences.length < 2) return undefined;
  const halves = runs.map(keptHalves);
  const timesA = halves.flatMap(({ a }) => a.map(({ timeNs }) => timeNs));
  const timesB = halves.flatMap(({ b }) => b.map(({ timeNs }) => timeNs));
  const all = [...timesA, ...timesB];
  const { low, high } = bootstrapInterval(differences.map(mean), {
    method: "bca",
    resamples: 9_999,
    seed: options.seed ?? 1,
  });
  const ciHalfWidthNs = (high - low) / 2;
  const ciMidNs = low + ciHalfWidthNs;
  return {
    runs: differences.length,
    cv: coefficientOfVariation(all),
    grandMeanNs: mean(all),
    ciMidNs,
    ciHalfWidthNs,
    relativeCiWidth: (high - low) / mean(all),
    aaMatch: intervalHoldsZero({ ciMidNs, ciHalfWidthNs }),
    uTestP: mannWhitney(timesA, timesB, "normal").p,
  };
}

export const intervalHoldsZero = ({
  ciMidNs,
  ciHalfWidthNs,
}: {
  readonly ciMidNs: number;
  readonly ciHalfWidthNs: number;
}): boolean => Math.abs(ciMidNs) <= ciHalfWidthNs;

/**
 * RQ2's relative overlap time of a benchmark's asynchronous runs: common time of kept pairs over half of all iteration
 * times, after the second-half filter.
 */
export function originalOverlap(
  runs: readonly DuetRun[],
  { minimumRatio = 0.4, rule = "walk" }: OriginalOptions = {},
): number {
  let overlap = 0;
  let busy = 0;
  for (const run of runs) {
    const { spans } = keptHalves(run);
    if (spans === undefined) continue;
    const pairs = filterByOverlap(
      rule === "walk" ? walkJoin(spans.a, spans.b) : completeJoin(spans.a, spans.b),
      spans.a,
      spans.b,
      minimumRatio,
    );
    const time = [...spans.a, ...spans.b].reduce((total, { start, end }) => total + end - start, 0) / 2;
    overlap += relativeOverlapTime(pairs, spans.a, spans.b) * time;
    busy += time;
  }
  return busy === 0 ? 0 : overlap / busy;
}

/**
 * RQ4's minimal detectable slow-down: the smallest one from which on at most `missed` of a suite's benchmarks are still
 * taken for equal.
 *
 * @param curve match ratio by slow-down, any order
 * @returns undefined when the largest slow-down is still missed too often
 */
export function minimalDetectableSlowdown(
  curve: readonly { readonly slowdown: number; readonly matchRatio: number }[],
  missed = 0.05,
): number | undefined {
  let found: number | undefined;
  for (const { slowdown, matchRatio } of [...curve].sort((x, y) => y.slowdown - x.slowdown)) {
    if (matchRatio > missed) break;
    found = slowdown;
  }
  return found;
}
