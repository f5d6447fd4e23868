import type { LoadedDefinition } from "../../../core/definition/program.ts";
import type { PhaseName } from "../../../core/names/keys.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { PlanInputs } from "../../../core/plan/plan-experiment.ts";
import type {
  Experiment,
  LandedFiles,
  Plan,
  PlannedPoint,
  RenderedStep,
  Topology,
  TrialContext,
} from "../../../core/plan/types.ts";
import type { Unit } from "../../../core/ports/host-agent.ts";
import { openExperiment } from "../../../core/render/open-experiment.ts";
import { madeUpTopology } from "../../../core/render/rehearse.ts";
import { planInputs } from "../definition/load.ts";

/** A planned definition with made-up hosts, asked like a run's handlers ask it. */
export class TrialFixture {
  readonly plan: Plan;
  readonly experiment: Experiment;

  constructor(definition: LoadedDefinition, over: Partial<PlanInputs> = {}) {
    this.plan = planExperiment(definition, planInputs(definition, over));
    this.experiment = openExperiment(definition, this.plan);
  }

  point(pointKey: string): PlannedPoint {
    const point = this.plan.points.find((candidate) => candidate.pointKey === pointKey);
    if (point === undefined)
      throw new Error(`no point ${pointKey} among ${this.plan.points.map((p) => p.pointKey).join(" ")}`);
    return point;
  }

  topology(deployment: string): Topology {
    const planned = this.plan.deployments.find(({ name }) => name === deployment);
    if (planned === undefined) throw new Error(`no deployment ${deployment}`);
    return madeUpTopology(planned);
  }

  trial(pointKey: string, over: Partial<TrialContext> = {}): TrialContext {
    const point = this.point(pointKey);
    return {
      runId: "run-1",
      pointKey,
      parameters: point.parameters,
      trialIndex: 0,
      attempt: 1,
      seed: 42,
      lane: 0,
      topology: this.topology(point.deployment),
      ...over,
    };
  }

  /** All steps of a phase, stage by stage. */
  stages(phase: PhaseName, trial: TrialContext): readonly (readonly RenderedStep[])[] {
    const point = this.point(trial.pointKey);
    const stages = phase === "services" || phase === "jobs" ? this.experiment.stages(phase, point) : 1;
    return Array.from({ length: stages }, (_, stage) => this.experiment.renderTrial(phase, stage, trial));
  }

  /** Units of a phase by name, with the host each is on. */
  units(phase: PhaseName, trial: TrialContext): Map<string, Unit & { readonly host: string; readonly stage: number }> {
    return new Map(
      this.stages(phase, trial).flatMap((steps, stage) =>
        steps.flatMap((step) => step.units.map((unit) => [unit.name, { ...unit, host: step.host, stage }] as const)),
      ),
    );
  }
}

/** A unit's script without what every script begins with. */
export const commandOf = (unit: Unit | undefined): string =>
  (unit?.script ?? "").replace(/^REPRISE_BUNDLE=.*; set -e\n/, "").trim();

export const fileOf = (unit: Unit | undefined, path: string): string =>
  unit?.files.find((file) => file.path === path)?.content ?? `no file ${path}`;

/** Landed files from texts by `host/path`. */
export function landedFiles(texts: Readonly<Record<string, string>>): LandedFiles {
  const encoder = new TextEncoder();
  const entries = Object.entries(texts).map(([key, text]) => {
    const slash = key.indexOf("/");
    return { host: key.slice(0, slash), path: key.slice(slash + 1), body: encoder.encode(text) };
  });
  return {
    list: () => entries.map(({ host, path, body }) => ({ host, path, bytes: body.byteLength })),
    async *read(host, path) {
      const entry = entries.find((candidate) => candidate.host === host && candidate.path === path);
      if (entry === undefined) throw new Error(`no ${host}/${path}`);
      // In small pieces, so that lines and characters are cut everywhere.
      for (let at = 0; at < entry.body.byteLength; at += 7) yield entry.body.subarray(at, at + 7);
    },
  };
}
