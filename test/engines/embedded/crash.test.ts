import type { SimRun } from "./sim-run.ts";
import { Fuse, createSimRun, simExperiment, validResults } from "./sim-run.ts";

interface Interval {
  readonly host: string;
  readonly from: number;
  readonly to: number;
}

/** A run on two lanes whose hosts note when they work on a job. */
async function recordedRun(): Promise<{ readonly run: SimRun; readonly busy: Interval[] }> {
  const busy: Interval[] = [];
  const run: SimRun = await createSimRun({
    experiment: simExperiment({ points: 2, trials: 2, lanes: 2 }),
    behaviour: {
      bootMs: 20_000,
      run: (unit, _step, host) => {
        const durationMs = 3_000;
        if (unit.kind === "job") busy.push({ host, from: run.clock.now(), to: run.clock.now() + durationMs });
        return { durationMs, exitCode: 0, files: { "out.csv": `${host}\n` } };
      },
    },
    keepsHistory: false,
  });
  return { run, busy };
}

/** Runs to the end, or until the fuse has burnt and everything that still moves by itself has come to rest. */
async function sweepWith(run: SimRun, epoch: number, fuse?: Fuse): Promise<void> {
  const engine = run.engine(fuse);
  const work = run.sweep(engine, epoch).then(() => run.settle(engine));
  if (fuse === undefined) return run.clock.run(work);
  let ended = false;
  const driven = run.clock
    .run(work)
    .catch(() => undefined)
    .then(() => (ended = true));
  await Promise.race([driven, untilBurnt(run, fuse, () => ended)]);
}

async function untilBurnt(run: SimRun, fuse: Fuse, hasEnded: () => boolean): Promise<void> {
  while (!fuse.isBurnt && !hasEnded()) await new Promise((resolve) => setImmediate(resolve));
  await run.clock.advanceTo(run.clock.now() + 10_000); // the hosts run on meanwhile
}

async function effectsOfWholeRun(): Promise<number> {
  const { run } = await recordedRun();
  const fuse = new Fuse(Number.MAX_SAFE_INTEGER, true);
  const before = Number.MAX_SAFE_INTEGER;
  await sweepWith(run, 1, fuse);
  return before - (fuse as unknown as { left: number }).left; // the test's own counter
}

describe("kill -9 of the engine", () => {
  it("at any effect of a two-lane sweep, then resume: the exact set of results, nothing left", async () => {
    const total = await effectsOfWholeRun();
    expect(total).toBeGreaterThan(300);
    const step = process.env["REPRISE_LONG"] === undefined ? 17 : 1;
    for (let at = 1; at < total; at += step) {
      const { run } = await recordedRun();
      await sweepWith(run, 1, new Fuse(at, at % 2 === 0));
      await sweepWith(run, 2);
      const keys = (await validResults(run)).map((key) => key.replace(/\/\d+$/, ""));
      expect({ at, keys }).toEqual({ at, keys: ["load.n=0/0", "load.n=0/1", "load.n=1/0", "load.n=1/1"] });
      expect({ at, living: run.world.living }).toEqual({ at, living: [] });
    }
  }, 120_000);

  it("and the loss of a host: the next epoch takes the rest down and makes new ones", async () => {
    const { run } = await recordedRun();
    await sweepWith(run, 1, new Fuse(200, true));
    const [first] = run.world.living;
    expect(first).toBeDefined();
    run.world.vanish(first!);
    await sweepWith(run, 2);
    expect(await validResults(run)).toHaveLength(4);
    expect(run.world.living).toEqual([]);
  });
});
