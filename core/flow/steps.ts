import type { AttemptRef, PhaseName, PhaseRef } from "../names/keys.ts";
import { hostFolder, hostStepId } from "../names/keys.ts";
import type { Experiment, PlannedPoint, RenderedStep, Topology, TopologyHost, TrialContext } from "../plan/types.ts";
import type { CollectRule, Fence, HostStep } from "../ports/host-agent.ts";
import type { PhasePlan } from "./phase.ts";
import type { FlowEffects } from "./effects.ts";

/** How long past the state machine's own timeout a host carries on alone before it stops everything. */
const deadlineSlackMs = 120_000;

export interface TrialPhaseInput {
  readonly experiment: Experiment;
  readonly point: PlannedPoint;
  readonly trial: TrialContext;
  readonly epoch: number;
  /** Grows with every attempt on a lane: what a host's fence is made of. */
  readonly turn: number;
  readonly phase: Exclude<PhaseName, "prepare">;
  readonly stage: number;
  readonly timeoutMs: number;
}

/** What each host of the lane does in one phase of one attempt. */
export function planTrialPhase(input: TrialPhaseInput, fx: Pick<FlowEffects, "clock" | "push">): PhasePlan {
  const { experiment, point, trial, phase, stage } = input;
  const attempt: AttemptRef = {
    runId: trial.runId,
    pointKey: trial.pointKey,
    trialIndex: trial.trialIndex,
    attempt: trial.attempt,
  };
  const ref: PhaseRef = { scope: { kind: "attempt", attempt }, phase, stage };
  const rendered = new Map(experiment.renderTrial(phase, stage, trial).map((step) => [step.host, step]));
  const collected = phase === "jobs" ? experiment.renderTrial("collect", 0, trial) : [];
  const live = new Map(collected.map(({ host, collect }) => [host, collect.map(({ glob }) => glob)]));
  const serving = phase === "jobs" || phase === "collect" ? servingHosts(experiment, point, trial) : new Set<string>();
  const fence: Fence = { runId: trial.runId, epoch: input.epoch, attempt: input.turn };

  const agrees = phase === "jobs" && startingHosts(rendered.values()) > 1;
  const steps = laneHosts(trial.topology, trial.lane).flatMap((host) => {
    const own = rendered.get(host.name);
    const belongsToLane = host.lane === trial.lane;
    const takesPart =
      own !== undefined || (belongsToLane && (phase === "reset" || phase === "collect")) || serving.has(host.name);
    if (!takesPart) return [];
    const rendering = own ?? idleStep(host);
    const step = buildStep(
      phase === "collect" ? { ...rendering, collect: [...rendering.collect, ...ownOutputs] } : rendering,
      {
        ref,
        fence,
        attemptDir: hostFolder(ref.scope),
        live: live.get(host.name),
        startsTogether: agrees,
        guardsServices: phase === "jobs" && serving.has(host.name),
        stops: phase === "collect" ? "all" : "none",
        resets: phase === "reset" && belongsToLane,
        deadlineAt: fx.clock.now() + input.timeoutMs + deadlineSlackMs,
        push: fx.push(trial.runId, ref, host),
      },
    );
    // A host that only guards its services, or acts on them, never ends by itself: the phase doesn't wait for it.
    const isMeasured = rendering.units.some((unit) => unit.kind === "job");
    return [{ host, step, required: phase !== "jobs" || isMeasured }];
  });
  const stages = phase === "services" || phase === "jobs" ? experiment.stages(phase, point) : 1;
  const clocks = agrees ? "agree" : phase === "jobs" ? "measure" : "none";
  return { ref, steps, output: { stage: stage + 1, more: stage + 1 < stages }, clocks };
}

/** How many hosts have something that begins at the agreed instant; one alone has nobody to agree with. */
const startingHosts = (steps: Iterable<RenderedStep>): number =>
  [...steps].filter(({ units }) => units.some(({ kind }) => kind === "job" || kind === "event")).length;

/** What each host does in one stage of a deployment's set-up. */
export function planSetupPhase(
  input: {
    /** Every stage, in order. */
    readonly rendered: readonly (readonly RenderedStep[])[];
    readonly topology: Topology;
    readonly runId: string;
    readonly epoch: number;
    readonly setupAttempt: number;
    readonly stage: number;
    readonly timeoutMs: number;
  },
  fx: Pick<FlowEffects, "clock" | "push">,
): PhasePlan {
  const later = input.rendered.slice(input.stage + 1);
  const scope = {
    kind: "deployment",
    runId: input.runId,
    deployment: input.topology.deploymentId,
    attempt: input.setupAttempt,
  } as const;
  const ref: PhaseRef = { scope, phase: "prepare", stage: input.stage };
  const hosts = new Map(input.topology.hosts.map((host) => [host.name, host]));
  const steps = (input.rendered[input.stage] ?? []).flatMap((rendered) => {
    const host = hosts.get(rendered.host);
    if (host === undefined) return [];
    // Stages share a folder: what grows from one to the next is final only after the host's last one.
    const goesOn = later.some((stage) => stage.some((other) => other.host === host.name));
    const own = goesOn ? ownOutputs.filter((rule) => !growing.has(rule.glob)) : ownOutputs;
    const step = buildStep(
      { ...rendered, collect: [...rendered.collect, ...own] },
      {
        ref,
        // Below every trial's turn: a set-up that begins anew ends the earlier one, and is ended by any trial.
        fence: { runId: input.runId, epoch: input.epoch, attempt: input.setupAttempt },
        attemptDir: hostFolder(scope),
        startsTogether: false,
        guardsServices: false,
        stops: "none",
        resets: false,
        deadlineAt: fx.clock.now() + input.timeoutMs + deadlineSlackMs,
        push: fx.push(input.runId, ref, host),
      },
    );
    return [{ host, step, required: true }];
  });
  return {
    ref,
    steps,
    output: { stage: input.stage + 1, more: later.length > 0 },
    clocks: "none",
  };
}

/** What the supervisor writes beside the units' folders: always evidence, whatever the definition collects. */
export const ownOutputs: readonly CollectRule[] = ["*.out", "*.err", "samples.csv", "events.csv"].map((glob) => ({
  glob,
  required: false,
}));

const growing = new Set(["samples.csv", "events.csv"]);

/** The hosts that a trial on this lane may use: its own and those shared by all lanes. */
export const laneHosts = (topology: Topology, lane: number): TopologyHost[] =>
  topology.hosts.filter((host) => host.lane === lane || host.lane === "shared");

function servingHosts(experiment: Experiment, point: PlannedPoint, trial: TrialContext): Set<string> {
  const hosts = new Set<string>();
  for (let stage = 0; stage < experiment.stages("services", point); stage++) {
    for (const step of experiment.renderTrial("services", stage, trial)) {
      if (step.units.some((unit) => unit.kind === "service")) hosts.add(step.host);
    }
  }
  return hosts;
}

const idleStep = (host: TopologyHost): RenderedStep => ({ host: host.name, units: [], collect: [] });

interface StepFrame extends Pick<
  HostStep,
  "fence" | "attemptDir" | "live" | "guardsServices" | "stops" | "resets" | "deadlineAt" | "push"
> {
  readonly ref: PhaseRef;
  readonly startsTogether: boolean;
}

const buildStep = (rendered: RenderedStep, frame: StepFrame): HostStep => ({
  stepId: hostStepId(frame.ref),
  fence: frame.fence,
  attemptDir: frame.attemptDir,
  units: rendered.units,
  waitsForGo: frame.startsTogether,
  live: frame.live,
  guardsServices: frame.guardsServices,
  stops: frame.stops,
  resets: frame.resets,
  collect: rendered.collect,
  deadlineAt: frame.deadlineAt,
  push: frame.push,
});
