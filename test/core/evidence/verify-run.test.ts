import { seededRandom } from "../../../core/effects/random.ts";
import { sealRun } from "../../../core/evidence/seal-run.ts";
import { verifyRun } from "../../../core/evidence/verify-run.ts";
import { attemptKeys, runKeys } from "../../../core/names/keys.ts";
import type { Key } from "../../../core/ports/object-store.ts";
import type { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { keysOf, text } from "../../stores/store-contract.ts";
import { landFile, landFullRun, landRun, newStore, startOfTests } from "./run-fixture.ts";

const options = { now: () => startOfTests, writer: "e" };

async function sealedStore(): Promise<MemoryStore> {
  const store = newStore();
  await landFullRun(store);
  await sealRun(store, "r1", options);
  return store;
}

async function overwrite(store: MemoryStore, key: Key, change: (body: Uint8Array) => Uint8Array): Promise<void> {
  const stored = (await store.get(key))!;
  await store.replace(key, change(stored.body), stored.etag);
}

const flip = (random: { next(): number }) => (body: Uint8Array) => {
  const at = Math.floor(random.next() * body.byteLength);
  body[at] = (body[at] ?? 0) ^ (1 << Math.floor(random.next() * 8));
  return body;
};

const isBookkeeping = (key: Key): boolean =>
  /\/(epochs|boards|events)\/|\/claim\.json$|attempt-\d+\/phases\/(?!prepare-0\.done)|live\/server-0/.test(key);
const evidenceKeys = async (store: MemoryStore) =>
  (await keysOf(store.list("runs/r1/"))).filter((key) => !isBookkeeping(key));

const named = async (store: MemoryStore) =>
  (await verifyRun(store, "r1")).problems.map(({ kind, key }) => `${kind} ${key}`);

describe("verifyRun", () => {
  it("finds nothing wrong with an untouched run", async () => {
    const store = await sealedStore();
    const seen: string[] = [];
    const verification = await verifyRun(store, "r1", { onFile: ({ key }) => seen.push(key) });
    expect(verification).toMatchObject({
      seal: "sealed",
      rootDigest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      checkedFiles: 28, // 27 in the sums, and the sums
      unvouchedFiles: 0,
      elsewhere: [],
      problems: [],
      problemCount: 0,
    });
    expect([...seen, runKeys("r1").manifest].sort()).toEqual(await evidenceKeys(store));
  });

  it("names the one file with a flipped bit, whichever it is", async () => {
    const random = seededRandom(5);
    for (const key of await evidenceKeys(await sealedStore())) {
      const store = await sealedStore();
      if ((await store.head(key))?.bytes === 0) continue;
      await overwrite(store, key, flip(random));
      const { problems } = await verifyRun(store, "r1");
      const isRoot = key === runKeys("r1").manifest;
      const wholeOf = key.replace(/\.part\d+$/, "").replace(/\/live\/(.*)\/\d+$/, "/$1");
      // A part's damage is the whole's too.
      const expected = [
        isRoot ? `broken ${key}` : `flipped ${key}`,
        ...(wholeOf === key ? [] : [`flipped ${wholeOf}`]),
      ];
      expect(problems.map((problem) => `${problem.kind} ${problem.key}`).sort()).toEqual(expected.sort());
    }
  });

  it("gives expected and actual digest of what it names", async () => {
    const store = await sealedStore();
    const key = "runs/r1/clients=1/trial-0/attempt-1/server-0/out.log";
    await overwrite(store, key, () => text("two"));
    expect((await verifyRun(store, "r1")).problems).toEqual([
      {
        kind: "flipped",
        key,
        expectedSha256: "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", // of "one"
        actualSha256: "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3", // of "two"
      },
    ]);
  });

  it("names a missing file, whichever it is", async () => {
    for (const key of await evidenceKeys(await sealedStore())) {
      const store = await sealedStore();
      await store.delete(key);
      const verification = await verifyRun(store, "r1");
      if (key === runKeys("r1").manifest) {
        expect(verification).toMatchObject({ seal: "unsealed", problemCount: 0 });
      } else {
        const kinds = verification.problems.filter((problem) => problem.key === key).map(({ kind }) => kind);
        expect([key, kinds]).toEqual([key, ["missing"]]);
        expect(verification.problems).toHaveLength(1);
      }
    }
  });

  it.each([
    ["truncated", (body: Uint8Array) => body.subarray(0, 2), 2],
    ["extended", (body: Uint8Array) => Buffer.concat([body, body]), 6],
  ] as const)("names a %s file with both lengths", async (kind, change, actualBytes) => {
    const store = await sealedStore();
    const key = "runs/r1/clients=1/trial-0/attempt-1/server-0/out.log";
    await overwrite(store, key, change);
    expect((await verifyRun(store, "r1")).problems).toMatchObject([{ kind, key, expectedBytes: 3, actualBytes }]);
  });

  it.each([
    "runs/r1/clients=1/trial-0/attempt-1/server-0/forged.log",
    "runs/r1/clients=1/trial-9/attempt-1/server-0/out.log",
    "runs/r1/notes.txt",
    "runs/r1/outcomes/forged.json",
  ])("names the extra file %s", async (key) => {
    const store = await sealedStore();
    await landFile(store, key, "x");
    expect(await named(store)).toEqual([`extra ${key}`]);
  });

  it("lets bookkeeping and superseded live pieces be", async () => {
    const store = await sealedStore();
    await store.putIfAbsent(`${runKeys("r1").events}2.json`, text("{}"), "w");
    await landFile(store, "runs/r1/clients=1/trial-0/attempt-1/live/server-0/out.log/000000", "on");
    expect(await named(store)).toEqual([]);
  });

  it("notices a live piece whose file never came", async () => {
    const store = await sealedStore();
    const key = "runs/r1/clients=1/trial-0/attempt-1/live/server-0/other.log/000000";
    await landFile(store, key, "on");
    expect(await named(store)).toEqual([`extra ${key}`]);
  });

  it("asks the sums about an attempt whose manifest was changed", async () => {
    const store = await sealedStore();
    const key = attemptKeys({ runId: "r1", pointKey: "clients=1", trialIndex: 0, attempt: 1 }).manifest;
    await overwrite(store, key, (body) =>
      text(Buffer.from(body).toString().replace('"throughputOps":1000.5', '"throughputOps":2000.5')),
    );
    await overwrite(store, "runs/r1/clients=1/trial-0/attempt-1/server-0/out.log", () => text("two"));
    await store.delete("runs/r1/clients=1/trial-0/attempt-1/server-0/empty");
    expect((await named(store)).sort()).toEqual([
      `flipped ${key}`,
      "flipped runs/r1/clients=1/trial-0/attempt-1/server-0/out.log",
      "missing runs/r1/clients=1/trial-0/attempt-1/server-0/empty",
    ]);
  });

  it.each([
    ["a root that is no JSON", () => text("{")],
    [
      "a root of another run",
      (body: Uint8Array) => text(Buffer.from(body).toString().replace('"runId":"r1"', '"runId":"r2"')),
    ],
    [
      "a root with another digest in it",
      (body: Uint8Array) =>
        text(
          Buffer.from(body)
            .toString()
            .replace(/"rootDigest":"../, '"rootDigest":"00'),
        ),
    ],
    [
      "a root of a later version",
      (body: Uint8Array) => text(Buffer.from(body).toString().replace("reprise/run@1", "reprise/run@9")),
    ],
  ])("calls %s broken, and checks what the attempts say", async (_, change) => {
    const store = await sealedStore();
    await overwrite(store, runKeys("r1").manifest, change);
    await overwrite(store, "runs/r1/clients=1/trial-0/attempt-1/server-0/out.log", () => text("two"));
    const verification = await verifyRun(store, "r1");
    expect(verification.seal).toBe("broken");
    expect(verification.problems.map(({ kind, key }) => `${kind} ${key}`)).toEqual([
      "broken runs/r1/manifest.json",
      "flipped runs/r1/clients=1/trial-0/attempt-1/server-0/out.log",
    ]);
  });

  describe("before the seal", () => {
    it("checks attempts, and counts what nothing vouches for", async () => {
      const store = newStore();
      await landFullRun(store);
      const verification = await verifyRun(store, "r1");
      expect(verification).toMatchObject({ seal: "unsealed", rootDigest: undefined, problemCount: 0 });
      expect(verification.checkedFiles).toBe(14); // 11 artifacts, 3 manifests that outcomes name
      expect(verification.unvouchedFiles).toBe(13); // the failed attempt's manifest and 12 records
    });

    it("names a valid attempt's changed manifest, and a broken one", async () => {
      const store = newStore();
      await landFullRun(store);
      const valid = "runs/r1/clients=1/trial-0/attempt-1/manifest.json";
      const failed = "runs/r1/clients=1/trial-1/attempt-1/manifest.json";
      await overwrite(store, valid, (body) => text(Buffer.from(body).toString().replace("1000.5", "1000.6")));
      await overwrite(store, failed, (body) => body.subarray(1));
      expect(await named(store)).toEqual([`flipped ${valid}`, `broken ${failed}`]);
    });
  });

  describe("of results taken over", () => {
    const reuse = async () => {
      const store = newStore();
      await landFullRun(store, "r0");
      await landRun(store, [{ pointKey: "clients=1", trialIndex: 0 }]);
      const outcome = (await store.get(runKeys("r0").outcome("key-clients=8-0")))!;
      await store.putIfAbsent(runKeys("r1").outcome("key-clients=8-0"), outcome.body, "reuse");
      await sealRun(store, "r1", options);
      return store;
    };

    it("reads the other run's evidence where it is here", async () => {
      const store = await reuse();
      expect(await named(store)).toEqual([]);
      const key = "runs/r0/clients=8/trial-0/attempt-1/server-0/out.log";
      await overwrite(store, key, () => text("changed"));
      expect(await named(store)).toEqual([`truncated ${key}`]);
    });

    it("says what stands elsewhere", async () => {
      const store = await reuse();
      const key = "runs/r0/clients=8/trial-0/attempt-1/manifest.json";
      await store.delete(key);
      expect(await verifyRun(store, "r1")).toMatchObject({ elsewhere: [key], problemCount: 0 });
    });
  });

  it("keeps a bounded list of problems, and counts them all", async () => {
    const store = await sealedStore();
    for (let i = 0; i < 20; i++) await landFile(store, `runs/r1/extra-${i}`, "x");
    const { problems, problemCount } = await verifyRun(store, "r1", { maxProblems: 5 });
    expect([problems.length, problemCount]).toEqual([5, 20]);
  });
});
