import { z } from "zod";
import { FailureError } from "../../core/errors/failure.ts";
import type { HostAddress } from "../../core/ports/transport.ts";
import { findHostKey, parseKnownHosts } from "./known-hosts.ts";

/** Machines that exist already: a cluster file, or the same inside a definition. */
export const MachinesSpec = z.strictObject({
  /** For machines that name no user of their own. */
  user: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).default(22),
  /** Private key file; without one the run's derived key is used, which must then be authorized on the machines. */
  identityFile: z.string().min(1).optional(),
  /** A `known_hosts` file to take pinned keys from. */
  knownHosts: z.string().min(1).optional(),
  /** Where a machine keeps its lock; shared by all its users, so that two of them can't collide. */
  lockFolder: z.string().min(1).default("/var/tmp/reprise-lock"),
  machines: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
        address: z.string().min(1),
        port: z.int().min(1).max(65_535).optional(),
        user: z.string().min(1).optional(),
        /** Serves this role alone. */
        role: z.string().min(1).optional(),
        identityFile: z.string().min(1).optional(),
        /** `SHA256:…` as `ssh-keygen -l` prints it. */
        hostKey: z
          .string()
          .regex(/^SHA256:[A-Za-z0-9+/]{43}$/)
          .optional(),
        /** What the other machines call it, where that isn't `address`. */
        privateAddress: z.string().min(1).optional(),
      }),
    )
    .min(1),
});
export type MachinesSpec = z.infer<typeof MachinesSpec>;

export interface Machine {
  readonly name: string;
  readonly role: string | undefined;
  /** `host` is the machine's name here; in a deployment it gets the name of the part it plays. */
  readonly address: HostAddress;
  readonly privateAddress: string;
  readonly identityFile: string | undefined;
}

/**
 * Fills in defaults and pins every machine's key.
 *
 * @throws {FailureError} of class invalid, naming every machine without a user or a pinned key
 */
export async function resolveMachines(
  spec: MachinesSpec,
  effects: { readonly readText: (path: string) => Promise<string> },
): Promise<readonly Machine[]> {
  const known = spec.knownHosts === undefined ? undefined : parseKnownHosts(await effects.readText(spec.knownHosts));
  const problems: string[] = [];
  const seen = new Map<string, string>();
  const machines = spec.machines.map((machine): Machine => {
    const port = machine.port ?? spec.port;
    const user = machine.user ?? spec.user;
    const hostKey = machine.hostKey ?? (known && findHostKey(known, machine.address, port));
    if (user === undefined) problems.push(`${machine.name}: no user`);
    if (hostKey === undefined) problems.push(`${machine.name}: no pinned key for ${machine.address} port ${port}`);
    for (const id of [`name ${machine.name}`, `address ${machine.address} port ${port}`]) {
      const other = seen.get(id);
      if (other !== undefined) problems.push(`${machine.name}: the same ${id} as ${other}`);
      seen.set(id, machine.name);
    }
    return {
      name: machine.name,
      role: machine.role,
      address: { host: machine.name, address: machine.address, port, user: user ?? "", hostKey: hostKey ?? "" },
      privateAddress: machine.privateAddress ?? machine.address,
      identityFile: machine.identityFile ?? spec.identityFile,
    };
  });
  if (problems.length > 0) {
    throw new FailureError({
      class: "invalid",
      message: problems.join("; "),
      hint: "no key is trusted on first sight: set hostKey, or knownHosts to a file that ssh-keyscan wrote and you checked",
    });
  }
  return machines;
}

/** Which private key opens which machine, for the SSH transport; `derived` where none is configured. */
export function machineIdentities(
  machines: readonly Machine[],
  derived: (host: HostAddress) => string,
  effects: { readonly readText: (path: string) => Promise<string> },
): (host: HostAddress) => Promise<string> {
  const key = ({ address, port, user }: HostAddress): string => `${user}@${address}:${port}`;
  const files = new Map(machines.map(({ address, identityFile }) => [key(address), identityFile]));
  return async (host) => {
    const file = files.get(key(host));
    return file === undefined ? derived(host) : effects.readText(file);
  };
}
