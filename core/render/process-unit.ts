import { digestOf } from "../plan/digest.ts";
import { laidOver } from "../definition/compile-processes.ts";
import type { Scope, Value } from "../definition/expression/values.ts";
import type { EnvProgram, LimitsProgram, ReadyProgram } from "../definition/program.ts";
import type { InputFile, Readiness, Unit, UnitLimits } from "../ports/host-agent.ts";
import { inContainer } from "./container.ts";
import type { Process } from "./processes.ts";
import { selfOfProcess } from "./scope.ts";
import { contextFile, withPrelude } from "./script.ts";
import { meetsPartner, startPipeOf } from "./sides.ts";
import type { TrialLayout } from "./trial-layout.ts";

/** One process of the definition's, with all that it is given. */
export function processUnit(layout: TrialLayout, process: Process): Unit {
  const { program, host } = process;
  const shared = layout.scope(host, process.arm);
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
    laidOver(layout.definition.program.roleLimits[layout.point.deployment]?.[host.role], program.limits),
    scope,
  );
  const side = layout.side(process, limits.cpus);
  const pinned = side.cpus === undefined ? limits : { ...limits, cpus: side.cpus };
  const env = {
    ...layout.env(host, process.index, process.count),
    ...side.env,
    ...renderEnv(layout.definition.program.env, scope),
    ...renderEnv(program.env, scope),
  };
  const script = program.run(scope);
  return {
    name: process.unit,
    kind: program.kind === "job" ? "job" : isCommand ? "command" : "service",
    script: withPrelude(
      program.container === undefined
        ? script
        : containerScript(layout, process, { scope, script, limits: pinned, variables: Object.keys(env) }),
    ),
    env,
    files: [...files, { path: contextFile, mode: "644", content: contextJson(layout.sharedJson(shared), self) }],
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

function containerScript(
  layout: TrialLayout,
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
    label: layout.containerLabel(host),
    start,
  });
}

const logLimit = ({ logBytes }: UnitLimits): UnitLimits => (logBytes === undefined ? {} : { logBytes });

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
