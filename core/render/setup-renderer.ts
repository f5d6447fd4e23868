import type { Json, JsonObject } from "../effects/json.ts";
import type { Scope, Value, ValueObject } from "../definition/expression/values.ts";
import { canonicalJson, isJsonObject, valueAt, withValueAt } from "../definition/json-values.ts";
import type { LoadedDefinition, StepProgram } from "../definition/program.ts";
import type { FetchRule, Plan, PublishRule, RenderedStep, Topology, TopologyHost } from "../plan/types.ts";
import type { Unit } from "../ports/host-agent.ts";
import { rootFromShared, setupScope, toValue } from "./scope.ts";
import { hostsOn } from "./known-hosts.ts";
import { commonEnv, contextFile, jsonFields, withPrelude } from "./script.ts";

/** Set-up's folder on a host, which trials see as `$REPRISE_SHARED`; seen from a set-up attempt's own folder. */
const sharedFromAttempt = "../../shared";

interface Publication {
  readonly host: string;
  readonly rule: PublishRule;
}

/** Renders what is done once on a deployment's hosts: set-up steps and the commands of resources. */
export class SetupRenderer {
  readonly #definition: LoadedDefinition;
  readonly #plan: Plan;
  readonly #planned = new Map<string, ValueObject>();

  constructor(definition: LoadedDefinition, plan: Plan) {
    this.#definition = definition;
    this.#plan = plan;
  }

  render(deployment: string, stage: number, topology: Topology): readonly RenderedStep[] {
    const steps = this.#steps(deployment).filter((step) => step.stage === stage);
    const published = this.#published(deployment, stage, topology);
    return this.#inOrder(deployment, topology).flatMap((host) => {
      const parts = steps.flatMap((step) => this.#runs(step, deployment, topology, host, published));
      if (parts.length === 0) return [];
      const fetches = parts.flatMap((part) => part.fetches);
      const publishes = parts.flatMap((part) => part.publishes);
      return [
        {
          host: host.name,
          units: parts.flatMap((part) => part.units),
          collect: [],
          ...(fetches.length === 0 ? {} : { fetches }),
          ...(publishes.length === 0 ? {} : { publishes }),
        },
      ];
    });
  }

  renderResource(
    deployment: string,
    name: string,
    verb: "create" | "ready" | "delete",
    topology: Topology,
  ): readonly RenderedStep[] {
    const resource = this.#definition.program.resources.find((candidate) => candidate.name === name);
    const script = resource?.[verb];
    const [host] = hostsOn(this.#inOrder(deployment, topology), resource?.on ?? []);
    if (resource === undefined || script === undefined || host === undefined) return [];
    const scope = this.#scope(deployment, topology, host, 0, 1);
    const unit = this.#command(host, `${name}-${verb}`, script(scope), resource.timeoutMs(scope), scope, 0, 1);
    return [{ host: host.name, units: [unit], collect: [] }];
  }

  #steps(deployment: string): readonly StepProgram[] {
    return this.#definition.program.steps.filter((step) => step.deployments?.includes(deployment) ?? true);
  }

  #inOrder(deployment: string, topology: Topology): readonly TopologyHost[] {
    const planned = this.#plan.deployments.find(({ name }) => name === deployment)?.hosts ?? [];
    const order = new Map(planned.map((host, index) => [host.name, index]));
    return [...topology.hosts].sort((a, b) => (order.get(a.name) ?? Infinity) - (order.get(b.name) ?? Infinity));
  }

  #runs(
    step: StepProgram,
    deployment: string,
    topology: Topology,
    host: TopologyHost,
    published: ReadonlyMap<string, Publication>,
  ): { readonly units: Unit[]; readonly fetches: FetchRule[]; readonly publishes: PublishRule[] }[] {
    const hosts = hostsOn(this.#inOrder(deployment, topology), step.on);
    const index = hosts.indexOf(host);
    if (index < 0) return [];
    const base = this.#scope(deployment, topology, host, index, hosts.length);
    return this.#turns(step, base).map(({ scope, suffix }) => ({
      units:
        step.run === undefined
          ? []
          : [
              {
                ...this.#command(
                  host,
                  `${step.name}${suffix}`,
                  step.run(scope),
                  step.timeoutMs(scope),
                  scope,
                  index,
                  hosts.length,
                ),
                ...(step.user === undefined ? {} : { user: step.user }),
                env: {
                  ...commonEnv({ host, toRoot: rootFromShared, index, count: hosts.length }),
                  ...Object.fromEntries(step.env.map(({ name, value }) => [name, value(scope)])),
                },
                files: [
                  ...step.files.map((file) => ({ path: file.name, mode: file.mode, content: file.content(scope) })),
                  contextOf(scope),
                ],
              },
            ],
      fetches: step.fetch.map((item) => {
        const name = item.name(scope);
        const from = published.get(name);
        if (from === undefined) {
          this.#definition.fail(
            [...step.path, "fetch"],
            `no earlier step has published \`${name}\``,
            published.size === 0
              ? "say what it waits for: `after:`"
              : `published before: ${[...published.keys()].join(", ")}`,
          );
        }
        return {
          name,
          fromHost: from.host,
          fromPath: from.rule.path,
          path: `shared/${item.to(scope)}`,
          mode: item.mode,
          secret: from.rule.secret,
        };
      }),
      publishes: this.#publishes(step, scope),
    }));
  }

  #publishes(step: StepProgram, scope: Scope): PublishRule[] {
    return step.publish.map((item) => ({
      name: item.name(scope),
      path: `shared/${item.path(scope)}`,
      secret: item.secret,
    }));
  }

  /** Once, or once for each item of `each:`. */
  #turns(step: StepProgram, scope: Scope): readonly { readonly scope: Scope; readonly suffix: string }[] {
    const turns =
      step.each === undefined
        ? [{ scope, suffix: "" }]
        : step.each(scope).map((item, n) => ({ scope: { ...scope, each: toValue(item) }, suffix: `-${n}` }));
    return turns.filter((turn) => step.when(turn.scope));
  }

  /** What the stages before one have published, by name. */
  #published(deployment: string, before: number, topology: Topology): ReadonlyMap<string, Publication> {
    const published = new Map<string, Publication>();
    const all = this.#inOrder(deployment, topology);
    for (const step of this.#steps(deployment)) {
      if (step.stage >= before || step.publish.length === 0) continue;
      const hosts = hostsOn(all, step.on);
      hosts.forEach((host, index) => {
        for (const { scope } of this.#turns(step, this.#scope(deployment, topology, host, index, hosts.length))) {
          for (const rule of this.#publishes(step, scope)) {
            const other = published.get(rule.name);
            if (other !== undefined) {
              this.#definition.fail(
                [...step.path, "publish"],
                `\`${rule.name}\` is published by ${other.host} and by ${host.name}`,
                "let one host publish it, or put `${{ self.index }}` into its name",
              );
            }
            published.set(rule.name, { host: host.name, rule });
          }
        }
      });
    }
    return published;
  }

  #scope(deployment: string, topology: Topology, viewer: TopologyHost, index: number, count: number): Scope {
    const planned = this.#plannedValues(deployment);
    return setupScope({ definition: this.#definition, plan: this.#plan, topology, planned, viewer, index, count });
  }

  #command(
    host: TopologyHost,
    name: string,
    script: string,
    timeoutMs: number,
    scope: Scope,
    index: number,
    count: number,
  ): Unit {
    return {
      name,
      kind: "command",
      script: withPrelude(script),
      env: commonEnv({ host, toRoot: rootFromShared, index, count }),
      files: [contextOf(scope)],
      workDir: host.root === undefined ? sharedFromAttempt : `${host.root}/shared`,
      timeoutMs,
      limits: {},
    };
  }

  /** For each parameter the values that this deployment's points have, in plan order. */
  #plannedValues(deployment: string): ValueObject {
    const known = this.#planned.get(deployment);
    if (known !== undefined) return known;
    const points = this.#plan.points.filter((point) => point.deployment === deployment);
    const sides = points.flatMap((point) =>
      point.arms === undefined ? [point.parameters] : [point.arms.A, point.arms.B],
    );
    let values: JsonObject = {};
    for (const { path } of this.#definition.parameters.declared.values()) {
      values = withValueAt(values, path, distinct(sides, path));
    }
    const planned = toValue(values);
    const object: ValueObject = isJsonObject(planned) ? (planned as ValueObject) : {};
    this.#planned.set(deployment, object);
    return object;
  }
}

function distinct(trees: readonly JsonObject[], path: readonly string[]): Json[] {
  const seen = new Map<string, Json>();
  for (const tree of trees) {
    const value = valueAt(tree, path) ?? null;
    const key = canonicalJson(value);
    if (!seen.has(key)) seen.set(key, value);
  }
  return [...seen.values()];
}

const contextOf = (scope: Scope): { readonly path: string; readonly mode: string; readonly content: string } => {
  const context: Readonly<Record<string, Value>> = { schema: "reprise/setup-context@1", ...scope };
  return { path: contextFile, mode: "644", content: `${jsonFields(context)}\n` };
};
