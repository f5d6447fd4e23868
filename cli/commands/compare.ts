import { join } from "node:path";
import { metricsOf } from "../../analysis/compare/compare-trials.ts";
import type { PointComparison } from "../../analysis/compare/compare-trials.ts";
import { contrastsOfPoints } from "../../analysis/compare/contrast.ts";
import { describePoint, signedPercent } from "../../analysis/compare/describe.ts";
import { compareMetrics } from "../../analysis/compare/every-metric.ts";
import { metricNamed } from "../../analysis/compare/metric-name.ts";
import { parseRecordedMetric, withRecorded } from "../../analysis/compare/recorded-metric.ts";
import { percent } from "../../analysis/statistics/verdict.ts";
import type { VerdictOptions } from "../../analysis/statistics/verdict.ts";
import type { Trial } from "../../analysis/trials.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { parseShare } from "../../core/definition/quantities.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { findRun, openStore } from "../home.ts";
import { drawContrasts } from "../draw-contrasts.ts";
import { loadTrials } from "../load-trials.ts";
import type { CommandContext } from "../context.ts";
import { table } from "../output.ts";

interface Options {
  readonly metric?: readonly string[];
  readonly margin: string;
  readonly confidence: string;
  readonly point?: string;
  /** Folder for figures; none are drawn without. */
  readonly output?: string;
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
  const sets = await Promise.all(runs.map((run) => trialsOf(store, run, options.point)));
  for (const recorded of (options.metric ?? []).flatMap((name) => parseRecordedMetric(name) ?? [])) {
    for (const [index, trials] of sets.entries()) {
      const read = await withRecorded(trials, recorded);
      sets[index] = read.trials;
      for (const text of read.skipped.slice(0, 5)) output.note(text);
    }
  }
  const [a = [], b] = sets;
  const known = metricsOf([...a, ...(b ?? [])]);
  const metrics = options.metric?.map((name) => metricNamed(name, known)) ?? known;
  if (metrics.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${runs.join(" and ")}: no trial has a metric`,
      hint: "name some under `summary:` in the definition",
    });
  }
  const { found, problems } = compareMetrics(metrics, a, b, verdict);
  const [problem] = problems;
  // Of metrics that nobody asked for by name, some may not be comparable.
  if (problem !== undefined && (found.length === 0 || options.metric !== undefined)) throw problem;
  output.line(b === undefined ? `${runs[0] ?? ""}: B against A` : `B = ${runs[1] ?? ""} against A = ${runs[0] ?? ""}`);
  for (const text of lines(found)) output.line(text);
  const left = [...new Set(found.flatMap((each) => each.left))];
  if (left.length > 0) {
    output.note(`left out: ${left.slice(0, 5).join("; ")}${left.length > 5 ? `; and ${left.length - 5} more` : ""}`);
  }
  const figures =
    options.output === undefined
      ? []
      : await drawContrasts(contrastsOfPoints(found), {
          into: options.output,
          title: b === undefined ? "B against A" : `${runs[1] ?? ""} against ${runs[0] ?? ""}`,
          estimator:
            "ln(B/A) of a metric of the summary, pair by pair; of independent trials Welch's interval of the means.",
          trials: [...a, ...(b ?? [])],
        });
  for (const name of figures) output.line(`${join(options.output ?? "", name)}.{svg,png,pdf,csv}`);
  output.result({ runs, comparisons: found, figures });
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
    signedPercent(comparison.change),
    comparison.interval === undefined
      ? ""
      : `${signedPercent(comparison.interval.low)} to ${signedPercent(comparison.interval.high)}`,
    basis === "independent" ? `${a.trials} and ${b.trials} trials` : `${a.trials} pairs, ${basis}`,
    outlook === undefined ? "" : percent(outlook.detectableChange),
    adjustedP === undefined ? "" : adjustedP < 0.001 ? "< 0.001" : adjustedP.toFixed(3),
  ]);
  const header = ["point", "metric", "verdict", "change", "interval", "from", "detectable", "adjusted p"];
  return [
    ...table([header, ...rows], new Set([3, 4, 6, 7])),
    "",
    ...found.flatMap((each) => [`${each.point}, ${each.metric}: ${describePoint(each)}`]),
  ];
}

function shareOf(name: string, text: string): number {
  try {
    return parseShare(text);
  } catch {
    throw new FailureError({ class: "invalid", message: `--${name} ${text}`, hint: "give a share in percent: `1%`" });
  }
}
