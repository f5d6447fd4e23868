import { RepriseError } from "../../core/errors/reprise-error.ts";
import { suggest } from "../../core/definition/nearest-name.ts";
import { mean } from "../statistics/descriptive.ts";
import { benjaminiHochberg } from "../statistics/multiple.ts";
import { minimalDetectableChange, runsNeeded, runsNeededForSameness } from "../statistics/planning.ts";
import type { Samples } from "../statistics/samples.ts";
import { compareRuns, compareSeries } from "../statistics/verdict.ts";
import type { Comparison, RunLogRatio, TrialValue, VerdictOptions } from "../statistics/verdict.ts";
import { describeTrial } from "../trials.ts";
import type { Trial } from "../trials.ts";

/**
 * Comparisons of a metric between two sides: A and B of a sweep's `compare:`, or two runs. Pure; the command `compare`,
 * claims and figures call it.
 */

/** A metric that no trial has, or trials that have nothing to be compared with. */
export class NothingToCompareError extends RepriseError {
  override readonly name = "NothingToCompareError";
}

/** How the two series hang together, from the closest to the loosest. */
export type ComparisonBasis = "duet" | "interleaved" | "independent";

export interface SideSummary {
  readonly trials: number;
  readonly mean: number;
}

/** What further trials would bring. */
export interface Outlook {
  /** The smallest change that so many pairs show with a power of 80 %. */
  readonly detectableChange: number;
  /** Further trials a side until a change of the measured size is shown with a power of 80 %; Infinity: never. */
  readonly moreToShow: number;
  /** Further trials a side until no change is shown to be "same" with a power of 80 %. */
  readonly moreToShowSame: number;
}

/** One point's comparison. */
export interface PointComparison {
  readonly point: string;
  readonly metric: string;
  readonly basis: ComparisonBasis;
  readonly a: SideSummary;
  readonly b: SideSummary;
  /** ln(B/A), one a pair; empty for independent series. */
  readonly logRatios: readonly number[];
  readonly comparison: Comparison;
  /** The comparison's p after Benjamini and Hochberg's adjustment over all points. */
  readonly adjustedP: number | undefined;
  /** Undefined where there is no spread to plan with. */
  readonly outlook: Outlook | undefined;
  /** Trials that could not be used, each with its reason. */
  readonly left: readonly string[];
}

interface Series {
  readonly point: string;
  readonly basis: ComparisonBasis;
  readonly a: readonly TrialValue[];
  readonly b: readonly TrialValue[];
  /** One log ratio a pair; undefined for independent series. */
  readonly pairs: readonly RunLogRatio[] | undefined;
  readonly left: readonly string[];
}

/**
 * Compares both sides at every point whose sweep compares: pairs of a duet's own trial, pairs of an interleaved block's, or
 * independent series.
 *
 * @throws {NothingToCompareError} when no trial has the metric, or none has sides
 */
export function compareSides(
  trials: readonly Trial[],
  metric: string,
  options: VerdictOptions = {},
): PointComparison[] {
  const groups = new Map<string, Trial[]>();
  for (const trial of trials) {
    if (trial.comparison === undefined) continue;
    const point = basePoint(trial.pointKey);
    groups.set(point, [...(groups.get(point) ?? []), trial]);
  }
  if (groups.size === 0) {
    throw new NothingToCompareError("none of these trials has sides A and B", {
      hint: "give a sweep a `compare:`, or name two runs",
    });
  }
  checkMetric(metric, trials);
  return judge(
    [...groups].map(([point, group]) => sidesOf(point, group, metric)),
    metric,
    options,
  );
}

/**
 * Compares two sets of trials that were measured independently, point by point: two runs of an experiment, before and after
 * a change. B is held against A.
 *
 * @throws {NothingToCompareError} when they have no point in common, or no trial the metric
 */
export function compareTrialSets(
  a: readonly Trial[],
  b: readonly Trial[],
  metric: string,
  options: VerdictOptions = {},
): PointComparison[] {
  checkMetric(metric, [...a, ...b]);
  const [first, second] = [byPoint(a, metric), byPoint(b, metric)];
  const shared = [...first.keys()].filter((point) => second.has(point));
  if (shared.length === 0) {
    throw new NothingToCompareError("the two have no point in common", {
      hint: `A has ${listed([...first.keys()])}; B has ${listed([...second.keys()])}`,
    });
  }
  const series = shared.map((point): Series => {
    const [left, right] = [first.get(point), second.get(point)];
    return {
      point,
      basis: "independent",
      a: left?.values ?? [],
      b: right?.values ?? [],
      pairs: undefined,
      left: [...(left?.left ?? []), ...(right?.left ?? [])],
    };
  });
  return judge(series, metric, options);
}

/** The metrics that some trials have, a duet's without their sides. */
export const metricsOf = (trials: readonly Trial[]): string[] =>
  [
    ...new Set(
      trials.flatMap(({ summary, comparison }) =>
        Object.keys(summary).map((name) => (comparison?.mode === "duet" ? name.replace(/\.[AB]$/, "") : name)),
      ),
    ),
  ].sort();

function judge(series: readonly Series[], metric: string, options: VerdictOptions): PointComparison[] {
  const measured = series.filter(({ a, b, pairs }) =>
    pairs === undefined ? a.length > 0 && b.length > 0 : pairs.length > 0,
  );
  if (measured.length === 0) {
    throw new NothingToCompareError(`no point has ${metric} on both sides`, {
      hint:
        series
          .flatMap(({ left }) => left)
          .slice(0, 3)
          .join("; ") || "let the run finish first",
    });
  }
  const compared = measured.map((each) => ({
    each,
    comparison: each.pairs === undefined ? compareSeries(each.a, each.b, options) : compareRuns(each.pairs, options),
  }));
  const ps = compared.flatMap(({ comparison }) => comparison.p ?? []);
  const adjusted = benjaminiHochberg(ps).values();
  return compared.map(({ each, comparison }) => ({
    point: each.point,
    metric,
    basis: each.basis,
    a: summaryOf(each.a),
    b: summaryOf(each.b),
    logRatios: (each.pairs ?? []).map(({ logRatio }) => logRatio),
    comparison,
    adjustedP: comparison.p === undefined ? undefined : adjusted.next().value?.adjusted,
    outlook: outlookOf(comparison, each),
    left: each.left,
  }));
}

function sidesOf(point: string, trials: readonly Trial[], metric: string): Series {
  const a: TrialValue[] = [];
  const b: TrialValue[] = [];
  const left: string[] = [];
  const basis = trials[0]?.comparison?.mode ?? "independent";
  const pairs: RunLogRatio[] = [];
  const pair = (valueA: TrialValue, valueB: TrialValue): void => {
    a.push(valueA);
    b.push(valueB);
    const host = valueA.host === valueB.host ? valueA.host : undefined;
    pairs.push({ logRatio: Math.log(valueB.value / valueA.value), ...(host === undefined ? {} : { host }) });
  };
  if (basis === "duet") {
    for (const trial of trials) {
      const [valueA, valueB] = [valueOf(trial, `${metric}.A`), valueOf(trial, `${metric}.B`)];
      if (typeof valueA === "string") left.push(valueA);
      else if (typeof valueB === "string") left.push(valueB);
      else pair(valueA, valueB);
    }
    return { point, basis, a, b, pairs, left };
  }
  const bySide = new Map<string, TrialValue>();
  for (const trial of trials) {
    const value = valueOf(trial, metric);
    if (typeof value === "string") left.push(value);
    else bySide.set(`${trial.runId} ${trial.trialIndex} ${trial.comparison?.arm ?? ""}`, value);
  }
  for (const trial of trials) {
    if (trial.comparison?.arm !== "A") continue;
    const of = (side: string) => bySide.get(`${trial.runId} ${trial.trialIndex} ${side}`);
    const [valueA, valueB] = [of("A"), of("B")];
    if (basis === "independent") {
      if (valueA !== undefined) a.push(valueA);
    } else if (valueA !== undefined && valueB !== undefined) pair(valueA, valueB);
    else left.push(`${describeTrial(trial)} has no partner`);
  }
  if (basis === "independent") {
    for (const [key, value] of bySide) if (key.endsWith(" B")) b.push(value);
    return { point, basis, a, b, pairs: undefined, left };
  }
  return { point, basis, a, b, pairs, left };
}

function byPoint(trials: readonly Trial[], metric: string): Map<string, { values: TrialValue[]; left: string[] }> {
  const groups = new Map<string, { values: TrialValue[]; left: string[] }>();
  for (const trial of trials) {
    // Each side of a duet is a series of its own: A of one run is held against A of the other.
    const names = trial.comparison?.mode === "duet" ? ["A", "B"] : [undefined];
    for (const side of names) {
      const point = side === undefined ? trial.pointKey : `${trial.pointKey}+arm=${side}`;
      const group = groups.get(point) ?? { values: [], left: [] };
      groups.set(point, group);
      const value = valueOf(trial, side === undefined ? metric : `${metric}.${side}`);
      if (typeof value === "string") group.left.push(value);
      else group.values.push(value);
    }
  }
  return groups;
}

/** A trial's value with its host, or why it can't be compared: logarithms need positive numbers. */
function valueOf(trial: Trial, metric: string): TrialValue | string {
  const value = trial.summary[metric];
  if (value === undefined) return `${describeTrial(trial)} has no ${metric}`;
  if (!(value > 0)) return `${describeTrial(trial)}: ${metric} is ${value}, and only positive values have ratios`;
  const host = trial.artifacts[0]?.host;
  return { value, ...(host === undefined ? {} : { host }) };
}

function checkMetric(metric: string, trials: readonly Trial[]): void {
  const known = metricsOf(trials);
  if (known.includes(metric)) return;
  const hint = suggest(metric, known);
  throw new NothingToCompareError(`no trial has a metric ${metric}`, hint === undefined ? {} : { hint });
}

/** How far the trials at hand reach, from their own spread; a rough guess while they are few. */
function outlookOf(comparison: Comparison, { pairs, a, b }: Series): Outlook | undefined {
  const { logDeviation, change, margin, confidence } = comparison;
  if (logDeviation === undefined || !(logDeviation > 0)) return undefined;
  // Of independent series the difference has twice a side's variance: as if the sides were paired at random.
  const deviation = pairs === undefined ? logDeviation * Math.SQRT2 : logDeviation;
  const have = pairs?.length ?? Math.min(a.length, b.length);
  const more = (needed: number): number => Math.max(0, needed - have);
  const spec = { logDeviation: deviation, margin, confidence };
  return {
    detectableChange: minimalDetectableChange(Math.max(2, have), spec),
    moreToShow: more(runsNeeded({ ...spec, change })),
    moreToShowSame: margin === 0 ? Infinity : more(runsNeededForSameness({ ...spec, change: 0 })),
  };
}

const summaryOf = (values: readonly TrialValue[]): SideSummary => ({
  trials: values.length,
  mean: mean(values.map(({ value }) => value) satisfies Samples),
});

/** A side's point without its side: `s.x=1+arm=A` is of `s.x=1`. */
export const basePoint = (pointKey: string): string => pointKey.replace(/\+arm=[AB]$/, "");

const listed = (names: readonly string[]): string =>
  names.length === 0 ? "none" : `${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`;
