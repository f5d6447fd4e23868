import { validResultsIn } from "../../cli/valid-results.ts";
import { remainingTrials } from "../../core/plan/quote.ts";
import { createSimRun, runEpoch, simExperiment } from "../engines/embedded/sim-run.ts";

describe("validResultsIn", () => {
  it("finds what a run measured for whoever plans the same, and for nobody else", async () => {
    const small = simExperiment({ points: 2, trials: 1, lanes: 1 });
    const run = await createSimRun({ experiment: small });
    expect((await validResultsIn(run.store, small.plan)).size).toBe(0);
    await runEpoch(run, 1);
    const keys = small.plan.blocks.flatMap(({ trials }) => trials.map(({ trialKey }) => trialKey));
    expect([...(await validResultsIn(run.store, small.plan))].sort()).toEqual([...keys].sort());
    const larger = simExperiment({ points: 3, trials: 1, lanes: 1 }).plan;
    const validResults = await validResultsIn(run.store, larger);
    expect(remainingTrials(larger, validResults)).toHaveLength(1);
    expect(validResults.size).toBe(2);
  });
});
