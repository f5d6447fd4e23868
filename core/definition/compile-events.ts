import type { CompileContext } from "./compile-context.ts";
import { optional } from "./compile-context.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { suggest } from "./nearest-name.ts";
import type { Path } from "./problem.ts";
import type { EventAction, EventProgram, TargetProgram } from "./program.ts";
import type { EventSpec } from "./schema.ts";
import { selfShape } from "./scopes.ts";
import { countStages } from "./stages.ts";

export function compileEvent(
  c: CompileContext,
  spec: EventSpec,
  index: number,
  jobStages: ReadonlyMap<string, number>,
): EventProgram {
  const path: Path = ["trial", "events", index];
  const shapes = c.scopes.trial;
  if (spec.during !== undefined && !jobStages.has(spec.during)) {
    c.problem([...path, "during"], "no job has that name", {
      value: spec.during,
      hint: suggest(spec.during, [...jobStages.keys()]),
    });
  }
  const known = [...Object.keys(c.definition.trial.services)];
  const last = Math.max(0, countStages(jobStages) - 1);
  return {
    name: spec.name,
    path,
    stage: spec.during === undefined ? last : (jobStages.get(spec.during) ?? last),
    at: optional(spec.at, (text) => c.slots.durationMs([...path, "at"], text, shapes)),
    onLog: optional(spec.onLog, (onLog) => ({
      of: compileTarget(c, [...path, "onLog", "of"], onLog.of, [...known, ...jobStages.keys()]),
      pattern: c.slots.text([...path, "onLog", "pattern"], onLog.pattern, shapes),
    })),
    action: compileAction(c, path, spec, known),
    when: c.when(path, spec.when),
  };
}

function compileAction(c: CompileContext, path: Path, spec: EventSpec, services: readonly string[]): EventAction {
  const shapes = c.scopes.trial;
  for (const kind of ["kill", "pause", "resume", "restart"] as const) {
    const target = spec[kind];
    if (target !== undefined) return { kind, target: compileTarget(c, [...path, kind], target, services) };
  }
  if (spec.shape !== undefined) {
    const at = [...path, "shape"];
    const { shape } = spec;
    return {
      kind: "shape",
      from: c.on([...at, "from"], shape.from),
      to: c.on([...at, "to"], shape.to),
      rateBitsPerSec: optional(shape.rate, (text) => c.slots.bitsPerSec([...at, "rate"], text, shapes)),
      delayMs: optional(shape.delay, (text) => c.slots.durationMs([...at, "delay"], text, shapes)),
      loss: optional(shape.loss, (text) => c.slots.share([...at, "loss"], text, shapes)),
    };
  }
  const self: ShapeScope = { ...shapes, self: selfShape([], false) };
  const at = [...path, "run"];
  return {
    kind: "run",
    on: c.on([...at, "on"], spec.run?.on ?? []),
    script: c.slots.script([...at, "script"], spec.run?.script ?? "", self),
    undo: optional(spec.run?.undo, (text) => c.slots.script([...at, "undo"], text, self)),
  };
}

function compileTarget(c: CompileContext, path: Path, text: string, known: readonly string[]): TargetProgram {
  const match = /^([a-z0-9-]+)(?:\[(.*)\])?$/s.exec(text);
  const name = match?.[1] ?? text;
  if (!known.includes(name)) {
    c.problem(path, `no service is named \`${name}\``, { value: text, hint: suggest(name, known) });
  }
  const index = match?.[2];
  return {
    name,
    index:
      index === undefined
        ? undefined
        : c.slots.count(path, /^\d+$/.test(index) ? Number(index) : index, c.scopes.trial),
  };
}
