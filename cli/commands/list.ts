import { requireRecord } from "../../core/flow/effects.ts";
import { runKeys } from "../../core/names/keys.ts";
import { runRecordSchema } from "../../core/records/schemas.ts";
import { listRuns, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { table } from "../output.ts";
import { readProgress } from "../read-progress.ts";

export async function list({ output, home }: CommandContext): Promise<number> {
  const store = openStore(home);
  const runs = [];
  for (const runId of await listRuns(store)) {
    const record = await requireRecord(store, runKeys(runId).run, runRecordSchema);
    const progress = await readProgress(store, runId);
    runs.push({
      runId,
      experiment: record.experiment,
      createdAt: record.createdAt,
      phase: progress.phase,
      valid: progress.valid,
      total: progress.total,
      outcome: progress.outcome,
    });
  }
  output.result(runs);
  if (runs.length === 0) output.line("no runs yet: `reprise run EXPERIMENT` starts one");
  else {
    const rows = runs.map((run) => [
      run.runId,
      run.createdAt,
      run.phase,
      `${run.valid}/${run.total}`,
      run.outcome ?? "",
    ]);
    for (const line of table([["run", "created", "phase", "valid", "outcome"], ...rows])) output.line(line);
  }
  return 0;
}
