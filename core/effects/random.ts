/** Where all randomness comes from: seeded in plans, simulations and tests, the system's for identifiers and secrets. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/**
 * Mulberry32: 32 bits of state, the same sequence for the same seed on every machine.
 *
 * @see Tommy Ettinger's public-domain mulberry32; good enough for shuffles and jitter, not for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** Fisher–Yates; the input stays as it is. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const a = result[i] as T; // both indices are inside the array: 0 <= j <= i < length
    result[i] = result[j] as T;
    result[j] = a;
  }
  return result;
}
