import { finishedExitCode } from "../../../cli/exit-code.ts";
import type { FailureClass } from "../../../core/errors/failure.ts";
import { exitCodes } from "../../../core/errors/failure.ts";
import { foldProgress, noProgress } from "../../../core/progress/progress.ts";
import { eventRecordSchema } from "../../../core/records/schemas.ts";
import type { SimRun } from "./sim-run.ts";
import { createSimRun, eventCounts, feed, historyLines, runEpoch, simExperiment, validResults } from "./sim-run.ts";

async function exitCodeOf(run: SimRun): Promise<number> {
  let progress = noProgress;
  for (const event of await feed(run)) progress = foldProgress(progress, eventRecordSchema.parse(event));
  return finishedExitCode(progress);
}

const endOf = async (run: SimRun): Promise<string | undefined> =>
  (await feed(run)).findLast((event) => event.kind === "run-finished")?.text;

describe("trials that fail", () => {
  it("all of them, with errors of 300 KB: no state or event grows with them, and none costs more", async () => {
    const trials = process.env["REPRISE_LONG"] === undefined ? 80 : 10_000;
    const run = await createSimRun({
      experiment: simExperiment({ points: trials / 4, trials: 4, lanes: 8 }),
      behaviour: {
        run: (unit) =>
          unit.kind === "job"
            ? { durationMs: 1_000, exitCode: 255, message: `it broke: ${"x".repeat(300_000)}` }
            : { durationMs: 100, exitCode: 0 },
      },
    });
    const engine = run.engine();
    expect(await runEpoch(run, 1, engine)).toBe("FAILED");
    await engine.close();
    const counts = await eventCounts(run); // checks each event's size
    const children = [...counts].filter(([name]) => !name.endsWith(".teardown") && name !== "sim-run.1");
    expect(children).toHaveLength(trials);
    expect(Math.max(...children.map(([, count]) => count))).toBeLessThan(60);
    expect(counts.get("sim-run.1")).toBeLessThan(100);
    let longest = 0;
    for await (const [, line] of historyLines(run)) longest = Math.max(longest, line.length);
    expect(longest).toBeLessThan(100_000);
    expect(await endOf(run)).toBe(`ended: 0 of ${trials} trials valid, ${trials} missing (${trials} command)`);
    expect(await exitCodeOf(run)).toBe(exitCodes.command);
    expect(run.world.living).toEqual([]);
  });

  it("are tried again as often as their class says, and the definition instead of it", async () => {
    const attempts = async (retries: Partial<Record<FailureClass, number>>): Promise<number> => {
      let jobs = 0;
      const run = await createSimRun({
        experiment: simExperiment({ points: 1, trials: 1, lanes: 1, retries }),
        behaviour: {
          run: (unit) => {
            if (unit.kind === "job") jobs++;
            return { durationMs: 100, exitCode: unit.kind === "job" ? 3 : 0 };
          },
        },
      });
      expect(await runEpoch(run, 1)).toBe("FAILED");
      return jobs;
    };
    expect(await attempts({})).toBe(1);
    expect(await attempts({ command: 3 })).toBe(3);
  });

  it("end the run after `stopAfterFailures`, each counted once, in blocks too", async () => {
    const experiment = simExperiment({ points: 10, trials: 2, lanes: 1, blockSize: 2 });
    const run = await createSimRun({
      experiment: { ...experiment, plan: { ...experiment.plan, stopAfterFailures: 3 } },
      behaviour: { run: (unit) => ({ durationMs: 100, exitCode: unit.kind === "job" ? 1 : 0 }) },
    });
    await runEpoch(run, 1);
    // Two in each block of two: the second block is the last that begins.
    expect(await endOf(run)).toBe("ended: 0 of 20 trials valid, 20 missing (4 command)");
  });

  it("of a class that the definition gives them", async () => {
    const experiment = simExperiment({ points: 1, trials: 1, lanes: 1 });
    let tries = 0;
    const run = await createSimRun({
      experiment: {
        ...experiment,
        classify: (failure) => (failure.message.includes("flaky") ? { ...failure, class: "transport" } : failure),
      },
      behaviour: {
        run: (unit) => ({
          durationMs: 100,
          exitCode: unit.kind === "job" && ++tries < 3 ? 1 : 0,
          message: "the flaky thing",
        }),
      },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    expect(await validResults(run)).toEqual(["load.n=0/0/3"]);
  });

  it("never because of a clock that is 5 s off: all start at the same real instant", async () => {
    const starts = new Map<string, number[]>();
    const run = await createSimRun({
      experiment: simExperiment({ points: 2, trials: 2, lanes: 1, clients: 3 }),
      behaviour: {
        clockOffsetMs: (host) => ({ "l0-client-0": 5_000, "l0-client-1": -5_000 })[host] ?? 0,
        run: (unit, step, host) => {
          if (unit.kind === "job") starts.set(step.stepId, [...(starts.get(step.stepId) ?? []), run.clock.now()]);
          return { durationMs: 1_000, exitCode: 0, files: { out: host } };
        },
      },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    expect(await validResults(run)).toEqual(["load.n=0/0/1", "load.n=0/1/1", "load.n=1/0/1", "load.n=1/1/1"]);
    expect(starts.size).toBe(4);
    for (const instants of starts.values()) {
      expect(instants).toHaveLength(3);
      expect(Math.max(...instants) - Math.min(...instants)).toBe(0);
    }
  });

  it("when one client stalled past the agreed start: seen, and measured again", async () => {
    let stalls = 1;
    const run = await createSimRun({
      experiment: simExperiment({ points: 1, trials: 1, lanes: 1, clients: 2 }),
      behaviour: {
        startLateMs: (host, step) =>
          host === "l0-client-1" && step.stepId.includes(".jobs-") && stalls-- > 0 ? 900 : 0,
      },
    });
    expect(await runEpoch(run, 1)).toBe("SUCCEEDED");
    expect(await validResults(run)).toEqual(["load.n=0/0/2"]);
    const failed = (await feed(run)).find((event) => event.kind === "trial-failed");
    expect(failed?.text).toContain("l0-client-1 started 900 ms after the agreed instant");
  });
});

describe("hosts that are lost", () => {
  it.each([
    ["in set-up", 20],
    ["between trials", 23],
    ["in a trial", 26],
  ])(
    "%s: the deployment is made anew for what is left, and trials that failed for good stay failed",
    async (_, seconds) => {
      const measured: string[] = [];
      const run = await createSimRun({
        experiment: simExperiment({ points: 6, trials: 2, lanes: 2 }),
        behaviour: {
          bootMs: 15_000,
          run: (unit, step) => {
            if (unit.kind === "job") measured.push(step.attemptDir);
            const fails = unit.kind === "job" && step.attemptDir.includes("load.n=0.");
            return { durationMs: 2_000, exitCode: fails ? 1 : 0 };
          },
        },
      });
      const engine = run.engine();
      const swept = run.sweep(engine, 1);
      await run.clock.advanceTo(run.clock.now() + seconds * 1_000);
      const [victim] = run.world.living;
      run.world.vanish(victim!);
      await run.clock.run(swept.then(() => run.settle(engine)));
      const kinds = (await feed(run)).map((event) => event.kind);
      expect(kinds).toContain("hosts-lost");
      expect(kinds).toContain("deployment-replaced");
      expect(await validResults(run)).toHaveLength(10);
      expect(await endOf(run)).toBe("ended: 10 of 12 trials valid, 2 missing (2 command)");
      expect(measured.filter((dir) => dir.includes("load.n=0.t0")).length).toBeLessThan(3);
      expect(await exitCodeOf(run)).toBe(exitCodes.command);
      expect(run.world.living).toEqual([]);
    },
  );

  it("again and again: given up after ten times, with the class preempted", async () => {
    const run = await createSimRun({
      experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }),
      behaviour: {
        run: (unit, step) => {
          if (unit.kind === "job") for (const host of run.world.living) run.world.vanish(host);
          return { durationMs: 1_000, exitCode: step.units.length > 0 ? 0 : 0 };
        },
      },
    });
    expect(await runEpoch(run, 1)).toBe("FAILED");
    expect((await feed(run)).filter((event) => event.kind === "deployment-replaced")).toHaveLength(10);
    expect(await exitCodeOf(run)).toBe(exitCodes.preempted);
    expect(run.world.living).toEqual([]);
  });

  it("and cost nothing of what the other hosts of the trial have", async () => {
    const run = await createSimRun({
      experiment: simExperiment({ points: 1, trials: 1, lanes: 1, clients: 2 }),
      behaviour: {
        run: (unit, _step, host) => ({ durationMs: 5_000, exitCode: 0, files: { [`${unit.name}.csv`]: host } }),
      },
    });
    const engine = run.engine();
    const swept = run.sweep(engine, 1);
    await run.clock.advanceTo(run.clock.now() + 38_000);
    run.world.vanish("sim-run-main-1-r0-l0-client-1");
    await run.clock.run(swept.then(() => run.settle(engine)));
    expect(await validResults(run)).toEqual(["load.n=0/0/2"]);
    expect(await run.store.head("runs/sim-run/load.n=0/trial-0/attempt-1/l0-server-0/server.out")).toBeDefined();
    expect(await run.store.head("runs/sim-run/load.n=0/trial-0/attempt-1/l0-client-0/load.out")).toBeDefined();
  });
});

describe("places that refuse", () => {
  it.each(["capacity", "quota"] as const)(
    "for %s: the whole deployment moves on, and the last no is told",
    async (refusal) => {
      const behaviour = (open: string | undefined) => ({
        refuses: (place: { readonly region: string }) =>
          place.region === open ? undefined : { class: refusal, message: `no room in ${place.region}` },
      });
      const moved = await createSimRun({
        experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }),
        behaviour: behaviour("sim-2"),
      });
      expect(await runEpoch(moved, 1)).toBe("SUCCEEDED");
      const refused = await createSimRun({
        experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }),
        behaviour: behaviour(undefined),
      });
      expect(await runEpoch(refused, 1)).toBe("FAILED");
      expect(await endOf(refused)).toContain("no room in sim-2 (tried sim sim-1, then sim sim-2)");
      expect(await exitCodeOf(refused)).toBe(exitCodes[refusal]);
      expect(refused.world.living).toEqual([]);
    },
  );
});
