import {
  compareSides,
  compareTrialSets,
  metricsOf,
  NothingToCompareError,
} from "../../analysis/compare/compare-trials.ts";
import type { PointComparison } from "../../analysis/compare/compare-trials.ts";
import { describeComparison, percent } from "../../analysis/statistics/verdict.ts";
import type { HigherMeans, VerdictOptions } from "../../analysis/statistics/verdict.ts";
import type { Trial } from "../../analysis/trials.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { parseShare } from "../../core/definition/quantities.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { findRun, openStore } from "../home.ts";
import { loadTrials } from "../load-trials.ts";
import type { CommandContext } from "../context.ts";
import { table } from "../output.ts";

interface Options {
  readonly metric?: readonly string[];
  readonly margin: string;
  readonly confidence: string;
  readonly point?: string;
}

/**
 * Says of each point whether B differs from A: the two sides of one run's comparisons, or two runs, the second held against
 * the first.
 */
export async function compare(
  { output, home }: CommandContext,
  first: string,
  second: string | undefined,
  options: Options,
): Promise<number> {
  const confidence = shareOf("confidence", options.confidence);
  if (confidence <= 0.5 || confidence >= 1) {
    throw new FailureError({
      class: "invalid",
      message: `--confidence ${options.confidence}`,
      hint: "above 50 %, below 100 %",
    });
  }
  const verdict: VerdictOptions = { margin: shareOf("margin", options.margin), confidence };
  const store = openStore(home);
  const runs = [await findRun(store, first), ...(second === undefined ? [] : [await findRun(store, second)])];
  const [a = [], b] = await Promise.all(runs.map((run) => trialsOf(store, run, options.point)));
  const metrics = options.metric ?? metricsOf([...a, ...(b ?? [])]);
  if (metrics.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${runs.join(" and ")}: no trial has a metric`,
      hint: "name some under `summary:` in the definition",
    });
  }
  const found: PointComparison[] = [];
  const problems: NothingToCompareError[] = [];
  for (const metric of metrics) {
    try {
      found.push(...(b === undefined ? compareSides(a, metric, verdict) : compareTrialSets(a, b, metric, verdict)));
    } catch (error) {
      // Of metrics that nobody asked for by name, some may not be comparable: a count of failures that is 0.
      if (!(error instanceof NothingToCompareError) || options.metric !== undefined) throw error;
      problems.push(error);
    }
  }
  const [problem] = problems;
  if (found.length === 0 && problem !== undefined) throw problem;
  output.line(b === undefined ? `${runs[0] ?? ""}: B against A` : `B = ${runs[1] ?? ""} against A = ${runs[0] ?? ""}`);
  for (const text of lines(found)) output.line(text);
  const left = [...new Set(found.flatMap((each) => each.left))];
  if (left.length > 0) {
    output.note(`left out: ${left.slice(0, 5).join("; ")}${left.length > 5 ? `; and ${left.length - 5} more` : ""}`);
  }
  output.result({ runs, comparisons: found });
  return 0;
}

async function trialsOf(store: ObjectStore, runId: string, point: string | undefined): Promise<Trial[]> {
  const { plan } = await openStoredRun(runId, store);
  const trials = (await loadTrials(store, runId, plan)).filter(
    (trial) => point === undefined || trial.pointKey.includes(point),
  );
  if (trials.length > 0) return trials;
  throw new FailureError({
    class: "invalid",
    message: `${runId} has no valid trial${point === undefined ? "" : ` of a point with "${point}"`}`,
    hint: `\`reprise status ${runId}\` says how its trials stand`,
  });
}

function lines(found: readonly PointComparison[]): string[] {
  const rows = found.map(({ point, metric, comparison, a, b, basis, outlook, adjustedP }) => [
    point,
    metric,
    comparison.verdict,
    signed(comparison.change),
    comparison.interval === undefined
      ? ""
      : `${signed(comparison.interval.low)} to ${signed(comparison.interval.high)}`,
    basis === "independent" ? `${a.trials} and ${b.trials} trials` : `${a.trials} pairs, ${basis}`,
    outlook === undefined ? "" : percent(outlook.detectableChange),
    adjustedP === undefined ? "" : adjustedP < 0.001 ? "< 0.001" : adjustedP.toFixed(3),
  ]);
  const header = ["point", "metric", "verdict", "change", "interval", "from", "detectable", "adjusted p"];
  return [
    ...table([header, ...rows], new Set([3, 4, 6, 7])),
    "",
    ...found.flatMap((each) => [`${each.point}, ${each.metric}: ${sentence(each)}`]),
  ];
}

const signed = (share: number): string => `${share > 0 ? "+" : ""}${percent(share)}`;

/** The verdict in words, and what more trials would bring. */
function sentence({ metric, comparison, outlook, basis }: PointComparison): string {
  const said = describeComparison(comparison, higherMeans(metric));
  if (comparison.verdict !== "cannot tell" || outlook === undefined) return said;
  const what = basis === "independent" ? "trials a side" : "pairs";
  const more = (count: number): string | undefined =>
    Number.isFinite(count) && count > 0 ? `${count.toLocaleString("en")} more ${what}` : undefined;
  const show = more(outlook.moreToShow);
  const same = more(outlook.moreToShowSame);
  const none = `that there is none beyond ${percent(comparison.margin)}`;
  if (show !== undefined && same !== undefined) {
    return `${said} ${show} would likely show a change of this size, ${same} ${none}.`;
  }
  if (show !== undefined) return `${said} ${show} would likely show a change of this size.`;
  return same === undefined ? said : `${said} ${same} would likely show ${none}.`;
}

/** From the unit that ends a metric's name: more milliseconds are slower, more per second is faster. */
export function higherMeans(metric: string): HigherMeans {
  if (/PerSec$/.test(metric)) return "faster";
  return /(?:Ns|Us|Ms|Sec|Min)$/.test(metric) ? "slower" : "more";
}

function shareOf(name: string, text: string): number {
  try {
    return parseShare(text);
  } catch {
    throw new FailureError({ class: "invalid", message: `--${name} ${text}`, hint: "give a share in percent: `1%`" });
  }
}
