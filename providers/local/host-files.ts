/**
 * What a local host keeps on disk, and where: the provider and the host's process meet here and nowhere else.
 *
 *     {root}/hosts/{name}/spec.json    what was asked for; made with the folder in one rename
 *                         claim.json   the one process that is this host; linked, so first come is only come
 *                         host.json    how to reach it; written once it listens
 *                         lease.json   a later end than the spec's
 *                         destroying   it is to go
 *                         stuck.json   why it could not
 *                         host.log     what its process said
 *                         home/        the sandbox
 *     {root}/networks/{name}.json      nothing but its record: hosts of one machine reach each other anyway
 */
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Instants are ms since the epoch. */
export interface HostSpec {
  readonly name: string;
  readonly host: string; // in its deployment: `server-0`
  readonly deployment: string;
  readonly runId: string;
  readonly owner: string;
  readonly region: string;
  readonly zone?: string | undefined;
  readonly user: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** What the set-up asks of a machine and a folder can't give, for the host's facts. */
  readonly notApplied: readonly string[];
}

/** A process, told apart from a later one that got its number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of `/proc/{pid}/stat`. */
  readonly pidStart: string;
}

export interface HostRecord extends HostSpec, ProcessId {
  readonly port: number;
  readonly fingerprint: string;
}

/** What the provider hands to a host's process on its stdin: keys are never written to disk. */
export interface HostLaunch {
  readonly dir: string;
  readonly spec: HostSpec;
  readonly authorizedKey: string;
  readonly hostPrivateKey: string;
  readonly fingerprint: string;
}

export type ProcessOrder =
  { readonly kind: "host"; readonly hosts: readonly HostLaunch[] } | { readonly kind: "reap"; readonly dir: string };

/** In the environment of everything that a host runs: its folder. */
export const markerVariable = "REPRISE_LOCAL_HOST";

export const hostFiles = (dir: string) => ({
  spec: join(dir, "spec.json"),
  claim: join(dir, "claim.json"),
  host: join(dir, "host.json"),
  lease: join(dir, "lease.json"),
  destroying: join(dir, "destroying"),
  stuck: join(dir, "stuck.json"),
  log: join(dir, "host.log"),
  home: join(dir, "home"),
});

/** Asks by shape: under a test runner a system error is no instance of the module's own `Error`. */
export const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  typeof error === "object" && error !== null && "code" in error && codes.includes(String(error.code));

/** The file's JSON, or undefined where there is none. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Readers see the old file or the new one, whole. */
export async function replaceFile(path: string, value: unknown): Promise<void> {
  const fresh = `${path}.${process.pid}.${Math.trunc(performance.now() * 1000)}`;
  await writeFile(fresh, `${JSON.stringify(value, null, 1)}\n`, { mode: 0o600 });
  await rename(fresh, path);
}

/** @returns "other" when the file was there before, "noFolder" when its folder is gone */
export async function createFile(path: string, value: unknown): Promise<"created" | "other" | "noFolder"> {
  const fresh = `${path}.${process.pid}.${Math.trunc(performance.now() * 1000)}`;
  try {
    await writeFile(fresh, `${JSON.stringify(value, null, 1)}\n`, { mode: 0o600 });
    await link(fresh, path);
    return "created";
  } catch (error) {
    if (isCode(error, "EEXIST")) return "other";
    if (isCode(error, "ENOENT", "ENOTDIR")) return "noFolder";
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}
