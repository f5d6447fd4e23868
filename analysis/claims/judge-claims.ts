/**
 * What a paper states against what was measured: the paper's value, ours with an interval, and a verdict. A verdict that
 * can't be given says what it would take.
 *
 * The unit is the pass. Trial n of every point a claim speaks of is one pass over them, and gives one number: the smallest,
 * largest, mean or median over the points. Passes are repeats of one another, so their spread carries everything, also which
 * point was best. For one point a pass is a trial.
 */
import { isJsonList, valueAt } from "../../core/definition/json-values.ts";
import { canonicalJson } from "../../core/evidence/canonical-json.ts";
import type { Json, JsonObject } from "../../core/effects/json.ts";
import { logarithms, mean, median, variance } from "../statistics/descriptive.ts";
import { runsNeeded } from "../statistics/planning.ts";
import { quantileInterval } from "../statistics/quantile-interval.ts";
import { geometricRatioInterval } from "../statistics/ratio.ts";
import type { Estimate } from "../statistics/samples.ts";
import { tInterval } from "../statistics/t-interval.ts";
import type { Claim, ClaimWord } from "../statistics/verdict.ts";
import { judgeClaim } from "../statistics/verdict.ts";
import { defaultTolerance, describeClaim, readPaperValue } from "./paper-value.ts";

export interface ClaimPoints {
  readonly sweep: string;
  readonly where: Readonly<Record<string, Json>>;
}

/** A claim as a definition states it. */
export interface StatedClaim {
  readonly name: string;
  readonly text?: string | undefined;
  readonly metric: string;
  readonly of: ClaimPoints;
  readonly reduce: "median" | "mean" | "min" | "max";
  readonly relativeTo?: ClaimPoints | undefined;
  readonly paper: number | string;
  readonly tolerance?: number | undefined;
  readonly source?: string | undefined;
}

/** A planned trial, and its metrics once it is valid. */
export interface ClaimTrial {
  readonly sweep: string;
  readonly pointKey: string;
  readonly parameters: JsonObject;
  readonly variant?: string | undefined;
  readonly trialIndex: number;
  /** Undefined while there is no valid result. */
  readonly metrics: Readonly<Record<string, number>> | undefined;
  /** Why a valid trial lacks metrics: `data.csv:7: not a number`. */
  readonly problem?: string | undefined;
}

export interface JudgedClaim {
  readonly name: string;
  readonly statement: string;
  /** As published: `at least 6x (Figure 7)`. */
  readonly paper: string;
  /** What was asked of the measurement, with the tolerance: `at least 6`. */
  readonly wanted: string | undefined;
  readonly measured: Estimate | undefined;
  readonly passCount: number;
  readonly verdict: ClaimWord;
  readonly reason: string;
  /** Only where the verdict is "cannot tell". */
  readonly wouldTake: string | undefined;
}

/** Two-sided, so that each bound is a one-sided test at 5 %. */
const confidence = 0.9;
/** Below that many passes an interval of the median has no ends. */
const fewestForMedian = 6;
/** Nobody measures more. */
const mostPasses = 10_000;

/** Whether a claim speaks of a trial. */
export const isAbout = (
  { of, relativeTo }: Pick<StatedClaim, "of" | "relativeTo">,
  trial: Omit<ClaimTrial, "metrics">,
): boolean => isAmong(trial, of) || (relativeTo !== undefined && isAmong(trial, relativeTo));

export const judgeClaims = (claims: readonly StatedClaim[], trials: readonly ClaimTrial[]): JudgedClaim[] =>
  claims.map((claim) => judge(claim, trials));

function judge(claim: StatedClaim, trials: readonly ClaimTrial[]): JudgedClaim {
  const wanted = readPaperValue(claim.paper, claim.tolerance);
  const about = {
    name: claim.name,
    statement: claim.text ?? describeStatement(claim),
    paper: `${String(claim.paper)}${claim.source === undefined ? "" : ` (${claim.source})`}`,
    wanted: wanted && describeClaim(wanted),
  };
  const cannot = (reason: string, wouldTake: string, rest: Partial<JudgedClaim> = {}): JudgedClaim => ({
    ...about,
    measured: undefined,
    passCount: 0,
    verdict: "cannot tell",
    reason,
    wouldTake,
    ...rest,
  });
  if (wanted === undefined)
    return cannot(
      `"${String(claim.paper)}" isn't a value that can be compared with`,
      "a value in the definition, such as `6`, `at least 6x` or `4 to 6`",
    );
  const own = passesOf(claim, claim.of, trials);
  const base = claim.relativeTo && passesOf(claim, claim.relativeTo, trials);
  for (const side of base ? [own, base] : [own]) {
    if (side.problem !== undefined) return cannot(side.problem.reason, side.problem.wouldTake);
  }
  const passCount = Math.min(own.values.length, base?.values.length ?? Infinity);
  const measured = estimate(claim, own.values, base?.values);
  const notes = [...own.notes, ...(base?.notes ?? [])];
  const withNotes = (reason: string): string => [reason, ...notes].join("; ");
  if (measured.low === -Infinity && measured.high === Infinity)
    return cannot(withNotes("one trial a point has no interval"), "one more trial of each point, at least", {
      measured,
      passCount,
    });
  const { verdict, reason } = judgeClaim(wanted, measured);
  return {
    ...about,
    measured,
    passCount,
    verdict,
    reason: withNotes(reason),
    wouldTake:
      verdict === "cannot tell" ? passesNeeded(wanted, measured.estimate, own.values, base?.values) : undefined,
  };
}

function describeStatement({ metric, reduce, of, relativeTo }: StatedClaim): string {
  const side = ({ sweep, where }: ClaimPoints): string =>
    [sweep, ...Object.entries(where).map(([name, value]) => `${name}=${canonicalJson(value)}`)].join(" ");
  return `${reduce} ${metric} of ${side(of)}${relativeTo === undefined ? "" : ` over that of ${side(relativeTo)}`}`;
}

interface Passes {
  /** One number a complete pass. */
  readonly values: readonly number[];
  readonly notes: readonly string[];
  readonly problem: { readonly reason: string; readonly wouldTake: string } | undefined;
}

function passesOf(claim: StatedClaim, points: ClaimPoints, trials: readonly ClaimTrial[]): Passes {
  const none = (reason: string, wouldTake: string): Passes => ({
    values: [],
    notes: [],
    problem: { reason, wouldTake },
  });
  const planned = trials.filter((trial) => isAmong(trial, points));
  const only = `reprise run --only ${points.sweep}`;
  if (planned.length === 0) return none(`this run has no such point of ${points.sweep}`, `\`${only}\` plans them`);
  const valid = planned.filter(({ metrics }) => metrics !== undefined);
  if (valid.length === 0) return none(`no trial of ${points.sweep} is valid`, `\`${only}\` measures them`);
  const measured = valid.flatMap((trial) => {
    const value = trial.metrics?.[claim.metric];
    return value === undefined || !Number.isFinite(value) ? [] : [{ ...trial, value }];
  });
  const unread = valid.filter(({ problem, metrics }) => problem !== undefined && metrics?.[claim.metric] === undefined);
  const leftOut = unread
    .slice(0, mostNamed)
    .map(({ pointKey, trialIndex, problem }) => `${pointKey} trial ${trialIndex} left out: ${problem ?? ""}`);
  if (measured.length === 0 && unread.length > 0)
    return none(
      [...leftOut, ...andMore(unread.length)].join("; "),
      "a file that can be read, or the trial measured again",
    );
  if (measured.length === 0) {
    const known = [...new Set(valid.flatMap(({ metrics }) => Object.keys(metrics ?? {})))];
    return none(
      `no trial of ${points.sweep} has a metric ${claim.metric}`,
      `a metric of that name in \`summary:\`${known.length === 0 ? "" : `; there are ${known.join(", ")}`}`,
    );
  }
  const wantedPoints = new Set(planned.map(({ pointKey }) => pointKey));
  const measuredPoints = new Set(measured.map(({ pointKey }) => pointKey));
  const byPass = new Map<number, Map<string, number>>();
  for (const { trialIndex, pointKey, value } of measured)
    byPass.set(trialIndex, (byPass.get(trialIndex) ?? new Map<string, number>()).set(pointKey, value));
  const complete = [...byPass.values()].filter((pass) => pass.size === measuredPoints.size);
  const lackingPoints = wantedPoints.size - measuredPoints.size;
  if (complete.length === 0)
    return none(
      [`no pass over the points of ${points.sweep} is complete`, ...leftOut, ...andMore(unread.length)].join("; "),
      "`reprise resume` measures what is missing",
    );
  const partial = byPass.size - complete.length;
  const values = complete.map((pass) => reduced(claim.reduce, [...pass.values()]));
  return {
    values,
    notes: [
      ...strayPasses(
        [...byPass].filter(([, pass]) => complete.includes(pass)).map(([n]) => n),
        values,
        points.sweep,
      ),
      ...(lackingPoints > 0
        ? [`${lackingPoints} of ${wantedPoints.size} points of ${points.sweep} have no result`]
        : []),
      ...(partial > 0 ? [`${partial} incomplete ${partial === 1 ? "pass" : "passes"} left out`] : []),
      ...leftOut,
      ...andMore(unread.length),
    ],
    problem: undefined,
  };
}

/** More of one kind are counted. */
const mostNamed = 3;

const andMore = (count: number): string[] => (count > mostNamed ? [`and ${count - mostNamed} trials more`] : []);

/** So far from the rest that somebody should look: it widens the interval, and isn't taken out. */
function strayPasses(indices: readonly number[], values: readonly number[], sweep: string): string[] {
  if (values.length < 3 || !isPositive(values)) return [];
  const middle = median(values);
  return indices.flatMap((trialIndex, i) => {
    const factor = (values[i] ?? middle) / middle;
    if (factor < 2 && factor > 1 / 2) return [];
    return [`trial ${trialIndex} of ${sweep} is ${Number(factor.toPrecision(2))} times its median: look at its logs`];
  });
}

function isAmong(trial: Omit<ClaimTrial, "metrics">, { sweep, where }: ClaimPoints): boolean {
  if (trial.sweep !== sweep) return false;
  return Object.entries(where).every(([name, wanted]) => {
    const found = name === "variant" ? trial.variant : valueAt(trial.parameters, name.split("."));
    if (found === undefined) return false;
    const values = isJsonList(wanted) ? [...wanted, wanted] : [wanted];
    return values.some((value) => canonicalJson(value) === canonicalJson(found));
  });
}

function reduced(reduce: StatedClaim["reduce"], values: readonly number[]): number {
  switch (reduce) {
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
    case "mean":
      return mean(values);
    case "median":
      return median(values);
    default:
      return reduce satisfies never;
  }
}

const isPositive = (values: readonly number[]): boolean => values.every((value) => value > 0);

/**
 * Over passes: of one side Student's t interval of the mean, and for medians from six passes on the interval between order
 * statistics; of a ratio that of the medians (for means the geometric one) with Welch's interval of logarithms. One pass has
 * an estimate and no ends.
 */
function estimate(claim: StatedClaim, own: readonly number[], base: readonly number[] | undefined): Estimate {
  const unbounded = (value: number): Estimate => ({ estimate: value, low: -Infinity, high: Infinity, confidence });
  if (base !== undefined) {
    const ratio = median(own) / median(base);
    if (own.length < 2 || base.length < 2 || !isPositive(own) || !isPositive(base)) return unbounded(ratio);
    // The middle is that of the claim; the ends come from the logarithms of all passes.
    const interval = geometricRatioInterval(base, own, confidence);
    return claim.reduce === "mean" ? interval : { ...interval, estimate: ratio };
  }
  if (own.length < 2) return unbounded(own[0] ?? NaN);
  if (claim.reduce === "median" && own.length >= fewestForMedian) return quantileInterval(own, 0.5, confidence);
  return tInterval(own, confidence);
}

/** How many passes in all would set the estimate apart from the bound that it is near. */
function passesNeeded(
  wanted: Claim,
  value: number,
  own: readonly number[],
  base: readonly number[] | undefined,
): string {
  const bounds = wanted.kind === "within" ? [wanted.low, wanted.high] : [wanted.value];
  if (!isPositive([...own, ...(base ?? []), ...bounds, value])) return "more trials of each point";
  const deviation = Math.sqrt(
    [own, ...(base ? [base] : [])].reduce((sum, side) => sum + variance(logarithms(side, "a claim")), 0),
  );
  const nearest = bounds.reduce((a, b) => (Math.abs(Math.log(b / value)) < Math.abs(Math.log(a / value)) ? b : a));
  const needed = deviation === 0 ? 2 : runsNeeded({ logDeviation: deviation, change: nearest / value - 1, confidence });
  if (!(needed <= mostPasses)) return "nothing: the value lies so near the bound that no number of trials would tell";
  const now = Math.min(own.length, base?.length ?? Infinity);
  return `about ${Math.max(needed, now + 1)} trials of each point in all (now ${now}), if the value is what it seems`;
}

/** Why a plain number allows what it does, for whoever reads a verdict. */
export const toleranceNote = `a number without a tolerance may be off by ${defaultTolerance * 100} %`;

/** `6.61 [6.32, 6.93]`, with as many digits as the interval deserves. */
export function describeMeasured({ measured, passCount }: Pick<JudgedClaim, "measured" | "passCount">): string {
  if (measured === undefined) return "nothing";
  const round = (value: number): string =>
    Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 9 });
  const passes = `${passCount} ${passCount === 1 ? "trial" : "trials"} a point`;
  if (!Number.isFinite(measured.low) || !Number.isFinite(measured.high))
    return `${round(measured.estimate)} (${passes})`;
  return `${round(measured.estimate)} [${round(measured.low)}, ${round(measured.high)}] (${passes})`;
}
