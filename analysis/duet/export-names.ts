import { describeTrial } from "../trials.ts";
import type { Trial, TrialArtifact } from "../trials.ts";
import { runTypeOf } from "./from-trials.ts";
import { buildResultName, ResultNameError } from "./result-name.ts";
import type { PairLabel } from "./result-name.ts";

/** How a run's trials become runs of the original tool. */
export interface ExportNaming {
  readonly suite: string;
  /** A workload's name; what the naming doesn't allow in it becomes `_`. */
  readonly benchmark: (trial: Trial) => string;
  /** Only results with these base names: a file, or a folder as SPEC leaves it. @default all that the sides' processes left */
  readonly files?: readonly string[];
}

/** A result with its name under the original's rules. */
export interface NamedResult {
  readonly trial: Trial;
  readonly host: string;
  /** Below the host's result folder; within a folder where the result is one: `speccpu.….A.result/CPU2017.002.log`. */
  readonly path: string;
  readonly artifact: TrialArtifact;
}

/**
 * Names the results of a comparison's trials as the original tool does. A trial is a run and keeps its index as the run's id.
 *
 * @throws {ResultNameError} when two results would have one name: two points that are one benchmark, or two processes a side
 */
export function nameResults(trials: readonly Trial[], naming: ExportNaming): NamedResult[] {
  const named = new Map<string, NamedResult>();
  for (const trial of trials) {
    for (const result of resultsOf(trial, naming)) {
      const key = `${result.host}/${result.path}`;
      const other = named.get(key);
      // A trial that two sweeps plan is measured once.
      if (other !== undefined && other.artifact.key !== result.artifact.key) {
        throw new ResultNameError(`${other.artifact.key} and ${result.artifact.key} would both be ${result.path}`, {
          hint: "name the parameter that tells benchmarks apart, a part of the points, or the files that are results",
        });
      }
      named.set(key, result);
    }
  }
  return [...named.values()];
}

function resultsOf(trial: Trial, { suite, benchmark, files }: ExportNaming): NamedResult[] {
  const { comparison } = trial;
  if (comparison === undefined) {
    throw new ResultNameError(`${describeTrial(trial)} has no sides A and B`, {
      hint: "take points of a sweep with `compare:`",
    });
  }
  const type = runTypeOf(comparison);
  return trial.artifacts.flatMap((artifact) => {
    const [, side, rest = ""] = /^(?!reset-)[a-z0-9-]+-\d+(?:\.([ab]))?\/(.+)$/.exec(artifact.path) ?? [];
    const [file = "", ...below] = rest.split("/");
    const pair: PairLabel | undefined = comparison.arm ?? (side === "a" ? "A" : side === "b" ? "B" : undefined);
    if (pair === undefined || rest === "" || (files !== undefined && !files.includes(file))) return [];
    const name = buildResultName({
      suite: suite.replaceAll(unnamable, "_"),
      benchmark: benchmark(trial).replaceAll(unnamable, "_"),
      runId: trial.trialIndex,
      type,
      order: comparison.order,
      pair,
      file,
    });
    return [{ trial, host: artifact.host, path: [name, ...below].join("/"), artifact }];
  });
}

const unnamable = /[^A-Za-z0-9_-]/g;
