import { logarithms, mean, median, trimmedMean, weightedMean } from "./descriptive.ts";
import { completeJoin } from "./overlap.ts";
import type { Span } from "./overlap.ts";
import { SampleError } from "./samples.ts";
import type { Samples } from "./samples.ts";

/**
 * One run's log ratio ln(B/A), from its iterations: section 7.1.3 of the duet description. Positive says that B took
 * longer. Iterations of one run aren't independent; only these per-run values enter intervals.
 */

/** How iterations are averaged. The last two are robust against a few far ones. */
export type Centre = "mean" | "median" | "trimmed";

const centreOf = (samples: Samples, centre: Centre): number => {
  switch (centre) {
    case "mean":
      return mean(samples);
    case "median":
      return median(samples);
    case "trimmed":
      return trimmedMean(samples, 0.1);
    default:
      return centre satisfies never;
  }
};

const duration = ({ start, end }: Span): number => end - start;

export interface SynchronousRatio {
  readonly logRatio: number;
  readonly pairs: number;
  /** Iterations without a partner: the other side ended earlier. */
  readonly unpaired: number;
  /** The largest difference of paired starts, in the spans' unit. */
  readonly maximumStartSkew: number;
  /** The largest difference over the pair's mean duration: above 0.05 the run wasn't synchronised. */
  readonly relativeStartSkew: number;
}

/** Synchronous duet: the centre of ln(bᵢ/aᵢ), iteration i of A with iteration i of B. */
export function synchronousLogRatio(a: readonly Span[], b: readonly Span[], centre: Centre = "mean"): SynchronousRatio {
  const pairs = Math.min(a.length, b.length);
  if (pairs === 0)
    throw new SampleError("a synchronous run without a pair", {
      hint: "one side has no iterations: the run is invalid",
    });
  const first = a.slice(0, pairs);
  const second = b.slice(0, pairs);
  const logA = logarithms(first.map(duration), "iterations of A");
  const logB = logarithms(second.map(duration), "iterations of B");
  let maximumStartSkew = 0;
  let relativeStartSkew = 0;
  for (const [i, spanA] of first.entries()) {
    const spanB = second[i] as Span; // as many as A's
    const skew = Math.abs(spanA.start - spanB.start);
    maximumStartSkew = Math.max(maximumStartSkew, skew);
    relativeStartSkew = Math.max(relativeStartSkew, (2 * skew) / (duration(spanA) + duration(spanB)));
  }
  return {
    logRatio: centreOf(
      logB.map((value, i) => value - (logA[i] as number)),
      centre,
    ), // one length
    pairs,
    unpaired: a.length + b.length - 2 * pairs,
    maximumStartSkew,
    relativeStartSkew,
  };
}

export interface WindowRatio {
  readonly logRatio: number;
  /** Iterations that lie in the common window. */
  readonly countA: number;
  readonly countB: number;
  readonly window: Span;
}

/**
 * Asynchronous duet, the default: ln(centre of b / centre of a) over iterations wholly inside the time in which both sides
 * ran their given (steady) iterations.
 *
 * @throws {SampleError} when a side has no iteration in the common window: the run is invalid
 */
export function windowLogRatio(a: readonly Span[], b: readonly Span[], centre: Centre = "mean"): WindowRatio {
  const extent = (spans: readonly Span[]) =>
    spans.reduce((all, { start, end }) => ({ start: Math.min(all.start, start), end: Math.max(all.end, end) }), {
      start: Infinity,
      end: -Infinity,
    });
  const allA = extent(a);
  const allB = extent(b);
  const window = { start: Math.max(allA.start, allB.start), end: Math.min(allA.end, allB.end) };
  const inside = (spans: readonly Span[]) =>
    spans.filter(({ start, end }) => start >= window.start && end <= window.end).map(duration);
  const insideA = inside(a);
  const insideB = inside(b);
  if (insideA.length === 0 || insideB.length === 0) {
    throw new SampleError(`${insideA.length} iterations of A and ${insideB.length} of B in the common time`, {
      hint: "the sides hardly ran together: run longer, or count the run as invalid",
    });
  }
  return {
    logRatio: Math.log(centreOf(insideB, centre) / centreOf(insideA, centre)),
    countA: insideA.length,
    countB: insideB.length,
    window,
  };
}

/**
 * Asynchronous duet, second view: Σw·ln(b/a) / Σw over all overlapping pairs, w the overlap's length. No threshold, so no
 * iteration is dropped.
 *
 * @see the R prototype of the method's authors, section 4.6 of the duet description
 * @throws {SampleError} when nothing overlaps
 */
export function overlapLogRatio(
  a: readonly Span[],
  b: readonly Span[],
): { readonly logRatio: number; readonly pairs: number } {
  const pairs = completeJoin(a, b);
  if (pairs.length === 0)
    throw new SampleError("no iterations of A and B overlap", {
      hint: "the sides didn't run together: the run is invalid",
    });
  const logA = logarithms(a.map(duration), "iterations of A");
  const logB = logarithms(b.map(duration), "iterations of B");
  const ratios = pairs.map((pair) => (logB[pair.b] as number) - (logA[pair.a] as number)); // indices of the two lists
  return {
    logRatio: weightedMean(
      ratios,
      pairs.map(({ overlap }) => overlap),
    ),
    pairs: pairs.length,
  };
}

/** Sequential or independent runs: ln(centre of b / centre of a) of two adjacent runs' times. */
export function sequentialLogRatio(a: Samples, b: Samples, centre: Centre = "mean"): number {
  logarithms(a, "iterations of A");
  logarithms(b, "iterations of B");
  return Math.log(centreOf(b, centre) / centreOf(a, centre));
}
