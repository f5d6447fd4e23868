import type { LoadedDefinition } from "../definition/program.ts";
import type { Failure } from "../errors/failure.ts";
import type { Experiment, Plan, PlannedPoint } from "../plan/types.ts";
import { checkTrial } from "./check-trial.ts";
import { processCount, unitName } from "./processes.ts";
import { pointScope } from "./scope.ts";
import { hostsOn } from "./known-hosts.ts";
import { SetupRenderer } from "./setup-renderer.ts";
import { summarizeTrial } from "./summarize.ts";
import { TrialRenderer } from "./trial-renderer.ts";

/** Puts a definition and its plan together: the one object that a run's handlers ask. Pure, and cheap to make again. */
export function openExperiment(definition: LoadedDefinition, plan: Plan): Experiment {
  const trials = new TrialRenderer(definition, plan);
  const setup = new SetupRenderer(definition, plan);
  const rules = definition.spec.failures.map((rule) => ({ pattern: new RegExp(rule.matches, "u"), class: rule.class }));
  return {
    plan,
    stages: (phase, point) => trials.stages(phase, point).length,
    renderSetup: (deployment, stage, topology) => setup.render(deployment, stage, topology),
    renderTrial: (phase, stage, trial) => trials.render(phase, stage, trial),
    renderResource: (deployment, resource, verb, topology) =>
      setup.renderResource(deployment, resource, verb, topology),
    check: (point, files) =>
      checkTrial(definition.program, trials.pointScope(point), files, (name) =>
        unitsAt(definition, trials, point, name),
      ),
    summarize: (point, files) => summarizeTrial(definition.program, point, trials.pointScope(point), files),
    classify(failure: Failure): Failure {
      const rule = rules.find(({ pattern }) => pattern.test(failure.message));
      return rule === undefined ? failure : { ...failure, class: rule.class };
    },
  };
}

/** The units of a service or job at a point, whichever hosts they are on. */
function unitsAt(definition: LoadedDefinition, trials: TrialRenderer, point: PlannedPoint, name: string): string[] {
  const { services, jobs } = definition.program;
  const program = [...services, ...jobs].find((candidate) => candidate.name === name);
  if (program === undefined) return [];
  const hosts = trials.plannedHosts(point);
  const own = hostsOn(hosts, program.on);
  const units = (parameters: PlannedPoint["parameters"], arm: "A" | "B" | undefined): string[] => {
    const count = processCount(program, pointScope(definition, parameters, hosts), own, definition);
    return Array.from({ length: count }, (_, index) => unitName(name, index, arm));
  };
  if (point.arms === undefined || program.arm === "shared") return units(point.parameters, undefined);
  return [...units(point.arms.A, "A"), ...units(point.arms.B, "B")];
}
