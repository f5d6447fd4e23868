import type { Json } from "../effects/json.ts";
import type { CompileInput } from "./compile-context.ts";
import { CompileContext, optional } from "./compile-context.ts";
import { compileEvent } from "./compile-events.ts";
import { compileEnv } from "./compile-files.ts";
import { compileProcess, compileRoleLimits } from "./compile-processes.ts";
import { compileResources, compileSteps } from "./compile-setup.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { anyShape } from "./expression/shape.ts";
import type { Path } from "./problem.ts";
import { formatPath } from "./problem.ts";
import type { CheckProgram, Program, RangeProgram } from "./program.ts";
import type { CheckSpec } from "./schema.ts";
import { selfShape } from "./scopes.ts";
import type { Slot } from "./slots.ts";
import { countStages } from "./stages.ts";
import { zipGroups } from "./zip-groups.ts";

/** Reads every template of a definition; what is wrong goes into `problems`. */
export function compileProgram(input: CompileInput): Program {
  const c = new CompileContext(input);
  const { definition } = c;
  const { trial, setup } = definition;
  const { point } = c.scopes;
  const serviceStages = c.stages(trial.services, ["trial", "services"], "service");
  const jobStages = c.stages(trial.jobs, ["trial", "jobs"], "job");
  for (const name of Object.keys(trial.jobs)) {
    if (Object.hasOwn(trial.services, name))
      c.problem(["trial", "jobs", name], "a service has this name already", { atKey: true });
  }
  const services = Object.entries(trial.services).map(([name, spec]) =>
    compileProcess(c, "service", name, spec, serviceStages.get(name) ?? 0),
  );
  const jobs = Object.entries(trial.jobs).map(([name, spec]) =>
    compileProcess(c, "job", name, spec, jobStages.get(name) ?? 0),
  );
  definition.bundle.forEach((glob, index) => c.glob(["bundle", index], glob, {}));
  definition.failures.forEach((failure, index) => c.pattern(["failures", index, "matches"], failure.matches));
  return {
    tolerating: (tell, run) => c.slots.tolerating(tell, run),
    variables: compileVariables(c),
    timeoutMs: c.slots.durationMs(["trial", "timeout"], trial.timeout, point),
    expectedMs: optional(trial.expected, (text) => c.slots.durationMs(["trial", "expected"], text, point)),
    env: compileEnv(c, ["trial", "env"], trial.env, { ...c.scopes.trial, self: selfShape([], false) }),
    reset: trial.reset.map((spec, index) => {
      const path: Path = ["trial", "reset", index];
      return {
        on: c.on([...path, "on"], spec.on),
        run: c.slots.script([...path, "run"], spec.run, { ...c.scopes.trial, self: selfShape([], false) }),
        when: c.when(path, spec.when),
      };
    }),
    services,
    jobs,
    serviceStages: countStages(serviceStages),
    jobStages: countStages(jobStages),
    events: trial.events.map((spec, index) => compileEvent(c, spec, index, jobStages)),
    collect: trial.collect.map((spec, index) => {
      const path: Path = ["trial", "collect", index];
      return {
        on: c.on([...path, "on"], spec.on),
        globs: spec.files.map((glob, n) => c.glob([...path, "files", n], glob, c.scopes.trial)),
        required: spec.required,
      };
    }),
    checks: trial.checks.map((spec, index) => compileCheck(c, spec, index)),
    summary: Object.entries(trial.summary).map(([name, spec]) => {
      const path: Path = ["trial", "summary", name];
      c.landed([...path, "from"], spec.from);
      c.glob([...path, "file"], spec.file, point);
      c.pattern([...path, "regex"], spec.regex, true);
      return { name, spec, scale: c.slots.number([...path, "scale"], spec.scale, point) };
    }),
    roleLimits: compileRoleLimits(c),
    steps: compileSteps(c, setup.steps),
    setupTimeoutMs: c.slots.durationMs(["setup", "timeout"], setup.timeout, {}),
    facts: definition.facts,
    resources: compileResources(c),
    lists: compileLists(c),
  };
}

function compileVariables(c: CompileContext): Program["variables"] {
  const seen: Record<string, typeof anyShape> = {};
  return Object.entries(c.definition.variables).map(([name, value]) => {
    const shapes: ShapeScope = { ...c.scopes.point, vars: { kind: "object", members: { ...seen } } };
    seen[name] = anyShape;
    return { name, value: c.slots.data(["variables", name], value, shapes) };
  });
}

function compileLists(c: CompileContext): Program["lists"] {
  const lists = new Map<string, Slot<readonly Json[]>>();
  for (const [name, sweep] of Object.entries(c.definition.sweeps)) {
    for (const { path, lists: values } of [
      { path: ["sweeps", name, "cross"], lists: sweep.cross ?? {} },
      ...zipGroups(sweep.zip, ["sweeps", name, "zip"]),
    ]) {
      for (const [key, value] of Object.entries(values)) {
        if (typeof value !== "string") continue;
        const at = [...path, key];
        lists.set(formatPath(at), c.slots.list(at, value, c.scopes.sweep));
      }
    }
  }
  return lists;
}

function compileCheck(c: CompileContext, spec: CheckSpec, index: number): CheckProgram {
  const path: Path = ["trial", "checks", index];
  const { point } = c.scopes;
  if (spec.from !== undefined) c.landed([...path, "from"], spec.from);
  if (spec.file !== undefined) c.glob([...path, "file"], spec.file, point);
  if (spec.on !== undefined) c.on([...path, "on"], spec.on);
  c.pattern([...path, "mustMatch"], spec.mustMatch);
  c.pattern([...path, "mustNotMatch"], spec.mustNotMatch);
  const range = (name: "rows" | "bytes"): RangeProgram | undefined =>
    optional(spec[name], (value) => ({
      min: optional(value.min, (least) => c.slots.number([...path, name, "min"], least, point)),
      max: optional(value.max, (most) => c.slots.number([...path, name, "max"], most, point)),
    }));
  return {
    spec,
    path,
    when: c.when(path, spec.when),
    command: optional(spec.command, (text) =>
      c.slots.script([...path, "command"], text, { ...c.scopes.trial, self: selfShape([], false) }),
    ),
    rows: range("rows"),
    bytes: range("bytes"),
  };
}
