/**
 * The distribution of any number of values in bounded memory, by counting them in bins of equal relative width.
 *
 * A double's exponent and the first bits of its mantissa name its bin, so that adding a value is a few integer
 * operations, digests of parts merge exactly, and the order of values doesn't matter. Count, sum, smallest and largest
 * are exact; a percentile is off by at most {@link ValueDigest.relativeError} of its value (as in HdrHistogram and
 * DDSketch, whose bins are logarithmic too).
 */
import type { CdfPoint } from "../charts/cdf-chart.ts";

export interface ValueDigestOptions {
  /** Bits of mantissa in a bin's name: 10 for 0.05 % at most 16 kB a power of two in use, 6 for 0.8 %. @default 10 */
  readonly precisionBits?: number;
}

export class ValueDigest {
  readonly precisionBits: number;
  #count = 0;
  #invalidCount = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;
  #zeroCount = 0;
  /** Counts by exponent, then by mantissa; positive values first, then negative ones. */
  readonly #pages: (Float64Array | undefined)[] = [];
  readonly #float = new Float64Array(1);
  readonly #bits = new Uint32Array(this.#float.buffer);

  constructor(options: ValueDigestOptions = {}) {
    this.precisionBits = options.precisionBits ?? 10;
    if (!Number.isInteger(this.precisionBits) || this.precisionBits < 1 || this.precisionBits > 16)
      throw new RangeError(`precisionBits must be 1 to 16, not ${this.precisionBits}`);
  }

  /** A percentile's largest distance from the exact one, as a share of it. */
  get relativeError(): number {
    return 2 ** -(this.precisionBits + 1);
  }
  get count(): number {
    return this.#count;
  }
  /** NaN and infinities, which are counted and left out. */
  get invalidCount(): number {
    return this.#invalidCount;
  }
  get sum(): number {
    return this.#sum;
  }
  /** NaN where there are no values, as are the following. */
  get mean(): number {
    return this.#count === 0 ? NaN : this.#sum / this.#count;
  }
  get min(): number {
    return this.#count === 0 ? NaN : this.#min;
  }
  get max(): number {
    return this.#count === 0 ? NaN : this.#max;
  }

  add(value: number): void {
    if (!Number.isFinite(value)) {
      this.#invalidCount++;
      return;
    }
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (value === 0) {
      this.#zeroCount++;
      return;
    }
    this.#float[0] = value;
    // The upper half of a double on every machine that Node runs on: they are all little-endian.
    const upper = this.#bits[1] ?? 0;
    const page = this.#page(upper >>> 20);
    const bin = (upper >>> (20 - this.precisionBits)) & ((1 << this.precisionBits) - 1);
    page[bin] = (page[bin] ?? 0) + 1;
  }

  /** Adds the first `count` of some values, scaled: nanoseconds as milliseconds by `1e-6`. */
  addAll(values: ArrayLike<number>, count = values.length, scale = 1): void {
    for (let i = 0; i < count; i++) this.add((values[i] ?? NaN) * scale);
  }

  /** Adds all that another digest has seen. @throws {RangeError} when their precisions differ */
  merge(other: ValueDigest): void {
    if (other.precisionBits !== this.precisionBits)
      throw new RangeError(`digests of ${other.precisionBits} and ${this.precisionBits} bits can't be merged`);
    this.#count += other.#count;
    this.#invalidCount += other.#invalidCount;
    this.#sum += other.#sum;
    this.#zeroCount += other.#zeroCount;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
    other.#pages.forEach((counts, index) => {
      if (!counts) return;
      const page = this.#page(index);
      counts.forEach((n, bin) => (page[bin] = (page[bin] ?? 0) + n));
    });
  }

  /** The nearest-rank percentile for a share of 0 to 1: the value at rank ceil(share × count). NaN without values. */
  quantile(share: number): number {
    if (this.#count === 0) return NaN;
    if (!(share >= 0 && share <= 1)) throw new RangeError(`a quantile's share is 0 to 1, not ${share}`);
    // The small allowance keeps 0.07 * 100 from being rank 8.
    const rank = Math.min(this.#count, Math.max(1, Math.ceil(share * this.#count - 1e-9 * this.#count)));
    if (rank === 1) return this.#min;
    if (rank === this.#count) return this.#max;
    let seen = 0;
    for (const { value, count } of this.#bins()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min, value));
    }
    return this.#max;
  }

  /** Steps of the distribution for `cdfChart`, thinned to about `limit`, half of them in the upper tail. */
  toCdf(limit = 400): CdfPoint[] {
    const points: CdfPoint[] = [];
    const even = limit / 2;
    let seen = 0;
    let kept = -1;
    let keptTail = -1;
    for (const { value, count } of this.#bins()) {
      seen += count;
      const fraction = seen / this.#count;
      const step = Math.floor(fraction * even);
      const tail = Math.floor(
        (-Math.log10(Math.max(1 - fraction, 1 / (2 * this.#count))) / Math.log10(2 * this.#count)) * even,
      );
      if (step === kept && tail === keptTail && seen < this.#count && points.length > 0) continue;
      kept = step;
      keptTail = tail;
      points.push({ value: Math.min(this.#max, Math.max(this.#min, value)), fraction });
    }
    return points;
  }

  /** Bins in use, by rising value; `value` is a bin's middle. */
  *#bins(): Generator<{ readonly value: number; readonly count: number }> {
    const half = 2048;
    for (let index = this.#pages.length - 1; index >= half; index--) yield* this.#pageBins(index, true);
    if (this.#zeroCount > 0) yield { value: 0, count: this.#zeroCount };
    for (let index = 0; index < Math.min(half, this.#pages.length); index++) yield* this.#pageBins(index, false);
  }
  *#pageBins(index: number, isNegative: boolean): Generator<{ readonly value: number; readonly count: number }> {
    const page = this.#pages[index];
    if (!page) return;
    for (let i = 0; i < page.length; i++) {
      const bin = isNegative ? page.length - 1 - i : i;
      const count = page[bin] ?? 0;
      if (count === 0) continue;
      this.#bits[1] = ((index << 20) | (bin << (20 - this.precisionBits)) | (1 << (19 - this.precisionBits))) >>> 0;
      this.#bits[0] = 0;
      yield { value: this.#float[0] ?? NaN, count };
    }
  }
  #page(index: number): Float64Array {
    return (this.#pages[index] ??= new Float64Array(1 << this.precisionBits));
  }
}
