import { groupEffect } from "../statistics/group-effect.ts";
import type { GroupEffect } from "../statistics/group-effect.ts";
import { benjaminiHochberg } from "../statistics/multiple.ts";
import type { SteadyStateClass } from "../statistics/steady-state.ts";
import { varianceBudget } from "../statistics/variance-budget.ts";
import type { VarianceBudget } from "../statistics/variance-budget.ts";
import { compareRuns } from "../statistics/verdict.ts";
import type { Comparison, VerdictOptions } from "../statistics/verdict.ts";
import { mean } from "../statistics/descriptive.ts";
import { evaluateRun } from "./evaluate-run.ts";
import type { EvaluateOptions, InvalidRun, ValidRun } from "./evaluate-run.ts";
import type { IterationRow } from "./iteration.ts";
import type { RunType } from "./result-name.ts";
import { groupRuns } from "./runs.ts";

/** One benchmark, in one environment, by one method. */
export interface BenchmarkResult {
  readonly suite: string;
  readonly benchmark: string;
  readonly environment: string | undefined;
  readonly type: RunType;
  readonly valid: readonly ValidRun[];
  readonly invalid: readonly InvalidRun[];
  /** Undefined when no run is valid. */
  readonly comparison: Comparison | undefined;
  /** The comparison's p after Benjamini and Hochberg's adjustment over all results. */
  readonly adjustedP: number | undefined;
  /** Whether AB and BA differ; undefined where only one order was run. */
  readonly orderEffect: GroupEffect | undefined;
  /** Of mean iteration times of runs, A and B; undefined below two valid runs. */
  readonly budget: VarianceBudget | undefined;
  /** How many processes behaved how. */
  readonly classes: Readonly<Record<SteadyStateClass, number>>;
}

/**
 * The whole way from rows to verdicts: runs, their log ratios, a comparison for each benchmark × environment × method, order
 * effects, and control of the false discovery rate over the report.
 */
export function compareBenchmarks(
  rows: readonly IterationRow[],
  options: EvaluateOptions & VerdictOptions = {},
): BenchmarkResult[] {
  const groups = new Map<string, { valid: ValidRun[]; invalid: InvalidRun[] }>();
  for (const run of groupRuns(rows)) {
    const key = JSON.stringify([run.suite, run.benchmark, run.environment, run.type]);
    const group = groups.get(key) ?? { valid: [], invalid: [] };
    groups.set(key, group);
    const evaluation = evaluateRun(run, options);
    if (evaluation.kind === "valid") group.valid.push(evaluation);
    else group.invalid.push(evaluation);
  }
  const results = Array.from(groups.values(), (group) => toResult(group, options));
  const tested = results.flatMap(({ comparison }) => (comparison?.p === undefined ? [] : [comparison.p]));
  const adjusted = benjaminiHochberg(tested).values();
  return results.map((result) => ({
    ...result,
    adjustedP: result.comparison?.p === undefined ? undefined : adjusted.next().value?.adjusted,
  }));
}

function toResult(
  { valid, invalid }: { valid: ValidRun[]; invalid: InvalidRun[] },
  options: VerdictOptions,
): Omit<BenchmarkResult, "adjustedP"> {
  const run = (valid[0] ?? invalid[0])?.run;
  if (run === undefined) throw new Error("a group of no runs"); // groups are made with their first run
  const classes: Record<SteadyStateClass, number> = { flat: 0, "warm-up": 0, slowdown: 0, "no steady state": 0 };
  for (const { steadyA, steadyB } of valid)
    for (const state of [steadyA, steadyB]) if (state !== undefined) classes[state.class]++;
  const ordered = valid.flatMap((entry) =>
    entry.run.order === undefined ? [] : [{ group: entry.run.order, logRatio: entry.logRatio }],
  );
  const hosts = new Set(valid.map((entry) => entry.run.hostname));
  return {
    suite: run.suite,
    benchmark: run.benchmark,
    environment: run.environment,
    type: run.type,
    valid,
    invalid,
    comparison:
      valid.length === 0
        ? undefined
        : compareRuns(
            valid.map((entry) => ({
              logRatio: entry.logRatio,
              ...(hosts.size > 1 ? { host: entry.run.hostname ?? "" } : {}),
            })),
            options,
          ),
    orderEffect: new Set(ordered.map(({ group }) => group)).size === 2 ? groupEffect(ordered) : undefined,
    budget:
      valid.length < 2
        ? undefined
        : varianceBudget(
            valid.map((entry) => meanTime(entry.run.a)),
            valid.map((entry) => meanTime(entry.run.b)),
          ),
    classes,
  };
}

const meanTime = (rows: readonly IterationRow[]): number => mean(rows.map(({ timeNs }) => timeNs));
