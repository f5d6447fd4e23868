import { interpolatedOfSorted } from "./descriptive.ts";
import { normal } from "./distributions.ts";
import { requireProbability, toFloat64, toSorted } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";

// Every index below is proved by its loop's bound, so `as number` only tells the compiler what it can't see.

export type RankMethod = "exact" | "normal";

export interface RankTest {
  readonly statistic: number;
  /** Two-sided. */
  readonly p: number;
  readonly method: RankMethod;
}

/** Exact tables up to this many values in all: beyond, the normal approximation is good to three digits. */
const exactLimit = 60;

/**
 * Mann and Whitney's U of B against A: the number of pairs with b > a, ties counted half; and whether it could be chance.
 *
 * `exact` enumerates the permutation distribution, ties included (Streitberg and Röhmel 1986); `normal` corrects for ties
 * and continuity. For independent values only: of iterations of a few runs it raises false alarms (see `reanalysis` in the
 * duet reference), so give it one value a run.
 *
 * @param method @default exact up to 60 values in all
 */
export function mannWhitney(a: Samples, b: Samples, method?: RankMethod): RankTest {
  const n = a.length;
  const m = b.length;
  if ((method ?? (n + m <= exactLimit ? "exact" : "normal")) === "exact") {
    const pooled = new Float64Array(n + m);
    pooled.set(toFloat64(a, "Mann-Whitney's test of A"));
    pooled.set(toFloat64(b, "Mann-Whitney's test of B"), n);
    const { doubledRanks } = doubledMidranks(pooled);
    let doubledSum = 0;
    for (let i = n; i < n + m; i++) doubledSum += doubledRanks[i] as number;
    const centre = m * (n + m + 1); // of the doubled sum
    return {
      statistic: doubledSum / 2 - (m * (m + 1)) / 2,
      p: symmetricP(subsetSums(doubledRanks, m), doubledSum, centre),
      method: "exact",
    };
  }
  const sortedA = toSorted(a, "Mann-Whitney's test of A");
  const sortedB = toSorted(b, "Mann-Whitney's test of B");
  const statistic = doubledWins(sortedA, sortedB) / 2;
  const total = n + m;
  const deviation = Math.sqrt(((n * m) / 12) * (total + 1 - tieTermOf(sortedA, sortedB) / (total * (total - 1))));
  return { statistic, p: continuityP(Math.abs(statistic - (n * m) / 2), deviation), method: "normal" };
}

/** Twice the number of pairs with b > a, ties counted half: a whole number. */
function doubledWins(sortedA: Float64Array, sortedB: Float64Array): number {
  let doubled = 0;
  let below = 0;
  let upTo = 0;
  for (const value of sortedB) {
    while (below < sortedA.length && (sortedA[below] as number) < value) below++;
    while (upTo < sortedA.length && (sortedA[upTo] as number) <= value) upTo++;
    doubled += below + upTo;
  }
  return doubled;
}

/** Σ(t³ − t) over groups of t equal values in two sorted lists together. */
function tieTermOf(sortedA: Float64Array, sortedB: Float64Array): number {
  let term = 0;
  let i = 0;
  let j = 0;
  while (i < sortedA.length || j < sortedB.length) {
    const value = Math.min(sortedA[i] ?? Infinity, sortedB[j] ?? Infinity);
    const [fromA, fromB] = [i, j];
    while (sortedA[i] === value) i++;
    while (sortedB[j] === value) j++;
    const ties = i - fromA + j - fromB;
    term += ties ** 3 - ties;
  }
  return term;
}

/**
 * Wilcoxon's signed ranks of differences: whether they are symmetric around 0. Zeros are left out (Wilcoxon's own rule).
 * The statistic is the rank sum of the positive differences.
 *
 * @param method @default exact up to 60 differences
 */
export function wilcoxonSignedRank(differences: Samples, method?: RankMethod): RankTest {
  const values = toFloat64(differences, "Wilcoxon's test").filter((value) => value !== 0);
  const n = values.length;
  if (n === 0) return { statistic: 0, p: 1, method: "exact" };
  const { doubledRanks, tieTerm } = doubledMidranks(values.map(Math.abs));
  let doubledSum = 0;
  for (let i = 0; i < n; i++) if ((values[i] as number) > 0) doubledSum += doubledRanks[i] as number;
  const statistic = doubledSum / 2;
  if ((method ?? (n <= exactLimit ? "exact" : "normal")) === "exact") {
    let counts = new Float64Array(1).fill(1);
    for (const rank of doubledRanks) {
      const next = new Float64Array(counts.length + rank);
      next.set(counts);
      for (let s = 0; s < counts.length; s++) next[s + rank] = (next[s + rank] as number) + (counts[s] as number);
      counts = next;
    }
    return { statistic, p: symmetricP(counts, doubledSum, (n * (n + 1)) / 2), method: "exact" };
  }
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - tieTerm / 48);
  return { statistic, p: continuityP(Math.abs(statistic - (n * (n + 1)) / 4), deviation), method: "normal" };
}

/** Twice the mid-ranks (whole numbers), and Σ(t³ − t) over groups of t ties. */
function doubledMidranks(values: Float64Array): { doubledRanks: Uint32Array; tieTerm: number } {
  const order = Uint32Array.from(values.keys()).sort((i, j) => (values[i] as number) - (values[j] as number));
  const doubledRanks = new Uint32Array(values.length);
  let tieTerm = 0;
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && values[order[end] as number] === values[order[first] as number]) end++;
    for (let k = first; k < end; k++) doubledRanks[order[k] as number] = first + end + 1;
    const ties = end - first;
    tieTerm += ties ** 3 - ties;
    first = end;
  }
  return { doubledRanks, tieTerm };
}

/** How many subsets of the given size have each sum: the shift algorithm. */
function subsetSums(ranks: Uint32Array, size: number): Float64Array {
  const maximum = Array.from(ranks)
    .sort((a, b) => b - a)
    .slice(0, size)
    .reduce((total, rank) => total + rank, 0);
  const width = maximum + 1;
  const counts = new Float64Array((size + 1) * width);
  counts[0] = 1;
  for (const rank of ranks) {
    for (let k = size; k >= 1; k--) {
      const to = k * width;
      const from = to - width;
      for (let s = maximum; s >= rank; s--)
        counts[to + s] = (counts[to + s] as number) + (counts[from + s - rank] as number);
    }
  }
  return counts.subarray(size * width);
}

/** Two-sided p: the share of outcomes at least as far from the centre. */
function symmetricP(counts: Float64Array, observed: number, centre: number): number {
  const distance = Math.abs(observed - centre);
  let total = 0;
  let far = 0;
  for (let s = 0; s < counts.length; s++) {
    const count = counts[s] as number;
    total += count;
    if (Math.abs(s - centre) >= distance) far += count;
  }
  return Math.min(1, far / total);
}

const continuityP = (distance: number, deviation: number): number =>
  deviation === 0 ? 1 : Math.min(1, 2 * normal.survival(Math.max(0, distance - 0.5) / deviation));

/** How B stands to A, without a unit. */
export interface EffectSize {
  /** P(b > a) + ½P(b = a): Vargha and Delaney's A12 of B over A. 0.5 is no difference. */
  readonly a12: number;
  /** Cliff's delta, 2·A12 − 1, in [−1, 1]. */
  readonly cliffsDelta: number;
  /** By |delta| < 0.147, 0.33, 0.474 (Romano et al. 2006). */
  readonly magnitude: "negligible" | "small" | "medium" | "large";
}

/** Effect sizes by counting pairs, in n·log n. */
export function effectSize(a: Samples, b: Samples): EffectSize {
  const sortedA = toSorted(a, "an effect size of A");
  const sortedB = toSorted(b, "an effect size of B");
  const a12 = doubledWins(sortedA, sortedB) / (2 * sortedA.length * sortedB.length);
  const cliffsDelta = 2 * a12 - 1;
  const size = Math.abs(cliffsDelta);
  const magnitude = size < 0.147 ? "negligible" : size < 0.33 ? "small" : size < 0.474 ? "medium" : "large";
  return { a12, cliffsDelta, magnitude };
}

/**
 * Hodges and Lehmann's shift from A to B, the median of all b − a, with the interval that inverts Mann and Whitney's test.
 * On logarithms it is a ratio. Finds order statistics of the n·m differences without forming them.
 *
 * @see J. L. Hodges and E. L. Lehmann, Annals of Mathematical Statistics 34, 1963; M. Hollander et al., Nonparametric Statistical Methods, 4.3
 */
export function hodgesLehmannShift(a: Samples, b: Samples, confidence = 0.95): Estimate {
  requireProbability(confidence, "the confidence");
  const sortedA = toSorted(a, "a shift of A");
  const sortedB = toSorted(b, "a shift of B");
  const n = sortedA.length;
  const m = sortedB.length;
  const matrix = differenceMatrix(sortedB, sortedA);
  const rank = intervalRank(n * m, confidence, () =>
    n + m <= exactLimit
      ? cumulativeOf(
          halved(
            subsetSums(
              Uint32Array.from({ length: n + m }, (_, i) => 2 * (i + 1)),
              m,
            ),
            m * (m + 1),
          ),
        )
      : { mean: (n * m) / 2, deviation: Math.sqrt((n * m * (n + m + 1)) / 12) },
  );
  return rankEstimate(matrix, rank, confidence);
}

/**
 * Hodges and Lehmann's centre of one series (of differences or log ratios): the median of the means of all pairs, each
 * value with itself included, with the interval that inverts Wilcoxon's signed rank test.
 */
export function hodgesLehmannCentre(samples: Samples, confidence = 0.95): Estimate {
  requireProbability(confidence, "the confidence");
  const sorted = toSorted(samples, "a centre");
  const n = sorted.length;
  const pairs = (n * (n + 1)) / 2;
  const rank = intervalRank(pairs, confidence, () => {
    if (n > exactLimit) return { mean: pairs / 2, deviation: Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24) };
    let counts = new Float64Array(1).fill(1);
    for (let k = 1; k <= n; k++) {
      const next = new Float64Array(counts.length + k);
      next.set(counts);
      for (let s = 0; s < counts.length; s++) next[s + k] = (next[s + k] as number) + (counts[s] as number);
      counts = next;
    }
    return cumulativeOf(counts);
  });
  return rankEstimate(walshMatrix(sorted), rank, confidence);
}

/** The exact distribution of a rank statistic, as cumulative shares, or its normal approximation. */
type RankDistribution = Float64Array | { readonly mean: number; readonly deviation: number };

const halved = (counts: Float64Array, smallest: number): Float64Array =>
  Float64Array.from({ length: (counts.length - 1 - smallest) / 2 + 1 }, (_, u) => counts[smallest + 2 * u] as number);

function cumulativeOf(counts: Float64Array): Float64Array {
  let total = 0;
  const running = counts.map((count) => (total += count));
  return running.map((count) => count / total);
}

/** The k for which [k-th smallest, k-th largest] covers with the confidence; 0 where even the extremes don't. */
function intervalRank(pairs: number, confidence: number, distribution: () => RankDistribution): number {
  const tail = (1 - confidence) / 2;
  const ranks = distribution();
  if (!(ranks instanceof Float64Array)) {
    return Math.max(
      0,
      Math.min(Math.ceil(pairs / 2), Math.floor(ranks.mean - normal.survivalQuantile(tail) * ranks.deviation + 0.5)),
    );
  }
  // P(statistic < k) ≤ tail
  let k = 0;
  while (k < ranks.length && (ranks[k] as number) <= tail) k++;
  return k;
}

/** Sums of a sorted row and a sorted column value, of which order statistics are wanted. */
interface SortedMatrix {
  readonly size: number;
  readonly minimum: number;
  readonly maximum: number;
  /** How many entries are ≤ x. */
  countUpTo(x: number): number;
  /** The entries in (low, high]. */
  between(low: number, high: number): Float64Array;
}

function rankEstimate(matrix: SortedMatrix, rank: number, confidence: number): Estimate {
  const middle = Math.floor((matrix.size - 1) / 2);
  const lower = orderStatistic(matrix, middle);
  const upper = matrix.size % 2 === 1 ? lower : orderStatistic(matrix, middle + 1);
  return {
    estimate: (lower + upper) / 2,
    low: rank < 1 ? -Infinity : orderStatistic(matrix, rank - 1),
    high: rank < 1 ? Infinity : orderStatistic(matrix, matrix.size - rank),
    confidence,
  };
}

/** The entry with `index` smaller or equal ones before it, from 0: bisection by counting until few enough are left to sort. */
function orderStatistic(matrix: SortedMatrix, index: number): number {
  let low = matrix.minimum - Math.abs(matrix.minimum) * 1e-12 - Number.MIN_VALUE;
  let high = matrix.maximum;
  let below = 0;
  let upTo = matrix.size;
  while (upTo - below > 4_096) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high; // neighbours in double precision: all that is left is equal
    const count = matrix.countUpTo(middle);
    if (count > index) {
      high = middle;
      upTo = count;
    } else {
      low = middle;
      below = count;
    }
  }
  return interpolatedOfSorted(
    matrix
      .between(low, high)
      .sort()
      .subarray(index - below, index - below + 1),
    0,
  );
}

function differenceMatrix(b: Float64Array, a: Float64Array): SortedMatrix {
  const n = a.length;
  const m = b.length;
  return {
    size: n * m,
    minimum: (b[0] as number) - (a[n - 1] as number),
    maximum: (b[m - 1] as number) - (a[0] as number),
    countUpTo(x) {
      let total = 0;
      let first = 0; // of A, the first with b − a ≤ x
      for (let j = 0; j < m; j++) {
        while (first < n && (b[j] as number) - (a[first] as number) > x) first++;
        total += n - first;
      }
      return total;
    },
    between(low, high) {
      const found: number[] = [];
      let first = 0;
      for (let j = 0; j < m; j++) {
        while (first < n && (b[j] as number) - (a[first] as number) > high) first++;
        for (let i = first; i < n; i++) {
          const difference = (b[j] as number) - (a[i] as number);
          if (difference <= low) break;
          found.push(difference);
        }
      }
      return Float64Array.from(found);
    },
  };
}

function walshMatrix(sorted: Float64Array): SortedMatrix {
  const n = sorted.length;
  const at = (i: number, j: number) => ((sorted[i] as number) + (sorted[j] as number)) / 2;
  return {
    size: (n * (n + 1)) / 2,
    minimum: at(0, 0),
    maximum: at(n - 1, n - 1),
    countUpTo(x) {
      let total = 0;
      let end = n; // of columns with (i, column) ≤ x
      for (let i = 0; i < n; i++) {
        while (end > 0 && at(i, end - 1) > x) end--;
        total += Math.max(0, end - i);
      }
      return total;
    },
    between(low, high) {
      const found: number[] = [];
      let end = n;
      for (let i = 0; i < n; i++) {
        while (end > 0 && at(i, end - 1) > high) end--;
        for (let j = end - 1; j >= i; j--) {
          const value = at(i, j);
          if (value <= low) break;
          found.push(value);
        }
      }
      return Float64Array.from(found);
    },
  };
}
