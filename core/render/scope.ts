import type { Json, JsonObject } from "../effects/json.ts";
import type { Scope, Value, ValueObject } from "../definition/expression/values.ts";
import { DefinitionError } from "../definition/problem.ts";
import type { Problem } from "../definition/problem.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import type { Plan, ResolvedSource, Topology, TopologyHost, TrialContext } from "../plan/types.ts";
import type { KnownHost } from "./known-hosts.ts";
import { groupHosts } from "./known-hosts.ts";
import type { Process } from "./processes.ts";

/** Parameters, sources and the like have no absent members, so that they are values as they are. */
export const toValue = (json: Json): Value => json as Value;

/** What hangs on the point alone: parameters, derived variables, which hosts there are. */
export function pointScope(definition: LoadedDefinition, parameters: JsonObject, hosts: readonly KnownHost[]): Scope {
  const known = groupHosts(definition, hosts);
  const base: Scope = {
    params: toValue(parameters),
    hosts: Object.fromEntries(
      Object.entries(known).map(([group, members]) => [
        group,
        members.map((host) => ({ name: host.name, role: host.role, index: host.index })),
      ]),
    ),
  };
  return { ...base, vars: evaluateVariables(definition, base) };
}

/** @throws {DefinitionError} with every variable that has no value, but for those that only miss another one */
function evaluateVariables(definition: LoadedDefinition, base: Scope): ValueObject {
  const vars: Record<string, Value> = {};
  const failed: string[] = [];
  const problems: Problem[] = [];
  for (const { name, value } of definition.program.variables) {
    try {
      vars[name] = toValue(value({ ...base, vars: { ...vars } }));
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      const isOwn = ({ message }: Problem): boolean => !failed.some((other) => message === `no member \`${other}\``);
      problems.push(...error.problems.filter(isOwn));
      failed.push(name);
    }
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return vars;
}

/** How `viewer` reaches a host: privately inside one network, publicly across. */
export const addressOf = (host: TopologyHost, viewer: TopologyHost | undefined): string =>
  viewer === undefined || (viewer.provider === host.provider && viewer.network === host.network)
    ? host.privateAddress
    : host.publicAddress;

export const hostValue = (host: TopologyHost, viewer: TopologyHost | undefined): ValueObject => ({
  name: host.name,
  role: host.role,
  index: host.index,
  address: addressOf(host, viewer),
  privateAddress: host.privateAddress,
  publicAddress: host.publicAddress,
  lane: host.lane,
  user: host.user,
  sshPort: host.sshPort,
  machineType: host.machineType,
  region: host.place.region,
  zone: host.place.zone ?? null,
});

const processValue = (process: Process, viewer: TopologyHost | undefined): ValueObject => ({
  name: process.unit,
  index: process.index,
  count: process.count,
  host: hostValue(process.host, viewer),
  address: addressOf(process.host, viewer),
  ports: process.ports,
});

/** Where things are on a host, seen from a process's folder; absolute where the supervisor's root is known. */
export const dirsOf = (
  host: TopologyHost | undefined,
  toRoot: string,
): { readonly bundle: string; readonly shared: string } => {
  const root = host?.root ?? toRoot;
  return { bundle: `${root}/bundle`, shared: `${root}/shared` };
};

/** A process's folder lies three below the supervisor's root: `attempts/{attempt}/{unit}`. */
export const rootFromUnit = "../../..";
/** Set-up runs in the shared folder itself, one below. */
export const rootFromShared = "..";

export function sourceValues(
  sources: Readonly<Record<string, ResolvedSource>>,
  host: TopologyHost | undefined,
  toRoot: string,
): ValueObject {
  return Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [
      name,
      {
        repository: source.repository ?? null,
        commit: source.commit ?? null,
        diff: source.diffDigest ?? null,
        dir: `${host?.root ?? toRoot}/sources/${name}`,
      },
    ]),
  );
}

export interface TrialScopeInput {
  readonly definition: LoadedDefinition;
  readonly plan: Plan;
  readonly trial: TrialContext;
  readonly point: Scope;
  readonly pointInfo: {
    readonly sweep: string;
    readonly variant: string | undefined;
    readonly arm: string | undefined;
  };
  readonly hosts: readonly TopologyHost[];
  readonly processes: readonly Process[];
  readonly viewer: TopologyHost | undefined;
  /** In a duet: whose side is asking; it sees its own processes and the shared ones. */
  readonly arm: "A" | "B" | undefined;
}

/** Everything that a process on `viewer` may say, but for `self`. */
export function trialScope(input: TrialScopeInput): Scope {
  const { definition, trial, viewer } = input;
  const seen = input.processes.filter(
    (process) => input.arm === undefined || process.arm === undefined || process.arm === input.arm,
  );
  const byName = (kind: "service" | "job"): ValueObject =>
    Object.fromEntries(
      (kind === "service" ? definition.program.services : definition.program.jobs).map(({ name }) => [
        name,
        seen.filter((process) => process.program.name === name).map((process) => processValue(process, viewer)),
      ]),
    );
  const hosts = Object.entries(groupHosts(definition, input.hosts)).map(
    ([group, members]) => [group, members.map((host) => hostValue(host, viewer))] as const,
  );
  return {
    ...input.point,
    hosts: Object.fromEntries(hosts),
    services: byName("service"),
    jobs: byName("job"),
    trial: { index: trial.trialIndex, seed: trial.seed, attempt: trial.attempt },
    point: {
      key: trial.pointKey,
      sweep: input.pointInfo.sweep,
      variant: input.pointInfo.variant ?? null,
      arm: input.pointInfo.arm ?? input.arm ?? null,
    },
    run: { id: trial.runId },
    sources: sourceValues(input.plan.sources, viewer, rootFromUnit),
    dirs: dirsOf(viewer, rootFromUnit),
  };
}

export const selfOfProcess = (process: Process, viewer: TopologyHost): ValueObject => ({
  ...processValue(process, viewer),
  arm: process.arm ?? null,
});

/** `self` of a command that is no process of the definition's: it knows its host and its place among the hosts. */
export const selfOfHost = (name: string, host: TopologyHost, index: number, count: number): ValueObject => ({
  name,
  index,
  count,
  host: hostValue(host, host),
  address: addressOf(host, host),
  arm: null,
});

export interface SetupScopeInput {
  readonly definition: LoadedDefinition;
  readonly plan: Plan;
  readonly topology: Topology;
  readonly planned: ValueObject;
  readonly viewer: TopologyHost;
  readonly index: number;
  readonly count: number;
}

export function setupScope(input: SetupScopeInput): Scope {
  const { topology, viewer } = input;
  const groups = Object.entries(groupHosts(input.definition, topology.hosts)).map(
    ([group, members]) => [group, members.map((host) => hostValue(host, viewer))] as const,
  );
  return {
    hosts: Object.fromEntries(groups),
    planned: input.planned,
    deployment: { name: topology.deployment, id: topology.deploymentId },
    self: { index: input.index, count: input.count, host: hostValue(viewer, viewer) },
    sources: sourceValues(input.plan.sources, viewer, rootFromShared),
    dirs: dirsOf(viewer, rootFromShared),
  };
}
