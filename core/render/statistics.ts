/** Numbers gathered one by one; more than this is refused, for a metric is a summary and memory is bounded. */
export const maxSamples = 20_000_000;

/** A growing list of numbers, eight bytes each. */
export class Samples {
  #values = new Float64Array(1_024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(value: number): boolean {
    if (this.#length >= maxSamples) return false;
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
    return true;
  }

  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/**
 * One number for many.
 *
 * @param stat as in `summary:`; percentiles are nearest-rank: the smallest value that at least p % are no larger than
 * @returns undefined of no values, and of a rate when there is no time between first and last
 */
export function statisticOf(stat: string, samples: Samples): number | undefined {
  const values = samples.values();
  const n = values.length;
  if (stat === "count") return n;
  if (stat === "sum") return sumOf(values);
  if (n === 0) return undefined;
  switch (stat) {
    case "mean":
      return sumOf(values) / n;
    case "min":
      return values.reduce((a, b) => Math.min(a, b));
    case "max":
      return values.reduce((a, b) => Math.max(a, b));
    case "first":
      return values[0];
    case "last":
      return values[n - 1];
    case "rate": {
      const span = values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
      return span > 0 ? (n - 1) / span : undefined;
    }
    case "median":
      return nearestRank(values, 50);
    default:
      return nearestRank(values, Number(stat.slice(1)));
  }
}

/** Neumaier's sum: the error doesn't grow with the number of values. */
function sumOf(values: Float64Array): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

function nearestRank(values: Float64Array, percent: number): number | undefined {
  const sorted = values.slice().sort();
  // The rounding keeps 99.9 % of 1000 at rank 999, which floating point would call 999.0000000000001.
  const rank = Math.ceil(Number(((percent / 100) * sorted.length).toFixed(9)));
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1];
}
