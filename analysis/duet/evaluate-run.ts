import { overlapLogRatio, sequentialLogRatio, synchronousLogRatio, windowLogRatio } from "../statistics/run-ratio.ts";
import type { Centre } from "../statistics/run-ratio.ts";
import { SampleError } from "../statistics/samples.ts";
import { steadyState } from "../statistics/steady-state.ts";
import type { SteadyState } from "../statistics/steady-state.ts";
import type { Span } from "../statistics/overlap.ts";
import { runSpans } from "./runs.ts";
import type { DuetRun } from "./runs.ts";

/** Why a run doesn't enter a comparison. */
export type InvalidReason = "missing partner" | "no common time" | "clock" | "too few iterations" | "terminated early";

export interface EvaluateOptions {
  /** Which iterations count. @default "steady": from the last changepoint, see `steadyState` */
  readonly warmup?: "steady" | "second half" | "none";
  /** @default "mean" */
  readonly centre?: Centre;
  /** How asynchronous iterations are compared. @default "window" */
  readonly asynchronous?: "window" | "overlap";
  /** Fewer steady iterations of a side make a run invalid. @default 1 */
  readonly fewestIterations?: number;
  /** Whether a harness that was stopped by its timeout makes a run invalid: its data are good, but fewer. @default false */
  readonly excludeTerminated?: boolean;
}

export interface ValidRun {
  readonly kind: "valid";
  readonly run: DuetRun;
  /** ln(B/A). */
  readonly logRatio: number;
  /** Pairs, or iterations of both sides, that it rests on. */
  readonly used: number;
  readonly steadyA: SteadyState | undefined;
  readonly steadyB: SteadyState | undefined;
  /** Largest start difference of a synchronous pair over its duration. */
  readonly relativeStartSkew: number | undefined;
  /** What a reader should know before trusting it. */
  readonly warnings: readonly string[];
}

export interface InvalidRun {
  readonly kind: "invalid";
  readonly run: DuetRun;
  readonly reason: InvalidReason;
  readonly detail: string;
}

export type RunEvaluation = ValidRun | InvalidRun;

/** Above this a synchronous run wasn't synchronised. */
const greatestSkew = 0.05;

/** One run's log ratio, or why it has none: nothing is dropped silently. */
export function evaluateRun(run: DuetRun, options: EvaluateOptions = {}): RunEvaluation {
  const {
    warmup = "steady",
    centre = "mean",
    asynchronous = "window",
    fewestIterations = 1,
    excludeTerminated = false,
  } = options;
  const invalid = (reason: InvalidReason, detail: string): InvalidRun => ({ kind: "invalid", run, reason, detail });
  if (run.a.length === 0 || run.b.length === 0) {
    return invalid("missing partner", `${run.a.length} iterations of A, ${run.b.length} of B`);
  }
  const terminated = [...run.a, ...run.b].some(({ extras }) => extras["termination"] === "forced");
  if (terminated && excludeTerminated)
    return invalid("terminated early", "the harness was stopped before its last iteration");

  const timesA = run.a.map(({ timeNs }) => timeNs);
  const timesB = run.b.map(({ timeNs }) => timeNs);
  // Programs that were compiled beforehand don't warm up, and do few iterations.
  const isSteady = warmup === "steady" && !withoutWarmup.has(run.suite);
  const steadyA = isSteady ? steadyState(timesA) : undefined;
  const steadyB = isSteady ? steadyState(timesB) : undefined;
  const [fromA, fromB] =
    steadyA !== undefined && steadyB !== undefined
      ? [steadyA.steadyFrom, steadyB.steadyFrom]
      : warmup === "none"
        ? [0, 0]
        : secondHalf(run);
  const leftA = timesA.length - fromA;
  const leftB = timesB.length - fromB;
  if (Math.min(leftA, leftB) < Math.max(1, fewestIterations)) {
    return invalid("too few iterations", `${leftA} steady iterations of A, ${leftB} of B`);
  }
  const warnings: string[] = [];
  if (terminated) warnings.push("the harness was stopped before its last iteration");
  for (const [side, state] of [
    ["A", steadyA],
    ["B", steadyB],
  ] as const) {
    if (state?.isFallback === true) warnings.push(`no steady state of ${side}: its second half stands in`);
    if (state?.class === "slowdown") warnings.push(`${side} slowed down`);
  }
  const valid = (logRatio: number, used: number, relativeStartSkew?: number): ValidRun => ({
    kind: "valid",
    run,
    logRatio,
    used,
    steadyA,
    steadyB,
    relativeStartSkew,
    warnings,
  });
  if (run.type === "seqn") {
    return valid(sequentialLogRatio(timesA.slice(fromA), timesB.slice(fromB), centre), leftA + leftB);
  }
  const spans = runSpans(run);
  if (spans === undefined) return invalid("clock", "iterations without an absolute start can't be brought together");
  const disorder = disorderOf(spans.a, "A") ?? disorderOf(spans.b, "B");
  if (disorder !== undefined) return invalid("clock", disorder);
  try {
    if (run.type === "syncduet") {
      const from = Math.max(fromA, fromB);
      if (Math.min(timesA.length, timesB.length) <= from)
        return invalid("too few iterations", `no pair from iteration ${from} on`);
      const { logRatio, pairs, relativeStartSkew } = synchronousLogRatio(
        spans.a.slice(from),
        spans.b.slice(from),
        centre,
      );
      if (relativeStartSkew > greatestSkew) {
        warnings.push(
          `not synchronised: starts differ by up to ${(100 * relativeStartSkew).toFixed(1)} % of an iteration`,
        );
      }
      return valid(logRatio, pairs, relativeStartSkew);
    }
    const [a, b] = [spans.a.slice(fromA), spans.b.slice(fromB)];
    if (asynchronous === "overlap") {
      const { logRatio, pairs } = overlapLogRatio(a, b);
      return valid(logRatio, pairs);
    }
    const { logRatio, countA, countB } = windowLogRatio(a, b, centre);
    return valid(logRatio, countA + countB);
  } catch (error) {
    if (error instanceof SampleError) return invalid("no common time", error.message);
    throw error;
  }
}

/** A side runs one iteration after the other; a clock that was set shows as an overlap of its own iterations. */
function disorderOf(spans: readonly Span[], side: string): string | undefined {
  for (let i = 1; i < spans.length; i++) {
    const [before, after] = [spans[i - 1], spans[i]];
    // Starts may be rounded to milliseconds, and ends are computed from them.
    if (before !== undefined && after !== undefined && after.start < before.start + (before.end - before.start) / 2) {
      return `iteration ${i} of ${side} starts before iteration ${i - 1} was half over`;
    }
  }
  return undefined;
}

/** Iterations that DaCapo's harnesses number from 1: the original's half depends on it. */
export const numberedFromOne: ReadonlySet<string> = new Set(["dacapo", "scalabench"]);

/** Suites whose iterations all count. */
const withoutWarmup: ReadonlySet<string> = new Set(["speccpu"]);

/**
 * The original's warm-up rule: of a run's largest iteration number M, those from M/2 on, in the harness' own numbering; SPEC
 * keeps all.
 *
 * @returns the first index of A and of B
 */
export function secondHalf(run: DuetRun): readonly [number, number] {
  if (withoutWarmup.has(run.suite)) return [0, 0];
  const base = numberedFromOne.has(run.suite) ? 1 : 0;
  const last = Math.max(...[...run.a, ...run.b].map(({ iteration }) => iteration + base));
  const firstOf = (rows: DuetRun["a"]) => {
    const index = rows.findIndex(({ iteration }) => iteration + base >= last / 2);
    return index < 0 ? rows.length : index;
  };
  return [firstOf(run.a), firstOf(run.b)];
}
