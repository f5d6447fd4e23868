import type { Scope } from "../definition/expression/values.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import type { Path } from "../definition/problem.ts";
import { ProblemList } from "../definition/problem-list.ts";
import { FailureError } from "../errors/failure.ts";
import { canonicalJson, isJsonObject } from "../definition/json-values.ts";
import type { Json, JsonObject } from "../effects/json.ts";
import { phaseNames } from "../names/keys.ts";
import type { Plan, PlannedDeployment, PlannedPoint, RenderedStep, Topology, TrialContext } from "../plan/types.ts";
import type { HostStep } from "../ports/host-agent.ts";
import { defaultStepSettings, encodeStep } from "../supervision/step-text.ts";
import { isUnitOf } from "./processes.ts";
import { openExperiment } from "./open-experiment.ts";
import { pointScope } from "./scope.ts";

/** Points rendered in full; of these, points whose steps are also written out as hosts get them. */
const maxRehearsed = 60;
const maxSent = 12;
/** Values of one parameter that are surely among them. */
const maxValues = 8;

/**
 * Renders set-up and trials on made-up hosts, so that a definition's mistakes show before a machine is asked for.
 *
 * Every variant, every side of a comparison and the outermost values of every parameter are rendered at least once.
 *
 * @param see gets the script of each process, step and command as some host would get it, and where it comes from
 * @throws {DefinitionError} with all that can't be rendered, each mistake once
 */
export function rehearse(definition: LoadedDefinition, plan: Plan, see?: (path: Path, script: string) => void): void {
  const experiment = openExperiment(definition, plan);
  const problems = new ProblemList();
  const attempt = (render: () => void): void => {
    problems.try(() => definition.program.tolerating(problems.tell, render));
  };
  // What a host would refuse, it refuses now: a list of CPUs that is none, a limit that isn't whole.
  const sendable = (steps: readonly RenderedStep[]): void => {
    for (const { host, units } of steps) {
      for (const unit of units) {
        see?.(placeOfUnit(definition, unit.name), unit.script);
        try {
          encodeStep({ ...rehearsedStep, units: [unit] }, { ...defaultStepSettings, host });
        } catch (error) {
          if (!(error instanceof FailureError)) throw error;
          definition.fail(placeOfUnit(definition, unit.name), `${unit.name}: ${error.failure.message}`, error.hint);
        }
      }
    }
  };
  const topologies = new Map(plan.deployments.map((deployment) => [deployment.name, madeUpTopology(deployment)]));
  for (const deployment of plan.deployments) {
    const topology = topologies.get(deployment.name);
    if (topology === undefined) continue;
    for (let stage = 0; stage < deployment.setupStages; stage++) {
      attempt(() => sendable(experiment.renderSetup(deployment.name, stage, topology)));
    }
    for (const resource of deployment.resources ?? []) {
      for (const verb of ["create", "ready", "delete"] as const) {
        attempt(() => sendable(experiment.renderResource?.(deployment.name, resource.name, verb, topology) ?? []));
      }
    }
  }
  for (const [index, point] of pointsToRehearse(plan.points).entries()) {
    const topology = topologies.get(point.deployment);
    if (topology === undefined) continue;
    const isSent = index < maxSent;
    const trial: TrialContext = {
      runId: "rehearsal",
      pointKey: point.pointKey,
      parameters: point.parameters,
      trialIndex: 0,
      attempt: 1,
      seed: 1,
      lane: 0,
      topology,
    };
    const hosts = topology.hosts.filter((host) => host.lane === 0 || host.lane === "shared");
    attempt(() => judge(definition, pointScope(definition, point.parameters, hosts)));
    for (const phase of phaseNames) {
      attempt(() => {
        const stages = phase === "services" || phase === "jobs" ? experiment.stages(phase, point) : 1;
        for (let stage = 0; stage < stages; stage++) {
          const steps = experiment.renderTrial(phase, stage, trial);
          if (isSent) sendable(steps);
        }
      });
    }
  }
  problems.throwIfAny();
}

/** What is asked of a trial's files when it has ended, and its hosts are gone: bounds of checks, scales of metrics. */
function judge({ program }: LoadedDefinition, scope: Scope): void {
  for (const { when, rows, bytes } of program.checks) {
    if (!when(scope)) continue;
    for (const range of [rows, bytes]) {
      range?.min?.(scope);
      range?.max?.(scope);
    }
  }
  for (const { scale } of program.summary) scale(scope);
}

const rehearsedStep: HostStep = {
  stepId: "rehearsal",
  fence: { runId: "rehearsal", epoch: 1, attempt: 1 },
  attemptDir: "attempts/rehearsal",
  units: [],
  waitsForGo: false,
  guardsServices: false,
  stops: "none",
  resets: false,
  collect: [],
  deadlineAt: 0,
  push: undefined,
};

/** Where in the definition a unit comes from, as near as its name tells. */
function placeOfUnit(definition: LoadedDefinition, unit: string): Path {
  const { services, jobs, steps, events } = definition.program;
  const process = [...services, ...jobs].find(({ name }) => isUnitOf(unit, name));
  const step = steps.find(({ name }) => unit === name || isUnitOf(unit, name));
  const event = events.find(({ name }) => unit.startsWith(`event-${name}`));
  return process?.path ?? step?.path ?? event?.path ?? ["trial"];
}

/**
 * Points of which each has a value, variant or side that none before it had; of a parameter with many values the first
 * few, the smallest and the largest.
 */
export function pointsToRehearse(points: readonly PlannedPoint[]): PlannedPoint[] {
  const byPath = new Map<string, Map<string, { readonly value: Json; readonly point: PlannedPoint }>>();
  const known = new WeakSet<object>();
  for (const point of points) {
    const note = (path: string, value: Json): void => {
      const values = byPath.get(path) ?? new Map<string, { readonly value: Json; readonly point: PlannedPoint }>();
      byPath.set(path, values);
      const key = canonicalJson(value);
      if (!values.has(key)) values.set(key, { value, point });
    };
    note(`${point.sweep} `, [point.deployment, point.variant ?? "", point.arm ?? ""]);
    const visit = (tree: JsonObject, path: string): void => {
      // Trees that many points share are looked at once.
      if (known.has(tree)) return;
      known.add(tree);
      for (const [name, value] of Object.entries(tree)) {
        if (isJsonObject(value)) visit(value, `${path}.${name}`);
        else if (value !== undefined) note(`${point.sweep} ${path}.${name}`, value);
      }
    };
    for (const tree of point.arms === undefined ? [point.parameters] : [point.arms.A, point.arms.B]) visit(tree, "");
  }
  const chosen = new Set<PlannedPoint>();
  for (const values of byPath.values()) {
    const seen = [...values.values()];
    const numbers = seen
      .filter(({ value }) => typeof value === "number")
      .sort((a, b) => Number(a.value) - Number(b.value));
    for (const { point } of seen.slice(0, maxValues)) chosen.add(point);
    for (const extreme of [numbers[0], numbers.at(-1)]) if (extreme !== undefined) chosen.add(extreme.point);
  }
  return [...chosen].slice(0, maxRehearsed);
}

/** Hosts as they could be: addresses of documentation networks, one network for each provider and region. */
export function madeUpTopology(deployment: PlannedDeployment): Topology {
  return {
    schema: "reprise/topology@1",
    deployment: deployment.name,
    deploymentId: `rehearsal-${deployment.name}1`,
    round: 0,
    hosts: deployment.hosts.map((host, index) => {
      const place = host.places?.[0] ?? deployment.places[host.provider]?.[0] ?? { region: host.provider };
      return {
        name: host.name,
        role: host.role,
        labels: host.labels,
        lane: host.lane,
        index: host.index,
        provider: host.provider,
        place,
        privateAddress: host.given?.privateAddress ?? `10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`,
        publicAddress: host.given?.address ?? `198.51.${100 + Math.floor(index / 250)}.${(index % 250) + 1}`,
        network: `${host.provider}/${place.region}`,
        portBase: 20_000,
        sshPort: host.given?.port ?? 22,
        user: host.user,
        hostKey: host.given?.hostKey ?? "SHA256:made-up",
        machineType: host.shape.type,
        image: host.shape.image,
      };
    }),
  };
}
