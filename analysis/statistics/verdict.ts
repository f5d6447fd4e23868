import { logarithms, mean, sum, variance } from "./descriptive.ts";
import { signFlipTest } from "./permutation.ts";
import { SampleError, toFloat64 } from "./samples.ts";
import type { Interval, Samples } from "./samples.ts";
import { tEstimate, tInterval, tTest, welchInterval } from "./t-interval.ts";
import type { TEstimate } from "./t-interval.ts";

/** The three words for a comparison. "cannot tell" is a result, not a pass. */
export type ComparisonWord = "same" | "different" | "cannot tell";
/** The three words for a claim. */
export type ClaimWord = "holds" | "fails" | "cannot tell";

/** What a verdict is decided with, complete. */
export interface VerdictOptions {
  /** Changes up to this share don't matter: 0.01 for 1 %. @default 0.01 */
  readonly margin?: number;
  /** Of the interval that shows a difference. @default 0.95 */
  readonly confidence?: number;
  /** Below this many hosts their spread can't be estimated, and a verdict is about these hosts only. @default 5 */
  readonly minimumHosts?: number;
}

/** One run's result: ln(B/A) of its steady iterations, and the host it ran on. */
export interface RunLogRatio {
  readonly logRatio: number;
  readonly host?: string;
}

/** B against A. Changes are relative: 0.05 says that B's measure is 5 % higher than A's. */
export interface Comparison {
  readonly verdict: ComparisonWord;
  /** Which way B's measure differs from A's; only when the verdict is "different". */
  readonly direction: "higher" | "lower" | undefined;
  /** exp(mean log ratio) − 1. */
  readonly change: number;
  /** Interval of the change at `confidence`; undefined below two runs. */
  readonly interval: Interval | undefined;
  /** The interval that decides "same": two one-sided tests at (1 − confidence) each, so 90 % for a confidence of 95 %. */
  readonly equivalenceInterval: Interval | undefined;
  readonly confidence: number;
  readonly margin: number;
  readonly runs: number;
  readonly hosts: number;
  /** Whether the interval speaks of hosts like these, or of exactly these. */
  readonly scope: "hosts like these" | "these hosts only";
  /** Two-sided p of no change at all, from the t statistic; undefined below two runs. */
  readonly p: number | undefined;
  /** The same by sign flips of the runs, exact for up to 20; undefined where hosts are the units, and for independent series. */
  readonly signFlipP: number | undefined;
  /**
   * Standard deviation of the log ratios: of host means, where hosts are the units, else of runs within hosts. Of
   * independent series the root mean square of both sides' own.
   */
  readonly logDeviation: number | undefined;
  /** In one line: why this verdict. */
  readonly reason: string;
}

/**
 * The verdict on B against A, as in section 7.1 of the duet description: per-run log ratios, Student's t interval of their
 * mean, and a margin δ.
 *
 * different: the interval lies beyond δ on one side. same: the 90 % interval lies within ±δ (two one-sided tests,
 * Schuirmann 1987). cannot tell: else.
 *
 * Hosts: with at least `minimumHosts` of them, host means are the units (Kalibera and Jones). With two or more but fewer,
 * the interval comes from the runs' spread within hosts, and the scope says so.
 *
 * @param runs one entry a valid run, in any order; plain log ratios for runs on one host
 */
export function compareRuns(runs: readonly RunLogRatio[] | Samples, options: VerdictOptions = {}): Comparison {
  const { margin = 0.01, confidence = 0.95, minimumHosts = 5 } = options;
  checkMargin(margin);
  const groups = groupByHost(runs);
  const count = sum(groups.map((group) => group.length));
  if (count === 0)
    throw new SampleError("a comparison without runs", { hint: "see the excluded runs and their reasons" });
  const general = groups.length >= minimumHosts;
  const wide = estimateLogRatio(groups, general, confidence);
  return finish(wide, {
    margin,
    confidence,
    runs: count,
    hosts: groups.length,
    general,
    change: Math.expm1(mean(groups.map(mean))),
    signFlipP: general || wide === undefined ? undefined : signFlipTest(groups.flatMap((group) => Array.from(group))).p,
  });
}

/** One trial's value of a metric, positive, and the host it ran on. */
export interface TrialValue {
  readonly value: number;
  readonly host?: string;
}

/**
 * The verdict on two series that were measured independently: two runs of an experiment, two protocols, two machine types.
 * Welch's t interval of the difference of mean logarithms, then as `compareRuns`. Where trials were interleaved or ran as a
 * duet, per-block log ratios and `compareRuns` see smaller changes.
 *
 * @param a one value a trial, positive, any unit; each already aggregated over its requests or iterations
 * @throws {SampleError} when a value isn't positive, or a side is empty
 */
export function compareSeries(
  a: readonly TrialValue[] | Samples,
  b: readonly TrialValue[] | Samples,
  options: VerdictOptions = {},
): Comparison {
  const { margin = 0.01, confidence = 0.95, minimumHosts = 5 } = options;
  checkMargin(margin);
  const sides = [groupTrials(a, "A"), groupTrials(b, "B")] as const;
  const general = sides.every((groups) => groups.length >= minimumHosts);
  const [unitsA, unitsB] = general
    ? [sides[0].map(mean), sides[1].map(mean)]
    : [sides[0].flatMap((group) => Array.from(group)), sides[1].flatMap((group) => Array.from(group))];
  const enough = unitsA.length > 1 && unitsB.length > 1;
  return finish(
    enough
      ? {
          t: welchInterval(unitsA, unitsB, confidence),
          deviation: Math.sqrt((variance(unitsA) + variance(unitsB)) / 2),
        }
      : undefined,
    {
      margin,
      confidence,
      runs: a.length + b.length,
      hosts: new Set([...hostsOf(a), ...hostsOf(b)]).size,
      general,
      change: Math.expm1(mean(unitsB) - mean(unitsA)),
      signFlipP: undefined,
    },
  );
}

interface Basis {
  readonly margin: number;
  readonly confidence: number;
  readonly runs: number;
  readonly hosts: number;
  readonly general: boolean;
  readonly change: number;
  readonly signFlipP: number | undefined;
}

/** From the log ratio's interval to a verdict; without one, nothing can be told. */
function finish(
  wide: { readonly t: TEstimate; readonly deviation: number } | undefined,
  { general, ...basis }: Basis,
): Comparison {
  const shared = { ...basis, scope: general ? ("hosts like these" as const) : ("these hosts only" as const) };
  if (wide === undefined) {
    return {
      ...shared,
      verdict: "cannot tell",
      direction: undefined,
      interval: undefined,
      equivalenceInterval: undefined,
      p: undefined,
      logDeviation: undefined,
      reason: "one run has no interval: at least two are needed",
    };
  }
  const { estimate, standardError, degreesOfFreedom } = wide.t;
  const interval = toChange(wide.t);
  const equivalenceInterval = toChange(tEstimate(estimate, standardError, degreesOfFreedom, 2 * basis.confidence - 1));
  return {
    ...shared,
    ...decide(interval, equivalenceInterval, basis.margin),
    change: Math.expm1(estimate),
    interval,
    equivalenceInterval,
    p: tTest(wide.t),
    logDeviation: wide.deviation,
  };
}

function checkMargin(margin: number): void {
  if (!(margin >= 0 && margin < 1))
    throw new SampleError(`a margin of ${margin}`, { hint: "give a share: 0.01 for 1 %" });
}

const asTrial = (trial: TrialValue | number): TrialValue => (typeof trial === "number" ? { value: trial } : trial);

function* hostsOf(trials: readonly TrialValue[] | Samples): Generator<string> {
  for (let i = 0; i < trials.length; i++) yield asTrial(trials[i] as TrialValue | number).host ?? ""; // i is below the length
}

/** Logarithms by host. */
function groupTrials(trials: readonly TrialValue[] | Samples, side: string): Float64Array[] {
  const list = Array.from({ length: trials.length }, (_, i) => asTrial(trials[i] as TrialValue | number)); // i is below the length
  const logs = logarithms(
    toFloat64(
      list.map(({ value }) => value),
      `a comparison: ${side}`,
    ),
    `a comparison: ${side}`,
  );
  return groupByHost(
    list.map(({ host }, i) => ({ logRatio: logs[i] as number, ...(host === undefined ? {} : { host }) })),
  ); // one logarithm a trial
}

/** The rule alone, for intervals that were made otherwise (bootstrap, sequential looks): relative changes and a margin. */
export function decide(
  interval: Interval,
  equivalenceInterval: Interval,
  margin: number,
): Pick<Comparison, "verdict" | "direction" | "reason"> {
  if (interval.low > margin) {
    return { verdict: "different", direction: "higher", reason: `the interval lies above ${percent(margin)}` };
  }
  if (interval.high < -margin) {
    return { verdict: "different", direction: "lower", reason: `the interval lies below ${percent(-margin)}` };
  }
  if (equivalenceInterval.low >= -margin && equivalenceInterval.high <= margin) {
    return {
      verdict: "same",
      direction: undefined,
      reason: `the equivalence interval lies within ±${percent(margin)}`,
    };
  }
  const excludesZero = interval.low > 0 || interval.high < 0;
  return {
    verdict: "cannot tell",
    direction: undefined,
    reason: excludesZero
      ? `there is a change, but the interval doesn't say whether it exceeds ${percent(margin)}`
      : `the interval holds both no change and changes beyond ${percent(margin)}: more runs are needed`,
  };
}

/** Percent with as many digits as a margin needs. */
export const percent = (share: number): string => `${Number((share * 100).toFixed(Math.abs(share) < 0.001 ? 3 : 2))} %`;

/** What a higher measure means, in words: a higher time is slower, a higher rate faster. */
export type HigherMeans = "slower" | "faster" | "more";

/** The comparison as a sentence: "B is 5.1 % slower than A (4.2 % to 6 %, 10 runs on 1 host)." */
export function describeComparison(comparison: Comparison, higherMeans: HigherMeans = "slower"): string {
  const { verdict, direction, change, interval, runs, hosts, confidence } = comparison;
  const basis = `${runs} run${runs === 1 ? "" : "s"} on ${hosts} host${hosts === 1 ? "" : "s"}`;
  const range =
    interval === undefined
      ? basis
      : `${percent(interval.low)} to ${percent(interval.high)} at ${percent(confidence)}, ${basis}`;
  if (verdict === "same") return `B is the same as A within ${percent(comparison.margin)} (${range}).`;
  if (verdict === "cannot tell")
    return `Cannot tell whether B differs from A: measured ${percent(change)} (${range}); ${comparison.reason}.`;
  const opposite = { slower: "faster", faster: "slower", more: "less" } as const;
  const word = direction === "higher" ? higherMeans : opposite[higherMeans];
  return `B is ${percent(Math.abs(change))} ${word} than A (${range}).`;
}

function groupByHost(runs: readonly RunLogRatio[] | Samples): Float64Array[] {
  const groups = new Map<string, number[]>();
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i] as RunLogRatio | number; // i is below the length
    const { logRatio, host = "" } = typeof run === "number" ? { logRatio: run } : run;
    const group = groups.get(host);
    if (group === undefined) groups.set(host, [logRatio]);
    else group.push(logRatio);
  }
  return Array.from(groups.values(), (group) => toFloat64(group, "a comparison: log ratios"));
}

/** The mean log ratio with its t interval; undefined when there is no spread to estimate from. */
function estimateLogRatio(
  groups: readonly Float64Array[],
  hostsAreUnits: boolean,
  confidence: number,
): { readonly t: TEstimate; readonly deviation: number } | undefined {
  const means = groups.map(mean);
  if (hostsAreUnits) {
    const t = tInterval(means, confidence);
    return { t, deviation: t.standardError * Math.sqrt(groups.length) };
  }
  const count = sum(groups.map((group) => group.length));
  const degreesOfFreedom = count - groups.length;
  if (degreesOfFreedom < 1) {
    // One run a host: hosts and runs can't be told apart, so runs are the units.
    if (groups.length < 2) return undefined;
    const t = tInterval(means, confidence);
    return { t, deviation: t.standardError * Math.sqrt(groups.length) };
  }
  const squares = sum(groups.map((group, i) => sum(group.map((value) => (value - (means[i] as number)) ** 2)))); // one mean a group
  const deviation = Math.sqrt(squares / degreesOfFreedom);
  const standardError = (deviation / groups.length) * Math.sqrt(sum(groups.map((group) => 1 / group.length)));
  return { t: tEstimate(mean(means), standardError, degreesOfFreedom, confidence), deviation };
}

const toChange = ({ low, high }: Interval): Interval => ({ low: Math.expm1(low), high: Math.expm1(high) });

/** Two one-sided tests: the p value of "the change lies outside ±margin", the larger of the two. */
export function equivalenceP(logRatio: TEstimate, margin: number): number {
  const above = tTest(logRatio, Math.log1p(margin)) / 2;
  const below = tTest(logRatio, Math.log1p(-margin)) / 2;
  const belowUpper = logRatio.estimate < Math.log1p(margin) ? above : 1 - above;
  const aboveLower = logRatio.estimate > Math.log1p(-margin) ? below : 1 - below;
  return Math.max(belowUpper, aboveLower);
}

/**
 * What is claimed of a quantity: a bound or a range, in the quantity's own unit. "at least 3 times faster" is `atLeast 3`
 * of a speed-up; "about 5 ms, give or take 10 %" is `within` 4.5 to 5.5.
 */
export type Claim =
  | { readonly kind: "atLeast"; readonly value: number }
  | { readonly kind: "atMost"; readonly value: number }
  | { readonly kind: "within"; readonly low: number; readonly high: number };

/** A claim of about a value, with a relative tolerance: `about(5, 0.1)` is within 4.5 to 5.5. */
export function about(value: number, relativeTolerance: number): Claim {
  const reach = Math.abs(value) * relativeTolerance;
  return { kind: "within", low: value - reach, high: value + reach };
}

export interface ClaimVerdict {
  readonly verdict: ClaimWord;
  readonly reason: string;
}

/**
 * Whether an interval of a quantity supports a claim: it holds where every value of the interval satisfies it, fails where
 * none does, else the measurement cannot tell. A bound judged by a two-sided 90 % interval is a one-sided test at 5 %.
 *
 * @param interval undefined when there were too few trials for one
 */
export function judgeClaim(claim: Claim, interval: Interval | undefined): ClaimVerdict {
  if (interval === undefined) return { verdict: "cannot tell", reason: "too few trials for an interval" };
  const low = claim.kind === "atMost" ? -Infinity : claim.kind === "atLeast" ? claim.value : claim.low;
  const high = claim.kind === "atLeast" ? Infinity : claim.kind === "atMost" ? claim.value : claim.high;
  const measured = `${round(interval.low)} to ${round(interval.high)}`;
  const wanted =
    claim.kind === "within"
      ? `${round(low)} to ${round(high)}`
      : claim.kind === "atLeast"
        ? `at least ${round(low)}`
        : `at most ${round(high)}`;
  if (Number.isNaN(interval.low) || Number.isNaN(interval.high))
    return { verdict: "cannot tell", reason: "the interval is undefined" };
  if (interval.low >= low && interval.high <= high)
    return { verdict: "holds", reason: `${measured} lies in ${wanted}` };
  if (interval.high < low || interval.low > high)
    return { verdict: "fails", reason: `${measured} lies outside ${wanted}` };
  return { verdict: "cannot tell", reason: `${measured} reaches over the edge of ${wanted}: more trials are needed` };
}

const round = (value: number): string => String(Number(value.toPrecision(5)));
