import type { ResultRow } from "../../../core/evidence/result-rows.ts";
import { resultRows } from "../../../core/evidence/result-rows.ts";
import { runKeys } from "../../../core/names/keys.ts";
import type { ObjectStore } from "../../../core/ports/object-store.ts";
import { text } from "../../stores/store-contract.ts";
import { landAttempt, landFullRun, landRun, newStore } from "./run-fixture.ts";

const rowsOf = async (store: ObjectStore, runId = "r1"): Promise<ResultRow[]> => {
  const rows: ResultRow[] = [];
  for await (const row of resultRows(store, runId)) rows.push(row);
  return rows;
};

describe("resultRows", () => {
  it("gives one row a trial, from its valid attempt", async () => {
    const store = newStore();
    await landFullRun(store);
    expect((await rowsOf(store)).map((r) => [r.pointKey, r.trialIndex, r.attempt, r.outcome])).toEqual([
      ["clients=1", 0, 1, "valid"],
      ["clients=1", 1, 2, "valid"],
      ["clients=8", 0, 1, "valid"],
    ]);
  });

  it("says what was varied, what came of it, and where the rest stands", async () => {
    const store = newStore();
    await landRun(store, [{ pointKey: "p", trialIndex: 0, parameters: { clients: 8 }, summary: { p99Ms: 1.5 } }]);
    expect(await rowsOf(store)).toEqual([
      {
        runId: "r1",
        experiment: "quickstart",
        sweep: "load",
        pointKey: "p",
        parameters: { clients: 8 },
        trialIndex: 0,
        trialKey: "key-p-0",
        attempt: 1,
        outcome: "valid",
        failureClass: undefined,
        failureMessage: undefined,
        deploymentId: "r1-main1",
        startedAt: "2026-11-21T03:00:00.000Z",
        durationSec: 2.5,
        reusedFrom: undefined,
        manifestKey: "runs/r1/p/trial-0/attempt-1/manifest.json",
        summary: { p99Ms: 1.5 },
      },
    ]);
  });

  it("keeps the plan's order of points, not that of their names", async () => {
    const store = newStore();
    const trials = ["clients=8", "clients=16", "clients=2"].flatMap((pointKey) =>
      [1, 0].map((trialIndex) => ({ pointKey, trialIndex })),
    );
    await landRun(store, trials);
    expect((await rowsOf(store)).map((r) => `${r.pointKey} ${r.trialIndex}`)).toEqual([
      "clients=8 0",
      "clients=8 1",
      "clients=16 0",
      "clients=16 1",
      "clients=2 0",
      "clients=2 1",
    ]);
  });

  it("tells the last attempt's failure where none was valid, and leaves out what never ran", async () => {
    const store = newStore();
    const failed = { kind: "failed", failure: { class: "timeout", message: "60 s" } } as const;
    const invalid = { kind: "invalid", failures: [{ class: "integrity", message: "2 rows" }] } as const;
    await landRun(store, [{ pointKey: "p", trialIndex: 0, outcome: failed }]);
    for (let attempt = 2; attempt <= 10; attempt++) {
      await landAttempt(store, { pointKey: "p", trialIndex: 0, attempt, outcome: attempt === 10 ? invalid : failed });
    }
    const rows = await rowsOf(store);
    expect(rows).toMatchObject([
      { attempt: 10, outcome: "invalid", failureClass: "integrity", failureMessage: "2 rows" },
    ]);
  });

  it("follows a result that was taken over, under this run's names", async () => {
    const store = newStore();
    await landRun(store, [{ pointKey: "old-name", trialIndex: 3, summary: { x: 1 } }], "r0");
    await landRun(store, [{ pointKey: "p", trialIndex: 0 }]);
    const outcome = (await store.get(runKeys("r0").outcome("key-old-name-3")))!;
    await store.delete(runKeys("r1").outcome("key-p-0"));
    await store.putIfAbsent(runKeys("r1").outcome("key-p-0"), outcome.body, "reuse");
    expect(await rowsOf(store)).toMatchObject([
      { runId: "r1", pointKey: "p", trialIndex: 0, reusedFrom: "r0", summary: { x: 1 } },
    ]);
  });

  it("says when there is no such run", async () => {
    await expect(rowsOf(newStore())).rejects.toMatchObject({ failure: { class: "collect" } });
  });

  it("names a record that can't be read", async () => {
    const store = newStore();
    await landRun(store, [{ pointKey: "p", trialIndex: 0 }]);
    const key = "runs/r1/p/trial-0/attempt-1/manifest.json";
    await store.replace(key, text("{}"), (await store.head(key))!.etag);
    await expect(rowsOf(store)).rejects.toMatchObject({ failure: { class: "integrity", evidence: key } });
  });
});
