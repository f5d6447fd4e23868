import { z } from "zod";
import { FailureError } from "../errors/failure.ts";
import { deploymentKeys, phaseNames } from "../names/keys.ts";
import type { Topology, TrialContext } from "../plan/types.ts";
import { topologySchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { requireRecord, tell } from "./effects.ts";
import { requireOpen } from "./ownership.ts";
import { armPhase } from "./phase.ts";
import { bringFetches } from "./publications.ts";
import { intendResources } from "./resources.ts";
import { planSetupStages, shipBundle } from "./setup.ts";
import type { AttemptState, DeploymentState } from "./states.ts";
import { attemptStateSchema, deploymentStateSchema } from "./states.ts";
import { planSetupPhase, planTrialPhase } from "./steps.ts";

export const startPhaseInputSchema = z.object({
  phase: z.enum(phaseNames),
  token: z.string(),
  execution: z.string(),
  input: z.unknown(),
});
export type StartPhaseInput = z.infer<typeof startPhaseInputSchema>;

/** Starts, or takes up again, one phase of an attempt or of a deployment's set-up; its end wakes the token. */
export async function startPhase(input: StartPhaseInput, fx: FlowEffects): Promise<void> {
  if (input.phase === "prepare") {
    await startSetup(deploymentStateSchema.parse(input.input), input, fx);
  } else {
    await startTrialPhase(attemptStateSchema.parse(input.input), input.phase, input, fx);
  }
}

async function startTrialPhase(
  state: AttemptState,
  phase: Exclude<StartPhaseInput["phase"], "prepare">,
  input: StartPhaseInput,
  fx: FlowEffects,
): Promise<void> {
  // Evidence is collected whatever happened: only a newer epoch keeps an older one from it, by its fence on the hosts.
  if (phase !== "collect") await requireOpen(state, fx);
  const experiment = await fx.openRun(state.runId);
  const point = experiment.plan.points.find((p) => p.pointKey === state.pointKey);
  if (point === undefined)
    throw new FailureError({ class: "defect", message: `no point ${state.pointKey} in the plan` });
  const stage = phase === "services" || phase === "jobs" ? state[phase].stage : 0;
  const plan = planTrialPhase(
    {
      experiment,
      point,
      trial: await trialContext(state, fx),
      epoch: state.epoch,
      turn: turnOf(state),
      phase,
      stage,
      timeoutMs: state.timeouts[`${phase}Sec`] * 1000,
    },
    fx,
  );
  await armPhase(plan, input.token, input.execution, fx);
}

/** A lane runs blocks in growing order, a block its trials in theirs, a trial its attempts in theirs. */
const turnOf = (state: AttemptState): number => (state.block * 1_024 + state.position) * 1_024 + state.attempt;

/** Everything a trial's stages are rendered from. */
export async function trialContext(state: AttemptState, fx: FlowEffects): Promise<TrialContext> {
  const { plan } = await fx.openRun(state.runId);
  const point = plan.points.find((p) => p.pointKey === state.pointKey);
  const trial = plan.blocks[state.block]?.trials[state.position];
  if (point === undefined || trial === undefined) {
    throw new FailureError({
      class: "defect",
      message: `no trial at block ${state.block}, position ${state.position}`,
    });
  }
  return {
    runId: state.runId,
    pointKey: state.pointKey,
    parameters: point.parameters,
    trialIndex: state.trialIndex,
    attempt: state.attempt,
    seed: trial.seed,
    lane: state.lane,
    topology: await readTopology(state.runId, state.deploymentId, fx),
  };
}

export async function readTopology(
  runId: string,
  deploymentId: string,
  fx: Pick<FlowEffects, "store">,
): Promise<Topology> {
  return requireRecord(fx.store, deploymentKeys(runId, deploymentId).topology, topologySchema);
}

/** Stage 0 ships the experiment's files over the transport; the definition's own stages follow. */
async function startSetup(state: DeploymentState, input: StartPhaseInput, fx: FlowEffects): Promise<void> {
  await requireOpen(state, fx);
  const experiment = await fx.openRun(state.runId);
  const topology = await readTopology(state.runId, state.deploymentId, fx);
  const stage = state.prepare.stage;
  if (stage === 0) {
    await shipBundle(state.runId, experiment, topology, fx);
    await intendResources(experiment, state.deployment, topology, state.runId, fx);
  }
  const stages = planSetupStages(experiment, state.deployment, topology);
  await bringFetches(stages[stage] ?? [], topology, state.runId, fx);
  const plan = planSetupPhase(
    {
      rendered: stages[stage] ?? [],
      topology,
      runId: state.runId,
      epoch: state.epoch,
      setupAttempt: state.setupAttempt,
      stage,
      stages: stages.length,
      timeoutMs: state.timeouts.prepareSec * 1000,
    },
    fx,
  );
  await tell(fx, state.runId, "setup-stage", `${state.deployment}: set-up, stage ${stage + 1} of ${stages.length}`, {
    deployment: state.deployment,
    stage,
    stages: stages.length,
  });
  await armPhase(plan, input.token, input.execution, fx);
}
