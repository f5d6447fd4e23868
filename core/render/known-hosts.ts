import type { LoadedDefinition } from "../definition/program.ts";
import { hostGroups } from "../definition/scopes.ts";

/** A host as far as it is known before it exists. */
export interface KnownHost {
  readonly name: string;
  readonly role: string;
  readonly labels: readonly string[];
  readonly index: number;
}

/** Hosts by role and label, each list in the plan's order. */
export function groupHosts<H extends KnownHost>(
  definition: LoadedDefinition,
  hosts: readonly H[],
): Readonly<Record<string, readonly H[]>> {
  return Object.fromEntries(
    hostGroups(definition.spec).map((group) => [
      group,
      hosts.filter((host) => host.role === group || host.labels.includes(group)),
    ]),
  );
}

/** Hosts of any of the roles and labels, in the plan's order, each once. */
export const hostsOn = <H extends KnownHost>(hosts: readonly H[], on: readonly string[]): readonly H[] =>
  hosts.filter((host) => on.some((group) => host.role === group || host.labels.includes(group)));
