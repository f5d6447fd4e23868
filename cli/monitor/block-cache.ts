import { copyFile, link, mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

/**
 * Finished blocks of trials' metrics, kept under the digest of what they were made from: a start of Prometheus for each trial
 * is paid for once.
 */
export interface BlockCache {
  readonly folder: string;
  /** Trials that are kept, those used longest ago going first. */
  readonly most: number;
  readonly now: () => number;
}

/**
 * The folder of a trial's blocks, made by `make` when nobody has yet.
 *
 * @param make puts blocks into the folder that it is given; another one is its own to work in
 */
export async function cachedBlocks(
  { folder, now }: BlockCache,
  sha256: string,
  make: (blocks: string, scratch: string) => Promise<void>,
): Promise<string> {
  const kept = join(folder, sha256);
  const at = new Date(now());
  if (await isFolder(kept)) {
    await utimes(kept, at, at);
    return kept;
  }
  const own = join(folder, `making-${sha256}-${process.pid}`);
  try {
    const [blocks, scratch] = [join(own, "blocks"), join(own, "scratch")];
    await mkdir(blocks, { recursive: true });
    await mkdir(scratch);
    await make(blocks, scratch);
    // Another process may have been faster: then theirs counts.
    await rename(blocks, kept).catch(async (error: unknown) => {
      if (!(await isFolder(kept))) throw error;
    });
    await utimes(kept, at, at);
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 5 });
  }
  return kept;
}

/** Brings blocks to where they are served. Their files are never written to again, so a second name will do for a copy. */
export async function linkBlocks(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkBlocks(source, target);
    else await link(source, target).catch(() => copyFile(source, target)); // another file system, or one without links
  }
}

/** Deletes what is beyond the bound, and what an ended process left half made. */
export async function pruneBlocks({ folder, most, now }: BlockCache): Promise<void> {
  const kept: { readonly name: string; readonly usedAt: number }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const usedAt = (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0;
    if (!name.startsWith("making-")) kept.push({ name, usedAt });
    else if (now() - usedAt > abandonedMs) await rm(join(folder, name), { recursive: true, force: true });
  }
  kept.sort((a, b) => b.usedAt - a.usedAt || (a.name < b.name ? -1 : 1));
  for (const { name } of kept.slice(most)) await rm(join(folder, name), { recursive: true, force: true });
}

/** No trial's metrics take a day to unpack. */
const abandonedMs = 86_400_000;

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true;
