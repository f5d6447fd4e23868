import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../core/effects/clock.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import { isAlive, ownerIn, ownerOf } from "../../stores/folder/owner.ts";
import { chunks, describeStoreContract, digestOf, gather, keysOf, patternBytes, text, utf8 } from "./store-contract.ts";
import { tempFolder } from "./temp-folder.ts";

/** Never really sleeps: a lock that stays taken uses its patience up at once. */
const clock: Clock = { now: () => Date.UTC(2026, 0, 1), sleep: () => Promise.resolve() };
const uploads = { baseUrl: () => "http://127.0.0.1:1/uploads", ttlMs: 60_000 };
const openStore = (root: string, options: Partial<ConstructorParameters<typeof FolderStore>[0]> = {}) =>
  new FolderStore({ root, clock, uploads, isDurable: () => false, ...options });

describeStoreContract(
  "FolderStore",
  async () => {
    const folder = tempFolder("store");
    const store = openStore(folder.path);
    return { store, close: async () => folder.remove() };
  },
  { nestsFiles: false },
);

/** The name of a process that has ended. */
const deadOwner = (): string => {
  const { stdout } = spawnSync("sh", [
    "-c",
    "cut -d' ' -f1,22 /proc/self/stat; cut -c1-8 /proc/sys/kernel/random/boot_id",
  ]);
  const [pid, start, boot] = stdout.toString().trim().split(/\s+/);
  return `${pid}.${start}.${boot}`;
};

describe("FolderStore", () => {
  let folder: ReturnType<typeof tempFolder>;
  let root: string;
  beforeEach(() => {
    folder = tempFolder("store");
    root = folder.path;
  });
  afterEach(() => folder.remove());

  it("keeps an object's bytes as a plain file at its key", async () => {
    await openStore(root).putIfAbsent("runs/r1/run.json", text("{}"), "w");
    expect(readFileSync(join(root, "objects/runs/r1/run.json"), "utf8")).toBe("{}");
  });

  it("has the content's SHA-256 as etag", async () => {
    const store = openStore(root);
    await store.putIfAbsent("k", text("hello"), "w");
    expect((await store.head("k"))?.etag).toBe(digestOf(text("hello")).sha256);
  });

  it("keeps phases' records without metadata: who finds its own bytes there wrote them", async () => {
    const store = openStore(root);
    const key = "runs/r1/p/trial-0/attempt-1/phases/jobs-0.armed.0000.json";
    expect(await store.putIfAbsent(key, text("token 1"), "token 1")).toBe("created");
    const other = openStore(root);
    expect(await other.putIfAbsent(key, text("token 1"), "token 1")).toBe("mine");
    expect(await other.putIfAbsent(key, text("token 2"), "token 2")).toBe("other");
    const stored = await other.get(key);
    expect(utf8(stored?.body)).toBe("token 1");
    expect(await other.head(key)).toMatchObject({ bytes: 7, etag: digestOf(text("token 1")).sha256 });
    const replaced = await other.replace(key, text("token 3"), stored?.etag ?? "");
    expect(replaced).toEqual({ etag: digestOf(text("token 3")).sha256 });
    expect(await store.replace(key, text("token 4"), stored?.etag ?? "")).toBe("conflict");
    expect(await keysOf(store.list("runs/r1/"))).toEqual([key]);
    for (const folder of ["meta", "tmp", "locks"]) {
      expect(readdirSync(join(root, folder)).filter((name) => !name.endsWith(".id"))).toEqual([]);
    }
    await store.delete(key);
    expect(await store.get(key)).toBeUndefined();
    // What lands by digest keeps its metadata, whatever it is called.
    const landed = "runs/r1/p/trial-0/attempt-1/client-0/phases/jobs-0.mine.json";
    await store.putFile(landed, chunks("measured"), digestOf(text("measured")));
    expect(readdirSync(join(root, "meta/runs/r1/p/trial-0/attempt-1/client-0/phases"))).toEqual(["jobs-0.mine.json"]);
    // Nor does it take the place of what isn't an object.
    mkdirSync(join(root, "objects", key), { recursive: true });
    await expect(store.putIfAbsent(key, text("x"), "x")).rejects.toMatchObject({ failure: { class: "invalid" } });
  });

  it("leaves no temporary file behind, whatever the answer", async () => {
    const store = openStore(root);
    const digest = digestOf(text("x"));
    await store.putIfAbsent("k", text("1"), "w");
    await store.putIfAbsent("k", text("2"), "v");
    await store.replace("k", text("3"), "conflict");
    await store.putFile("f", chunks("x"), digest);
    await store.putFile("f", chunks("x"), digest);
    await store.putFile("g", chunks("y"), digest).catch(() => undefined);
    expect(readdirSync(join(root, "locks"))).toEqual([]);
    expect(readdirSync(join(root, "tmp")).filter((name) => !name.endsWith(".id"))).toEqual([]);
    store.close();
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
  });

  it("is one store for all who open it", async () => {
    const [one, two] = [openStore(root), openStore(root)];
    await one.putIfAbsent("k", text("1"), "w");
    expect(await two.putIfAbsent("k", text("2"), "v")).toBe("other");
    expect(await two.putIfAbsent("k", text("1"), "w")).toBe("mine");
    expect(one.uploadSecret()).toEqual(two.uploadSecret());
  });

  it("keeps its upload secret to its user", () => {
    openStore(root).uploadSecret();
    expect(statSync(join(root, "upload.key")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(root, "upload.key")).byteLength).toBe(32);
  });

  it("refuses what a folder can't hold, with a hint", async () => {
    const store = openStore(root);
    await store.putIfAbsent("a", text("1"), "w");
    const below = store.putIfAbsent("a/b", text("1"), "w");
    await expect(below).rejects.toMatchObject({ failure: { class: "invalid" } });
    await store.putIfAbsent("c/d", text("1"), "w");
    const above = store.putIfAbsent("c", text("1"), "w");
    await expect(above).rejects.toMatchObject({
      failure: { class: "invalid" },
      hint: "a folder can't hold both a and a/b; name one of them differently",
    });
    expect(await keysOf(store.list(""))).toEqual(["a", "c/d"]);
    expect(readdirSync(join(root, "locks"))).toEqual([]);
  });

  it("can't sign without an upload server", async () => {
    const { uploads: _, ...rest } = { root, clock, uploads };
    const store = new FolderStore(rest);
    await expect(store.signPut("k", digestOf(text("x")))).rejects.toMatchObject({ failure: { class: "defect" } });
  });

  describe("after a power cut or a copy", () => {
    it("takes the digest from the bytes where metadata is lost, and keeps it", async () => {
      const store = openStore(root);
      await store.putFile("d/f", chunks("evidence"), digestOf(text("evidence")));
      rmSync(join(root, "meta"), { recursive: true });
      expect((await store.head("d/f"))?.etag).toBe(digestOf(text("evidence")).sha256);
      expect(JSON.parse(readFileSync(join(root, "meta/d/f"), "utf8"))).toMatchObject(digestOf(text("evidence")));
      expect(await store.putFile("d/f", chunks("evidence"), digestOf(text("evidence")))).toBe("mine");
    });

    it("believes a copied object's writer only with its own bytes", async () => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("one"), "w");
      const path = join(root, "objects/k");
      copyFileSync(path, `${path}-copy`);
      rmSync(path);
      linkSync(`${path}-copy`, path); // another inode, the same bytes
      expect(await store.putIfAbsent("k", text("one"), "w")).toBe("mine");
      rmSync(path);
      writeFileSync(path, "two");
      expect(await store.putIfAbsent("k", text("one"), "w")).toBe("other");
    });

    it.each(["", "{", '{"sha256":1}'])("takes metadata of %j for none", async (garbage) => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("one"), "w");
      writeFileSync(join(root, "meta/k"), garbage);
      expect((await store.head("k"))?.etag).toBe(digestOf(text("one")).sha256);
      const replaced = await store.replace("k", text("two"), digestOf(text("one")).sha256);
      expect(replaced).not.toBe("conflict");
    });

    it("reads a plain tree of files as objects", async () => {
      mkdirSync(join(root, "objects/a"), { recursive: true });
      writeFileSync(join(root, "objects/a/b"), "plain");
      const store = openStore(root);
      expect(utf8((await store.get("a/b"))?.body)).toBe("plain");
      expect(await keysOf(store.list(""))).toEqual(["a/b"]);
    });

    it("notices bytes that rotted under an untouched file", async () => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("evidence"), "w");
      const path = join(root, "objects/k");
      writeFileSync(path, "evidencf");
      // A flipped bit changes no time: put the old one back into the metadata's words.
      const meta = JSON.parse(readFileSync(join(root, "meta/k"), "utf8")) as Record<string, unknown>;
      utimesSync(path, 1_000, 1_000);
      writeFileSync(join(root, "meta/k"), JSON.stringify({ ...meta, modifiedNs: "1000000000000" }));
      await expect(store.get("k")).rejects.toMatchObject({ failure: { class: "integrity", evidence: "k" } });
    });
  });

  describe("after a killed process", () => {
    it("creates over metadata without an object", async () => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("one"), "dead");
      rmSync(join(root, "objects/k")); // as if its writer had died before the link
      expect(await store.get("k")).toBeUndefined();
      expect(await store.putIfAbsent("k", text("two"), "w")).toBe("created");
      expect(await store.putIfAbsent("k", text("one"), "dead")).toBe("other");
    });

    it("doesn't believe metadata of the version before, when a replacer died behind the rename", async () => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("one"), "w");
      const old = readFileSync(join(root, "meta/k"));
      const two = await store.replace("k", text("two"), digestOf(text("one")).sha256);
      writeFileSync(join(root, "meta/k"), old);
      expect(two).toEqual({ etag: (await store.head("k"))?.etag });
      expect(await store.putIfAbsent("k", text("one"), "w")).toBe("other");
    });

    it("breaks the lock of a dead holder", async () => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("one"), "w");
      const lockName = digestOf(text("k")).sha256.slice(0, 32);
      writeFileSync(join(root, "locks", lockName), deadOwner());
      expect(await store.replace("k", text("two"), digestOf(text("one")).sha256)).not.toBe("conflict");
      expect(readdirSync(join(root, "locks"))).toEqual([]);
    });

    it("goes on where a dead breaker stopped", async () => {
      const store = openStore(root);
      await store.putIfAbsent("k", text("one"), "w");
      const lock = join(root, "locks", digestOf(text("k")).sha256.slice(0, 32));
      const [holder, breaker] = [deadOwner(), deadOwner()];
      writeFileSync(lock, holder);
      writeFileSync(`${lock}.${holder}.0`, breaker);
      expect(await store.replace("k", text("two"), digestOf(text("one")).sha256)).not.toBe("conflict");
      expect(readdirSync(join(root, "locks"))).toEqual([]);
    });

    it("waits for a living holder, but not for ever", async () => {
      const store = openStore(root, { lockPatienceMs: 50 });
      await store.putIfAbsent("k", text("one"), "w");
      writeFileSync(join(root, "locks", digestOf(text("k")).sha256.slice(0, 32)), ownerOf(process.ppid));
      const replacing = store.replace("k", text("two"), digestOf(text("one")).sha256);
      await expect(replacing).rejects.toMatchObject({ failure: { class: "transport" } });
      await expect(replacing).rejects.toThrow(`process ${process.ppid}`);
    });

    it("removes the temporary files of the dead, and not those of the living", () => {
      openStore(root);
      const dead = join(root, "tmp", `${deadOwner()}.ab.0`);
      const living = join(root, "tmp", `${ownerOf(process.ppid)}.ab.0`);
      for (const path of [dead, living]) writeFileSync(path, "half");
      openStore(root);
      expect(existsSync(dead)).toBe(false);
      expect(existsSync(living)).toBe(true);
    });
  });

  it("reads a large file in pieces", async () => {
    const body = patternBytes(3_000_000);
    const store = openStore(root);
    await store.putFile("big", chunks(body.subarray(0, 1_500_001), body.subarray(1_500_001)), digestOf(body));
    expect(digestOf((await gather(await store.read("big", 1)))!)).toEqual(digestOf(body.subarray(1)));
    expect(digestOf((await store.get("big"))!.body)).toEqual(digestOf(body));
    truncateSync(join(root, "objects/big"), 10);
    expect((await store.head("big"))?.bytes).toBe(10);
  });
});

describe("isAlive", () => {
  it("knows this process, and one that has ended", () => {
    expect(isAlive(ownerOf(process.pid))).toBe(true);
    expect(isAlive(deadOwner())).toBe(false);
  });

  it("tells a process from an earlier one with its number", () => {
    const [pid, start, boot] = ownerOf(process.pid).split(".");
    expect(isAlive(`${pid}.${Number(start) + 1}.${boot}`)).toBe(false);
    expect(isAlive(`${pid}.${start}.00000000`)).toBe(false);
  });

  it("is read from a temporary file's name", () => {
    expect(ownerIn(`${ownerOf(process.pid)}.ab12.7`)).toBe(ownerOf(process.pid));
    expect(ownerIn("README")).toBeUndefined();
  });
});
