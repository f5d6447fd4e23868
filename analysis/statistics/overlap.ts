import { SampleError } from "./samples.ts";

// Every index below is proved by its loop's bound, so `as` only tells the compiler what it can't see.

/**
 * An iteration as a stretch of time. Absolute Unix nanoseconds exceed what doubles hold exactly: give times relative to
 * the run's first start.
 */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** An iteration of A and one of B that ran at the same time; `a` and `b` are indices into the given lists. */
export interface OverlapPair {
  readonly a: number;
  readonly b: number;
  /** Common time, positive, in the spans' unit. */
  readonly overlap: number;
}

const overlapOf = (a: Span, b: Span): number => Math.min(a.end, b.end) - Math.max(a.start, b.start);

/**
 * Every pair of overlapping iterations, in the order of A, then B: spans that only touch don't overlap. Right for any
 * lists, sorted or not, with gaps or overlaps among one side's own spans.
 */
export function completeJoin(a: readonly Span[], b: readonly Span[]): OverlapPair[] {
  checkSpans(a, "A");
  checkSpans(b, "B");
  const order = startOrder(b);
  // The latest end so far tells how far back a span may still reach.
  const latestEnd = new Float64Array(order.length);
  let latest = -Infinity;
  for (const [k, index] of order.entries()) {
    latest = Math.max(latest, (b[index] as Span).end);
    latestEnd[k] = latest;
  }
  const pairs: OverlapPair[] = [];
  for (const i of startOrder(a)) {
    const span = a[i] as Span;
    const found: OverlapPair[] = [];
    for (let k = firstNotBefore(order, b, span.end) - 1; k >= 0 && (latestEnd[k] as number) > span.start; k--) {
      const j = order[k] as number;
      const overlap = overlapOf(span, b[j] as Span);
      if (overlap > 0) found.push({ a: i, b: j, overlap });
    }
    for (const pair of found.reverse()) pairs.push(pair);
  }
  return pairs;
}

/** How many of the ordered spans start before a time. */
function firstNotBefore(order: Uint32Array, spans: readonly Span[], time: number): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[order[middle] as number] as Span).start < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The pairs that the original tool finds: both lists are walked once, and the side that *started* earlier advances. It
 * loses pairs where one iteration overlaps several of the other side; for reproducing published numbers only.
 *
 * @see asynchronous-duet, `process/overlaps`; defect described in section 3.5 of the duet description
 */
export function walkJoin(a: readonly Span[], b: readonly Span[]): OverlapPair[] {
  checkSpans(a, "A");
  checkSpans(b, "B");
  const orderA = startOrder(a);
  const orderB = startOrder(b);
  const pairs: OverlapPair[] = [];
  let i = 0;
  let j = 0;
  while (i < orderA.length && j < orderB.length) {
    const indexA = orderA[i] as number;
    const indexB = orderB[j] as number;
    const spanA = a[indexA] as Span;
    const spanB = b[indexB] as Span;
    const overlap = overlapOf(spanA, spanB);
    if (overlap > 0) pairs.push({ a: indexA, b: indexB, overlap });
    if (spanA.start < spanB.start || (spanA.start === spanB.start && spanA.end <= spanB.end)) i++;
    else j++;
  }
  return pairs;
}

/** Pairs whose overlap is more than a share of both iterations: the original's filter, `p` 0.4 in the published results. */
export function filterByOverlap(
  pairs: readonly OverlapPair[],
  a: readonly Span[],
  b: readonly Span[],
  p: number,
): OverlapPair[] {
  return pairs.filter((pair) => {
    const spanA = a[pair.a] as Span; // indices come from these lists
    const spanB = b[pair.b] as Span;
    return pair.overlap > p * (spanA.end - spanA.start) && pair.overlap > p * (spanB.end - spanB.start);
  });
}

/** Σ overlap of the pairs over half of all iteration times: 1 where A and B always ran together. */
export function relativeOverlapTime(pairs: readonly OverlapPair[], a: readonly Span[], b: readonly Span[]): number {
  const total = (spans: readonly Span[]) => spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const busy = (total(a) + total(b)) / 2;
  return busy === 0 ? 0 : pairs.reduce((sum, { overlap }) => sum + overlap, 0) / busy;
}

function startOrder(spans: readonly Span[]): Uint32Array {
  return Uint32Array.from(spans.keys()).sort((i, j) => {
    const left = spans[i] as Span;
    const right = spans[j] as Span;
    return left.start - right.start || left.end - right.end || i - j;
  });
}

function checkSpans(spans: readonly Span[], side: string): void {
  for (const [i, { start, end }] of spans.entries()) {
    if (!(end >= start && Number.isFinite(start) && Number.isFinite(end))) {
      throw new SampleError(`iteration ${i} of ${side} from ${start} to ${end}`, {
        hint: "an iteration ends after it starts",
      });
    }
  }
}
