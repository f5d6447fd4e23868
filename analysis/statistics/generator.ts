import type { Random } from "../../core/effects/random.ts";

// Taken out of Math once: a lookup of a global costs more than the function, wherever code runs in a context of its own.
const { exp, floor, imul, log, log1p, sqrt } = Math;

/**
 * A generator for simulations and resampling: seeded, the same on every machine, and fast enough for 10⁹ draws.
 *
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021; reference
 * code at https://prng.di.unimi.it): 128 bits of state, period 2¹²⁸ − 1, passes BigCrush. Mulberry32 of
 * `core/effects/random.ts` has a period of 2³² and 32-bit outputs, which a bootstrap of 10⁹ draws would use up.
 */
export class Generator implements Random {
  readonly #state: Int32Array;
  #spareNormal: number | undefined;

  constructor(seed: number) {
    this.#state = seedState(seed);
  }

  /** Uniform 32-bit unsigned integer. */
  nextUint32(): number {
    // The state is four words long: constant indices are inside.
    const s = this.#state as unknown as Record<0 | 1 | 2 | 3, number>;
    const m = imul(s[1], 5);
    const result = imul((m << 7) | (m >>> 25), 9);
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result >>> 0;
  }

  /** Uniform in [0, 1), all 53 bits random. */
  next(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  }

  /** Uniform in the open interval (0, 1): safe under a logarithm or a quantile function. */
  nextOpen(): number {
    return (this.nextUint32() + 0.5) / 4_294_967_296;
  }

  /** Uniform integer in [0, bound), without bias; bound ≤ 2³². */
  below(bound: number): number {
    for (;;) {
      const draw = this.nextUint32();
      // The quotient of whole numbers below 2³² never rounds up to the next whole one, so this is exact, and faster than %.
      const whole = floor(draw / bound) * bound;
      // Refuse the last, incomplete stretch of `bound` values.
      if (whole + bound <= 4_294_967_296) return draw - whole;
    }
  }

  /** Standard normal, by the polar method (Marsaglia and Bray 1964). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const u = 2 * this.next() - 1;
      const v = 2 * this.next() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) {
        const factor = sqrt((-2 * log(s)) / s);
        this.#spareNormal = v * factor;
        return u * factor;
      }
    }
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -log(this.nextOpen());
  }

  /** Gamma with the given shape and scale 1 (Marsaglia and Tsang 2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * this.nextOpen() ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && log(this.nextOpen()) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
  }

  /** Beta(a, b), as a ratio of gammas. */
  beta(a: number, b: number): number {
    const x = this.gamma(a);
    return x / (x + this.gamma(b));
  }

  /** Number of successes in n trials of probability p. Inversion for small n·p, else BTRS (Hörmann 1993, JSCS 46). */
  binomial(n: number, p: number): number {
    if (n === 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - this.binomial(n, 1 - p);
    return n * p < 10 ? this.#binomialByInversion(n, p) : this.#binomialByRejection(n, p);
  }

  #binomialByInversion(n: number, p: number): number {
    const odds = p / (1 - p);
    const atZero = exp(n * log1p(-p));
    for (;;) {
      let u = this.next();
      let mass = atZero;
      for (let k = 0; k <= n; k++) {
        if (u < mass) return k;
        u -= mass;
        mass *= (odds * (n - k)) / (k + 1);
      }
      // Rounding left a sliver above the last term: draw again.
    }
  }

  #binomialByRejection(n: number, p: number): number {
    const spread = sqrt(n * p * (1 - p));
    const b = 1.15 + 2.53 * spread;
    const a = -0.0873 + 0.0248 * b + 0.01 * p;
    const c = n * p + 0.5;
    const vr = 0.92 - 4.2 / b;
    const alpha = (2.83 + 5.1 / b) * spread;
    const logOdds = log(p / (1 - p));
    const mode = floor((n + 1) * p);
    const modeTerm = logFactorialTail(mode) + logFactorialTail(n - mode);
    for (;;) {
      const u = this.next() - 0.5;
      let v = this.nextOpen();
      const us = 0.5 - Math.abs(u);
      const k = floor(((2 * a) / us + b) * u + c);
      if (k < 0 || k > n) continue;
      if (us >= 0.07 && v <= vr) return k;
      v = log((v * alpha) / (a / (us * us) + b));
      if (v <= modeTerm - logFactorialTail(k) - logFactorialTail(n - k) + (k - mode) * logOdds) return k;
    }
  }

  /** The four state words, for an inlined loop; give them back with `restore`. */
  state(): [number, number, number, number] {
    const s = this.#state as unknown as Record<0 | 1 | 2 | 3, number>; // four words long
    return [s[0], s[1], s[2], s[3]];
  }

  restore(a: number, b: number, c: number, d: number): void {
    this.#state[0] = a;
    this.#state[1] = b;
    this.#state[2] = c;
    this.#state[3] = d;
  }
}

/** ln(k!), exact to double precision: a table below 16, Stirling's series above. */
function logFactorialTail(k: number): number {
  const known = logFactorials[k];
  if (known !== undefined) return known;
  const x = k + 1;
  return (x - 0.5) * log(x) - x + 0.9189385332046728 + (1 / 12 - (1 / 360 - 1 / (1260 * x * x)) / (x * x)) / x;
}
const logFactorials = Array.from({ length: 17 }, (_, k) => {
  let sum = 0;
  for (let i = 2; i <= k; i++) sum += log(i);
  return sum;
});

/** Four words from a seed by SplitMix-style mixing, never all zero. Seeds beyond 32 bits count with all their 53. */
function seedState(seed: number): Int32Array {
  const words = new Int32Array(4);
  let low = seed >>> 0;
  const high = floor(Math.abs(seed) / 4_294_967_296) >>> 0;
  low ^= imul(high, 0x85ebca6b);
  for (let i = 0; i < 4; i++) {
    low = (low + 0x9e3779b9) >>> 0;
    let z = low;
    z = imul(z ^ (z >>> 16), 0x85ebca6b);
    z = imul(z ^ (z >>> 13), 0xc2b2ae35);
    words[i] = z ^ (z >>> 16);
  }
  if (words.every((word) => word === 0)) words[0] = 1;
  return words;
}

/** A fresh generator for one computation. The seed is part of the result's evidence: store it. */
export const generator = (seed: number): Generator => new Generator(seed);

/**
 * A generator drawn from any source of randomness: estimators accept the product's `Random`, and resample with this one.
 */
export const generatorFrom = (random: Random): Generator =>
  random instanceof Generator
    ? random
    : new Generator(floor(random.next() * 4_294_967_296) * 2_097_152 + floor(random.next() * 2_097_152));
