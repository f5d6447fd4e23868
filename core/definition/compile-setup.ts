import type { CompileContext } from "./compile-context.ts";
import { optional } from "./compile-context.ts";
import { compileEnv, compileFiles } from "./compile-files.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { anyShape } from "./expression/shape.ts";
import { suggest } from "./nearest-name.ts";
import type { Path } from "./problem.ts";
import type { Program, StepProgram } from "./program.ts";
import type { StepSpec } from "./schema.ts";
import type { Slot } from "./slots.ts";

export function compileSteps(c: CompileContext, specs: readonly StepSpec[]): StepProgram[] {
  const names = specs.map((spec) => spec.name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index)
      c.problem(["setup", "steps", index, "name"], "another step has this name", { value: name });
  });
  const stages = c.stages(
    Object.fromEntries(specs.map((spec) => [spec.name, spec])),
    ["setup", "steps"],
    "step",
    (name) => names.indexOf(name),
  );
  return specs.map((spec, index) => compileStep(c, spec, index, stages.get(spec.name) ?? 0));
}

function compileStep(c: CompileContext, spec: StepSpec, index: number, stage: number): StepProgram {
  const path: Path = ["setup", "steps", index];
  const base = c.scopes.setup;
  const shapes: ShapeScope = spec.each === undefined ? base : { ...base, each: anyShape };
  const { definition } = c;
  for (const [n, name] of (spec.deployments ?? []).entries()) {
    if (!Object.hasOwn(definition.deployments, name)) {
      c.problem([...path, "deployments", n], "no deployment has that name", {
        value: name,
        hint: suggest(name, Object.keys(definition.deployments)),
      });
    }
  }
  if (spec.run === undefined && spec.publish.length === 0 && spec.fetch.length === 0) {
    c.problem(path, "a step that does nothing", { hint: "give it `run`, `publish` or `fetch`" });
  }
  return {
    name: spec.name,
    path,
    stage,
    on: c.on([...path, "on"], spec.on),
    run: optional(spec.run, (text) => c.slots.script([...path, "run"], text, shapes)),
    env: compileEnv(c, [...path, "env"], spec.env, shapes),
    files: compileFiles(c, [...path, "files"], spec.files, shapes),
    user: spec.user,
    when: spec.when === undefined ? () => true : c.slots.boolean([...path, "when"], spec.when, shapes),
    each: optional(spec.each, (text) => c.slots.list([...path, "each"], text, base)),
    publish: spec.publish.map((item, n) => ({
      name: c.slots.text([...path, "publish", n, "name"], item.name, shapes),
      path: c.slots.text([...path, "publish", n, "path"], item.path, shapes),
      secret: item.secret,
    })),
    fetch: spec.fetch.map((item, n) => ({
      name: c.slots.text([...path, "fetch", n, "name"], item.name, shapes),
      to: c.slots.text([...path, "fetch", n, "to"], item.to, shapes),
      mode: item.mode,
    })),
    deployments: spec.deployments,
    timeoutMs: c.slots.durationMs([...path, "timeout"], spec.timeout, shapes),
  };
}

export function compileResources(c: CompileContext): Program["resources"] {
  return Object.entries(c.definition.resources).map(([name, spec]) => {
    const path: Path = ["resources", name];
    const shapes = c.scopes.setup;
    const script = (field: "create" | "ready" | "delete"): Slot<string> | undefined =>
      optional(spec[field], (text) => c.slots.script([...path, field], text, shapes));
    return {
      name,
      kind: spec.kind ?? "commands",
      options: c.slots.data([...path, "options"], spec.options, shapes),
      on: spec.on === undefined ? [] : c.on([...path, "on"], spec.on),
      create: script("create"),
      ready: script("ready"),
      delete: script("delete"),
      deployments: spec.deployments,
      timeoutMs: c.slots.durationMs([...path, "timeout"], spec.timeout, shapes),
    };
  });
}
