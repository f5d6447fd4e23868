import type { CompileContext } from "./compile-context.ts";
import { optional } from "./compile-context.ts";
import { compileEnv, compileFiles } from "./compile-files.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { suggest } from "./nearest-name.ts";
import type { Path } from "./problem.ts";
import type { ContainerProgram, LimitsProgram, ProcessProgram, Program, ReadyProgram } from "./program.ts";
import type { ContainerSpec, JobSpec, LimitsSpec, ServiceSpec } from "./schema.ts";
import { portNames, selfShape } from "./scopes.ts";
import type { Slot } from "./slots.ts";
import { hasExpressions } from "./template.ts";

export function compileProcess(
  c: CompileContext,
  kind: "service" | "job",
  name: string,
  spec: ServiceSpec | JobSpec,
  stage: number,
): ProcessProgram {
  const path: Path = ["trial", kind === "service" ? "services" : "jobs", name];
  const { point } = c.scopes;
  const names = portNames(spec.ports);
  const shapes: ShapeScope = { ...c.scopes.process, self: selfShape(names, true) };
  const fixed = Array.isArray(spec.ports) ? {} : (spec.ports as Readonly<Record<string, number | string>>); // a list of names, else a mapping
  const service = "ready" in spec || "stop" in spec ? spec : undefined;
  return {
    kind,
    name,
    path,
    stage,
    on: c.on([...path, "on"], spec.on),
    run: c.slots.script([...path, "run"], spec.run, shapes),
    env: compileEnv(c, [...path, "env"], spec.env, shapes),
    files: compileFiles(c, [...path, "files"], spec.files, shapes),
    user: spec.user,
    when: c.when(path, spec.when),
    count: optional(spec.count, (value) => c.slots.count([...path, "count"], value, point)),
    offset: optional(service?.offset, (value) => c.slots.count([...path, "offset"], value, point)),
    deal: spec.deal,
    ports: names.map((port) => {
      const value = fixed[port];
      return {
        name: port,
        fixed:
          value === undefined || value === "auto"
            ? undefined
            : c.slots.port([...path, "ports", port], value, c.scopes.port),
      };
    }),
    ready: service === undefined ? { kind: "none" } : compileReady(c, [...path, "ready"], service.ready, names, shapes),
    readyTimeoutMs: optional(service?.readyTimeout, (text) =>
      c.slots.durationMs([...path, "readyTimeout"], text, point),
    ),
    stopSignal: service?.stop.signal,
    stopGraceMs: optional(service?.stop.grace, (text) => c.slots.durationMs([...path, "stop", "grace"], text, point)),
    timeoutMs: optional("timeout" in spec ? spec.timeout : undefined, (text) =>
      c.slots.durationMs([...path, "timeout"], text, point),
    ),
    limits: compileLimits(c, [...path, "limits"], spec.limits ?? {}, shapes),
    collect: spec.collect.map((glob, index) => c.glob([...path, "collect", index], glob, shapes)),
    container: optional(spec.container, (container) =>
      compileContainer(c, [...path, "container"], { ...container, run: spec.run }, shapes),
    ),
    arm: spec.arm,
  };
}

function compileContainer(
  c: CompileContext,
  path: Path,
  spec: ContainerSpec & { readonly run: string },
  shapes: ShapeScope,
): ContainerProgram {
  const { run } = spec;
  const texts = (field: "copy" | "options"): Slot<string>[] =>
    spec[field].map((text, index) => c.slots.text([...path, field, index], text, shapes));
  if (run.startsWith("#!")) {
    c.problem([...path.slice(0, -1), "run"], "what runs in a container is text for its `sh`", { value: run });
  }
  const names = new Map<string, string>();
  for (const [index, from] of spec.copy.entries()) {
    const at = [...path, "copy", index];
    if (!from.startsWith("/") && !hasExpressions(from)) c.problem(at, "not an absolute path", { value: from });
    const name = from.slice(from.lastIndexOf("/") + 1);
    const other = names.get(name);
    if (other !== undefined && other !== from) {
      c.problem(at, `would overwrite ${other}: both are called ${name}`, { value: from });
    }
    names.set(name, from);
  }
  return {
    image: c.slots.text([...path, "image"], spec.image, shapes),
    engine: c.slots.text([...path, "engine"], spec.engine, shapes),
    copy: texts("copy"),
    options: texts("options"),
    keep: spec.keep,
    diskFreeBytes: optional(spec.diskFree, (text) => c.slots.sizeBytes([...path, "diskFree"], text, shapes)),
  };
}

function compileReady(
  c: CompileContext,
  path: Path,
  spec: ServiceSpec["ready"],
  ports: readonly string[],
  shapes: ShapeScope,
): ReadyProgram {
  if (spec === undefined) return { kind: "none" };
  if (spec === "exit") return { kind: "exit" };
  if (typeof spec.port === "string" && !spec.port.includes("${{")) {
    if (!ports.includes(spec.port)) {
      c.problem([...path, "port"], "no port of this service has that name", {
        value: spec.port,
        hint: suggest(spec.port, ports) ?? "declare it under `ports:`",
      });
    }
    return { kind: "namedPort", name: spec.port };
  }
  if (spec.port !== undefined) return { kind: "port", port: c.slots.port([...path, "port"], spec.port, shapes) };
  if (spec.http !== undefined) return { kind: "http", url: c.slots.text([...path, "http"], spec.http, shapes) };
  if (spec.log !== undefined) return { kind: "logLine", pattern: c.slots.text([...path, "log"], spec.log, shapes) };
  return { kind: "command", script: c.slots.script([...path, "command"], spec.command ?? "", shapes) };
}

export function compileRoleLimits(c: CompileContext): Program["roleLimits"] {
  const shapes: ShapeScope = { ...c.scopes.trial, self: selfShape([], false) };
  return Object.fromEntries(
    Object.entries(c.definition.deployments).map(([name, deployment]) => {
      const at: Path = ["deployments", name];
      const general = compileLimits(c, [...at, "limits"], deployment.limits ?? {}, shapes);
      const roles = Object.entries(deployment.roles).map(([role, spec]) => {
        const own = compileLimits(c, [...at, "roles", role, "limits"], spec.limits ?? {}, shapes);
        return [role, laidOver(general, own)] as const;
      });
      return [name, Object.fromEntries(roles)];
    }),
  );
}

function compileLimits(c: CompileContext, path: Path, spec: LimitsSpec, shapes: ShapeScope): LimitsProgram {
  return {
    memoryBytes: optional(spec.memory, (text) => c.slots.sizeBytes([...path, "memory"], text, shapes)),
    swapBytes: optional(spec.swap, (text) => c.slots.sizeBytes([...path, "swap"], text, shapes)),
    cpus: optional(spec.cpus, (text) => c.slots.text([...path, "cpus"], text, shapes)),
    logBytes: optional(spec.log, (text) => c.slots.sizeBytes([...path, "log"], text, shapes)),
  };
}

/** Limits of which the nearer win, one by one. */
export const laidOver = (outer: LimitsProgram | undefined, inner: LimitsProgram): LimitsProgram => ({
  memoryBytes: inner.memoryBytes ?? outer?.memoryBytes,
  swapBytes: inner.swapBytes ?? outer?.swapBytes,
  cpus: inner.cpus ?? outer?.cpus,
  logBytes: inner.logBytes ?? outer?.logBytes,
});
