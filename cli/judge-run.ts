import { join } from "node:path";
import type { ClaimTrial, JudgedClaim } from "../analysis/claims/index.ts";
import { judgeClaims } from "../analysis/claims/index.ts";
import { withRatios } from "../analysis/compare/every-metric.ts";
import type { Trial } from "../analysis/trials.ts";
import { parseShare } from "../core/definition/quantities.ts";
import type { Definition } from "../core/definition/schema.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import type { Plan } from "../core/plan/types.ts";
import { loadExperimentModule } from "./figures-module.ts";
import { cacheFolder } from "./home.ts";

/** What a figures module may export beside figures: metrics of a trial that `summary:` can't express. */
type TrialMetrics = (trial: Trial) => Promise<Readonly<Record<string, number>>>;

export interface RunToJudge {
  readonly spec: Definition;
  readonly plan: Plan;
  readonly trials: readonly Trial[];
  /** Of the experiment; undefined where it isn't at hand, and only `summary:` counts. */
  readonly folder: string | undefined;
  readonly home: string;
}

/** The verdicts on a run's claims. */
export async function judgeRun({ spec, plan, folder, home, ...run }: RunToJudge): Promise<JudgedClaim[]> {
  if (spec.claims.length === 0) return [];
  const trials = withRatios(run.trials);
  const unknown = spec.claims.some(({ metric }) => trials.every(({ summary }) => summary[metric] === undefined));
  const extra = unknown && folder !== undefined ? await loadMetrics(spec, folder, home) : undefined;
  const byKey = new Map(trials.map((trial) => [trial.trialKey, trial]));
  const sweeps = new Set(spec.claims.flatMap(({ of, relativeTo }) => [of.sweep, relativeTo?.sweep]));
  const all: ClaimTrial[] = [];
  for (const block of plan.blocks) {
    for (const { point: index, trialIndex, trialKey } of block.trials) {
      const point = plan.points[index];
      if (point === undefined || !sweeps.has(point.sweep)) continue;
      const trial = byKey.get(trialKey);
      const { sweep, pointKey, parameters, variant } = point;
      const metrics = trial && { ...(await metricsOf(trial, extra)), ...trial.summary };
      all.push({ sweep, pointKey, parameters, variant, trialIndex, metrics });
    }
  }
  const stated = spec.claims.map((claim) => ({
    ...claim,
    tolerance: claim.tolerance === undefined ? undefined : parseShare(claim.tolerance),
  }));
  return judgeClaims(stated, all);
}

async function metricsOf(
  trial: Trial,
  extra: TrialMetrics | undefined,
): Promise<Readonly<Record<string, number>> | undefined> {
  try {
    return await extra?.(trial);
  } catch (error) {
    throw new FailureError(
      { class: "integrity", message: `metrics of ${trial.pointKey} trial ${trial.trialIndex}: ${messageOf(error)}` },
      { cause: error },
    );
  }
}

async function loadMetrics(spec: Definition, folder: string, home: string): Promise<TrialMetrics | undefined> {
  for (const module of new Set(Object.values(spec.figures).map((figure) => figure.module))) {
    const { exports } = await loadExperimentModule(join(folder, module), join(cacheFolder(home), "figures"));
    const found = exports["trialMetrics"];
    if (typeof found === "function") return found as TrialMetrics; // the experiment's contract
  }
  return undefined;
}
