import { laidOver } from "../definition/compile-processes.ts";
import type { Scope, Value } from "../definition/expression/values.ts";
import type {
  EnvProgram,
  EventProgram,
  LimitsProgram,
  LoadedDefinition,
  ReadyProgram,
  TargetProgram,
} from "../definition/program.ts";
import { digestOf } from "../plan/digest.ts";
import { cpusOfSide, startOrder } from "../plan/sides.ts";
import type { StartOrder } from "../plan/sides.ts";
import type { Plan, PlannedPoint, RenderedStep, TopologyHost, TrialContext } from "../plan/types.ts";
import type { CollectRule, EventTrigger, InputFile, Readiness, Unit, UnitLimits } from "../ports/host-agent.ts";
import type { PhaseName } from "../names/keys.ts";
import type { EventScript } from "./event-scripts.ts";
import { shapeScript, unitScript } from "./event-scripts.ts";
import type { ArmScopes, Process } from "./processes.ts";
import { isUnitOf, layOut, processCount } from "./processes.ts";
import type { KnownHost } from "./known-hosts.ts";
import { addressOf, pointScope, rootFromUnit, selfOfHost, selfOfProcess, trialScope } from "./scope.ts";
import { hostsOn } from "./known-hosts.ts";
import { commonEnv, contextFile, withPrelude } from "./script.ts";
import { imageFile, inContainer, prepareContainers } from "./container.ts";
import { barrierFolder, cpuCheck, makePipes, meetsPartner, sideEnv, startPipeOf } from "./sides.ts";

/** Where command checks leave their exit codes and output, in the attempt's folder. */
export const checksFolder = "checks";

/** Longest time that an event's own script may take. */
const eventTimeoutMs = 60_000;
const checkTimeoutMs = 600_000;

/** Renders a trial's phases for hosts that exist. Keeps the layout of the last trial it was asked for, no more. */
export class TrialRenderer {
  readonly #definition: LoadedDefinition;
  readonly #plan: Plan;
  readonly #points: ReadonlyMap<string, PlannedPoint>;
  readonly #hostOrder: ReadonlyMap<string, number>;
  readonly #vcpus: ReadonlyMap<string, number>;
  #last: Layout | undefined;

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
    const scopes = this.#armScopes(point, hosts, { ...point, trialIndex: 0, seed: 0 });
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
        return this.#byHost(layout, (host) => ({ units: this.#resetUnits(layout, host), collect: [] }));
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
        return this.#byHost(layout, (host) => this.#collection(layout, host));
      default:
        return phase satisfies never;
    }
  }

  #stageUnits(layout: Layout, phase: "services" | "jobs", stage: number, host: TopologyHost): Unit[] {
    const kind = phase === "services" ? "service" : "job";
    const own = layout.processes.filter(
      (process) => process.host === host && process.program.kind === kind && process.program.stage === stage,
    );
    const pipes = makePipes(own, layout.point.compare);
    return [
      ...(pipes === undefined
        ? []
        : [this.#command(layout, host, { name: barrierFolder, workDir: ".", script: withPrelude(pipes) })]),
      ...own.map((process) => this.#unit(layout, process)),
      ...(phase === "jobs" ? this.#eventUnits(layout, stage, host) : []),
    ];
  }

  #byHost(
    layout: Layout,
    render: (host: TopologyHost) => { readonly units: readonly Unit[]; readonly collect: readonly CollectRule[] },
  ): RenderedStep[] {
    return layout.hosts.flatMap((host) => {
      const step = render(host);
      return step.units.length === 0 && step.collect.length === 0 ? [] : [{ host: host.name, ...step }];
    });
  }

  #layOut(trial: TrialContext): Layout {
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
    const scopes = this.#armScopes(point, hosts, trial);
    const processes = layOut(this.#definition, scopes, hosts);
    this.#last = { trial, point, hosts, scopes, processes, known: new Map(), json: new Map() };
    return this.#last;
  }

  #armScopes(
    point: PlannedPoint,
    hosts: readonly KnownHost[],
    trial: Pick<TrialContext, "pointKey" | "parameters" | "trialIndex" | "seed">,
  ): ArmScopes {
    if (point.arms === undefined) {
      return { kind: "single", scope: pointScope(this.#definition, trial.parameters, hosts) };
    }
    return {
      kind: "duet",
      A: pointScope(this.#definition, point.arms.A, hosts),
      B: pointScope(this.#definition, point.arms.B, hosts),
      order: startOrder(point.compare ?? { pattern: "ABBA" }, trial) === "AB" ? ["A", "B"] : ["B", "A"],
    };
  }

  /** What a process's side decides: its CPUs, unless it names its own, and what it knows of its partner. */
  #side(layout: Layout, process: Process, ownCpus: string | undefined) {
    const { point, scopes, trial } = layout;
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

  #scope(layout: Layout, viewer: TopologyHost | undefined, arm: "A" | "B" | undefined): Scope {
    const key = `${viewer?.name ?? ""} ${arm ?? ""}`;
    const known = layout.known.get(key);
    if (known !== undefined) return known;
    const { scopes, point } = layout;
    const scope = trialScope({
      definition: this.#definition,
      plan: this.#plan,
      trial: layout.trial,
      point: scopes.kind === "single" ? scopes.scope : scopes[arm ?? "A"],
      pointInfo: { sweep: point.sweep, variant: point.variant, arm: point.arm },
      hosts: layout.hosts,
      processes: layout.processes,
      viewer,
      arm,
    });
    layout.known.set(key, scope);
    return scope;
  }

  #sharedJson(layout: Layout, scope: Scope): string {
    const known = layout.json.get(scope);
    if (known !== undefined) return known;
    const json = sharedJson(scope);
    layout.json.set(scope, json);
    return json;
  }

  #unit(layout: Layout, process: Process): Unit {
    const { program, host } = process;
    const shared = this.#scope(layout, host, process.arm);
    const self = selfOfProcess(process, host);
    const scope: Scope = { ...shared, self };
    const isCommand = program.ready.kind === "exit";
    const readyTimeoutMs = program.readyTimeoutMs?.(scope);
    const files: InputFile[] = program.files.map((file) => ({
      path: file.name,
      mode: file.mode,
      content: file.content(scope),
    }));
    const limits = renderLimits(
      laidOver(this.#definition.program.roleLimits[layout.point.deployment]?.[host.role], program.limits),
      scope,
    );
    const side = this.#side(layout, process, limits.cpus);
    const pinned = side.cpus === undefined ? limits : { ...limits, cpus: side.cpus };
    const env = {
      ...this.#env(layout, host, process.index, process.count),
      ...side.env,
      ...renderEnv(this.#definition.program.env, scope),
      ...renderEnv(program.env, scope),
    };
    const script = program.run(scope);
    return {
      name: process.unit,
      kind: program.kind === "job" ? "job" : isCommand ? "command" : "service",
      script: withPrelude(
        program.container === undefined
          ? script
          : this.#inContainer(layout, process, { scope, script, limits: pinned, variables: Object.keys(env) }),
      ),
      env,
      files: [
        ...files,
        { path: contextFile, mode: "644", content: contextJson(this.#sharedJson(layout, shared), self) },
      ],
      workDir: process.unit,
      user: program.user,
      timeoutMs: isCommand
        ? (readyTimeoutMs ?? layout.point.timeoutMs)
        : (program.timeoutMs?.(scope) ?? layout.point.timeoutMs),
      // A container has its limits from its engine, whose processes aren't below ours.
      limits: program.container === undefined ? pinned : logLimit(pinned),
      ...(program.kind === "service" && !isCommand
        ? {
            ready: renderReady(program.ready, scope, process),
            readyTimeoutMs,
            stopSignal: program.stopSignal,
            stopGraceMs: program.stopGraceMs?.(scope),
          }
        : {}),
    };
  }

  #inContainer(
    layout: Layout,
    process: Process,
    {
      scope,
      script,
      limits,
      variables,
    }: {
      readonly scope: Scope;
      readonly script: string;
      readonly limits: UnitLimits;
      readonly variables: readonly string[];
    },
  ): string {
    const { trial } = layout;
    const { program, host, arm } = process;
    if (program.container === undefined) return script;
    const start =
      meetsPartner(process) && arm !== undefined
        ? {
            send: `../${startPipeOf(process, arm)}`,
            wait: `../${startPipeOf(process, arm === "A" ? "B" : "A")}`,
            first: arm === "A" ? ("send" as const) : ("wait" as const),
          }
        : undefined;
    const point = digestOf(trial.pointKey).slice(0, 8);
    return inContainer({
      program: program.container,
      scope,
      script,
      variables,
      limits,
      name: `${trial.runId}.${host.name}.${point}.${trial.trialIndex}.${trial.attempt}.${process.unit}`,
      label: containerLabel(layout, host),
      start,
    });
  }

  /** Before a trial: what an earlier one's containers left goes, and the disk must do. */
  #containerUnits(layout: Layout, host: TopologyHost): Unit[] {
    const needs = new Map<string, number | undefined>();
    for (const process of layout.processes) {
      const { container } = process.program;
      if (container === undefined || process.host !== host) continue;
      const scope: Scope = { ...this.#scope(layout, host, process.arm), self: selfOfProcess(process, host) };
      const engine = container.engine(scope);
      const bytes = container.diskFreeBytes?.(scope);
      needs.set(engine, bytes === undefined ? needs.get(engine) : Math.max(bytes, needs.get(engine) ?? 0));
    }
    return [...needs].map(([engine, bytes], index) =>
      this.#command(layout, host, {
        name: `reset-containers-${index}`,
        script: withPrelude(prepareContainers(engine, containerLabel(layout, host), bytes)),
      }),
    );
  }

  #env(layout: Layout, host: TopologyHost, index: number, count: number): Record<string, string> {
    return commonEnv({ host, toRoot: rootFromUnit, index, count, trial: layout.trial });
  }

  /** A command of ours rather than a process of the definition's. */
  #command(layout: Layout, host: TopologyHost, unit: Pick<Unit, "name" | "script"> & Partial<Unit>): Unit {
    return {
      kind: "command",
      env: this.#env(layout, host, host.index, layout.hosts.filter(({ role }) => role === host.role).length),
      files: [],
      workDir: unit.name,
      timeoutMs: layout.point.timeoutMs,
      limits: {},
      ...unit,
    };
  }

  #hostScope(layout: Layout, host: TopologyHost, name: string, on: readonly string[]): Scope {
    const own = hostsOn(layout.hosts, on);
    return {
      ...this.#scope(layout, host, undefined),
      self: selfOfHost(name, host, own.indexOf(host), own.length),
    };
  }

  #resetUnits(layout: Layout, host: TopologyHost): Unit[] {
    const { compare } = layout.point;
    const check = compare === undefined ? undefined : cpuCheck(compare);
    const isMeasured = layout.processes.some((process) => process.host === host && process.program.arm === "each");
    return [
      ...(check === undefined || !isMeasured
        ? []
        : [this.#command(layout, host, { name: "reset-cpus", script: withPrelude(check) })]),
      ...this.#containerUnits(layout, host),
      ...this.#ownResetUnits(layout, host),
    ];
  }

  #ownResetUnits(layout: Layout, host: TopologyHost): Unit[] {
    return this.#definition.program.reset.flatMap((command, index) => {
      const name = `reset-${index}`;
      if (!hostsOn([host], command.on).includes(host) || !command.when(this.#pointScopeOf(layout))) return [];
      const script = withPrelude(command.run(this.#hostScope(layout, host, name, command.on)));
      return [this.#command(layout, host, { name, script })];
    });
  }

  #pointScopeOf(layout: Layout): Scope {
    return layout.scopes.kind === "single" ? layout.scopes.scope : layout.scopes.A;
  }

  #eventUnits(layout: Layout, stage: number, host: TopologyHost): Unit[] {
    return this.#definition.program.events.flatMap((event) => {
      if (event.stage !== stage || !event.when(this.#pointScopeOf(layout))) return [];
      return this.#eventScripts(layout, event, host).map(({ suffix, script, undo }) =>
        this.#command(layout, host, {
          name: `event-${event.name}${suffix}`,
          kind: "event",
          script,
          timeoutMs: eventTimeoutMs,
          trigger: this.#trigger(layout, event, host),
          ...(undo === undefined ? {} : { undo }),
        }),
      );
    });
  }

  #eventScripts(
    layout: Layout,
    event: EventProgram,
    host: TopologyHost,
  ): readonly (EventScript & { readonly suffix: string })[] {
    const { action } = event;
    const scope = this.#scope(layout, host, undefined);
    switch (action.kind) {
      case "kill":
      case "pause":
      case "resume":
      case "restart": {
        const own = this.#targets(layout, action.target, event).filter((process) => process.host === host);
        return own.map((process) => ({
          ...unitScript(action.kind, process.unit),
          suffix: own.length === 1 ? "" : process.unit.slice(process.program.name.length),
        }));
      }
      case "shape": {
        if (!hostsOn([host], action.from).includes(host)) return [];
        const peers = hostsOn(layout.hosts, action.to).filter((peer) => peer !== host);
        if (peers.length === 0) return [];
        const shape = shapeScript({
          addresses: [...new Set(peers.map((peer) => addressOf(peer, host)))],
          rateBitsPerSec: action.rateBitsPerSec?.(scope),
          delayMs: action.delayMs?.(scope),
          loss: action.loss?.(scope),
        });
        return [{ ...shape, suffix: "" }];
      }
      case "run": {
        if (!hostsOn([host], action.on).includes(host)) return [];
        const self = this.#hostScope(layout, host, `event-${event.name}`, action.on);
        const undo = action.undo?.(self);
        return [
          {
            script: withPrelude(action.script(self)),
            undo: undo === undefined ? undefined : withPrelude(undo),
            suffix: "",
          },
        ];
      }
      default:
        return action satisfies never;
    }
  }

  /** The processes that an event names; all of them where it names no index. */
  #targets(layout: Layout, target: TargetProgram, event: EventProgram): readonly Process[] {
    const all = layout.processes.filter((process) => process.program.name === target.name);
    if (target.index === undefined) return all;
    const index = target.index(this.#scope(layout, undefined, undefined));
    const chosen = all.filter((process) => process.index === index);
    if (chosen.length === 0) {
      this.#definition.fail(event.path, `${target.name} has no process ${index} at this point, only ${all.length}`);
    }
    return chosen;
  }

  #trigger(layout: Layout, event: EventProgram, host: TopologyHost): EventTrigger {
    const scope = this.#scope(layout, host, undefined);
    if (event.onLog === undefined) return { kind: "at", offsetMs: event.at?.(scope) ?? 0 };
    const watched = this.#targets(layout, event.onLog.of, event).find((process) => process.host === host);
    if (watched === undefined) {
      this.#definition.fail(
        [...event.path, "onLog", "of"],
        `${event.onLog.of.name} doesn't run on ${host.name}, where the event acts`,
        "an event can only watch the output of its own host",
      );
    }
    return { kind: "logLine", unit: watched.unit, pattern: event.onLog.pattern(scope) };
  }

  #collection(layout: Layout, host: TopologyHost): { readonly units: Unit[]; readonly collect: CollectRule[] } {
    const { program } = this.#definition;
    const rules: CollectRule[] = layout.processes
      .filter((process) => process.host === host)
      .flatMap((process) => {
        const scope: Scope = { ...this.#scope(layout, host, process.arm), self: selfOfProcess(process, host) };
        return [
          ...process.program.collect.map((glob) => ({ glob: `${process.unit}/${glob(scope)}`, required: true })),
          ...(process.program.container === undefined
            ? []
            : [{ glob: `${process.unit}/${imageFile}`, required: true }]),
        ];
      });
    for (const rule of program.collect) {
      if (!hostsOn([host], rule.on).includes(host)) continue;
      const scope = this.#scope(layout, host, undefined);
      rules.push(...rule.globs.map((glob) => ({ glob: glob(scope), required: rule.required })));
    }
    const units = program.checks.flatMap((check): Unit[] => {
      const on = check.spec.on === undefined ? [] : [check.spec.on].flat();
      if (check.command === undefined || !hostsOn([host], on).includes(host)) return [];
      if (!check.when(this.#pointScopeOf(layout))) return [];
      const name = `check-${check.spec.name}`;
      return [
        this.#checkUnit(layout, host, name, check.spec.name, check.command(this.#hostScope(layout, host, name, on))),
      ];
    });
    if (units.length > 0) rules.push({ glob: `${checksFolder}/*`, required: true });
    return { units, collect: rules };
  }

  /** A check that fails is no failed command: its exit code and output are evidence, judged with the others. */
  #checkUnit(layout: Layout, host: TopologyHost, name: string, check: string, command: string): Unit {
    const file = `${checksFolder}/${check}.run`;
    const run = command.startsWith("#!") ? `./${file}` : `sh -e ./${file}`;
    return this.#command(layout, host, {
      name,
      workDir: ".",
      files: [{ path: file, mode: "755", content: command }],
      script: `${run} >${checksFolder}/${check}.txt 2>&1; echo $? >${checksFolder}/${check}.exit`,
      timeoutMs: checkTimeoutMs,
    });
  }
}

interface Layout {
  readonly trial: TrialContext;
  readonly point: PlannedPoint;
  readonly hosts: readonly TopologyHost[];
  readonly scopes: ArmScopes;
  readonly processes: readonly Process[];
  readonly known: Map<string, Scope>;
  readonly json: Map<Scope, string>;
}

const logLimit = ({ logBytes }: UnitLimits): UnitLimits => (logBytes === undefined ? {} : { logBytes });

const containerLabel = ({ trial }: Layout, host: TopologyHost): string =>
  `reprise=${trial.topology.deploymentId}.${host.name}`;

const renderEnv = (env: EnvProgram, scope: Scope): Record<string, string> =>
  Object.fromEntries(env.map(({ name, value }) => [name, value(scope)]));

function renderReady(ready: ReadyProgram, scope: Scope, process: Process): Readiness {
  switch (ready.kind) {
    case "none":
    case "exit":
      return { kind: "none" };
    case "namedPort":
      return { kind: "port", port: process.ports[ready.name] ?? 0 };
    case "port":
      return { kind: "port", port: ready.port(scope) };
    case "http":
      return { kind: "http", url: ready.url(scope) };
    case "logLine":
      return { kind: "logLine", pattern: ready.pattern(scope) };
    case "command":
      return { kind: "command", script: withPrelude(ready.script(scope)) };
    default:
      return ready satisfies never;
  }
}

function renderLimits(limits: LimitsProgram, scope: Scope): UnitLimits {
  const rendered = {
    memoryBytes: limits.memoryBytes?.(scope),
    swapBytes: limits.swapBytes?.(scope),
    cpus: limits.cpus?.(scope),
    logBytes: limits.logBytes?.(scope),
  };
  return Object.fromEntries(Object.entries(rendered).filter(([, value]) => value !== undefined));
}

/** Everything a script may want to know, as one file; `shared` is what all processes of a host see. */
const contextJson = (shared: string, self: Value): string =>
  `{\n "schema": "reprise/context@1",\n "self": ${JSON.stringify(self)},${shared.slice(1)}\n`;

function sharedJson(scope: Scope): string {
  const { params, vars, ...others } = scope;
  return JSON.stringify({ parameters: params, variables: vars, ...others }, undefined, 1);
}

/** A landed file's process: `load-0/latency.csv` and `load-0.out` are of `load-0`. */
export function unitOfPath(path: string, name: string): string | undefined {
  const [first = ""] = path.split("/", 1);
  const unit = path.includes("/") ? first : first.replace(/\.(?:out|err)$/, "");
  return isUnitOf(unit, name) ? unit : undefined;
}
