import { summariseExecution } from "../../cli/executions.ts";
import { unpackHistory } from "../../core/evidence/history-chunk.ts";
import { listKeys } from "../../core/flow/effects.ts";
import { runKeys, sweepExecution } from "../../core/names/keys.ts";
import type { HistoryEvent } from "../../engines/asl/history.ts";
import { createSimRun, runEpoch, simExperiment } from "../engines/embedded/sim-run.ts";

describe("summariseExecution", () => {
  it("says of each execution which trials it made and how it ended", async () => {
    const run = await createSimRun({ experiment: simExperiment({ points: 2, trials: 1, lanes: 1 }) });
    await runEpoch(run, 1);
    const { histories } = runKeys(run.runId);
    const events = new Map<string, HistoryEvent[]>();
    for (const key of await listKeys(run.store, histories)) {
      const name = key.slice(histories.length).split("/")[0] ?? "";
      const stored = await run.store.get(key);
      const lines = stored === undefined ? [] : [...unpackHistory(stored.body)];
      const parsed = lines.map((line) => JSON.parse(line) as HistoryEvent); // written by our own engine
      events.set(name, [...(events.get(name) ?? []), ...parsed]);
    }
    const summaries = [...events].map(([name, all]) => summariseExecution(name, all));
    const sweep = summaries.find(({ execution }) => execution === sweepExecution(run.runId, 1));
    expect(sweep).toMatchObject({ ended: "Succeeded", attempts: [] });
    const made = summaries.flatMap(({ attempts }) => attempts).sort();
    expect(made).toHaveLength(2);
    expect(made.every((attempt) => / trial 0, attempt 1$/.test(attempt))).toBe(true);
    expect(summaries.every(({ startedAt, events: count }) => startedAt !== undefined && count > 2)).toBe(true);
  });

  it("knows of no end where the engine died", () => {
    expect(summariseExecution("x", [])).toEqual({
      execution: "x",
      startedAt: undefined,
      events: 0,
      ended: undefined,
      attempts: [],
    });
  });
});
