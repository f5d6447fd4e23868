import { mean } from "./descriptive.ts";
import type { Generator } from "./generator.ts";

// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { imul } = Math;

// Every index below is proved by its loop's bound, so `as number` only tells the compiler what it can't see.

/**
 * Means of resamples drawn with replacement: the loop under most bootstraps, where 10,000 resamples of 100,000 values are
 * 10⁹ draws. Three ways, all exact in distribution, the cheapest is taken:
 *
 * - few distinct values (times in whole milliseconds): how often each is drawn is multinomial, so a resample costs one
 *   binomial draw a distinct value;
 * - many values: in blocks of 256. How many draws fall into each block is multinomial; inside a block one 16-bit random
 *   number picks a *pair* of values from a table of all 65,536 pair sums, so one 32-bit random number makes four draws,
 *   all in cache;
 * - else: one 32-bit random number a draw, generator inlined.
 *
 * An index comes from the high bits of a 32-bit number by multiplication; for n ≤ 2²⁰ each value's probability is off by
 * at most n/2³², below what 10¹² draws could show.
 *
 * @returns the resamples' means, in the values' unit
 */
export function resampledMeans(values: Float64Array, resamples: number, random: Generator): Float64Array {
  const centre = mean(values);
  // Sums of deviations lose no digits to a large common offset.
  const deviations = values.map((value) => value - centre);
  const sums = new Float64Array(resamples);
  const distinct = countDistinct(deviations, values.length / 24);
  if (distinct !== undefined) addByMultiplicity(distinct, sums, values.length, random);
  else if (values.length >= 8_192) addByBlocks(deviations, sums, random);
  else addDirectly(deviations, sums, random);
  for (let r = 0; r < resamples; r++) sums[r] = centre + (sums[r] as number) / values.length;
  return sums;
}

interface DistinctValues {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** Undefined as soon as there are more distinct values than worth it. */
function countDistinct(values: Float64Array, limit: number): DistinctValues | undefined {
  const counts = new Map<number, number>();
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > limit) return undefined;
  }
  return { values: Float64Array.from(counts.keys()), counts: Float64Array.from(counts.values()) };
}

function addByMultiplicity(
  { values, counts }: DistinctValues,
  sums: Float64Array,
  draws: number,
  random: Generator,
): void {
  for (let r = 0; r < sums.length; r++) {
    let left = draws;
    let share = draws;
    let total = 0;
    for (let i = 0; i < values.length && left > 0; i++) {
      const count = counts[i] as number;
      const drawn = i === values.length - 1 ? left : random.binomial(left, count / share);
      total += drawn * (values[i] as number);
      left -= drawn;
      share -= count;
    }
    sums[r] = total;
  }
}

function addDirectly(values: Float64Array, sums: Float64Array, random: Generator): void {
  for (let r = 0; r < sums.length; r++) sums[r] = sumOfDraws(values, random);
}

/** The sum of one resample: as many draws with replacement as there are values. */
export function sumOfDraws(values: Float64Array, random: Generator): number {
  const n = values.length;
  const scale = n / 4_294_967_296;
  let [a, b, c, d] = random.state();
  let total = 0;
  for (let i = 0; i < n; i++) {
    const m = imul(b, 5);
    const draw = imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    total += values[(draw * scale) | 0] as number;
  }
  random.restore(a, b, c, d);
  return total;
}

const blockSize = 256;
const tableSize = blockSize * blockSize;
/** Counts kept at once: 4 bytes each, so 16 MiB. */
const countsKept = 4_194_304;

function addByBlocks(values: Float64Array, sums: Float64Array, random: Generator): void {
  const blocks = Math.ceil(values.length / blockSize);
  const batch = Math.max(1, Math.min(sums.length, Math.floor(countsKept / blocks)));
  const counts = new Uint32Array(blocks * batch);
  const pairSums = new Float64Array(tableSize);
  for (let first = 0; first < sums.length; first += batch) {
    const target = sums.subarray(first, Math.min(sums.length, first + batch));
    for (let r = 0; r < target.length; r++) splitDraws(counts, r, batch, values.length, random);
    for (let block = 0; block < blocks; block++) {
      const members = values.subarray(block * blockSize, Math.min(values.length, (block + 1) * blockSize));
      const blockCounts = counts.subarray(block * batch, block * batch + target.length);
      if (members.length === blockSize) addFromPairTable(members, blockCounts, target, pairSums, random);
      else addFromRemainder(members, blockCounts, target, random);
    }
  }
}

/** Draws the number of draws in each block: a balanced tree of binomials, as exact as drawing them one by one. */
function splitDraws(counts: Uint32Array, resample: number, stride: number, n: number, random: Generator): void {
  const split = (firstBlock: number, endBlock: number, draws: number): void => {
    if (endBlock - firstBlock === 1) {
      counts[firstBlock * stride + resample] = draws;
      return;
    }
    const middle = (firstBlock + endBlock) >>> 1;
    const start = firstBlock * blockSize;
    const end = Math.min(n, endBlock * blockSize);
    const left = random.binomial(draws, (middle * blockSize - start) / (end - start));
    split(firstBlock, middle, left);
    split(middle, endBlock, draws - left);
  };
  split(0, Math.ceil(n / blockSize), n);
}

function addFromPairTable(
  members: Float64Array,
  counts: Uint32Array,
  sums: Float64Array,
  pairSums: Float64Array,
  random: Generator,
): void {
  for (let i = 0; i < blockSize; i++) {
    const first = members[i] as number;
    const row = i << 8;
    for (let j = 0; j < blockSize; j++) pairSums[row + j] = first + (members[j] as number);
  }
  let [a, b, c, d] = random.state();
  for (let r = 0; r < counts.length; r++) {
    const draws = counts[r] as number;
    let total = 0;
    // Whole numbers of four draws, then one more random number for the one to three that are left.
    for (let left = draws; left > 0; left -= 4) {
      const m = imul(b, 5);
      const draw = imul((m << 7) | (m >>> 25), 9);
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      if (left >= 4) {
        total += (pairSums[draw >>> 16] as number) + (pairSums[draw & 0xffff] as number);
      } else {
        if (left >= 2) total += pairSums[draw >>> 16] as number;
        if (left !== 2) total += members[draw & 0xff] as number;
      }
    }
    sums[r] = (sums[r] as number) + total;
  }
  random.restore(a, b, c, d);
}

function addFromRemainder(members: Float64Array, counts: Uint32Array, sums: Float64Array, random: Generator): void {
  for (let r = 0; r < counts.length; r++) {
    let total = 0;
    for (let i = counts[r] as number; i > 0; i--) total += members[random.below(members.length)] as number;
    sums[r] = (sums[r] as number) + total;
  }
}
