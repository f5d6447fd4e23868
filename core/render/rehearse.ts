import type { LoadedDefinition } from "../definition/program.ts";
import { DefinitionError } from "../definition/problem.ts";
import type { Problem } from "../definition/problem.ts";
import { canonicalJson, isJsonObject } from "../definition/json-values.ts";
import type { Json, JsonObject } from "../effects/json.ts";
import { phaseNames } from "../names/keys.ts";
import type { Plan, PlannedDeployment, PlannedPoint, Topology, TrialContext } from "../plan/types.ts";
import { openExperiment } from "./open-experiment.ts";

/** Points rendered in full, and values of one parameter that are surely among them. */
const maxRehearsed = 60;
const maxValues = 8;

/**
 * Renders set-up and trials on made-up hosts, so that a definition's mistakes show before a machine is asked for.
 *
 * Every variant, every side of a comparison and the outermost values of every parameter are rendered at least once.
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
      // One place of the definition is told once, whatever values it fails with.
      for (const problem of error.problems) {
        const place = `${problem.file}:${problem.line}:${problem.column}`;
        if (!problems.has(place)) problems.set(place, problem);
      }
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
