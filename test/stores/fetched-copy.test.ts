import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchRun } from "../../core/evidence/fetch-run.ts";
import { sealRun } from "../../core/evidence/seal-run.ts";
import { verifyRun } from "../../core/evidence/verify-run.ts";
import { localFiles } from "../../stores/export/local-files.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import { plainTree } from "../../stores/folder/plain-tree.ts";
import { landFullRun, newStore, startOfTests } from "../core/evidence/run-fixture.ts";
import { keysOf } from "./store-contract.ts";
import { tempFolder } from "./temp-folder.ts";

describe("a fetched copy", () => {
  let folder: ReturnType<typeof tempFolder>;
  beforeEach(async () => {
    folder = tempFolder("copy");
    const store = newStore();
    await landFullRun(store);
    await sealRun(store, "r1", { now: () => startOfTests, writer: "e" });
    await fetchRun(store, "r1", localFiles(folder.path));
  });
  afterEach(() => folder.remove());
  const verify = () => verifyRun(plainTree(folder.path, "r1"), "r1");
  const logPath = "clients=1/trial-0/attempt-1/server-0/out.log";

  it("is verified without the store it came from", async () => {
    expect(await verify()).toMatchObject({ seal: "sealed", checkedFiles: 28, problemCount: 0 });
  });

  it("is checked by hand with sha256sum", () => {
    const run = (args: string[]) => execFileSync("sha256sum", args, { cwd: folder.path, stdio: "pipe" }).toString();
    expect(run(["--check", "--quiet", "SHA256SUMS"])).toBe("");
    const root = JSON.parse(readFileSync(join(folder.path, "manifest.json"), "utf8")) as { rootDigest: string };
    expect(run(["SHA256SUMS"]).slice(0, 64)).toBe(root.rootDigest);
    writeFileSync(join(folder.path, logPath), "two");
    expect(() => run(["--check", "--quiet", "SHA256SUMS"])).toThrow();
  });

  it("shows each kind of damage", async () => {
    writeFileSync(join(folder.path, logPath), "two");
    truncateSync(join(folder.path, "plan.json"), 5);
    writeFileSync(join(folder.path, "my notes.txt"), "not a key");
    expect((await verify()).problems.map(({ kind, key }) => `${kind} ${key}`)).toEqual([
      `flipped runs/r1/${logPath}`,
      "extra runs/r1/my notes.txt",
      "truncated runs/r1/plan.json",
    ]);
  });

  it("is mended by fetching again, and has nothing half-written in it", async () => {
    const store = newStore();
    await landFullRun(store);
    await sealRun(store, "r1", { now: () => startOfTests, writer: "e" });
    truncateSync(join(folder.path, logPath), 1);
    expect(await fetchRun(store, "r1", localFiles(folder.path))).toMatchObject({ fetchedFiles: 1, presentFiles: 28 });
    expect(await verify()).toMatchObject({ problemCount: 0 });
    const names = readdirSync(folder.path, { recursive: true }).map(String);
    expect(names.filter((name) => name.includes("%"))).toEqual([]);
  });

  it("has the same evidence as a folder store that was copied as it is", async () => {
    const root = tempFolder("store");
    const store = new FolderStore({
      root: root.path,
      clock: { now: () => startOfTests, sleep: () => Promise.resolve() },
    });
    await landFullRun(store);
    await sealRun(store, "r1", { now: () => startOfTests, writer: "e" });
    const copy = tempFolder("store");
    execFileSync("cp", ["-r", `${root.path}/.`, copy.path]);
    const opened = new FolderStore({
      root: copy.path,
      clock: { now: () => startOfTests, sleep: () => Promise.resolve() },
    });
    const [one, two, tree] = [await verifyRun(store, "r1"), await verifyRun(opened, "r1"), await verify()];
    expect([two.rootDigest, tree.rootDigest]).toEqual([one.rootDigest, one.rootDigest]);
    expect([one.problemCount, two.problemCount]).toEqual([0, 0]);
    expect(await keysOf(plainTree(join(copy.path, "objects/runs/r1"), "r1").list("runs/r1/"))).toEqual(
      await keysOf(store.list("runs/r1/")),
    );
    root.remove();
    copy.remove();
  });
});
