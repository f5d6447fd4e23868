import { closeSync, fsync, openSync } from "node:fs";
import { promisify } from "node:util";

/** Puts a written file, or a folder's entries, on the disk itself. */
export const syncFile = promisify(fsync);

async function syncFolder(path: string): Promise<void> {
  const folder = openSync(path, "r");
  try {
    await syncFile(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Makes new entries of folders durable. Files land side by side, and each time costs the disk some milliseconds: all that
 * wait for the same folder share the next time.
 */
export class FolderSyncs {
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly waiting = new Map<string, Promise<void>>();
  private readonly syncOne: (path: string) => Promise<void>;

  constructor(syncOne = syncFolder) {
    this.syncOne = syncOne;
  }

  /** @returns once everything that was in the folder when it was called is on the disk */
  sync(path: string): Promise<void> {
    let turn = this.waiting.get(path);
    if (turn === undefined) {
      turn = this.afterThis(path);
      this.waiting.set(path, turn);
    }
    return turn;
  }

  private async afterThis(path: string): Promise<void> {
    // What is under way may have read the folder before the caller's entry was there; its failure is its callers'.
    await this.underWay.get(path)?.catch(() => undefined);
    this.waiting.delete(path);
    const run = this.syncOne(path);
    this.underWay.set(path, run);
    try {
      await run;
    } finally {
      if (this.underWay.get(path) === run) this.underWay.delete(path);
    }
  }
}
