import type { Scope } from "../definition/expression/values.ts";
import type { LoadedDefinition, ProcessProgram } from "../definition/program.ts";
import type { TopologyHost } from "../plan/types.ts";
import type { KnownHost } from "./known-hosts.ts";
import { hostsOn } from "./known-hosts.ts";

/** One process of a service or job: where it runs and which ports it has. */
export interface Process {
  readonly program: ProcessProgram;
  /** `server-0`; in a duet `server-0.a`. */
  readonly unit: string;
  readonly index: number;
  readonly count: number;
  readonly host: TopologyHost;
  readonly arm: "A" | "B" | undefined;
  readonly ports: Readonly<Record<string, number>>;
}

export const unitName = (name: string, index: number, arm: "A" | "B" | undefined): string =>
  `${name}-${index}${arm === undefined ? "" : `.${arm.toLowerCase()}`}`;

/** Whether a unit is a process of that service or job. */
export const isUnitOf = (unit: string, name: string): boolean =>
  unit.startsWith(`${name}-`) && /^\d+(?:\.[ab])?$/.test(unit.slice(name.length + 1));

/** A landed file's process: `load-0/latency.csv` and `load-0.out` are of `load-0`. */
export function unitOfPath(path: string, name: string): string | undefined {
  const [first = ""] = path.split("/", 1);
  const unit = path.includes("/") ? first : first.replace(/\.(?:out|err)$/, "");
  return isUnitOf(unit, name) ? unit : undefined;
}

/** How many processes of a service or job there are at a point; 0 where its `when:` is false. */
export function processCount(
  program: ProcessProgram,
  scope: Scope,
  hosts: readonly KnownHost[],
  definition: LoadedDefinition,
): number {
  if (!program.when(scope)) return 0;
  const count = program.count?.(scope);
  if (count !== 0 && hosts.length === 0) {
    const groups = program.on.map((group) => `\`${group}\``).join(", ");
    definition.fail(
      [...program.path, "on"],
      `no host of this deployment has the role or label ${groups}`,
      "leave it out at such points with `when:`",
    );
  }
  return count ?? hosts.length;
}

/** Which side's parameters count for which processes. */
export type ArmScopes =
  | { readonly kind: "single"; readonly scope: Scope }
  | {
      readonly kind: "duet";
      readonly A: Scope;
      readonly B: Scope;
      readonly order: readonly ["A", "B"] | readonly ["B", "A"];
    };

/**
 * Lays out a trial: process i of a service runs on host i of its hosts, going round when there are fewer of them.
 *
 * Ports are given out host by host from its base upwards, in the definition's order, so that the same trial on the
 * same hosts has the same ports.
 *
 * @see FrankenPaxos' harness: roles on hosts of a list, cycling
 */
export function layOut(definition: LoadedDefinition, scopes: ArmScopes, hosts: readonly TopologyHost[]): Process[] {
  const ports = new PortBook(definition);
  const { services, jobs } = definition.program;
  return [...services, ...jobs].flatMap((program) => {
    const arms =
      scopes.kind === "single"
        ? [{ arm: undefined, scope: scopes.scope }]
        : program.arm === "shared"
          ? [{ arm: undefined, scope: scopes.A }]
          : scopes.order.map((arm) => ({ arm, scope: scopes[arm] }));
    return arms.flatMap(({ arm, scope }) => layOutProgram({ definition, program, arm, scope, hosts, ports }));
  });
}

function layOutProgram(input: {
  readonly definition: LoadedDefinition;
  readonly program: ProcessProgram;
  readonly arm: "A" | "B" | undefined;
  readonly scope: Scope;
  readonly hosts: readonly TopologyHost[];
  readonly ports: PortBook;
}): Process[] {
  const { definition, program, arm, scope } = input;
  const own = hostsOn(input.hosts, program.on);
  const count = processCount(program, scope, own, definition);
  const offset = count === 0 ? 0 : (program.offset?.(scope) ?? 0);
  return Array.from({ length: count }, (_, index) => {
    const turn = program.deal === "turns" ? index : Math.floor((index * own.length) / count);
    const host = own[(offset + turn) % own.length];
    if (host === undefined) throw new TypeError("a process without a host"); // processCount saw that there is one
    const unit = unitName(program.name, index, arm);
    const self = { index, count, host: { name: host.name, role: host.role, index: host.index } };
    return { program, unit, index, count, host, arm, ports: input.ports.take(program, unit, host, { ...scope, self }) };
  });
}

class PortBook {
  readonly #definition: LoadedDefinition;
  readonly #next = new Map<string, number>();
  readonly #taken = new Map<string, string>();

  constructor(definition: LoadedDefinition) {
    this.#definition = definition;
  }

  take(program: ProcessProgram, unit: string, host: TopologyHost, scope: Scope): Readonly<Record<string, number>> {
    return Object.fromEntries(
      program.ports.map(({ name, fixed }) => [
        name,
        fixed === undefined ? this.#free(program, unit, host) : this.#fixed(program, unit, host, fixed(scope), name),
      ]),
    );
  }

  #free(program: ProcessProgram, unit: string, host: TopologyHost): number {
    for (let port = this.#next.get(host.name) ?? host.portBase; ; port++) {
      if (port > 65_535) this.#definition.fail([...program.path, "ports"], `${host.name} has no ports left`);
      this.#next.set(host.name, port + 1);
      if (!this.#taken.has(placeOf(host, port))) {
        this.#taken.set(placeOf(host, port), unit);
        return port;
      }
    }
  }

  #fixed(program: ProcessProgram, unit: string, host: TopologyHost, port: number, name: string): number {
    const place = placeOf(host, port);
    const other = this.#taken.get(place);
    if (other !== undefined) {
      this.#definition.fail(
        [...program.path, "ports", name],
        `${unit} and ${other} would both listen on port ${port} of ${host.privateAddress}`,
        "let reprise choose the port, or make it depend on `self.index`",
      );
    }
    this.#taken.set(place, unit);
    return port;
  }
}

/** Hosts may share an address (all local ones do), and then their ports too. */
const placeOf = (host: TopologyHost, port: number): string => `${host.network} ${host.privateAddress} ${port}`;
