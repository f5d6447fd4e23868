import type { Scope } from "../definition/expression/values.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import type { Plan, PlannedPoint, RenderedStep, TopologyHost, TrialContext } from "../plan/types.ts";
import type { CollectRule, Unit } from "../ports/host-agent.ts";
import type { PhaseName } from "../names/keys.ts";
import { collectionOf } from "./collection.ts";
import { eventUnits } from "./event-units.ts";
import type { KnownHost } from "./known-hosts.ts";
import { hostsOn } from "./known-hosts.ts";
import { processCount } from "./processes.ts";
import { processUnit } from "./process-unit.ts";
import { resetUnits } from "./reset-units.ts";
import { pointScope } from "./scope.ts";
import { withPrelude } from "./script.ts";
import { barrierFolder, makePipes } from "./sides.ts";
import { TrialLayout, armScopes } from "./trial-layout.ts";

/** Renders a trial's phases for hosts that exist. Keeps the layout of the last trial it was asked for, no more. */
export class TrialRenderer {
  readonly #definition: LoadedDefinition;
  readonly #plan: Plan;
  readonly #points: ReadonlyMap<string, PlannedPoint>;
  readonly #hostOrder: ReadonlyMap<string, number>;
  readonly #vcpus: ReadonlyMap<string, number>;
  #last: TrialLayout | undefined;

  constructor(definition: LoadedDefinition, plan: Plan) {
    this.#definition = definition;
    this.#plan = plan;
    this.#points = new Map(plan.points.map((point) => [point.pointKey, point]));
    this.#hostOrder = new Map(
      plan.deployments.flatMap((d) => d.hosts.map((host, index) => [`${d.name} ${host.name}`, index] as const)),
    );
    this.#vcpus = new Map(
      plan.deployments.flatMap((d) => d.hosts.map((host) => [`${d.name} ${host.name}`, host.shape.vcpus] as const)),
    );
  }

  /** The stages of a phase that have any process at a point; a service whose `when:` is false leaves no gap. */
  stages(phase: "services" | "jobs", point: PlannedPoint): readonly number[] {
    const { program } = this.#definition;
    const hosts = this.plannedHosts(point);
    const scopes = armScopes(this.#definition, point, hosts, { ...point, trialIndex: 0, seed: 0 });
    const programs = phase === "services" ? program.services : program.jobs;
    const used = new Set<number>();
    for (const process of programs) {
      const own = hostsOn(hosts, process.on);
      const sides = scopes.kind === "single" ? [scopes.scope] : [scopes.A, scopes.B];
      if (sides.some((scope) => processCount(process, scope, own, this.#definition) > 0)) used.add(process.stage);
    }
    return [...used].sort((a, b) => a - b);
  }

  /** The hosts that one trial of a point has, as planned. */
  plannedHosts(point: PlannedPoint): readonly KnownHost[] {
    const deployment = this.#plan.deployments.find(({ name }) => name === point.deployment);
    return (deployment?.hosts ?? []).filter((host) => host.lane === 0 || host.lane === "shared");
  }

  /** What is known of a point before any host exists. */
  pointScope(point: PlannedPoint): Scope {
    return pointScope(this.#definition, point.parameters, this.plannedHosts(point));
  }

  render(phase: PhaseName, stage: number, trial: TrialContext): readonly RenderedStep[] {
    const layout = this.#layOut(trial);
    switch (phase) {
      case "prepare":
        return [];
      case "reset":
        return this.#byHost(layout, (host) => ({ units: resetUnits(layout, host), collect: [] }));
      case "services":
      case "jobs": {
        const real = this.stages(phase, layout.point)[stage];
        if (real === undefined) return [];
        return this.#byHost(layout, (host) => ({
          units: this.#stageUnits(layout, phase, real, host),
          collect: [],
        }));
      }
      case "collect":
        return this.#byHost(layout, (host) => collectionOf(layout, host));
      default:
        return phase satisfies never;
    }
  }

  #stageUnits(layout: TrialLayout, phase: "services" | "jobs", stage: number, host: TopologyHost): Unit[] {
    const kind = phase === "services" ? "service" : "job";
    const own = layout.processes.filter(
      (process) => process.host === host && process.program.kind === kind && process.program.stage === stage,
    );
    const pipes = makePipes(own, layout.point.compare);
    return [
      ...(pipes === undefined
        ? []
        : [layout.command(host, { name: barrierFolder, workDir: ".", script: withPrelude(pipes) })]),
      ...own.map((process) => processUnit(layout, process)),
      ...(phase === "jobs" ? eventUnits(layout, stage, host) : []),
    ];
  }

  #byHost(
    layout: TrialLayout,
    render: (host: TopologyHost) => { readonly units: readonly Unit[]; readonly collect: readonly CollectRule[] },
  ): RenderedStep[] {
    return layout.hosts.flatMap((host) => {
      const step = render(host);
      return step.units.length === 0 && step.collect.length === 0 ? [] : [{ host: host.name, ...step }];
    });
  }

  #layOut(trial: TrialContext): TrialLayout {
    const last = this.#last;
    if (
      last !== undefined &&
      last.trial.topology === trial.topology &&
      last.trial.runId === trial.runId &&
      last.trial.pointKey === trial.pointKey &&
      last.trial.trialIndex === trial.trialIndex &&
      last.trial.attempt === trial.attempt &&
      last.trial.lane === trial.lane
    ) {
      return last;
    }
    const point = this.#points.get(trial.pointKey);
    if (point === undefined) throw new TypeError(`the plan has no point ${trial.pointKey}`);
    const deployment = trial.topology.deployment;
    const order = (host: TopologyHost): number =>
      this.#hostOrder.get(`${deployment} ${host.name}`) ?? Number.MAX_SAFE_INTEGER;
    const hosts = trial.topology.hosts
      .filter((host) => host.lane === trial.lane || host.lane === "shared")
      .sort((a, b) => order(a) - order(b) || (a.name < b.name ? -1 : 1));
    this.#last = new TrialLayout({
      definition: this.#definition,
      plan: this.#plan,
      point,
      trial,
      hosts,
      vcpus: this.#vcpus,
    });
    return this.#last;
  }
}
