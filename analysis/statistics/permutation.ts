import { mean } from "./descriptive.ts";
import { generator } from "./generator.ts";
import { toFloat64 } from "./samples.ts";
import type { Samples } from "./samples.ts";

// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { abs, clz32 } = Math;

/** Exact up to here: 2²⁰ sign patterns. */
const exactLimit = 20;

export interface SignFlipTest {
  /** The mean difference or log ratio. */
  readonly estimate: number;
  /** Two-sided. Never below 2^(1 − R): with few runs no outcome is surprising. */
  readonly p: number;
  readonly method: "exact" | "sampled";
  /** Sign patterns looked at. */
  readonly patterns: number;
}

/**
 * Permutation test of paired differences: if A and B are the same, each run's sign could as well be the other. Exact for
 * up to 20 runs (all sign patterns, in Gray code order); above, seeded draws with the observed pattern counted in.
 *
 * @param differences one a run: B − A, or ln B/A
 * @see R. A. Fisher, The Design of Experiments, 1935, 21; B. Phipson and G. Smyth 2010 for the + 1
 */
export function signFlipTest(
  differences: Samples,
  options: { readonly seed?: number; readonly draws?: number } = {},
): SignFlipTest {
  const values = toFloat64(differences, "a sign-flip test");
  const n = values.length;
  let magnitude = 0;
  let observed = 0;
  for (const value of values) {
    magnitude += abs(value);
    observed += value;
  }
  // Sums that differ only by rounding are the same outcome.
  const target = abs(observed) - magnitude * 1e-12;
  const estimate = mean(values);
  if (n <= exactLimit) {
    // Flipping all signs mirrors the sum, so the last value keeps its sign and every pattern stands for two.
    const patterns = 2 ** (n - 1);
    let total = observed;
    let far = 0;
    const signed = values.slice();
    for (let k = 1; ; k++) {
      if (abs(total) >= target) far++;
      if (k >= patterns) break;
      const flipped = 31 - clz32(k & -k); // the bit that changes from one Gray code to the next
      const value = signed[flipped] as number; // k < 2^(n − 1), so the bit is below n − 1
      total -= 2 * value;
      signed[flipped] = -value;
      // Renewed now and then, so that rounding can't pile up over a million steps.
      if ((k & 1023) === 0) total = signed.reduce((sum, next) => sum + next, 0);
    }
    return { estimate, p: far / patterns, method: "exact", patterns: patterns * 2 };
  }
  const draws = options.draws ?? 100_000;
  const random = generator(options.seed ?? 1);
  let far = 1;
  for (let k = 0; k < draws; k++) {
    let total = 0;
    let bits = 0;
    for (let i = 0; i < n; i++) {
      if ((i & 31) === 0) bits = random.nextUint32();
      total += (bits & 1) === 1 ? (values[i] as number) : -(values[i] as number); // i < n
      bits >>>= 1;
    }
    if (abs(total) >= target) far++;
  }
  return { estimate, p: far / (draws + 1), method: "sampled", patterns: draws };
}
