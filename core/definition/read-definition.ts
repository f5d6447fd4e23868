import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../effects/json.ts";
import { expandMonitoring } from "../monitoring/expand.ts";
import { checkDashboards } from "../monitoring/own-dashboards.ts";
import { isClusterProblems, readClusterFile } from "./cluster-file.ts";
import { compileProgram } from "./compile-program.ts";
import { isJsonObject } from "./json-values.ts";
import type { MendedDefinition } from "./mend.ts";
import { mendDefinition } from "./mend.ts";
import { suggest } from "./nearest-name.ts";
import type { Parameters, Report } from "./parameters.ts";
import { findTarget, readParameters } from "./parameters.ts";
import type { Path, Problem } from "./problem.ts";
import { DefinitionError } from "./problem.ts";
import type { LoadedDefinition } from "./program.ts";
import type { Definition, WherePoints } from "./schema.ts";
import { definitionSchema } from "./schema.ts";
import { checkSharedHosts } from "./shared-hosts.ts";
import { readSweepAxes } from "./sweep-axes.ts";
import type { SweepAxes } from "./sweep-axes.ts";
import type { YamlSource } from "./yaml-source.ts";
import { readYaml } from "./yaml-source.ts";

export type ReadResult =
  | { readonly ok: true; readonly definition: LoadedDefinition }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Providers that a definition may name; adapters implement them. */
export const providerNames = ["local", "hosts", "aws", "azure", "gcp", "sim"] as const;

/**
 * Reads a definition.
 *
 * @param file its name for messages
 * @param readFile text of a file beside it: templates and cluster files
 * @returns the definition, or everything that is wrong with it, in the order of the file
 */
export function readDefinition(
  text: string,
  file: string,
  readFile: (path: string) => string | undefined = () => undefined,
): ReadResult {
  const doubled: Problem[] = [];
  const source = readYaml(text, file, doubled);
  if (!("value" in source)) return { ok: false, problems: source };
  if (!isJsonObject(source.value)) {
    return { ok: false, problems: [source.problem([], "a definition is a mapping", { value: source.value })] };
  }
  const read = readSchema(source, source.value);
  if (!("definition" in read))
    return { ok: false, problems: sorted([...doubled, ...read, ...earlyProblems(source, source.value)]) };

  const problems: Problem[] = [];
  const tell: Report = (path, message, options) => problems.push(read.source.problem(path, message, options));
  const files: Record<string, string> = {};
  const keepFile = (path: string): string | undefined => {
    const content = readFile(path);
    if (content !== undefined) files[path] = content;
    return content;
  };
  const parameters = readParameters(read.definition.parameters, tell);
  const { definition: spec, source: places } = expandMonitoring(read.definition, {
    parameters,
    source: read.source,
    report: tell,
  });
  const report: Report = (path, message, options) => problems.push(places.problem(path, message, options));
  const program = compileProgram({ definition: spec, parameters, source: places, problems, readFile: keepFile });
  const sweeps: Record<string, SweepAxes> = {};
  for (const [name, sweep] of Object.entries(spec.sweeps)) {
    const written = writtenSweep(read.source.value, name);
    sweeps[name] = readSweepAxes(name, sweep, written, { parameters, lists: program.lists, report, problems });
  }
  checkReferences(spec, parameters, report);
  checkDeployments(spec, report, keepFile, problems);
  checkSharedHosts(spec, report);
  problems.push(...checkDashboards(spec, read.source, keepFile));
  const all = [...doubled, ...read.problems, ...problems.filter(read.isOwn)];
  if (all.length > 0) return { ok: false, problems: sorted(all) };
  return {
    ok: true,
    definition: {
      spec,
      text,
      file,
      digest: createHash("sha256").update(text).digest("hex"),
      parameters,
      program,
      sweeps,
      files,
      fail: (path, message, hint, value) => {
        throw new DefinitionError([places.problem(path, message, { hint, value })]);
      },
    },
  };
}

/** What the schema makes of a definition; where it refuses it, what is left when that is mended. */
function readSchema(source: YamlSource, value: JsonObject): MendedDefinition | readonly Problem[] {
  const parsed = definitionSchema.safeParse(value);
  if (!parsed.success) return mendDefinition(source, value);
  return { definition: parsed.data, source, problems: [], isOwn: () => true };
}

const writtenSweep = (value: Json, name: string): JsonObject => {
  const sweeps = isJsonObject(value) ? value["sweeps"] : undefined;
  const sweep = isJsonObject(sweeps) ? sweeps[name] : undefined;
  return isJsonObject(sweep) ? sweep : {};
};

/** Problems of the parameters are worth telling even when the rest can't be read yet. */
function earlyProblems(source: YamlSource, value: JsonObject): Problem[] {
  const problems: Problem[] = [];
  const parameters = value["parameters"];
  if (isJsonObject(parameters)) {
    readParameters(parameters, (path, message, options) => problems.push(source.problem(path, message, options)));
  }
  return problems;
}

const sorted = (problems: readonly Problem[]): Problem[] =>
  [...problems].sort((a, b) => a.line - b.line || a.column - b.column);

function checkReferences(spec: Definition, parameters: Parameters, report: Report): void {
  const deployments = Object.keys(spec.deployments);
  const sweeps = Object.keys(spec.sweeps);
  const unknown = (path: Path, what: string, name: string, known: readonly string[]): void =>
    report(path, `no ${what} is named \`${name}\``, { value: name, hint: suggest(name, known) });
  for (const [name, sweep] of Object.entries(spec.sweeps)) {
    if (sweep.deployment === undefined) {
      if (deployments.length > 1) {
        report(["sweeps", name], "must say which `deployment` it uses", {
          atKey: true,
          hint: suggest("", deployments),
        });
      }
    } else if (!deployments.includes(sweep.deployment)) {
      unknown(["sweeps", name, "deployment"], "deployment", sweep.deployment, deployments);
    }
    if (sweep.repeat === "mixed" && sweep.order !== "random") {
      report(["sweeps", name, "repeat"], "`mixed` needs `order: random`", { value: sweep.repeat });
    }
  }
  const checkWhere = (where: WherePoints, path: Path): void => {
    if (!sweeps.includes(where.sweep)) unknown([...path, "sweep"], "sweep", where.sweep, sweeps);
    for (const key of Object.keys(where.where)) {
      const target = findTarget(key.split("."), parameters);
      const isLabel = key === "variant" || key === "arm";
      if (isLabel || target.kind === "parameter" || target.kind === "inside") continue;
      unknown([...path, "where", key], "parameter", key, [...parameters.declared.keys()]);
    }
  };
  for (const [name, figure] of Object.entries(spec.figures)) {
    figure.needs.forEach((need, index) => {
      const path: Path = ["figures", name, "needs", index];
      if (typeof need !== "string") checkWhere(need, path);
      else if (!sweeps.includes(need)) unknown(path, "sweep", need, sweeps);
    });
  }
  spec.claims.forEach((claim, index) => {
    checkWhere(claim.of, ["claims", index, "of"]);
    if (claim.relativeTo !== undefined) checkWhere(claim.relativeTo, ["claims", index, "relativeTo"]);
  });
  for (const [field, list] of [
    ["events", spec.trial.events],
    ["checks", spec.trial.checks],
  ] as const) {
    const names = list.map((item) => item.name);
    names.forEach((name, index) => {
      if (names.indexOf(name) < index) report(["trial", field, index, "name"], "this name is taken", { value: name });
    });
  }
  for (const [name, resource] of Object.entries(spec.resources)) {
    resource.deployments?.forEach((deployment, index) => {
      if (!deployments.includes(deployment)) {
        unknown(["resources", name, "deployments", index], "deployment", deployment, deployments);
      }
    });
  }
}

function checkDeployments(
  spec: Definition,
  report: Report,
  readFile: (path: string) => string | undefined,
  problems: Problem[],
): void {
  for (const [name, deployment] of Object.entries(spec.deployments)) {
    const at: Path = ["deployments", name];
    const roles = Object.entries(deployment.roles);
    for (const [path, on] of [
      [[...at, "on"], deployment.on],
      ...roles.map(([role, { on }]) => [[...at, "roles", role, "on"], on] as const),
    ] as const) {
      if (on === undefined || providerNames.some((known) => known === on)) continue;
      report(path, "not a provider", { value: on, hint: suggest(on, providerNames) });
    }
    deployment.machines?.forEach((machine, index) => {
      if (Object.hasOwn(deployment.roles, machine.role)) return;
      report([...at, "machines", index, "role"], `no role of this deployment is named \`${machine.role}\``, {
        value: machine.role,
        hint: suggest(machine.role, Object.keys(deployment.roles)),
      });
    });
    if (deployment.clusterFile === undefined) continue;
    const text = readFile(deployment.clusterFile);
    if (text === undefined) {
      // Elsewhere than on given machines it isn't asked for: `--on hosts` misses it when it plans.
      if ([deployment.on, ...roles.map(([, { on }]) => on)].includes("hosts"))
        report([...at, "clusterFile"], "no such file beside the definition", { value: deployment.clusterFile });
      continue;
    }
    const machines = readClusterFile(text, deployment.clusterFile);
    if (isClusterProblems(machines)) problems.push(...machines);
  }
}
