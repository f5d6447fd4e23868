import { createSimRun, feed, runEpoch, simExperiment } from "../engines/embedded/sim-run.ts";
import { unpackHistory } from "../../core/evidence/history-chunk.ts";
import { verifyRun } from "../../core/evidence/verify-run.ts";
import { isSealedWhole } from "../../core/flow/sealed-whole.ts";
import { runKeys, sweepExecution, teardownExecution } from "../../core/names/keys.ts";
import { toServiceName } from "../../core/names/stack.ts";
import type { HistoryEvent } from "../../engines/asl/history.ts";
import { afterEnded } from "../../lambdas/ended.ts";

const machines = { sweep: "arn:sweep", teardown: "arn:teardown" };
const events: HistoryEvent[] = Array.from({ length: 4_500 }, (_, n) => ({
  timestamp: "2026-01-01T00:00:00.000Z",
  id: n + 1,
  previousEventId: n,
  type: "MapRunSucceeded",
}));

describe("afterEnded", () => {
  async function cutOff(status: string) {
    const experiment = simExperiment({ points: 2, trials: 2, lanes: 1 });
    const run = await createSimRun({ experiment, keepsHistory: false });
    const engine = run.engine();
    const name = sweepExecution(run.runId, 1);
    const end = async (): Promise<{ readonly kept: number }> =>
      afterEnded(
        {
          detail: {
            executionArn: `arn:execution:${toServiceName(name)}`,
            stateMachineArn: machines.sweep,
            name: toServiceName(name),
            status,
            input: JSON.stringify({ runId: run.runId, epoch: 1 }),
          },
        },
        { flow: engine.effects, machines, readHistory: async () => events },
      );
    const kept = await run.clock.run(
      (async () => {
        await engine.asl.start("sweep", name, { runId: run.runId, epoch: 1 });
        await run.clock.sleep(120_000); // hosts are up, trials run
        await engine.effects.engine.stop(name, "somebody pressed Stop in the console");
        const first = await end();
        await end(); // told twice
        await run.settle(engine);
        return first.kept;
      })(),
    );
    return { run, kept, name };
  }

  it("takes down what a stopped execution left, also when it is told twice", async () => {
    const { run } = await cutOff("ABORTED");
    expect(run.world.living).toEqual([]);
  });

  it("keeps the whole history in chunks, under the execution's own name", async () => {
    const { run, kept, name } = await cutOff("ABORTED");
    expect(kept).toBe(events.length);
    const found: number[] = [];
    for await (const { key } of run.store.list(runKeys(run.runId).historyPrefix(name))) {
      const stored = await run.store.get(key);
      for (const line of unpackHistory(stored!.body)) found.push((JSON.parse(line) as { id: number }).id);
    }

    expect(found).toEqual(events.map(({ id }) => id));
  });

  it("refuses an event that isn't of ours", async () => {
    const run = await createSimRun({ experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }) });
    const detail = { executionArn: "a", stateMachineArn: "b", name: "c", status: "FAILED", input: "{}" };
    const effects = { flow: run.engine().effects, machines, readHistory: async () => events };
    await expect(afterEnded({ detail }, effects)).rejects.toThrow(/runId/);
  });
});

describe("afterEnded, for the evidence of a run that has ended", () => {
  const sweepName = sweepExecution("sim-run", 1);
  const teardownName = teardownExecution("sim-run-main-1", 1);
  async function ended(record: { readonly keep?: boolean } = {}) {
    const experiment = simExperiment({ points: 1, trials: 2, lanes: 1 });
    const run = await createSimRun({ experiment, keepsHistory: false, record });
    const engine = run.engine();
    expect(await runEpoch(run, 1, engine)).toBe("SUCCEEDED");
    const tell = (stateMachineArn: string, name: string) => {
      const detail = {
        ...{ executionArn: `arn:execution:${toServiceName(name)}`, stateMachineArn, name: toServiceName(name) },
        ...{ status: "SUCCEEDED", input: JSON.stringify({ runId: run.runId, epoch: 1 }) },
      };
      const effects = { flow: engine.effects, machines, readHistory: async () => events.slice(0, 10) };
      return run.clock.run(afterEnded({ detail }, effects));
    };
    const seals = async () => (await feed(run)).filter(({ kind }) => kind === "sealed").length;
    return { run, tell, seals, isWhole: () => isSealedWhole(run.runId, 1, { store: run.store }) };
  }

  it.each([
    ["the sweep first", [machines.sweep, sweepName], [machines.teardown, teardownName]],
    ["the teardown first", [machines.teardown, teardownName], [machines.sweep, sweepName]],
  ] as const)("seals it whole with the last history, and says so once: %s", async (_, first, last) => {
    const { run, tell, seals, isWhole } = await ended();
    await tell(...first);
    expect([await isWhole(), await seals()]).toEqual([false, 0]);
    await tell(...last);
    expect([await isWhole(), await seals()]).toEqual([true, 1]);
    await tell(...last); // told twice
    await tell(`${machines.sweep}/Trials`, "a-child-that-is-told-of-late");
    expect(await seals()).toBe(2);
    expect(await verifyRun(run.store, run.runId)).toMatchObject({ seal: "sealed", problemCount: 0 });
  });

  it("seals it with the sweep's history when the deployment is kept", async () => {
    const { run, tell, isWhole } = await ended({ keep: true });
    await tell(machines.sweep, sweepName);
    expect(await isWhole()).toBe(true);
    expect(await verifyRun(run.store, run.runId)).toMatchObject({ seal: "sealed", problemCount: 0 });
  });
});
