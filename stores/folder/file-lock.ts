import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { absent, errnoOf, unless } from "./errno.ts";
import type { OwnerName } from "./owner.ts";
import { isAlive } from "./owner.ts";

/**
 * Locks among the processes of one machine, that survive the death of their holders.
 *
 * Node has no flock, so a lock is a hard link to its holder's identity file: link(2) takes it whole or not at all.
 * Breaking a dead holder's lock needs care, since between "it is dead" and "I remove its lock" another process may have
 * done both and taken the lock anew. Hence the right to break is itself a link, `{lock}.{dead holder}.{n}`: whoever has
 * the newest one whose takers before it are dead is alone, looks again, and removes the lock only if it is still the
 * dead holder's. A dead owner's name never comes back, so rights left behind can do no harm.
 */
export class FileLocks {
  private readonly identityPath: string;
  private readonly owner: OwnerName;
  private readonly clock: Pick<Clock, "sleep">;
  /** Critical sections take well under a millisecond; who waits so long waits for a stopped process. */
  private readonly patienceMs: number;

  constructor(options: {
    readonly identityPath: string;
    readonly owner: OwnerName;
    readonly clock: Pick<Clock, "sleep">;
    readonly patienceMs: number;
  }) {
    this.identityPath = options.identityPath;
    this.owner = options.owner;
    this.clock = options.clock;
    this.patienceMs = options.patienceMs;
  }

  /**
   * Runs `work` while no other process holds `lockPath`. `work` is synchronous: so no two of this process overlap, and
   * no other process ever waits for our event loop.
   *
   * @throws {FailureError} class transport, when a living process keeps the lock
   */
  async hold<T>(lockPath: string, work: () => T): Promise<T> {
    for (let waitedMs = 0, pauseMs = 1; ; waitedMs += pauseMs, pauseMs = Math.min(pauseMs * 2, 20)) {
      if (this.tryLink(lockPath)) {
        try {
          return work();
        } finally {
          unlinkSync(lockPath);
        }
      }
      this.breakIfStale(lockPath);
      if (waitedMs > this.patienceMs) {
        const holder = unless(absent, () => readFileSync(lockPath, "latin1"));
        throw new FailureError({
          class: "transport",
          message: `the store's lock ${lockPath} is held since ${waitedMs} ms by process ${holder?.split(".")[0] ?? "?"}`,
          hint: "a stopped or very slow process holds it: continue or kill it",
        });
      }
      await this.clock.sleep(pauseMs);
    }
  }

  /** Removes the lock of a holder that has died; does nothing otherwise. */
  breakIfStale(lockPath: string): void {
    const holder = unless(absent, () => readFileSync(lockPath, "latin1"));
    if (holder === undefined || isAlive(holder)) return;
    for (let n = 0; ; n++) {
      const right = `${lockPath}.${holder}.${n}`;
      if (this.tryLink(right)) {
        if (unless(absent, () => readFileSync(lockPath, "latin1")) === holder) unlinkSync(lockPath);
        for (let used = n; used >= 0; used--) unless(absent, () => unlinkSync(`${lockPath}.${holder}.${used}`));
        return;
      }
      const breaker = unless(absent, () => readFileSync(right, "latin1"));
      // Somebody else is at it, or through with it: the next try to lock will tell.
      if (breaker === undefined || isAlive(breaker)) return;
    }
  }

  private tryLink(path: string): boolean {
    for (;;) {
      try {
        linkSync(this.identityPath, path);
        return true;
      } catch (error) {
        if (errnoOf(error) === "EEXIST") return false;
        if (errnoOf(error) !== "ENOENT") throw error;
        // First use, or somebody emptied the folder.
        mkdirSync(dirname(path), { recursive: true });
        mkdirSync(dirname(this.identityPath), { recursive: true });
        writeFileSync(this.identityPath, this.owner);
      }
    }
  }
}
