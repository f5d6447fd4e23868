import type { EarlierRun } from "../../core/plan/explain.ts";
import { explainTrial } from "../../core/plan/explain.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { findRun, listRuns, openStore } from "../home.ts";
import type { SelectionOptions } from "../load.ts";
import { loadExperiment } from "../load.ts";
import type { CommandContext } from "../context.ts";

/** How many earlier runs of the experiment are looked at, newest first. */
const mostEarlier = 20;

export async function explain(
  { output, home }: CommandContext,
  name: string,
  pointFilter: string | undefined,
  options: SelectionOptions & { readonly run?: string },
): Promise<number> {
  const { plan } = await loadExperiment(name, options, home);
  const store = openStore(home);
  const runs = options.run === undefined ? (await listRuns(store)).reverse() : [await findRun(store, options.run)];
  const earlier: EarlierRun[] = [];
  for (const runId of runs) {
    if (earlier.length >= mostEarlier) break;
    const opened = await openStoredRun(runId, store).catch(() => undefined); // a run of another version explains nothing
    if (opened?.plan.experiment === plan.experiment) earlier.push({ runId, plan: opened.plan });
  }
  const validResults = await validKeys(store, earlier);
  const explained = plan.blocks.flatMap((block) =>
    block.trials.flatMap((trial) => {
      const pointKey = plan.points[trial.point]?.pointKey ?? "?";
      if (pointFilter !== undefined && !pointKey.includes(pointFilter)) return [];
      return [
        {
          pointKey,
          trialIndex: trial.trialIndex,
          trialKey: trial.trialKey,
          ...explainTrial(plan, trial, { validResults, earlier }),
        },
      ];
    }),
  );
  output.result(explained);
  for (const trial of explained) {
    output.line(`${trial.pointKey} trial ${trial.trialIndex}: ${trial.kind}: ${trial.reason}`);
    if (trial.kind === "changed") for (const change of trial.changes) output.line(`    ${change}`);
  }
  return 0;
}

async function validKeys(store: ObjectStore, earlier: readonly EarlierRun[]): Promise<Set<string>> {
  const valid = new Set<string>();
  for (const { runId } of earlier) {
    const outcomes = runKeys(runId).outcomes;
    for await (const entry of store.list(outcomes)) valid.add(entry.key.slice(outcomes.length, -".json".length));
  }
  return valid;
}
