import { readText } from "../parse/byte-source.ts";
import { RepriseError } from "../../core/errors/reprise-error.ts";
import { artifactsNamed, describeTrial } from "../trials.ts";
import type { Trial, TrialArtifact, TrialComparison } from "../trials.ts";
import type { IterationRow, IterationTiming } from "./iteration.ts";
import { parseByMapping } from "./mapping.ts";
import type { HarnessMapping } from "./mapping.ts";
import type { Parsed } from "./parsed.ts";
import type { RunType } from "./result-name.ts";

/** How the result file of a comparison's trials is read. */
export interface TrialResults {
  readonly suite: string;
  /** What is measured, by its parameters: a workload's name. */
  readonly benchmark: (trial: Trial) => string;
  /** The file that each side leaves. */
  readonly file: string;
  /** Which files it is, where its name isn't always the same. @default those called `file` */
  readonly match?: RegExp;
  /** A parser of `analysis/duet`, or a mapping. */
  readonly read: ((text: string) => Parsed<IterationTiming>) | HarnessMapping;
}

/** The file that a harness of one's own is best off with: one line an iteration, wall clock at its start. */
export const iterationsCsv: HarnessMapping = {
  format: "csv",
  time: { field: "duration_ns", unit: "ns" },
  start: { field: "start_ns", unit: "ns" },
  extras: [],
};

/** A trial that isn't of a comparison, or a result that can't be read whole. */
export class TrialResultsError extends RepriseError {
  override readonly name = "TrialResultsError";
}

/**
 * Iterations of a comparison's trials, as the unified table has them: `duet` and `syncduet` from trials with both sides,
 * `seqn` from trials with one. A trial is a run: its index is the run's id.
 *
 * @throws {TrialResultsError} when a trial has no sides, or a line of its file isn't an iteration: a silently shorter
 * series is a wrong figure
 */
export async function readTrialIterations(trials: readonly Trial[], results: TrialResults): Promise<IterationRow[]> {
  const rows: IterationRow[] = [];
  for (const trial of trials) {
    const { comparison } = trial;
    if (comparison === undefined) {
      throw new TrialResultsError(`${describeTrial(trial)} has no sides A and B`, {
        hint: "take trials of a sweep with `compare:`",
      });
    }
    const type = runTypeOf(comparison);
    for (const artifact of filesOf(trial, results)) {
      const text = await readText(artifact.open(), artifact.key);
      const parsed = typeof results.read === "function" ? results.read(text) : parseByMapping(text, results.read);
      const [skipped] = parsed.skipped;
      if (skipped !== undefined) {
        throw new TrialResultsError(
          `${artifact.key}:${skipped.lineNumber}: ${skipped.reason}: "${skipped.line.slice(0, 80)}"`,
        );
      }
      for (const row of parsed.rows) {
        rows.push({
          ...row,
          suite: results.suite,
          benchmark: results.benchmark(trial),
          type,
          runId: trial.trialIndex,
          order: comparison.order,
          pair: comparison.arm ?? sideOf(artifact),
          environment: undefined,
          hostname: artifact.host,
          // Trial indices restart with each run.
          date: trial.runId,
        });
      }
    }
  }
  return rows;
}

/** How the original tool calls a way of running. */
export const runTypeOf = ({ mode, barrier }: TrialComparison): RunType =>
  mode !== "duet" ? "seqn" : barrier ? "syncduet" : "duet";

function filesOf(trial: Trial, { file, match }: TrialResults): TrialArtifact[] {
  if (match === undefined) return artifactsNamed(trial, file);
  const found = trial.artifacts.filter(({ path }) => match.test(path));
  if (found.length > 0) return found;
  throw new TrialResultsError(`${describeTrial(trial)} has no file that matches ${String(match)}`);
}

/** The side whose process left a file: `work-0.b/iterations.csv` is B's. */
function sideOf({ path, key }: TrialArtifact): "A" | "B" {
  const side = /(?:^|\/)[a-z0-9-]+\.([ab])\//.exec(path)?.[1];
  if (side === undefined) throw new TrialResultsError(`${key} belongs to neither side`);
  return side === "a" ? "A" : "B";
}
