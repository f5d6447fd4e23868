import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedBlocks, linkBlocks, pruneBlocks } from "../../../cli/monitor/block-cache.ts";
import type { BlockCache } from "../../../cli/monitor/block-cache.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "reprise-blocks-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const cacheAt = (nowMs: number, most = 10): BlockCache => ({ folder: join(root, "cache"), most, now: () => nowMs });

const makeBlock = (blocks: string, scratch: string): Promise<void> => {
  writeFileSync(join(scratch, "unpacked"), "");
  mkdirSync(join(blocks, "01ABC"));
  writeFileSync(join(blocks, "01ABC", "meta.json"), "{}");
  return Promise.resolve();
};

describe("cachedBlocks", () => {
  it("makes a trial's blocks once, and leaves nothing else", async () => {
    let made = 0;
    const make = (blocks: string, scratch: string): Promise<void> => (made++, makeBlock(blocks, scratch));
    const first = await cachedBlocks(cacheAt(1_000), "a".repeat(64), make);
    expect(await cachedBlocks(cacheAt(5_000), "a".repeat(64), make)).toBe(first);
    expect(made).toBe(1);
    expect(readdirSync(join(root, "cache"))).toEqual(["a".repeat(64)]);
    expect(readdirSync(first)).toEqual(["01ABC"]);
    expect(statSync(first).mtimeMs).toBe(5_000);
  });

  it("keeps nothing of what couldn't be made", async () => {
    const broken = cachedBlocks(cacheAt(0), "b".repeat(64), () => Promise.reject(new Error("not as it was")));
    await expect(broken).rejects.toThrow("not as it was");
    expect(readdirSync(join(root, "cache"))).toEqual([]);
  });

  it("takes another process' blocks when that was faster", async () => {
    const kept = await cachedBlocks(cacheAt(0), "c".repeat(64), async (blocks, scratch) => {
      await makeBlock(blocks, scratch);
      mkdirSync(join(root, "cache", "c".repeat(64), "01XYZ"), { recursive: true });
    });
    expect(readdirSync(kept)).toEqual(["01XYZ"]);
  });
});

describe("linkBlocks", () => {
  it("serves the same files under another name, which may go", async () => {
    const kept = await cachedBlocks(cacheAt(0), "d".repeat(64), makeBlock);
    const served = join(root, "served");
    await linkBlocks(kept, served);
    rmSync(join(served, "01ABC"), { recursive: true });
    expect(existsSync(join(served, "01ABC"))).toBe(false);
    expect(readFileSync(join(kept, "01ABC", "meta.json"), "utf8")).toBe("{}");
  });
});

describe("pruneBlocks", () => {
  it("drops those used longest ago, and what was left half made a day ago", async () => {
    for (const [at, name] of ["x", "y", "z"].entries()) await cachedBlocks(cacheAt(1_000 * (at + 1)), name, makeBlock);
    await cachedBlocks(cacheAt(9_000), "x", makeBlock);
    mkdirSync(join(root, "cache", "making-w-1"));
    const { mtimeMs } = statSync(join(root, "cache", "making-w-1"));
    await pruneBlocks(cacheAt(mtimeMs + 3_600_000, 2));
    expect(readdirSync(join(root, "cache")).sort()).toEqual(["making-w-1", "x", "z"]);
    await pruneBlocks(cacheAt(mtimeMs + 2 * 86_400_000, 2));
    expect(readdirSync(join(root, "cache")).sort()).toEqual(["x", "z"]);
  });

  it("has nothing to do where nothing was kept", async () => {
    await pruneBlocks(cacheAt(0));
    expect(existsSync(join(root, "cache"))).toBe(false);
  });
});
