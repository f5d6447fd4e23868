import { resultRows } from "../../../core/evidence/result-rows.ts";
import { deploymentKeys } from "../../../core/names/keys.ts";
import type { SimRun } from "./sim-run.ts";
import { Fuse, createSimRun, feed, runEpoch, simExperiment, validResults } from "./sim-run.ts";

interface Interval {
  readonly trial: string;
  readonly host: string;
  readonly from: number;
  readonly to: number;
}

/** A run on two lanes that notes when its hosts really worked on a job. */
async function recordedRun(pushes: boolean): Promise<{ readonly run: SimRun; readonly busy: Interval[] }> {
  const busy: Interval[] = [];
  const run: SimRun = await createSimRun({
    experiment: simExperiment({ points: 2, trials: 2, lanes: 2 }),
    pushes,
    behaviour: {
      bootMs: 20_000,
      run: (_unit, step, host) => ({
        durationMs: 3_000,
        exitCode: 0,
        files: { "out.csv": `${step.attemptDir.replace(/\.a\d+$/, "")} ${host.split("-").at(-2) ?? ""}\n` },
      }),
      onUnit: (unit, host, from, to) => {
        if (unit.kind === "job") busy.push({ trial: unit.name, host, from, to });
      },
    },
    keepsHistory: false,
  });
  return { run, busy };
}

/** Runs one epoch until the fuse has burnt; the hosts run on for a while. */
async function epochUntil(run: SimRun, epoch: number, fuse: Fuse): Promise<void> {
  const engine = run.engine(fuse);
  const work = run.sweep(engine, epoch).then(() => run.settle(engine));
  work.catch(() => undefined); // a dead engine's work never ends
  await run.clock.run(Promise.race([work, fuse.burnt]));
  await run.clock.advanceTo(run.clock.now() + 10_000);
}

async function effectsOfWholeRun(pushes: boolean): Promise<number> {
  const { run } = await recordedRun(pushes);
  const fuse = new Fuse(Number.MAX_SAFE_INTEGER, true);
  await runEpoch(run, 1, run.engine(fuse));
  return fuse.spent;
}

/** A host works on one job at a time, whoever asked for it. */
function overlaps(busy: readonly Interval[]): Interval[][] {
  const sorted = [...busy].sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.from - b.from));
  return sorted.flatMap((next, i) => {
    const before = sorted[i - 1];
    return before?.host === next.host && before.to > next.from ? [[before, next]] : [];
  });
}

/** What a figure is made of: each trial's row and the digests of its files, whichever attempt it was. */
async function figureRows(run: SimRun): Promise<string[]> {
  const rows: string[] = [];
  for await (const row of resultRows(run.store, run.runId)) {
    if (row.outcome !== "valid") continue;
    rows.push(JSON.stringify([row.pointKey, row.trialIndex, row.parameters, row.summary]));
  }
  return rows.sort();
}

const everyTrial = ["load.n=0/0", "load.n=0/1", "load.n=1/0", "load.n=1/1"];
const trialsOf = (keys: readonly string[]): string[] => keys.map((key) => key.replace(/\/\d+$/, ""));

describe.each([
  ["pulls", false],
  ["is pushed to", true],
])("kill -9 of an engine that %s", (_, pushes) => {
  it("at any effect of a two-lane sweep, then resume: exact set, same rows, no overlap, nothing left", async () => {
    const calm = await recordedRun(pushes);
    await runEpoch(calm.run, 1);
    const calmRows = await figureRows(calm.run);
    expect(calmRows).toHaveLength(4);
    const total = await effectsOfWholeRun(pushes);
    expect(total).toBeGreaterThan(300);
    const step = process.env["REPRISE_LONG"] === undefined ? 23 : 1;
    for (let at = 1; at < total; at += step) {
      const { run, busy } = await recordedRun(pushes);
      await epochUntil(run, 1, new Fuse(at, at % 2 === 0));
      const before = await validResults(run);
      await runEpoch(run, 2);
      const valid = await validResults(run);
      expect({ at, keys: trialsOf(valid) }).toEqual({ at, keys: everyTrial });
      // What was finished is what counts: nothing was measured again.
      expect({ at, valid }).toEqual({ at, valid: expect.arrayContaining(before) as unknown });
      expect({ at, overlaps: overlaps(busy) }).toEqual({ at, overlaps: [] });
      expect({ at, rows: await figureRows(run) }).toEqual({ at, rows: calmRows });
      expect({ at, living: run.world.living }).toEqual({ at, living: [] });
    }
  });

  it("twice, then resume", async () => {
    const { run, busy } = await recordedRun(pushes);
    await epochUntil(run, 1, new Fuse(260, true));
    await epochUntil(run, 2, new Fuse(150, false));
    await runEpoch(run, 3);
    expect(trialsOf(await validResults(run))).toEqual(everyTrial);
    expect(overlaps(busy)).toEqual([]);
    expect(run.world.living).toEqual([]);
  });

  it("and the loss of a host: the next epoch takes the rest down and makes new ones", async () => {
    const total = await effectsOfWholeRun(pushes);
    let tried = 0;
    for (let at = Math.floor(total / 3); at < total; at += Math.floor(total / 8)) {
      const { run } = await recordedRun(pushes);
      await epochUntil(run, 1, new Fuse(at, true));
      const [first] = run.world.living;
      if (first === undefined) continue;
      tried++;
      run.world.vanish(first);
      await runEpoch(run, 2);
      expect({ at, valid: trialsOf(await validResults(run)) }).toEqual({ at, valid: everyTrial });
      expect({ at, living: run.world.living }).toEqual({ at, living: [] });
    }
    expect(tried).toBeGreaterThan(1);
  });

  it("in the last teardown: a resume ends it, with a receipt", async () => {
    const total = await effectsOfWholeRun(pushes);
    let cutOff = 0;
    for (let back = 1; back < total / 2; back += 13) {
      const { run } = await recordedRun(pushes);
      await epochUntil(run, 1, new Fuse(total - back, false));
      if ((await validResults(run)).length < 4 || run.world.living.length === 0) continue;
      cutOff++;
      await runEpoch(run, 2);
      expect({ back, living: run.world.living }).toEqual({ back, living: [] });
      const { receipt } = deploymentKeys(run.runId, `${run.runId}-main-1`);
      expect(await run.store.head(receipt)).toBeDefined();
    }
    expect(cutOff).toBeGreaterThan(0);
  });

  it("during set-up: a resume goes on in it, later than any request of the dead engine", async () => {
    const { run } = await recordedRun(pushes);
    const fuse = new Fuse(110, true);
    await epochUntil(run, 1, fuse);
    expect(run.world.living).toHaveLength(4);
    expect(await validResults(run)).toEqual([]);
    await run.clock.advanceTo(run.clock.now() + 3_600_000);
    await runEpoch(run, 2);
    expect(trialsOf(await validResults(run))).toEqual(everyTrial);
    expect((await feed(run)).filter((event) => event.kind === "deployment-failed")).toEqual([]);
    expect(run.world.living).toEqual([]);
  });
});
