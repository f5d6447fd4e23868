import { join } from "node:path";
import type { ClaimTrial, JudgedClaim } from "../analysis/claims/index.ts";
import { isAbout, judgeClaims } from "../analysis/claims/index.ts";
import { withRatios } from "../analysis/compare/every-metric.ts";
import { figureFolder } from "../analysis/figure-folder.ts";
import type { Trial } from "../analysis/trials.ts";
import { parseShare } from "../core/definition/quantities.ts";
import type { Definition } from "../core/definition/schema.ts";
import type { Plan } from "../core/plan/types.ts";
import { cacheFolder } from "./home.ts";
import { openMetrics } from "./trial-metrics.ts";

export interface RunToJudge {
  readonly runId: string;
  readonly spec: Definition;
  readonly plan: Plan;
  readonly trials: readonly Trial[];
  /** Of the experiment; undefined where it isn't at hand, and only `summary:` counts. */
  readonly folder: string | undefined;
  readonly home: string;
}

/** A trial whose metrics couldn't be made, or a module that should make them. */
export interface UnreadTrial {
  readonly name: string;
  readonly reason: string;
}

export interface JudgedRun {
  readonly claims: readonly JudgedClaim[];
  /** What claims were judged without; their reasons name it as well. */
  readonly unread: readonly UnreadTrial[];
}

/** The verdicts on a run's claims. A trial that can't be read keeps no claim from being judged. */
export async function judgeRun({ runId, spec, plan, folder, home, ...run }: RunToJudge): Promise<JudgedRun> {
  if (spec.claims.length === 0) return { claims: [], unread: [] };
  const trials = withRatios(run.trials);
  // Not by key: one that two sweeps plan stands for both, each time as a trial of its own sweep.
  const byName = new Map(trials.map((trial) => [`${trial.pointKey} ${trial.trialIndex}`, trial]));
  const isUnknown = spec.claims.some(({ metric }) => trials.every(({ summary }) => summary[metric] === undefined));
  const opened =
    isUnknown && folder !== undefined
      ? await openMetrics(runId, {
          folder,
          modules: Object.values(spec.figures).map((figure) => figure.module),
          cacheFolder: join(cacheFolder(home), "figures"),
          kept: figureFolder(join(cacheFolder(home), "claims")),
        })
      : undefined;
  const unread: UnreadTrial[] = [...(opened?.problems ?? [])];
  const all: ClaimTrial[] = [];
  for (const block of plan.blocks) {
    for (const { point: index, trialIndex } of block.trials) {
      const point = plan.points[index];
      if (point === undefined) continue;
      const { sweep, pointKey, parameters, variant } = point;
      const about = { sweep, pointKey, parameters, variant, trialIndex };
      const own = spec.claims.filter((claim) => isAbout(claim, about));
      if (own.length === 0) continue;
      const trial = byName.get(`${pointKey} ${trialIndex}`);
      if (trial === undefined) {
        all.push({ ...about, metrics: undefined });
        continue;
      }
      const isEnough = own.every(({ metric }) => trial.summary[metric] !== undefined);
      const made = isEnough ? undefined : await opened?.source?.of(trial);
      const problem = made !== undefined && "problem" in made ? made.problem : undefined;
      if (problem !== undefined) unread.push({ name: `${pointKey} trial ${trialIndex}`, reason: problem });
      const metrics = { ...(made !== undefined && "metrics" in made ? made.metrics : {}), ...trial.summary };
      all.push({ ...about, metrics, problem });
    }
  }
  await opened?.source?.keep();
  const stated = spec.claims.map((claim) => ({
    ...claim,
    tolerance: claim.tolerance === undefined ? undefined : parseShare(claim.tolerance),
  }));
  return { claims: judgeClaims(stated, all), unread };
}
