import { z } from "zod";
import type { Failure } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import type { PhaseRef } from "../names/keys.ts";
import { deploymentKeys, hostStepId, phaseNames } from "../names/keys.ts";
import type { Experiment, RenderedStep, Topology, TopologyHost, TrialContext } from "../plan/types.ts";
import type { StepResult } from "../ports/host-agent.ts";
import { topologySchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { requireRecord, tell } from "./effects.ts";
import { extendLease } from "./lease.ts";
import { explainSilence, lossFailure, lostHosts } from "./lost-hosts.ts";
import { requireOpen } from "./ownership.ts";
import type { PhasePlan } from "./phase.ts";
import { armPhase, reportDone } from "./phase.ts";
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
  const trial = await trialContext(state, fx);
  if (phase === "reset") await extendLease(trial.topology, state.runId, trialTimeoutMs(state, experiment), fx);
  const plan = planTrialPhase(
    {
      experiment,
      point,
      trial,
      epoch: state.epoch,
      turn: turnOf(state),
      phase,
      stage,
      timeoutMs: state.timeouts[`${phase}Sec`] * 1000,
    },
    fx,
  );
  await armOnLiveHosts(plan, trial.topology, input, fx);
  // Asked to stop after the first look and before the token was there: whoever stops has not seen it.
  if (phase !== "collect") await requireOpen(state, fx);
}

/** All that an attempt may take: what its hosts have to live for. */
function trialTimeoutMs({ timeouts, ...state }: AttemptState, experiment: Experiment): number {
  const point = experiment.plan.points.find((p) => p.pointKey === state.pointKey);
  const stages = (phase: "services" | "jobs"): number =>
    point === undefined ? 1 : Math.max(1, experiment.stages(phase, point));
  const { resetSec, servicesSec, jobsSec, collectSec } = timeouts;
  return 1000 * (resetSec + stages("services") * servicesSec + stages("jobs") * jobsSec + collectSec);
}

/**
 * Arms a phase; when hosts don't answer because they are gone, says so rather than having it tried again.
 *
 * Collection goes on without them: what the others have is evidence.
 */
async function armOnLiveHosts(
  plan: PhasePlan,
  topology: Topology,
  input: StartPhaseInput,
  fx: FlowEffects,
): Promise<void> {
  let silent: readonly TopologyHost[];
  try {
    silent = await armPhase(plan, input.token, input.execution, fx);
  } catch (error) {
    if (plan.ref.phase === "collect" && (await reportLost(plan, topology, fx))) {
      await armPhase(plan, input.token, input.execution, fx);
      return;
    }
    throw await explainSilence(error, topology, fx);
  }
  if (silent.length === 0) return;
  if (plan.ref.phase === "collect") {
    await reportLost(plan, topology, fx);
    return;
  }
  const lost = await lostHosts(topology, fx);
  const [first] = lost;
  if (first !== undefined) throw new FailureError(lossFailure(lost, first));
}

/** @returns whether any host of the phase is gone */
async function reportLost(plan: PhasePlan, topology: Topology, fx: FlowEffects): Promise<boolean> {
  const lost = (await lostHosts(topology, fx)).filter(({ host }) => plan.steps.some((s) => s.host.name === host.name));
  for (const one of lost) await reportDone(plan.ref, lostResult(plan.ref, lossFailure([one], one), fx), fx);
  return lost.length > 0;
}

const lostResult = (ref: PhaseRef, failure: Failure, fx: FlowEffects): StepResult => ({
  stepId: hostStepId(ref),
  host: failure.host ?? "",
  units: [],
  artifacts: [],
  missing: [],
  warnings: [],
  failure,
  startedAt: fx.clock.now(),
  endedAt: fx.clock.now(),
});

/** A lane runs blocks in growing order, a block its trials in theirs, a trial its attempts in theirs. */
const turnOf = (state: AttemptState): number => ((state.block + 1) * 1_024 + state.position) * 1_024 + state.attempt;

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
  const stages = planSetupStages(experiment, state.deployment, topology);
  const { stage } = state.prepare;
  try {
    await bringFiles(state, experiment, stages[stage] ?? [], topology, fx);
  } catch (error) {
    throw await explainSilence(error, topology, fx);
  }
  const plan = planSetupPhase(
    {
      rendered: stages,
      topology,
      runId: state.runId,
      epoch: state.epoch,
      setupAttempt: state.setupAttempt,
      stage,
      timeoutMs: state.timeouts.prepareSec * 1000,
    },
    fx,
  );
  await tell(fx, state.runId, "setup-stage", `${state.deployment}: set-up, stage ${stage + 1} of ${stages.length}`, {
    deployment: state.deployment,
    stage,
    stages: stages.length,
  });
  await armOnLiveHosts(plan, topology, input, fx);
  await requireOpen(state, fx);
}

async function bringFiles(
  state: DeploymentState,
  experiment: Experiment,
  steps: readonly RenderedStep[],
  topology: Topology,
  fx: FlowEffects,
): Promise<void> {
  if (state.prepare.stage === 0) {
    await shipBundle(state.runId, experiment, topology, fx);
    await intendResources(experiment, state.deployment, topology, state.runId, fx);
  }
  await bringFetches(steps, topology, state.runId, fx);
}
