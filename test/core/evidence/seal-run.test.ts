import { readRunManifest, selfDigestOf, sumsKey } from "../../../core/evidence/run-manifest.ts";
import { sealRun } from "../../../core/evidence/seal-run.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { verifyRun } from "../../../core/evidence/verify-run.ts";
import { runKeys } from "../../../core/names/keys.ts";
import { FaultyStore } from "../../../stores/faulty.ts";
import { text, utf8 } from "../../stores/store-contract.ts";
import { landAttempt, landFile, landFullRun, newStore, startOfTests } from "./run-fixture.ts";

const options = { now: () => startOfTests, writer: "e" };
const rootOf = async (store: ReturnType<typeof newStore>) => {
  const root = await readRunManifest(store, "r1");
  if (root.kind !== "sealed") throw new Error(`the run is ${root.kind}`);
  return root.manifest;
};

describe("sealRun", () => {
  it("names every piece of evidence once, and no bookkeeping", async () => {
    const store = newStore();
    await landFullRun(store);
    const sealed = await sealRun(store, "r1", options);
    const root = await rootOf(store);
    const sums = utf8((await store.get(sumsKey("r1")))!.body)!;
    expect(sealed).toMatchObject({
      outcome: "sealed",
      rootDigest: sha256Hex(sums),
      files: root.files,
      bytes: root.bytes,
    });
    const paths = sums
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(66));
    expect(paths).toEqual([...paths].sort());
    expect(paths).toEqual([
      "clients=1/trial-0/attempt-1/manifest.json",
      "clients=1/trial-0/attempt-1/server-0/a/metrics.csv",
      "clients=1/trial-0/attempt-1/server-0/empty",
      "clients=1/trial-0/attempt-1/server-0/out.log",
      "clients=1/trial-1/attempt-1/manifest.json",
      "clients=1/trial-1/attempt-1/server-0/out.log",
      "clients=1/trial-1/attempt-2/manifest.json",
      "clients=1/trial-1/attempt-2/server-0/out.log",
      "clients=8/trial-0/attempt-1/live/client-0/job.out/000000",
      "clients=8/trial-0/attempt-1/live/client-0/job.out/000001",
      "clients=8/trial-0/attempt-1/manifest.json",
      "clients=8/trial-0/attempt-1/server-0/out.log",
      "clients=8/trial-0/attempt-1/server-0/z-trace.bin.part0000",
      "clients=8/trial-0/attempt-1/server-0/z-trace.bin.part0001",
      "clients=8/trial-0/attempt-1/server-0/z-trace.bin.part0002",
      "definition.yaml",
      "deployments/r1-main1/facts/server-0.json",
      "deployments/r1-main1/intents/01.json",
      "deployments/r1-main1/receipt.json",
      "deployments/r1-main1/setup/attempt-1/phases/prepare-0.done.server-0.json",
      "deployments/r1-main1/setup/attempt-1/server-0/build.out",
      "history/r1.1/000000.jsonl.gz",
      "outcomes/key-clients=1-0.json",
      "outcomes/key-clients=1-1.json",
      "outcomes/key-clients=8-0.json",
      "plan.json",
      "run.json",
    ]);
    for (const line of sums.trimEnd().split("\n")) {
      const body = (await store.get(`runs/r1/${line.slice(66)}`))!.body;
      expect(line).toBe(`${sha256Hex(body)}  ${line.slice(66)}`);
    }
    expect(
      root.attempts.map(({ pointKey, trialIndex, attempt, outcome }) => [pointKey, trialIndex, attempt, outcome]),
    ).toEqual([
      ["clients=1", 0, 1, "valid"],
      ["clients=1", 1, 1, "failed"],
      ["clients=1", 1, 2, "valid"],
      ["clients=8", 0, 1, "valid"],
    ]);
    expect(root.receipts.map(({ key }) => key)).toEqual(["deployments/r1-main1/receipt.json"]);
    expect(root.histories.map(({ key }) => key)).toEqual(["history/r1.1/000000.jsonl.gz"]);
    expect(root.unlisted).toEqual([]);
    expect(root).toMatchObject({
      experiment: "quickstart",
      definitionDigest: "d".repeat(64),
      sealedAt: "2026-11-21T03:00:00.000Z",
    });
    expect(root.selfDigest).toBe(selfDigestOf(root));
  });

  it("gives the same root digest for the same evidence", async () => {
    const [one, two] = [newStore(), newStore()];
    await landFullRun(one);
    await landFullRun(two);
    const first = await sealRun(one, "r1", options);
    const second = await sealRun(two, "r1", { ...options, now: () => startOfTests + 5 });
    expect(second.rootDigest).toBe(first.rootDigest);
    expect(second.manifestSha256).not.toBe(first.manifestSha256); // the time of sealing stands in it
  });

  it("is done once when nothing changed", async () => {
    const store = newStore();
    await landFullRun(store);
    const first = await sealRun(store, "r1", options);
    expect(await sealRun(store, "r1", { ...options, now: () => startOfTests + 5 })).toEqual({
      ...first,
      outcome: "same",
    });
  });

  it("names the root that a resumed run's replaces", async () => {
    const store = newStore();
    await landFullRun(store);
    const first = await sealRun(store, "r1", options);
    await landAttempt(store, { pointKey: "clients=8", trialIndex: 1 });
    const second = await sealRun(store, "r1", options);
    expect(second).toMatchObject({ outcome: "resealed", files: first.files + 3 });
    expect((await rootOf(store)).supersedes).toBe(first.manifestSha256);
  });

  it("goes round again when somebody else sealed between its two writes", async () => {
    const store = newStore();
    await landFullRun(store);
    let interrupted = false;
    const clock = { now: () => startOfTests, sleep: () => Promise.resolve() };
    const watched = new FaultyStore(store, { clock, faults: () => ({ delayMs: 0, loss: "none" }) });
    const putIfAbsent = watched.putIfAbsent.bind(watched);
    watched.putIfAbsent = async (key, body, writer) => {
      if (key === runKeys("r1").manifest && !interrupted) {
        interrupted = true; // our sums are written, our root isn't
        await store.putIfAbsent(runKeys("r1").historyChunk("r1.1.teardown", 0), text('{"id":1}'), "e");
        const chunk = runKeys("r1").historyChunk("r1.1.teardown", 1);
        await sealRun(store, "r1", options);
        // Theirs is whole now; take its root away, as if it weren't written yet when ours was.
        await store.delete(key);
        await store.putIfAbsent(chunk, text('{"id":2}'), "e");
      }
      return putIfAbsent(key, body, writer);
    };
    await sealRun(watched, "r1", options);
    expect(interrupted).toBe(true);
    expect(await verifyRun(store, "r1")).toMatchObject({ seal: "sealed", problemCount: 0, checkedFiles: 30 });
  });

  it("keeps what an attempt left that was cut off before its manifest", async () => {
    const store = newStore();
    await landFullRun(store);
    await landFile(store, "runs/r1/clients=8/trial-1/attempt-1/server-0/out.log", "half");
    await landFile(store, "runs/r1/clients=8/trial-1/attempt-1/live/server-0/x/000000", "piece");
    await sealRun(store, "r1", options);
    expect((await rootOf(store)).unlisted.map(({ key }) => key)).toEqual([
      "clients=8/trial-1/attempt-1/live/server-0/x/000000",
      "clients=8/trial-1/attempt-1/server-0/out.log",
    ]);
  });

  it("says whose results it rests on", async () => {
    const store = newStore();
    await landFullRun(store, "r0");
    await landFullRun(store);
    const outcome = (await store.get(runKeys("r0").outcome("key-clients=8-0")))!;
    await store.delete(runKeys("r1").outcome("key-clients=8-0"));
    await store.putIfAbsent(runKeys("r1").outcome("key-clients=8-0"), outcome.body, "reuse");
    await sealRun(store, "r1", options);
    expect((await rootOf(store)).reused).toMatchObject([
      { trialKey: "key-clients=8-0", runId: "r0", key: "runs/r0/clients=8/trial-0/attempt-1/manifest.json" },
    ]);
  });

  it("doesn't seal what is no run", async () => {
    await expect(sealRun(newStore(), "r1", options)).rejects.toMatchObject({ failure: { class: "defect" } });
  });

  it("seals on a second try whatever call of the first got lost", async () => {
    const clock = { now: () => startOfTests, sleep: () => Promise.resolve() };
    const reference = newStore();
    await landFullRun(reference);
    const { rootDigest } = await sealRun(reference, "r1", options);
    for (const loss of ["before", "after"] as const) {
      for (let lostCall = 0; ; lostCall++) {
        const store = newStore();
        await landFullRun(store);
        let calls = 0;
        const faulty = new FaultyStore(store, {
          clock,
          faults: ({ n }) => ((calls = n), { delayMs: 0, loss: n === lostCall ? loss : "none" }),
        });
        await sealRun(faulty, "r1", options).catch(() => undefined);
        expect((await sealRun(store, "r1", options)).rootDigest).toBe(rootDigest);
        expect((await readRunManifest(store, "r1")).kind).toBe("sealed");
        if (calls < lostCall) break;
      }
    }
  });
});
