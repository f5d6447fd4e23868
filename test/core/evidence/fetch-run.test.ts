import type { FetchFiles } from "../../../core/evidence/fetch-run.ts";
import { fetchedKey, fetchedPath, fetchRun } from "../../../core/evidence/fetch-run.ts";
import { sealRun } from "../../../core/evidence/seal-run.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import type { EvidenceReader } from "../../../core/evidence/walk-evidence.ts";
import { runKeys } from "../../../core/names/keys.ts";
import { digestOf, gather, text, utf8 } from "../../stores/store-contract.ts";
import { landFullRun, landRun, newStore, startOfTests } from "./run-fixture.ts";

const options = { now: () => startOfTests, writer: "e" };

class FakeFiles implements FetchFiles {
  readonly content = new Map<string, Uint8Array>();
  writes = 0;
  atOnce = 0;
  mostAtOnce = 0;

  async digest(path: string) {
    const body = this.content.get(path);
    return body === undefined ? undefined : digestOf(body);
  }

  async write(path: string, body: AsyncIterable<Uint8Array>, expected: { readonly sha256: string } | undefined) {
    this.writes += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    const bytes = (await gather(body))!;
    await new Promise((resolve) => setImmediate(resolve));
    this.atOnce -= 1;
    const digest = digestOf(bytes);
    if (expected === undefined || expected.sha256 === digest.sha256) this.content.set(path, bytes);
    return digest;
  }
}

const sealed = async () => {
  const store = newStore();
  await landFullRun(store);
  await sealRun(store, "r1", options);
  return store;
};

describe("fetchRun", () => {
  it("copies all evidence, raw, with the root manifest and its sums", async () => {
    const files = new FakeFiles();
    const fetched = await fetchRun(await sealed(), "r1", files);
    expect(fetched).toMatchObject({ fetchedFiles: 29, presentFiles: 0, damaged: [] });
    const sums = utf8(files.content.get("SHA256SUMS"))!;
    for (const line of sums.trimEnd().split("\n")) {
      expect(line).toBe(`${sha256Hex(files.content.get(line.slice(66))!)}  ${line.slice(66)}`);
    }
    expect(sums.trimEnd().split("\n")).toHaveLength(27);
    expect([...files.content.keys()].at(-1)).toBe("manifest.json");
    expect(files.content.has("epochs/0001.json")).toBe(false);
  });

  it("fetches only what isn't there, or isn't right", async () => {
    const store = await sealed();
    const files = new FakeFiles();
    await fetchRun(store, "r1", files);
    files.writes = 0;
    files.content.delete("run.json");
    files.content.set("plan.json", text("changed"));
    const outcomes: string[] = [];
    const fetched = await fetchRun(store, "r1", files, {
      onFile: ({ path, outcome }) => outcomes.push(`${outcome} ${path}`),
    });
    expect(fetched).toMatchObject({ fetchedFiles: 2, presentFiles: 27 });
    expect(files.writes).toBe(2);
    expect(outcomes.filter((line) => line.startsWith("fetched"))).toEqual(["fetched plan.json", "fetched run.json"]);
  });

  it("goes on after an interruption", async () => {
    const store = await sealed();
    const files = new FakeFiles();
    const abort = new AbortController();
    let seen = 0;
    const onFile = (): void => {
      if (++seen === 5) abort.abort(new Error("interrupted"));
    };
    await expect(fetchRun(store, "r1", files, { onFile, signal: abort.signal, concurrency: 1 })).rejects.toThrow(
      "interrupted",
    );
    expect(files.content.size).toBe(5);
    expect(await fetchRun(store, "r1", files)).toMatchObject({ fetchedFiles: 24, presentFiles: 5 });
  });

  it("has a bounded number of files under way", async () => {
    const files = new FakeFiles();
    await fetchRun(await sealed(), "r1", files, { concurrency: 3 });
    expect(files.mostAtOnce).toBe(3);
  });

  it("keeps no file that isn't what was recorded, and names it", async () => {
    const store = await sealed();
    const key = "runs/r1/clients=1/trial-0/attempt-1/server-0/out.log";
    await store.replace(key, text("two"), (await store.head(key))!.etag);
    await store.delete("runs/r1/run.json");
    const files = new FakeFiles();
    const fetched = await fetchRun(store, "r1", files);
    expect(fetched.damaged).toEqual([key, "runs/r1/run.json"]);
    expect(files.content.has("clients=1/trial-0/attempt-1/server-0/out.log")).toBe(false);
    expect(fetched.fetchedFiles).toBe(27);
  });

  it("takes along what other runs measured for this one", async () => {
    const store = newStore();
    await landFullRun(store, "r0");
    await landRun(store, [{ pointKey: "clients=1", trialIndex: 0 }]);
    const outcome = (await store.get(runKeys("r0").outcome("key-clients=8-0")))!;
    await store.putIfAbsent(runKeys("r1").outcome("key-clients=8-0"), outcome.body, "reuse");
    await sealRun(store, "r1", options);
    const files = new FakeFiles();
    await fetchRun(store, "r1", files);
    expect([...files.content.keys()].filter((path) => path.startsWith("other-runs/"))).toEqual([
      "other-runs/r0/clients=8/trial-0/attempt-1/manifest.json",
      "other-runs/r0/clients=8/trial-0/attempt-1/live/client-0/job.out/000000",
      "other-runs/r0/clients=8/trial-0/attempt-1/live/client-0/job.out/000001",
      "other-runs/r0/clients=8/trial-0/attempt-1/server-0/out.log",
      "other-runs/r0/clients=8/trial-0/attempt-1/server-0/z-trace.bin.part0000",
      "other-runs/r0/clients=8/trial-0/attempt-1/server-0/z-trace.bin.part0001",
      "other-runs/r0/clients=8/trial-0/attempt-1/server-0/z-trace.bin.part0002",
    ]);
  });

  it("fetches a run that goes on, as far as it came", async () => {
    const store = newStore();
    await landFullRun(store);
    expect(await fetchRun(store, "r1", new FakeFiles())).toMatchObject({ fetchedFiles: 27, damaged: [] });
  });

  it("says when there is no such run", async () => {
    await expect(fetchRun(newStore(), "r9", new FakeFiles())).rejects.toMatchObject({ failure: { class: "collect" } });
  });

  it("stops at the first failing read and throws it", async () => {
    const store = await sealed();
    let reads = 0;
    const failing: EvidenceReader = {
      get: (key) => store.get(key),
      head: (key) => store.head(key),
      list: (prefix, after) => store.list(prefix, after),
      read: async (key) => {
        if (++reads === 4) throw new Error("line cut");
        return store.read(key);
      },
    };
    await expect(fetchRun(failing, "r1", new FakeFiles(), { concurrency: 2 })).rejects.toThrow("line cut");
    expect(reads).toBeLessThan(8);
  });
});

describe("fetchedPath", () => {
  it.each(["runs/r1/a/b", "runs/r2/a/b", "runs/r1/manifest.json"])("goes round for %s", (key) => {
    expect(fetchedKey("r1", fetchedPath("r1", key)!)).toBe(key);
  });

  it("has no place for what is no run's", () => {
    expect(fetchedPath("r1", "blobs/abc")).toBeUndefined();
  });
});
