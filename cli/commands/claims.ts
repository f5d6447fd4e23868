import { describeMeasured, toleranceNote } from "../../analysis/claims/index.ts";
import { exitCodes } from "../../core/errors/failure.ts";
import { undrawnFailure } from "../draw-experiment.ts";
import { findExperimentOf } from "../experiment-of-run.ts";
import { findRun, openStore } from "../home.ts";
import { judgeRun } from "../judge-run.ts";
import { loadTrials } from "../load-trials.ts";
import type { CommandContext } from "../context.ts";
import { readStoredRun } from "../stored-definition.ts";

interface Options {
  readonly experiment?: string;
  readonly strict?: true;
}

/**
 * Prints each claim with the paper's value, ours and the verdict. Claims and metrics are the experiment's of now where its
 * folder is at hand, else those the run was started with.
 */
export async function claims({ output, home }: CommandContext, name: string, options: Options): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const stored = await readStoredRun(store, runId);
  const now = await findExperimentOf(stored.plan.experiment, options.experiment);
  const spec = now?.definition.spec ?? stored.definition.spec;
  const trials = await loadTrials(store, runId, stored.plan);
  const { claims: judged, unread } = await judgeRun({
    ...{ runId, spec, plan: stored.plan, trials, folder: now?.folder, home },
  });
  output.result({ runId, claims: judged });
  if (judged.length === 0) {
    output.line(`${stored.plan.experiment} states no claims`);
    return 0;
  }
  for (const claim of judged) {
    output.line(`${claim.verdict.padEnd(11)}  ${claim.name}: ${claim.statement}`);
    output.line(`             paper      ${claim.paper}`);
    output.line(`             measured   ${describeMeasured(claim)}`);
    output.line(`             because    ${claim.reason}`);
    if (claim.wouldTake !== undefined) output.line(`             to tell    ${claim.wouldTake}`);
  }
  const count = (word: string): number => judged.filter(({ verdict }) => verdict === word).length;
  output.line(
    `${judged.length} claims: ${count("holds")} hold, ${count("fails")} fail, ${count("cannot tell")} can't be told (intervals at 90 %; ${toleranceNote})`,
  );
  const failure = undrawnFailure([], unread);
  if (failure !== undefined) throw failure;
  return options.strict === true && count("holds") < judged.length ? exitCodes.command : 0;
}
