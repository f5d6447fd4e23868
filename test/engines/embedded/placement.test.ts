import { z } from "zod";
import { finishedExitCode } from "../../../cli/exit-code.ts";
import type { FailureClass } from "../../../core/errors/failure.ts";
import { exitCodes } from "../../../core/errors/failure.ts";
import { requireRecord } from "../../../core/flow/effects.ts";
import { deploymentKeys } from "../../../core/names/keys.ts";
import type { Experiment, PlannedDeployment } from "../../../core/plan/types.ts";
import type { Intent, Place } from "../../../core/ports/provider.ts";
import { foldProgress, noProgress } from "../../../core/progress/progress.ts";
import { eventRecordSchema, failureSchema, receiptSchema } from "../../../core/records/schemas.ts";
import type { SimRun } from "./sim-run.ts";
import { createSimRun, feed, runEpoch, simExperiment, validResults } from "./sim-run.ts";

const zones: Place[] = [
  { region: "east-1", zone: "east-1a" },
  { region: "east-1", zone: "east-1b" },
  { region: "west-1", zone: "west-1a" },
];

/** A server and a client in three zones of two regions; each host costs a dollar an hour, a tenth as spot. */
function experimentOn(
  over: Partial<PlannedDeployment> = {},
  options: { readonly spot?: boolean; readonly points?: number; readonly budgetDollars?: number } = {},
): Experiment {
  const experiment = simExperiment({ points: options.points ?? 1, trials: 1, lanes: 1 });
  const rates = ["east-1", "west-1", "sky-1"].map((region) => ({ region, onDemand: 1, spot: 0.1 }));
  const deployments = experiment.plan.deployments.map((deployment) => {
    const hosts = deployment.hosts.map((host) => ({
      ...host,
      rates,
      shape: { ...host.shape, spot: options.spot ?? false },
    }));
    return { ...deployment, places: { sim: zones }, hosts, ...over };
  });
  return { ...experiment, plan: { ...experiment.plan, deployments, budgetDollars: options.budgetDollars } };
}

const refuse = (failureClass: FailureClass) => ({ class: failureClass, message: `no room (${failureClass})` });
const asked = (intent: Intent): string =>
  `${intent.place.zone ?? intent.place.region}${intent.host?.shape.spot === true ? " spot" : ""}`;

async function exitCodeOf(run: SimRun): Promise<number> {
  let progress = noProgress;
  for (const event of await feed(run)) progress = foldProgress(progress, eventRecordSchema.parse(event));
  return finishedExitCode(progress);
}
const receiptOf = (run: SimRun, id: string) =>
  requireRecord(run.store, deploymentKeys(run.runId, id).receipt, receiptSchema);
const endOf = async (run: SimRun): Promise<string | undefined> =>
  (await feed(run)).findLast((event) => event.kind === "run-finished")?.text;

describe("placement", () => {
  it("moves from spot to on demand when every place has refused spot, and the receipt has the trail", async () => {
    const run = await createSimRun({
      experiment: experimentOn({}, { spot: true }),
      behaviour: {
        refuses: (_, _hosts, intent) => (intent.host?.shape.spot === true ? refuse("capacity") : undefined),
      },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    const receipt = await receiptOf(run, "sim-run-main-1");
    expect(receipt.rounds.map((round) => [round.asked, round.failures.map((f) => f.class)])).toEqual([
      ["sim east-1a, spot", ["capacity"]],
      ["sim east-1b, spot", ["capacity"]],
      ["sim west-1a, spot", ["capacity"]],
      ["sim east-1a, on demand", []],
    ]);
    expect(run.world.living).toEqual([]);
    // Two hosts at a dollar: paid from the request that was granted to the end.
    expect(Number(receipt.dollars)).toBeCloseTo(receipt.hostHours, 6);
    expect(receipt.hostHours).toBeGreaterThan(0);
  });

  it("leaves a region at its first quota, before anything is made there where the account tells", async () => {
    const requests: string[] = [];
    const run = await createSimRun({
      experiment: experimentOn(),
      behaviour: {
        quota: (place, shapes) => {
          const needed = shapes.reduce((sum, shape) => sum + shape.vcpus, 0);
          return [{ metric: "vCPUs", used: place.region === "east-1" ? 30 : 0, limit: 32, needed }];
        },
        refuses: (_, _hosts, intent) => {
          requests.push(asked(intent));
          return undefined;
        },
      },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    expect([...new Set(requests)]).toEqual(["west-1a"]);
    expect((await receiptOf(run, "sim-run-main-1")).rounds[0]?.failures[0]?.message).toBe(
      "sim east-1: vCPUs: 4 needed, 2 left of 32",
    );
  });

  it("moves on, by class boot, when a host is up and doesn't get ready in time", async () => {
    const run = await createSimRun({ experiment: experimentOn(), behaviour: { bootMs: 1_000 } });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    await run.clock.advanceTo(run.clock.now() + 500);
    run.world.cut("sim-run-main-1-r0-l0-client-0", run.clock.now() + 3_600_000);
    await run.clock.run(swept.then(() => run.settle(engine)));
    await engine.close();
    expect(await validResults(run)).toEqual(["load.n=0/0/1"]);
    const [first, second] = (await receiptOf(run, "sim-run-main-1")).rounds;
    expect(first?.failures).toMatchObject([
      { class: "boot", message: expect.stringMatching(/^not ready 9\d\d s after the request: /) as string },
    ]);
    expect(second?.asked).toBe("sim east-1b");
  });

  it("asks again where it was throttled, in the same place", async () => {
    let busy = 3;
    const run = await createSimRun({
      experiment: experimentOn(),
      behaviour: { refuses: () => (busy-- > 0 ? refuse("throttled") : undefined) },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    expect((await receiptOf(run, "sim-run-main-1")).rounds).toHaveLength(1);
  });

  it("goes to the next cloud with all its hosts, and its results stay this run's own", async () => {
    const plain = experimentOn().plan.deployments[0];
    if (plain === undefined) throw new Error("no deployment");
    const elsewhere = { provider: "sky", places: { sky: [{ region: "sky-1" }] } };
    const alternatives = [{ ...elsewhere, hosts: plain.hosts.map((host) => ({ ...host, provider: "sky" })) }];
    const run = await createSimRun({
      experiment: experimentOn({ alternatives }),
      behaviour: { refuses: (place) => (place.region === "sky-1" ? undefined : refuse("capacity")) },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    expect(await validResults(run)).toEqual(["load.n=0/0/1"]);
    const shared: string[] = [];
    for await (const { key } of run.store.list("results/")) shared.push(key);
    expect(shared).toEqual([]);
    expect(run.world.living).toEqual([]);
  });

  it("reruns a trial whose spot machine was taken away on demand in the same zone, and keeps the attempt", async () => {
    const requests: string[] = [];
    const run = await createSimRun({
      experiment: experimentOn({}, { spot: true, points: 2 }),
      behaviour: {
        run: (unit) => ({ durationMs: unit.kind === "job" ? 10_000 : 100, exitCode: 0, files: { out: "x" } }),
        refuses: (_, _hosts, intent) => {
          if (intent.kind === "host") requests.push(asked(intent));
          return undefined;
        },
      },
    });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    // In the second trial: the first has a result, so what is left must be measured beside it.
    for (let guard = 0; (await validResults(run)).length === 0 && guard < 600; guard++)
      await run.clock.advanceTo(run.clock.now() + 1_000);
    await run.clock.advanceTo(run.clock.now() + 4_000);
    run.world.vanish("sim-run-main-1-r0-l0-client-0");
    await run.clock.run(swept.then(() => run.settle(engine)));
    await engine.close();
    expect([...new Set(requests)]).toEqual(["east-1a spot", "east-1a"]);
    expect(await validResults(run)).toEqual(["load.n=0/0/1", "load.n=1/0/2"]);
    const manifest = await requireRecord(
      run.store,
      "runs/sim-run/load.n=1/trial-0/attempt-1/manifest.json",
      z.object({ outcome: z.object({ kind: z.string(), failure: failureSchema }) }),
    );
    expect(manifest.outcome).toMatchObject({ kind: "failed", failure: { class: "preempted" } });
    expect(run.world.living).toEqual([]);
  });

  it("doesn't measure half of a comparison elsewhere unless that is allowed", async () => {
    const lostAfterFirst = async (straddle: "nowhere" | "zones"): Promise<SimRun> => {
      let isClosed = false;
      const run = await createSimRun({
        experiment: experimentOn({ straddle }, { points: 2 }),
        behaviour: {
          run: (unit) => ({ durationMs: unit.kind === "job" ? 10_000 : 100, exitCode: 0 }),
          refuses: (place) => (isClosed && place.zone === "east-1a" ? refuse("capacity") : undefined),
        },
      });
      const engine = run.engine();
      const swept = run.sweep(engine, 1);
      for (let guard = 0; (await validResults(run)).length === 0 && guard < 600; guard++)
        await run.clock.advanceTo(run.clock.now() + 1_000);
      isClosed = true;
      run.world.vanish("sim-run-main-1-r0-l0-client-0");
      await run.clock.run(swept.then(() => run.settle(engine)));
      await engine.close();
      expect(run.world.living).toEqual([]);
      return run;
    };
    const stayed = await lostAfterFirst("nowhere");
    expect(await validResults(stayed)).toHaveLength(1);
    expect(await exitCodeOf(stayed)).toBe(exitCodes.capacity);
    expect(await endOf(stayed)).toContain("(tried sim east-1a)");
    const moved = await lostAfterFirst("zones");
    expect(await validResults(moved)).toHaveLength(2);
    expect((await receiptOf(moved, "sim-run-main-2")).rounds.map((round) => round.asked)).toEqual([
      "sim east-1a",
      "sim east-1b",
    ]);
  });

  it("ends what a refused round still gets, while the next one works in the same region", async () => {
    const run = await createSimRun({
      experiment: experimentOn(),
      behaviour: {
        run: (unit) => ({ durationMs: unit.kind === "job" ? 60_000 : 100, exitCode: 0 }),
        // The first server is granted, and appears long after its round was refused for the client.
        appearsAfterMs: (intent) => (intent.round === 0 ? 15_000 : 0),
        refuses: (place, _, intent) =>
          place.zone === "east-1a" && intent.host?.role === "client" ? refuse("capacity") : undefined,
      },
    });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    await run.clock.advanceTo(run.clock.now() + 70_000);
    expect(run.world.living.filter((name) => name.includes("-r0-"))).toEqual([]);
    expect(run.world.living).toHaveLength(2);
    await run.clock.run(swept.then(() => run.settle(engine)));
    await engine.close();
    expect(run.world.living).toEqual([]);
  });
});

describe("a budget", () => {
  const jobs = { run: () => ({ durationMs: 60_000, exitCode: 0 }) };

  it("admits trials while their worst end is paid for, then ends the run with its own exit code", async () => {
    // Two dollars an hour; a trial may last 2 minutes and its evidence 30 more: $1.07 at worst, after $0.10 or so.
    const run = await createSimRun({
      experiment: experimentOn({}, { points: 20, budgetDollars: 1.25 }),
      behaviour: jobs,
    });
    expect(await runEpoch(run, 1)).toBe("FAILED");
    const valid = (await validResults(run)).length;
    expect(valid).toBeGreaterThan(0);
    expect(valid).toBeLessThan(20);
    expect(await exitCodeOf(run)).toBe(exitCodes.budget);
    expect((await feed(run)).find((event) => event.kind === "budget-spent")?.text).toContain(
      "a trial may cost $1.07 more",
    );
    expect(Number((await receiptOf(run, "sim-run-main-1")).dollars)).toBeLessThan(1.25);
    expect(run.world.living).toEqual([]);
  });

  it("is kept by the hosts' own timers when the control side is gone for good", async () => {
    const run = await createSimRun({
      experiment: experimentOn({}, { points: 20, budgetDollars: 1.25 }),
      behaviour: jobs,
    });
    const startedAt = run.clock.now();
    const engine = run.engine();
    void run.sweep(engine, 1).catch(() => undefined);
    await run.clock.advanceTo(startedAt + 120_000);
    expect(run.world.living).toHaveLength(2);
    await engine.close();
    // $1.25 at $2 an hour is 37.5 minutes of both hosts.
    await run.clock.advanceTo(startedAt + 37.5 * 60_000 + 1_000);
    expect(run.world.living).toEqual([]);
  });

  it("is not needed for hosts that cost nothing", async () => {
    const free = simExperiment({ points: 2, trials: 1, lanes: 1 });
    const run = await createSimRun({ experiment: { ...free, plan: { ...free.plan, budgetDollars: 0.01 } } });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
  });
});
