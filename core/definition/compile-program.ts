import { stringify as stringifyToml } from "smol-toml";
import { stringify as stringifyYaml } from "yaml";
import type { Json } from "../effects/json.ts";
import type { Failure } from "../errors/failure.ts";
import { toFailure } from "../errors/failure.ts";
import { messageOf } from "../errors/reprise-error.ts";
import { globToPattern } from "../supervision/glob.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { anyShape } from "./expression/shape.ts";
import { isJsonObject, typeName } from "./json-values.ts";
import { suggest } from "./nearest-name.ts";
import type { Parameters as ParameterSet } from "./parameters.ts";
import { zipGroups } from "./zip-groups.ts";
import type { Path, Problem } from "./problem.ts";
import { formatPath } from "./problem.ts";
import type {
  CheckProgram,
  ContainerProgram,
  EnvProgram,
  EventAction,
  EventProgram,
  FileProgram,
  LimitsProgram,
  ProcessProgram,
  Program,
  RangeProgram,
  ReadyProgram,
  StepProgram,
  TargetProgram,
} from "./program.ts";
import type {
  CheckSpec,
  ContainerSpec,
  Definition,
  EventSpec,
  FileSpec,
  JobSpec,
  LimitsSpec,
  ServiceSpec,
  StepSpec,
} from "./schema.ts";
import type { Scopes } from "./scopes.ts";
import { buildScopes, hostGroups, portNames, selfShape } from "./scopes.ts";
import type { Slot } from "./slots.ts";
import { SlotMaker } from "./slots.ts";
import type { Ordered } from "./stages.ts";
import { stagesOf } from "./stages.ts";
import { hasExpressions } from "./template.ts";
import type { ProblemOptions, YamlSource } from "./yaml-source.ts";

export interface CompileInput {
  readonly definition: Definition;
  readonly parameters: ParameterSet;
  readonly source: YamlSource;
  readonly problems: Problem[];
  /** Text of a file beside the definition. */
  readonly readFile: (path: string) => string | undefined;
}

export const asList = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T]; // T itself is never a list here

/** Reads every template of a definition; what is wrong goes into `problems`. */
export function compileProgram(input: CompileInput): Program {
  return new Compiler(input).compile();
}

class Compiler {
  readonly #input: CompileInput;
  readonly #slots: SlotMaker;
  readonly #scopes: Scopes;
  readonly #groups: readonly string[];

  constructor(input: CompileInput) {
    this.#input = input;
    this.#slots = new SlotMaker(input.source, input.problems);
    this.#scopes = buildScopes(input.definition, input.parameters);
    this.#groups = hostGroups(input.definition);
  }

  compile(): Program {
    const { definition } = this.#input;
    const { trial, setup } = definition;
    const { point } = this.#scopes;
    const serviceStages = this.#stages(trial.services, ["trial", "services"], "service");
    const jobStages = this.#stages(trial.jobs, ["trial", "jobs"], "job");
    for (const name of Object.keys(trial.jobs)) {
      if (Object.hasOwn(trial.services, name))
        this.#problem(["trial", "jobs", name], "a service has this name already", { atKey: true });
    }
    const services = Object.entries(trial.services).map(([name, spec]) =>
      this.#process("service", name, spec, serviceStages.get(name) ?? 0),
    );
    const jobs = Object.entries(trial.jobs).map(([name, spec]) =>
      this.#process("job", name, spec, jobStages.get(name) ?? 0),
    );
    definition.bundle.forEach((glob, index) => this.#glob(["bundle", index], glob, {}));
    definition.failures.forEach((failure, index) => this.#pattern(["failures", index, "matches"], failure.matches));
    return {
      variables: this.#variables(),
      timeoutMs: this.#slots.durationMs(["trial", "timeout"], trial.timeout, point),
      expectedMs: this.#optional(trial.expected, (text) => this.#slots.durationMs(["trial", "expected"], text, point)),
      env: this.#env(["trial", "env"], trial.env, { ...this.#scopes.trial, self: selfShape([], false) }),
      reset: trial.reset.map((spec, index) => {
        const path: Path = ["trial", "reset", index];
        return {
          on: this.#on([...path, "on"], spec.on),
          run: this.#slots.script([...path, "run"], spec.run, { ...this.#scopes.trial, self: selfShape([], false) }),
          when: this.#when(path, spec.when),
        };
      }),
      services,
      jobs,
      serviceStages: countStages(serviceStages),
      jobStages: countStages(jobStages),
      events: trial.events.map((spec, index) => this.#event(spec, index, jobStages)),
      collect: trial.collect.map((spec, index) => {
        const path: Path = ["trial", "collect", index];
        return {
          on: this.#on([...path, "on"], spec.on),
          globs: spec.files.map((glob, n) => this.#glob([...path, "files", n], glob, this.#scopes.trial)),
          required: spec.required,
        };
      }),
      checks: trial.checks.map((spec, index) => this.#check(spec, index)),
      summary: Object.entries(trial.summary).map(([name, spec]) => {
        const path: Path = ["trial", "summary", name];
        this.#landed([...path, "from"], spec.from);
        this.#glob([...path, "file"], spec.file, point);
        this.#pattern([...path, "regex"], spec.regex);
        return { name, spec, scale: this.#slots.number([...path, "scale"], spec.scale, point) };
      }),
      roleLimits: this.#roleLimits(),
      steps: this.#steps(setup.steps),
      setupTimeoutMs: this.#slots.durationMs(["setup", "timeout"], setup.timeout, {}),
      facts: definition.facts,
      resources: Object.entries(definition.resources).map(([name, spec]) => {
        const path: Path = ["resources", name];
        const shapes = this.#scopes.setup;
        const script = (field: "create" | "ready" | "delete"): Slot<string> | undefined =>
          this.#optional(spec[field], (text) => this.#slots.script([...path, field], text, shapes));
        return {
          name,
          kind: spec.kind ?? "commands",
          options: this.#slots.data([...path, "options"], spec.options, shapes),
          on: spec.on === undefined ? [] : this.#on([...path, "on"], spec.on),
          create: script("create"),
          ready: script("ready"),
          delete: script("delete"),
          deployments: spec.deployments,
          timeoutMs: this.#slots.durationMs([...path, "timeout"], spec.timeout, shapes),
        };
      }),
      lists: this.#lists(),
    };
  }

  #variables(): Program["variables"] {
    const seen: Record<string, typeof anyShape> = {};
    return Object.entries(this.#input.definition.variables).map(([name, value]) => {
      const shapes: ShapeScope = { ...this.#scopes.point, vars: { kind: "object", members: { ...seen } } };
      seen[name] = anyShape;
      return { name, value: this.#slots.data(["variables", name], value, shapes) };
    });
  }

  #lists(): Program["lists"] {
    const lists = new Map<string, Slot<readonly Json[]>>();
    for (const [name, sweep] of Object.entries(this.#input.definition.sweeps)) {
      for (const { path, lists: values } of [
        { path: ["sweeps", name, "cross"], lists: sweep.cross ?? {} },
        ...zipGroups(sweep.zip, ["sweeps", name, "zip"]),
      ]) {
        for (const [key, value] of Object.entries(values)) {
          if (typeof value !== "string") continue;
          const at = [...path, key];
          lists.set(formatPath(at), this.#slots.list(at, value, this.#scopes.sweep));
        }
      }
    }
    return lists;
  }

  #process(kind: "service" | "job", name: string, spec: ServiceSpec | JobSpec, stage: number): ProcessProgram {
    const path: Path = ["trial", kind === "service" ? "services" : "jobs", name];
    const { point } = this.#scopes;
    const names = portNames(spec.ports);
    const shapes: ShapeScope = { ...this.#scopes.process, self: selfShape(names, true) };
    const fixed = Array.isArray(spec.ports) ? {} : (spec.ports as Readonly<Record<string, number | string>>); // a list of names, else a mapping
    const service = "ready" in spec || "stop" in spec ? spec : undefined;
    return {
      kind,
      name,
      path,
      stage,
      on: this.#on([...path, "on"], spec.on),
      run: this.#slots.script([...path, "run"], spec.run, shapes),
      env: this.#env([...path, "env"], spec.env, shapes),
      files: this.#files([...path, "files"], spec.files, shapes),
      user: spec.user,
      when: this.#when(path, spec.when),
      count: this.#optional(spec.count, (value) => this.#slots.count([...path, "count"], value, point)),
      offset: this.#optional(service?.offset, (value) => this.#slots.count([...path, "offset"], value, point)),
      deal: spec.deal,
      ports: names.map((port) => {
        const value = fixed[port];
        return {
          name: port,
          fixed:
            value === undefined || value === "auto"
              ? undefined
              : this.#slots.port([...path, "ports", port], value, this.#scopes.port),
        };
      }),
      ready: service === undefined ? { kind: "none" } : this.#ready([...path, "ready"], service.ready, names, shapes),
      readyTimeoutMs: this.#optional(service?.readyTimeout, (text) =>
        this.#slots.durationMs([...path, "readyTimeout"], text, point),
      ),
      stopSignal: service?.stop.signal,
      stopGraceMs: this.#optional(service?.stop.grace, (text) =>
        this.#slots.durationMs([...path, "stop", "grace"], text, point),
      ),
      timeoutMs: this.#optional("timeout" in spec ? spec.timeout : undefined, (text) =>
        this.#slots.durationMs([...path, "timeout"], text, point),
      ),
      limits: this.#limits([...path, "limits"], spec.limits ?? {}, shapes),
      collect: spec.collect.map((glob, index) => this.#glob([...path, "collect", index], glob, shapes)),
      container: this.#optional(spec.container, (container) =>
        this.#container([...path, "container"], { ...container, run: spec.run }, shapes),
      ),
      arm: spec.arm,
    };
  }

  #container(path: Path, spec: ContainerSpec & { readonly run: string }, shapes: ShapeScope): ContainerProgram {
    const { run } = spec;
    const texts = (field: "copy" | "options"): Slot<string>[] =>
      spec[field].map((text, index) => this.#slots.text([...path, field, index], text, shapes));
    if (run.startsWith("#!")) {
      this.#problem([...path.slice(0, -1), "run"], "what runs in a container is text for its `sh`", { value: run });
    }
    const names = new Map<string, string>();
    for (const [index, from] of spec.copy.entries()) {
      const at = [...path, "copy", index];
      if (!from.startsWith("/") && !hasExpressions(from)) this.#problem(at, "not an absolute path", { value: from });
      const name = from.slice(from.lastIndexOf("/") + 1);
      const other = names.get(name);
      if (other !== undefined && other !== from) {
        this.#problem(at, `would overwrite ${other}: both are called ${name}`, { value: from });
      }
      names.set(name, from);
    }
    return {
      image: this.#slots.text([...path, "image"], spec.image, shapes),
      engine: this.#slots.text([...path, "engine"], spec.engine, shapes),
      copy: texts("copy"),
      options: texts("options"),
      keep: spec.keep,
      diskFreeBytes: this.#optional(spec.diskFree, (text) =>
        this.#slots.sizeBytes([...path, "diskFree"], text, shapes),
      ),
    };
  }

  #limits(path: Path, spec: LimitsSpec, shapes: ShapeScope): LimitsProgram {
    return {
      memoryBytes: this.#optional(spec.memory, (text) => this.#slots.sizeBytes([...path, "memory"], text, shapes)),
      swapBytes: this.#optional(spec.swap, (text) => this.#slots.sizeBytes([...path, "swap"], text, shapes)),
      cpus: this.#optional(spec.cpus, (text) => this.#slots.text([...path, "cpus"], text, shapes)),
      logBytes: this.#optional(spec.log, (text) => this.#slots.sizeBytes([...path, "log"], text, shapes)),
    };
  }

  #roleLimits(): Program["roleLimits"] {
    const shapes: ShapeScope = { ...this.#scopes.trial, self: selfShape([], false) };
    return Object.fromEntries(
      Object.entries(this.#input.definition.deployments).map(([name, deployment]) => {
        const at: Path = ["deployments", name];
        const general = this.#limits([...at, "limits"], deployment.limits ?? {}, shapes);
        const roles = Object.entries(deployment.roles).map(([role, spec]) => {
          const own = this.#limits([...at, "roles", role, "limits"], spec.limits ?? {}, shapes);
          return [role, laidOver(general, own)] as const;
        });
        return [name, Object.fromEntries(roles)];
      }),
    );
  }

  #ready(path: Path, spec: ServiceSpec["ready"], ports: readonly string[], shapes: ShapeScope): ReadyProgram {
    if (spec === undefined) return { kind: "none" };
    if (spec === "exit") return { kind: "exit" };
    if (typeof spec.port === "string" && !spec.port.includes("${{")) {
      if (!ports.includes(spec.port)) {
        this.#problem([...path, "port"], "no port of this service has that name", {
          value: spec.port,
          hint: suggest(spec.port, ports) ?? "declare it under `ports:`",
        });
      }
      return { kind: "namedPort", name: spec.port };
    }
    if (spec.port !== undefined) return { kind: "port", port: this.#slots.port([...path, "port"], spec.port, shapes) };
    if (spec.http !== undefined) return { kind: "http", url: this.#slots.text([...path, "http"], spec.http, shapes) };
    if (spec.log !== undefined)
      return { kind: "logLine", pattern: this.#slots.text([...path, "log"], spec.log, shapes) };
    return { kind: "command", script: this.#slots.script([...path, "command"], spec.command ?? "", shapes) };
  }

  #event(spec: EventSpec, index: number, jobStages: ReadonlyMap<string, number>): EventProgram {
    const path: Path = ["trial", "events", index];
    const shapes = this.#scopes.trial;
    if (spec.during !== undefined && !jobStages.has(spec.during)) {
      this.#problem([...path, "during"], "no job has that name", {
        value: spec.during,
        hint: suggest(spec.during, [...jobStages.keys()]),
      });
    }
    const known = [...Object.keys(this.#input.definition.trial.services)];
    const last = Math.max(0, countStages(jobStages) - 1);
    return {
      name: spec.name,
      path,
      stage: spec.during === undefined ? last : (jobStages.get(spec.during) ?? last),
      at: this.#optional(spec.at, (text) => this.#slots.durationMs([...path, "at"], text, shapes)),
      onLog: this.#optional(spec.onLog, (onLog) => ({
        of: this.#target([...path, "onLog", "of"], onLog.of, [...known, ...jobStages.keys()]),
        pattern: this.#slots.text([...path, "onLog", "pattern"], onLog.pattern, shapes),
      })),
      action: this.#action(path, spec, known),
      when: this.#when(path, spec.when),
    };
  }

  #action(path: Path, spec: EventSpec, services: readonly string[]): EventAction {
    const shapes = this.#scopes.trial;
    for (const kind of ["kill", "pause", "resume", "restart"] as const) {
      const target = spec[kind];
      if (target !== undefined) return { kind, target: this.#target([...path, kind], target, services) };
    }
    if (spec.shape !== undefined) {
      const at = [...path, "shape"];
      const { shape } = spec;
      return {
        kind: "shape",
        from: this.#on([...at, "from"], shape.from),
        to: this.#on([...at, "to"], shape.to),
        rateBitsPerSec: this.#optional(shape.rate, (text) => this.#slots.bitsPerSec([...at, "rate"], text, shapes)),
        delayMs: this.#optional(shape.delay, (text) => this.#slots.durationMs([...at, "delay"], text, shapes)),
        loss: this.#optional(shape.loss, (text) => this.#slots.share([...at, "loss"], text, shapes)),
      };
    }
    const self: ShapeScope = { ...shapes, self: selfShape([], false) };
    const at = [...path, "run"];
    return {
      kind: "run",
      on: this.#on([...at, "on"], spec.run?.on ?? []),
      script: this.#slots.script([...at, "script"], spec.run?.script ?? "", self),
      undo: this.#optional(spec.run?.undo, (text) => this.#slots.script([...at, "undo"], text, self)),
    };
  }

  #target(path: Path, text: string, known: readonly string[]): TargetProgram {
    const match = /^([a-z0-9-]+)(?:\[(.*)\])?$/s.exec(text);
    const name = match?.[1] ?? text;
    if (!known.includes(name)) {
      this.#problem(path, `no service is named \`${name}\``, { value: text, hint: suggest(name, known) });
    }
    const index = match?.[2];
    return {
      name,
      index:
        index === undefined
          ? undefined
          : this.#slots.count(path, /^\d+$/.test(index) ? Number(index) : index, this.#scopes.trial),
    };
  }

  #check(spec: CheckSpec, index: number): CheckProgram {
    const path: Path = ["trial", "checks", index];
    const { point } = this.#scopes;
    if (spec.from !== undefined) this.#landed([...path, "from"], spec.from);
    if (spec.file !== undefined) this.#glob([...path, "file"], spec.file, point);
    if (spec.on !== undefined) this.#on([...path, "on"], spec.on);
    this.#pattern([...path, "mustMatch"], spec.mustMatch);
    this.#pattern([...path, "mustNotMatch"], spec.mustNotMatch);
    const range = (name: "rows" | "bytes"): RangeProgram | undefined =>
      this.#optional(spec[name], (value) => ({
        min: this.#optional(value.min, (least) => this.#slots.number([...path, name, "min"], least, point)),
        max: this.#optional(value.max, (most) => this.#slots.number([...path, name, "max"], most, point)),
      }));
    return {
      spec,
      path,
      when: this.#when(path, spec.when),
      command: this.#optional(spec.command, (text) =>
        this.#slots.script([...path, "command"], text, { ...this.#scopes.trial, self: selfShape([], false) }),
      ),
      rows: range("rows"),
      bytes: range("bytes"),
    };
  }

  #steps(specs: readonly StepSpec[]): StepProgram[] {
    const names = specs.map((spec) => spec.name);
    names.forEach((name, index) => {
      if (names.indexOf(name) < index)
        this.#problem(["setup", "steps", index, "name"], "another step has this name", { value: name });
    });
    const stages = this.#stages(
      Object.fromEntries(specs.map((spec) => [spec.name, spec])),
      ["setup", "steps"],
      "step",
      (name) => names.indexOf(name),
    );
    return specs.map((spec, index) => this.#step(spec, index, stages.get(spec.name) ?? 0));
  }

  #step(spec: StepSpec, index: number, stage: number): StepProgram {
    const path: Path = ["setup", "steps", index];
    const base = this.#scopes.setup;
    const shapes: ShapeScope = spec.each === undefined ? base : { ...base, each: anyShape };
    const { definition } = this.#input;
    for (const [n, name] of (spec.deployments ?? []).entries()) {
      if (!Object.hasOwn(definition.deployments, name)) {
        this.#problem([...path, "deployments", n], "no deployment has that name", {
          value: name,
          hint: suggest(name, Object.keys(definition.deployments)),
        });
      }
    }
    if (spec.run === undefined && spec.publish.length === 0 && spec.fetch.length === 0) {
      this.#problem(path, "a step that does nothing", { hint: "give it `run`, `publish` or `fetch`" });
    }
    return {
      name: spec.name,
      path,
      stage,
      on: this.#on([...path, "on"], spec.on),
      run: this.#optional(spec.run, (text) => this.#slots.script([...path, "run"], text, shapes)),
      env: this.#env([...path, "env"], spec.env, shapes),
      files: this.#files([...path, "files"], spec.files, shapes),
      user: spec.user,
      when: spec.when === undefined ? () => true : this.#slots.boolean([...path, "when"], spec.when, shapes),
      each: this.#optional(spec.each, (text) => this.#slots.list([...path, "each"], text, base)),
      publish: spec.publish.map((item, n) => ({
        name: this.#slots.text([...path, "publish", n, "name"], item.name, shapes),
        path: this.#slots.text([...path, "publish", n, "path"], item.path, shapes),
        secret: item.secret,
      })),
      fetch: spec.fetch.map((item, n) => ({
        name: this.#slots.text([...path, "fetch", n, "name"], item.name, shapes),
        to: this.#slots.text([...path, "fetch", n, "to"], item.to, shapes),
        mode: item.mode,
      })),
      deployments: spec.deployments,
      timeoutMs: this.#slots.durationMs([...path, "timeout"], spec.timeout, shapes),
    };
  }

  #env(path: Path, env: Readonly<Record<string, string | number | boolean>>, shapes: ShapeScope): EnvProgram {
    return Object.entries(env).map(([name, value]) => {
      if (name.startsWith("REPRISE_")) {
        this.#problem([...path, name], "names that begin with REPRISE_ are given to processes by reprise", {
          atKey: true,
        });
      }
      return { name, value: this.#slots.text([...path, name], String(value), shapes) };
    });
  }

  #files(path: Path, files: Readonly<Record<string, FileSpec>>, shapes: ShapeScope): FileProgram[] {
    return Object.entries(files).map(([name, spec]) => ({
      name,
      mode: spec.mode,
      content: this.#content([...path, name], spec, shapes),
    }));
  }

  #content(path: Path, spec: FileSpec, shapes: ShapeScope): Slot<string> {
    if (spec.text !== undefined) return this.#slots.content([...path, "text"], spec.text, shapes);
    if (spec.template !== undefined) {
      const text = this.#input.readFile(spec.template);
      if (text !== undefined) return this.#slots.content([...path, "template"], text, shapes, spec.template);
      this.#problem([...path, "template"], "no such file beside the definition", { value: spec.template });
      return () => "";
    }
    for (const format of ["json", "yaml", "toml"] as const) {
      const data = spec[format];
      if (data === undefined) continue;
      const at = [...path, format];
      const slot = this.#slots.data(at, data, shapes);
      return (scope) => {
        const value = slot(scope);
        try {
          return formatData(format, value);
        } catch (error) {
          return this.#slots.fail(at, `can't be written as ${format}: ${messageOf(error)}`);
        }
      };
    }
    return () => "";
  }

  /** The stage of each item by its `after:`; unknown names and circles are problems. */
  #stages(
    items: Readonly<Record<string, { readonly after?: string | readonly string[] | undefined }>>,
    path: Path,
    word: string,
    stepOf: (name: string) => string | number = (name) => name,
  ): ReadonlyMap<string, number> {
    const names = Object.keys(items);
    const ordered: Ordered[] = Object.entries(items).map(([name, item]) => ({ name, after: asList(item.after) }));
    for (const { name, after } of ordered) {
      after.forEach((other, index) => {
        if (names.includes(other)) return;
        const at = [...path, stepOf(name), "after"];
        this.#problem(Array.isArray(items[name]?.after) ? [...at, index] : at, `no ${word} is named \`${other}\``, {
          value: other,
          hint: suggest(other, names),
        });
      });
    }
    const result = stagesOf(ordered);
    if (result.kind === "stages") return result.stages;
    const circle = [...result.names, result.names[0] ?? ""].join(" → ");
    this.#problem([...path, stepOf(result.names[0] ?? ""), "after"], `waits for itself: ${circle}`);
    return new Map(names.map((name) => [name, 0]));
  }

  #on(path: Path, on: string | readonly string[]): readonly string[] {
    asList(on).forEach((name, index) => {
      if (this.#groups.includes(name)) return;
      this.#problem(Array.isArray(on) ? [...path, index] : path, "no role or label has that name", {
        value: name,
        hint: suggest(name, this.#groups),
      });
    });
    return asList(on);
  }

  #landed(path: Path, name: string): void {
    const { services, jobs } = this.#input.definition.trial;
    if (Object.hasOwn(services, name) || Object.hasOwn(jobs, name)) return;
    this.#problem(path, "no service or job has that name", {
      value: name,
      hint: suggest(name, [...Object.keys(services), ...Object.keys(jobs)]),
    });
  }

  /** A glob that hosts can use; one with expressions is looked at when it is rendered. */
  #glob(path: Path, text: string, shapes: ShapeScope): Slot<string> {
    const slot = this.#slots.text(path, text, shapes);
    const check = (glob: string): Failure | undefined => {
      try {
        globToPattern(glob);
        return undefined;
      } catch (error) {
        return toFailure(error);
      }
    };
    const found = hasExpressions(text) ? undefined : check(text);
    if (found !== undefined) this.#problem(path, found.message, { hint: found.hint, value: text });
    return (scope) => {
      const glob = slot(scope);
      const failure = check(glob);
      if (failure !== undefined) this.#slots.fail(path, failure.message, failure.hint);
      return glob;
    };
  }

  #pattern(path: Path, pattern: string | undefined): void {
    if (pattern === undefined) return;
    try {
      new RegExp(pattern, "u");
    } catch (error) {
      this.#problem(path, `not a regular expression: ${messageOf(error)}`, { value: pattern });
    }
  }

  #when(path: Path, when: boolean | string | undefined): Slot<boolean> {
    return when === undefined ? () => true : this.#slots.boolean([...path, "when"], when, this.#scopes.point);
  }

  #optional<T, R>(value: T | undefined, make: (value: T) => R): R | undefined {
    return value === undefined ? undefined : make(value);
  }

  #problem(path: Path, message: string, options: ProblemOptions = {}): void {
    this.#input.problems.push(this.#input.source.problem(path, message, options));
  }
}

/** Limits of which the nearer win, one by one. */
export const laidOver = (outer: LimitsProgram | undefined, inner: LimitsProgram): LimitsProgram => ({
  memoryBytes: inner.memoryBytes ?? outer?.memoryBytes,
  swapBytes: inner.swapBytes ?? outer?.swapBytes,
  cpus: inner.cpus ?? outer?.cpus,
  logBytes: inner.logBytes ?? outer?.logBytes,
});

const countStages = (stages: ReadonlyMap<string, number>): number =>
  stages.size === 0 ? 0 : Math.max(...stages.values()) + 1;

function formatData(format: "json" | "yaml" | "toml", value: Json): string {
  if (format === "json") return `${JSON.stringify(value, undefined, 2)}\n`;
  if (format === "yaml") return stringifyYaml(value, { lineWidth: 0 });
  if (!isJsonObject(value)) throw new TypeError(`TOML needs a mapping at its top, not ${typeName(value)}`);
  return `${stringifyToml(value).trimEnd()}\n`;
}
