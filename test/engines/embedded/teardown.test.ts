import { afterSweep } from "../../../core/flow/after-execution.ts";
import { toBytes } from "../../../core/flow/effects.ts";
import { stopRun } from "../../../core/flow/stop.ts";
import { startTeardown } from "../../../core/flow/teardown.ts";
import { deploymentKeys, runKeys, sweepExecution } from "../../../core/names/keys.ts";
import type { Provider } from "../../../core/ports/provider.ts";
import type { Receipt } from "../../../core/records/schemas.ts";
import { receiptSchema } from "../../../core/records/schemas.ts";
import type { SimRun } from "./sim-run.ts";
import { Fuse, createSimRun, feed, runEpoch, simExperiment, validResults } from "./sim-run.ts";

async function receiptOf(run: SimRun, generation = 1): Promise<Receipt> {
  const { receipt } = deploymentKeys(run.runId, `${run.runId}-main-${generation}`);
  const stored = await run.store.get(receipt);
  return receiptSchema.parse(JSON.parse(new TextDecoder().decode(stored!.body)));
}

/** Moves time on until something is so, in steps of a second. */
async function until(run: SimRun, isSo: () => boolean | Promise<boolean>, mostSec = 3_600): Promise<void> {
  for (let second = 0; second < mostSec; second++) {
    if (await isSo()) return;
    await run.clock.advanceTo(run.clock.now() + 1_000);
  }
  throw new Error(`not so after ${mostSec} s`);
}

describe("a create call that takes effect after teardown's sweep", () => {
  it("of a round that was never answered: the receipt stays open until no call can be under way, then is empty", async () => {
    // The engine is killed in the middle of the call; the cloud works on it for another 100 s.
    const run = await createSimRun({
      experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }),
      behaviour: { bootMs: 20_000, appearsAfterMs: () => 100_000 },
    });
    const fuse = new Fuse(1_000_000, true);
    const engine = run.engine(fuse);
    const ensure = run.world.provider.ensure.bind(run.world.provider);
    let asked = false;
    Object.assign(run.world.provider, {
      ensure: async (...args: Parameters<Provider["ensure"]>) => {
        asked = true;
        const answer = ensure(...args);
        fuse.burn();
        return answer;
      },
    });
    void run.sweep(engine, 1).catch(() => undefined);
    await until(run, () => asked);
    const askedAt = run.clock.now();
    expect(run.world.living).toEqual([]);

    // Somebody takes it down by hand, at once: nothing is listed yet.
    const next = run.engine();
    await startTeardown(
      { runId: run.runId, epoch: 1, deployment: "main", deploymentId: `${run.runId}-main-1`, reason: "by hand" },
      next.effects,
    );
    await run.clock.run(run.settle(next));
    const receipt = await receiptOf(run);
    // Not before the last instant at which the dead engine could still have asked.
    expect(Date.parse(receipt.closedAt) - askedAt).toBeGreaterThanOrEqual(115_000);
    expect(run.world.living).toEqual([]);
    expect(receipt.resources.filter((r) => r.resourceKind === "host").map((r) => r.outcome)).toEqual(["gone", "gone"]);
  });

  it("of a listing that lags: a sweep after the cloud's visibility delay finds it", async () => {
    const run = await createSimRun({
      experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }),
      behaviour: { bootMs: 20_000, visibilityDelayMs: 60_000 },
    });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    await until(
      run,
      async () => (await run.store.head(`runs/sim-run/deployments/sim-run-main-1/accepted/00.json`)) !== undefined,
    );
    await stopRun(run.runId, 1, "at once", "test", engine.effects);
    expect(await run.clock.run(swept)).toBe("FAILED");
    await run.clock.run(run.settle(engine));
    const receipt = await receiptOf(run);
    expect(receipt.resources.filter((r) => r.resourceKind === "host").map((r) => r.outcome)).toEqual(["gone", "gone"]);
    expect(run.world.living).toEqual([]);
  });
});

describe("a sweep's execution that is stopped from outside", () => {
  it.each([
    ["while hosts are made", 0],
    ["while 8 lanes start their trials", 1],
    ["while trials run", 12],
  ])(
    "%s: nothing starts after the fence, and the rule takes everything down, also when it fires twice",
    async (_, seconds) => {
      const begun: { readonly unit: string; readonly from: number }[] = [];
      const run = await createSimRun({
        experiment: simExperiment({ points: 8, trials: 3, lanes: 8 }),
        behaviour: {
          bootMs: 20_000,
          run: () => ({ durationMs: 20_000, exitCode: 0 }),
          onUnit: (unit, _host, from) => begun.push({ unit: unit.name, from }),
        },
      });
      const engine = run.engine();
      void run.sweep(engine, 1);
      const name = sweepExecution(run.runId, 1);
      if (seconds === 0) await until(run, () => run.world.living.length > 0);
      else await until(run, async () => (await feed(run)).some((event) => event.kind === "trial-started"));
      await run.clock.advanceTo(run.clock.now() + seconds * 1_000);
      await engine.asl.stop(name, "StopExecution in the console");

      // Children live on for a minute before the rule fires, twice, in a process of another version.
      await run.clock.advanceTo(run.clock.now() + 60_000);
      const rule = run.engine();
      const ended = { runId: run.runId, epoch: 1, status: "ABORTED" };
      await afterSweep(ended, rule.effects);
      await afterSweep(ended, rule.effects);
      await run.clock.run(run.settle(rule));
      const fencedAt = run.clock.now();
      expect(run.world.living).toEqual([]);
      const receipt = await receiptOf(run);
      expect(receipt.resources.every((r) => r.outcome === "gone" || r.outcome === "never created")).toBe(true);

      await run.clock.advanceTo(run.clock.now() + 3_600_000);
      expect(begun.filter(({ from }) => from > fencedAt)).toEqual([]);
      expect(run.world.living).toEqual([]);

      // The run isn't lost: what was measured counts, the rest is measured on new hosts.
      expect(await runEpoch(run, 2)).toBe("SUCCEEDED");
      expect(await validResults(run)).toHaveLength(24);
      expect(run.world.living).toEqual([]);
    },
  );
});

describe("stopping a run", () => {
  it.each([0, 1, 21, 25, 26, 30, 33, 37])(
    "after %d s: no trial begins, and everything is taken down",
    async (seconds) => {
      const run = await createSimRun({ experiment: simExperiment({ points: 8, trials: 4, lanes: 2 }) });
      const engine = run.engine();
      const swept = run.sweep(engine, 1);
      await run.clock.advanceTo(run.clock.now() + seconds * 1_000);
      const stoppedAt = new Date(run.clock.now()).toISOString();
      await stopRun(run.runId, 1, "asked to", "test", engine.effects);
      expect(await run.clock.run(swept)).toBe("FAILED");
      await run.clock.run(run.settle(engine));
      const events = await feed(run);
      expect(events.filter((event) => event.kind === "trial-started" && event.at > stoppedAt)).toEqual([]);
      expect(events.find((event) => event.kind === "run-finished")?.text).toMatch(/^stopped \(asked to\)/);
      expect(run.world.living).toEqual([]);
      expect(run.clock.now() - Date.parse(stoppedAt)).toBeLessThan(180_000);
    },
  );

  it("tells the reason of whoever asked first", async () => {
    const run = await createSimRun({ experiment: simExperiment({ points: 2, trials: 1, lanes: 1 }) });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    const first = { reason: "stopped at the terminal", at: new Date(run.clock.now()).toISOString(), by: "cli" };
    await run.store.putIfAbsent(runKeys(run.runId).stop(1), toBytes(first), "cli");
    await stopRun(run.runId, 1, "a signal", "engine", engine.effects);
    await run.clock.run(swept.then(() => run.settle(engine)));
    const events = await feed(run);
    expect(events.filter(({ kind }) => kind === "stop-asked").map(({ text }) => text)).toEqual([
      "asked to stop: stopped at the terminal",
    ]);
  });

  it("of a kept deployment takes it down too", async () => {
    const run = await createSimRun({
      experiment: simExperiment({ points: 8, trials: 4, lanes: 2 }),
      record: { keep: true },
    });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    await run.clock.advanceTo(run.clock.now() + 30_000);
    await stopRun(run.runId, 1, "asked to", "test", engine.effects);
    await run.clock.run(swept.then(() => run.settle(engine)));
    expect(run.world.living).toEqual([]);
  });
});

describe("--until and --keep", () => {
  it.each(["provision", "prepare"] as const)(
    "until %s: hosts stay up, no trial runs, the run is complete",
    async (phase) => {
      const run = await createSimRun({
        experiment: simExperiment({ points: 2, trials: 1, lanes: 1 }),
        record: { until: phase, keep: true },
      });
      expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
      expect(run.world.living).toHaveLength(2);
      expect(await validResults(run)).toEqual([]);
      const kinds = (await feed(run)).map((event) => event.kind);
      expect(kinds.includes("setup-stage")).toBe(phase === "prepare");
      expect(kinds).not.toContain("trial-started");
    },
  );

  it("a kept deployment is taken up by a resume, not made again", async () => {
    const run = await createSimRun({
      experiment: simExperiment({ points: 2, trials: 1, lanes: 1 }),
      record: { keep: true },
      behaviour: { run: (unit) => ({ durationMs: 100, exitCode: unit.kind === "job" ? 1 : 0 }) },
    });
    expect(await runEpoch(run, 1)).toBe("FAILED");
    const kept = run.world.living;
    expect(kept).toHaveLength(2);
    expect(await runEpoch(run, 2)).toBe("FAILED");
    expect(run.world.living).toEqual(kept);
  });
});
