import type { Scope } from "../definition/expression/values.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import { cpusOfSide, startOrder } from "../plan/sides.ts";
import type { StartOrder } from "../plan/sides.ts";
import type { Plan, PlannedPoint, TopologyHost, TrialContext } from "../plan/types.ts";
import type { Unit } from "../ports/host-agent.ts";
import type { KnownHost } from "./known-hosts.ts";
import { hostsOn } from "./known-hosts.ts";
import type { ArmScopes, Process } from "./processes.ts";
import { layOut } from "./processes.ts";
import { pointScope, rootFromUnit, selfOfHost, trialScope } from "./scope.ts";
import { commonEnv, jsonFields } from "./script.ts";
import { sideEnv } from "./sides.ts";

export interface LayoutInput {
  readonly definition: LoadedDefinition;
  readonly plan: Plan;
  readonly point: PlannedPoint;
  readonly trial: TrialContext;
  /** Those of the trial, in the plan's order. */
  readonly hosts: readonly TopologyHost[];
  /** vCPUs as planned, by `DEPLOYMENT HOST`. */
  readonly vcpus: ReadonlyMap<string, number>;
}

/** One trial on hosts that exist: which process runs where, and what each can know. Scopes are made once for each viewer. */
export class TrialLayout {
  readonly definition: LoadedDefinition;
  readonly point: PlannedPoint;
  readonly trial: TrialContext;
  readonly hosts: readonly TopologyHost[];
  readonly processes: readonly Process[];
  readonly #plan: Plan;
  readonly #vcpus: ReadonlyMap<string, number>;
  readonly #scopes: ArmScopes;
  readonly #known = new Map<string, Scope>();
  readonly #json = new Map<Scope, string>();

  constructor({ definition, plan, point, trial, hosts, vcpus }: LayoutInput) {
    this.definition = definition;
    this.#plan = plan;
    this.point = point;
    this.trial = trial;
    this.hosts = hosts;
    this.#vcpus = vcpus;
    this.#scopes = armScopes(definition, point, hosts, trial);
    this.processes = layOut(definition, this.#scopes, hosts);
  }

  /** What is known before any host exists; of a duet, what side A knows. */
  get pointScope(): Scope {
    return this.#scopes.kind === "single" ? this.#scopes.scope : this.#scopes.A;
  }

  /** What a viewer's process of a side sees of the trial; without a viewer, what everybody does. */
  scope(viewer: TopologyHost | undefined, arm: "A" | "B" | undefined): Scope {
    const key = `${viewer?.name ?? ""} ${arm ?? ""}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { point } = this;
    const scopes = this.#scopes;
    const scope = trialScope({
      definition: this.definition,
      plan: this.#plan,
      trial: this.trial,
      point: scopes.kind === "single" ? scopes.scope : scopes[arm ?? "A"],
      pointInfo: { sweep: point.sweep, variant: point.variant, arm: point.arm },
      hosts: this.hosts,
      processes: this.processes,
      viewer,
      arm,
    });
    this.#known.set(key, scope);
    return scope;
  }

  /** What a command of its own sees on a host, as one of those it runs on. */
  hostScope(host: TopologyHost, name: string, on: readonly string[]): Scope {
    const own = hostsOn(this.hosts, on);
    return {
      ...this.scope(host, undefined),
      self: selfOfHost(name, host, own.indexOf(host), own.length),
    };
  }

  /** What all processes of a host see, as JSON. */
  sharedJson(scope: Scope): string {
    const known = this.#json.get(scope);
    if (known !== undefined) return known;
    const json = sharedJson(scope);
    this.#json.set(scope, json);
    return json;
  }

  /** What a process's side decides: its CPUs, unless it names its own, and what it knows of its partner. */
  side(process: Process, ownCpus: string | undefined) {
    const { point, trial } = this;
    const scopes = this.#scopes;
    const { compare } = point;
    const arm = process.program.arm === "shared" ? undefined : (process.arm ?? point.arm);
    const order: StartOrder | undefined = scopes.kind === "single" ? undefined : scopes.order[0] === "A" ? "AB" : "BA";
    const vcpus = this.#vcpus.get(`${point.deployment} ${process.host.name}`) ?? 1;
    const cpus =
      ownCpus ??
      (arm === undefined || compare === undefined
        ? undefined
        : cpusOfSide(compare, { arm, trialIndex: trial.trialIndex, vcpus }));
    return { cpus, env: sideEnv({ process, arm, order, cpus, compare }) };
  }

  env(host: TopologyHost, index: number, count: number): Record<string, string> {
    return commonEnv({ host, toRoot: rootFromUnit, index, count, trial: this.trial });
  }

  /** A command of ours rather than a process of the definition's. */
  command(host: TopologyHost, unit: Pick<Unit, "name" | "script"> & Partial<Unit>): Unit {
    return {
      kind: "command",
      env: this.env(host, host.index, this.hosts.filter(({ role }) => role === host.role).length),
      files: [],
      workDir: unit.name,
      timeoutMs: this.point.timeoutMs,
      limits: {},
      ...unit,
    };
  }

  containerLabel(host: TopologyHost): string {
    return `reprise=${this.trial.topology.deploymentId}.${host.name}`;
  }
}

/** What each side of a point knows before processes are laid out. */
export function armScopes(
  definition: LoadedDefinition,
  point: PlannedPoint,
  hosts: readonly KnownHost[],
  trial: Pick<TrialContext, "pointKey" | "parameters" | "trialIndex" | "seed">,
): ArmScopes {
  if (point.arms === undefined) {
    return { kind: "single", scope: pointScope(definition, trial.parameters, hosts) };
  }
  return {
    kind: "duet",
    A: pointScope(definition, point.arms.A, hosts),
    B: pointScope(definition, point.arms.B, hosts),
    order: startOrder(point.compare ?? { pattern: "ABBA" }, trial) === "AB" ? ["A", "B"] : ["B", "A"],
  };
}

function sharedJson(scope: Scope): string {
  const { params, vars, ...others } = scope;
  return jsonFields({ parameters: params, variables: vars, ...others });
}
