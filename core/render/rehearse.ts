import type { LoadedDefinition } from "../definition/program.ts";
import { DefinitionError } from "../definition/problem.ts";
import type { Problem } from "../definition/problem.ts";
import { canonicalJson, leavesOf } from "../definition/json-values.ts";
import { phaseNames } from "../names/keys.ts";
import type { Plan, PlannedDeployment, PlannedPoint, Topology, TrialContext } from "../plan/types.ts";
import { openExperiment } from "./open-experiment.ts";

/** Points rendered in full; the others are told apart by values that these have, too. */
const maxRehearsed = 200;

/**
 * Renders set-up and trials on made-up hosts, so that a definition's mistakes show before a machine is asked for.
 *
 * Every value that a parameter takes, every variant and every side of a comparison is rendered at least once.
 *
 * @throws {DefinitionError} with all that can't be rendered, each mistake once
 */
export function rehearse(definition: LoadedDefinition, plan: Plan): void {
  const experiment = openExperiment(definition, plan);
  const problems = new Map<string, Problem>();
  const attempt = (render: () => void): void => {
    try {
      render();
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      for (const problem of error.problems) problems.set(JSON.stringify(problem), problem);
    }
  };
  const topologies = new Map(plan.deployments.map((deployment) => [deployment.name, madeUpTopology(deployment)]));
  for (const deployment of plan.deployments) {
    const topology = topologies.get(deployment.name);
    if (topology === undefined) continue;
    for (let stage = 0; stage < deployment.setupStages; stage++) {
      attempt(() => experiment.renderSetup(deployment.name, stage, topology));
    }
    for (const resource of deployment.resources ?? []) {
      for (const verb of ["create", "ready", "delete"] as const) {
        attempt(() => experiment.renderResource?.(deployment.name, resource.name, verb, topology));
      }
    }
  }
  for (const point of pointsToRehearse(plan.points)) {
    const topology = topologies.get(point.deployment);
    if (topology === undefined) continue;
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
    for (const phase of phaseNames) {
      attempt(() => {
        const stages = phase === "services" || phase === "jobs" ? experiment.stages(phase, point) : 1;
        for (let stage = 0; stage < stages; stage++) experiment.renderTrial(phase, stage, trial);
      });
    }
  }
  if (problems.size > 0) throw new DefinitionError([...problems.values()]);
}

/** Points of which each has a value, variant or side that none before it had. */
export function pointsToRehearse(points: readonly PlannedPoint[]): PlannedPoint[] {
  const seen = new Set<string>();
  const known = new WeakSet<object>();
  const chosen: PlannedPoint[] = [];
  const isNew = (word: string): boolean => {
    if (seen.has(word)) return false;
    seen.add(word);
    return true;
  };
  for (const point of points) {
    if (chosen.length >= maxRehearsed) break;
    let fresh = isNew(`${point.sweep} ${point.deployment} ${point.variant ?? ""} ${point.arm ?? ""}`);
    for (const tree of point.arms === undefined ? [point.parameters] : [point.arms.A, point.arms.B]) {
      for (const [path, value] of leavesOf(tree)) {
        // Lists and trees shared by many points are looked at once.
        if (typeof value === "object" && value !== null) {
          if (known.has(value)) continue;
          known.add(value);
        }
        if (isNew(`${point.sweep} ${path.join(".")} ${canonicalJson(value)}`)) fresh = true;
      }
    }
    if (fresh) chosen.push(point);
  }
  return chosen;
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
