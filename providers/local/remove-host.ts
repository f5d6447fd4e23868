import { chmod, readdir, readFile, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hostFiles, isCode, replaceFile } from "./host-files.ts";
import { killProcessesOf } from "./processes.ts";

/** A folder on its last way begins so; what a crash left of one is found by it. */
export const gonePrefix = ".gone.";

/**
 * Ends a local host: its processes first, then its files. What says whose it is goes last and in one rename: whoever
 * takes over after a crash here still knows whose it was, and no late process can claim it. What can't be removed is
 * told in `stuck.json`.
 */
export async function removeHost(dir: string): Promise<void> {
  const files = hostFiles(dir);
  try {
    const left = await killProcessesOf(dir);
    if (left.length > 0) throw new Error(`processes ${left.join(", ")} can't be killed`);
    await removeGroups(join(files.home, ".reprise"));
    for (const name of await readdir(dir)) {
      const path = join(dir, name);
      if (path !== files.spec && path !== files.claim && path !== files.destroying) await removeTree(path);
    }
    const gone = basename(dir).startsWith(gonePrefix)
      ? dir
      : join(dirname(dir), `${gonePrefix}${basename(dir)}.${process.pid}`);
    if (gone !== dir) await rename(dir, gone);
    await removeTree(gone);
  } catch (error) {
    if (isCode(error, "ENOENT")) return; // somebody else was faster
    const message = error instanceof Error ? error.message : String(error);
    await replaceFile(files.stuck, { message }).catch(() => undefined); // no folder or a full disk: nowhere to say it
  }
}

/**
 * Removes the control groups that supervisors made for what they ran; they lie outside the host's folder, and each
 * supervisor noted where: `BOOT-ID GROUP MEMORY-GROUP CPUSET-GROUP`.
 */
async function removeGroups(supervisorRoots: string): Promise<void> {
  for (const run of await readdir(supervisorRoots).catch(() => [])) {
    const noted = await readFile(join(supervisorRoots, run, ".state/cgroup"), "utf8").catch(() => "");
    const groups = noted.split(/\s+/).filter((path) => /^\/sys\/fs\/cgroup\/([^/]+\/)*reprise-[^/]+$/.test(path));
    for (const group of new Set(groups)) await removeGroup(group).catch(() => undefined); // gone with its last process
  }
}

/** A group goes by `rmdir`, once those in it have gone; its files aren't files. */
async function removeGroup(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  await rmdir(path);
}

/** `rm -r` that also gets through folders which a program made read-only. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    await openFolders(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700).catch(() => undefined); // not ours: the removal says so
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
