import { createSimRun, simExperiment, validResults } from "./sim-run.ts";

describe("a sweep in sim", () => {
  it("measures every trial once and takes everything down", async () => {
    const run = await createSimRun({ experiment: simExperiment({ points: 3, trials: 2, lanes: 2 }) });
    const engine = run.engine();
    const status = await run.clock.run(
      run.sweep(engine, 1).then(async (s) => {
        await run.settle(engine);
        return s;
      }),
    );
    expect(status).toBe("SUCCEEDED");
    expect(await validResults(run)).toEqual([0, 1, 2].flatMap((p) => [0, 1].map((t) => `load.n=${p}/${t}/1`)));
    expect(run.world.living).toEqual([]);
  });
});
