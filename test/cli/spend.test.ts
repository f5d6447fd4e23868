import { spendOf, spentText } from "../../cli/spend.ts";
import { statusText } from "../../cli/follow.ts";
import { requireRecord } from "../../core/flow/effects.ts";
import { deploymentKeys } from "../../core/names/keys.ts";
import { noProgress } from "../../core/progress/progress.ts";
import { receiptSchema } from "../../core/records/schemas.ts";
import { createSimRun, simExperiment } from "../engines/embedded/sim-run.ts";

describe("spendOf", () => {
  it("grows while hosts are up, and ends at what the receipt says", async () => {
    const free = simExperiment({ points: 20, trials: 1, lanes: 1 });
    const [deployment] = free.plan.deployments;
    if (deployment === undefined) throw new Error("the experiment has no deployment");
    const place = { region: "east-1", zone: "east-1a" };
    const rates = [{ region: "east-1", onDemand: 1, spot: 0.1 }];
    const hosts = deployment.hosts.map((host) => ({ ...host, rates }));
    const plan = { ...free.plan, deployments: [{ ...deployment, places: { sim: [place] }, hosts }] };
    const run = await createSimRun({
      experiment: { ...free, plan },
      behaviour: { run: () => ({ durationMs: 60_000, exitCode: 0 }) },
    });
    const spent = spendOf(run.runId, { store: run.store, clock: run.clock }, () => Promise.resolve(plan));
    expect(await spent()).toBe(0);
    const engine = run.engine();
    const ended = run.sweep(engine, 1);
    await run.clock.advanceTo(run.clock.now() + 600_000);
    const sum = Number(await spent());
    expect(sum).toBeGreaterThan((hosts.length * 9) / 60); // ten minutes, and the first of them without hosts at most
    expect(sum).toBeLessThanOrEqual((hosts.length * 10) / 60);
    await run.clock.run(ended.then(() => run.settle(engine)));
    const keys = deploymentKeys(run.runId, "sim-run-main-1");
    const { dollars } = await requireRecord(run.store, keys.receipt, receiptSchema);
    expect(Number(await spent())).toBeCloseTo(Number(dollars), 2);
    await engine.close();
  });

  it("doesn't guess where the plan can't be read, and asks again", async () => {
    const { store, clock, runId } = await createSimRun({
      experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }),
    });
    const plans = [undefined, simExperiment({ points: 1, trials: 1, lanes: 1 }).plan];
    const spent = spendOf(runId, { store, clock }, () => Promise.resolve(plans.shift()));
    expect([await spent(), await spent(), await spent()]).toEqual(["unknown", 0, 0]);
  });
});

describe("statusText", () => {
  it("shows how far a run is, how long it takes, what it has cost, and what runs, within the terminal's width", () => {
    const trial = {
      pointKey: "load.clients=4",
      trialIndex: 0,
      attempt: 1,
      deployment: "main",
      lane: 0,
      sinceMs: 119_000,
    };
    const progress = {
      ...noProgress,
      phase: "running" as const,
      total: 6,
      valid: 2,
      failedAttempts: 1,
      doneThisEpoch: 2,
      firstTrialMs: 0,
      running: [trial],
    };
    const now = { nowMs: 120_000, spent: spentText(0.4217) };
    expect(statusText(progress, now, 200)).toBe(
      "running · 2/6 done · 1 failed · 4 min left · $0.42 spent · load.clients=4#0 1.0 s",
    );
    expect(statusText(progress, now, 40)).toHaveLength(39);
    const doing = new Map([["load.clients=4#0", "client-0 running jobs"]]);
    expect(statusText(progress, { ...now, doing }, 200)).toMatch(
      / · load\.clients=4#0 1\.0 s \(client-0 running jobs\)$/,
    );
  });
});
