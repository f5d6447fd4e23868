import { planTrialPhase } from "../../../core/flow/steps.ts";
import type { Experiment, RenderedStep } from "../../../core/plan/types.ts";
import type { Unit } from "../../../core/ports/host-agent.ts";
import { simExperiment } from "../../engines/embedded/sim-run.ts";
import { topologyHostFixture } from "../../support/flow-fixtures.ts";

const unit = (kind: Unit["kind"]): Unit => ({
  name: `${kind}-0`,
  kind,
  script: "true",
  env: {},
  files: [],
  workDir: ".",
  timeoutMs: 1_000,
  limits: {},
});

/** A server with a service, a client with a job, and an event on the server. */
const experiment: Experiment = {
  ...simExperiment({ points: 1, trials: 1, lanes: 1 }),
  stages: () => 1,
  renderTrial: (phase) => {
    const steps: Record<string, RenderedStep[]> = {
      services: [{ host: "server-0", units: [unit("service")], collect: [] }],
      jobs: [
        { host: "client-0", units: [unit("job")], collect: [] },
        { host: "server-0", units: [unit("event")], collect: [] },
      ],
    };
    return steps[phase] ?? [];
  },
};

function planned(phase: "reset" | "services" | "jobs" | "collect") {
  return Object.fromEntries(
    planOf(experiment, phase).steps.map((s) => [s.host.name, { required: s.required, step: s.step }]),
  );
}

function planOf(experiment: Experiment, phase: "reset" | "services" | "jobs" | "collect") {
  const [point] = experiment.plan.points;
  if (point === undefined) throw new Error("the fixture has a point");
  const hosts = ["server-0", "client-0", "idle-0"].map((name) => topologyHostFixture({ name, lane: 0 }));
  return planTrialPhase(
    {
      experiment,
      point,
      trial: {
        runId: "r",
        pointKey: point.pointKey,
        parameters: {},
        trialIndex: 0,
        attempt: 1,
        seed: 1,
        lane: 0,
        topology: { schema: "reprise/topology@1", deployment: "main", deploymentId: "d", round: 0, hosts },
      },
      epoch: 1,
      turn: 1,
      phase,
      stage: 0,
      timeoutMs: 1_000,
    },
    { clock: { now: () => 0, sleep: () => Promise.reject(new Error("no sleep here")) }, push: () => undefined },
  );
}

describe("planTrialPhase", () => {
  it("waits in the jobs phase for those that measure, not for those that guard or act on services", () => {
    const steps = planned("jobs");
    expect(steps["client-0"]?.required).toBe(true);
    expect(steps["server-0"]).toMatchObject({ required: false, step: { guardsServices: true, waitsForGo: true } });
    expect(steps["idle-0"]).toBeUndefined();
  });

  it("agrees on an instant only where something else has to begin at it", () => {
    const alone: Experiment = {
      ...experiment,
      renderTrial: (phase, stage, trial) =>
        phase === "jobs"
          ? [{ host: "client-0", units: [unit("job")], collect: [] }]
          : experiment.renderTrial(phase, stage, trial),
    };
    expect(planOf(experiment, "jobs").clocks).toBe("agree");
    const plan = planOf(alone, "jobs");
    expect(plan.clocks).toBe("measure");
    expect(plan.steps.map(({ host, step }) => [host.name, step.waitsForGo])).toEqual([
      ["server-0", false],
      ["client-0", false],
    ]);
    expect(planOf(alone, "services").clocks).toBe("none");
  });

  it("resets and collects on every host of the lane, stopping what runs only when it collects", () => {
    expect(Object.keys(planned("reset"))).toEqual(["server-0", "client-0", "idle-0"]);
    const collected = Object.values(planned("collect"));
    expect(collected).toHaveLength(3);
    expect(collected.every((s) => s.required && s.step.stops === "all" && s.step.collect.length > 0)).toBe(true);
  });

  it("starts services only where there are any, without an agreed instant", () => {
    expect(Object.keys(planned("services"))).toEqual(["server-0"]);
    expect(planned("services")["server-0"]?.step.waitsForGo).toBe(false);
  });
});
