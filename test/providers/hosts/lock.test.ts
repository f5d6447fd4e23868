import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RemoteTask } from "../../../core/ports/transport.ts";
import { readLock, releaseLock, rewriteLock, takeLock } from "../../../providers/hosts/lock.ts";
import type { LockRecord } from "../../../providers/hosts/lock.ts";

const run = promisify(execFile);
const shells = ["dash", "bash", "busybox"].filter((name) => spawnSync(name, ["--help"]).error === undefined);
// The machine's own clock decides; only differences matter.
const now = 1_000_000;

const record = (deployment: string, overrides: Partial<LockRecord> = {}): LockRecord => ({
  deployment,
  runId: "r1",
  owner: "it's me",
  name: `${deployment}-server-0`,
  host: "server-0",
  region: "lab",
  takenAt: now,
  expiresAt: now + 60_000,
  left: [],
  ...overrides,
});

describe.each(shells)("a machine's lock under %s", (shell) => {
  let base: string;
  let folder: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "reprise-lock-"));
    folder = join(base, "a lock");
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  async function ask<T>(task: RemoteTask<T>): Promise<T> {
    const args = task.argv.slice(1);
    const { stdout, stderr } = await run(shell, shell === "busybox" ? ["sh", ...args] : args);
    expect(stderr).toBe("");
    return task.parse(stdout);
  }
  const take = (deployment: string, overrides: Partial<LockRecord> = {}) =>
    ask(takeLock(folder, record(deployment, overrides), now));

  it("is taken once, by one, and again by the same", async () => {
    expect(await take("d1")).toEqual({ kind: "taken" });
    expect(await take("d1")).toEqual({ kind: "mine" });
    expect(await take("d2")).toEqual({ kind: "held", by: record("d1") });
    expect(await ask(readLock(folder))).toEqual([{ record: record("d1"), isLive: true }]);
  });

  it("is released by its holder alone, and leaves nothing", async () => {
    await take("d1");
    await ask(releaseLock(folder, record("d2")));
    expect(await take("d2")).toMatchObject({ kind: "held" });
    await ask(releaseLock(folder, record("d1")));
    expect(existsSync(folder)).toBe(false);
    await ask(releaseLock(folder, record("d1")));
    expect(await ask(readLock(folder))).toEqual([]);
  });

  it("needs nobody to break it once its time is over", async () => {
    await take("d1", { expiresAt: now });
    expect(await ask(readLock(folder))).toMatchObject([{ isLive: false }]);
    expect(await take("d2")).toEqual({ kind: "taken" });
    expect(await ask(readLock(folder))).toEqual([{ record: record("d2"), isLive: true }]);
    expect(readdirSync(folder)).toHaveLength(1);
    // Whoever lost it so has nothing to renew.
    expect(await ask(rewriteLock(folder, record("d1"), now))).toBe(false);
  });

  it("is renewed, and says what was left", async () => {
    await take("d1", { expiresAt: now });
    const renewed = record("d1", { expiresAt: now + 5_000, left: ["/srv/x"] });
    expect(await ask(rewriteLock(folder, renewed, now))).toBe(true);
    expect(await ask(readLock(folder))).toEqual([{ record: renewed, isLive: true }]);
    expect(readdirSync(folder)).toEqual(["holder.1"]);
  });

  it("is not held by a file that nobody understands, unless that names an end", async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "holder.3"), "");
    expect(await take("d1")).toEqual({ kind: "taken" });
    await ask(releaseLock(folder, record("d1")));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "holder.4"), "99999999999\nsomebody\n");
    expect(await take("d1")).toEqual({ kind: "held", by: undefined });
  });

  it("is held by at most one, however many come together, over a stale lock or none", async () => {
    for (let round = 0; round < 8; round++) {
      if (round % 2 === 1) await take("stale", { expiresAt: now });
      const contenders = ["a", "b", "c", "d", "e", "f"];
      const answers = await Promise.all(contenders.map((each) => take(each)));
      const winners = contenders.filter((_, index) => answers[index]?.kind === "taken");
      const live = (await ask(readLock(folder)))
        .filter(({ isLive }) => isLive)
        .map(({ record: each }) => each.deployment);
      expect(winners.length).toBeLessThanOrEqual(1);
      expect(live).toEqual(winners);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
