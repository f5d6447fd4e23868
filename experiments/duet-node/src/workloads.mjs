// Each workload is the same work done in two ways: what either gives back is the same number.

/** A small generator: the same values everywhere. */
function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

function numbers(count, seed) {
  const next = random(seed);
  return Array.from({ length: count }, () => Math.floor(next() * 1_000_000));
}

/** Adds up the squares of every third number left out: by `reduce`, or in a loop. */
const sums = {
  reduce: ({ seed, scale }) => {
    const values = numbers(Math.round(120_000 * scale), seed);
    return () => {
      let total = 0;
      for (let round = 0; round < 30; round++)
        total += values.reduce((sum, value) => (value % 3 === 0 ? sum : sum + ((value * value) % 1_009)), 0);
      return total;
    };
  },
  loop: ({ seed, scale }) => {
    const values = numbers(Math.round(120_000 * scale), seed);
    return () => {
      let total = 0;
      for (let round = 0; round < 30; round++)
        for (const value of values) if (value % 3 !== 0) total += (value * value) % 1_009;
      return total;
    };
  },
};

/** Counts words: in a Map, or in an object without a prototype. */
const text = (seed, scale) => {
  const next = random(seed);
  const words = Array.from(
    { length: 4_000 },
    (_, i) => `w${i.toString(36)}x${Math.floor(next() * 1_296).toString(36)}`,
  );
  return Array.from({ length: Math.round(150_000 * scale) }, () => words[Math.floor(next() ** 2 * words.length)]);
};
const counts = {
  map: ({ seed, scale }) => {
    const words = text(seed, scale);
    return () => {
      let largest = 0;
      for (let round = 0; round < 8; round++) {
        const seen = new Map();
        for (const word of words) seen.set(word, (seen.get(word) ?? 0) + 1);
        for (const count of seen.values()) largest = Math.max(largest, count);
      }
      return largest;
    };
  },
  object: ({ seed, scale }) => {
    const words = text(seed, scale);
    return () => {
      let largest = 0;
      for (let round = 0; round < 8; round++) {
        const seen = Object.create(null);
        for (const word of words) seen[word] = (seen[word] ?? 0) + 1;
        for (const word in seen) largest = Math.max(largest, seen[word]);
      }
      return largest;
    };
  },
};

/**
 * Integer arithmetic with no allocation. `percent-N` does N % more of it: a slow-down of known size, to see whether it is
 * found.
 */
const spin =
  (share) =>
  ({ scale }) => {
    const rounds = Math.round(25_000_000 * scale * (1 + share));
    return () => {
      let x = 2_463_534_242;
      for (let i = 0; i < rounds; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
      }
      return x >>> 0;
    };
  };
const arithmetic = {
  plain: spin(0),
  "percent-1": spin(0.01),
  "percent-2": spin(0.02),
  "percent-5": spin(0.05),
  "percent-10": spin(0.1),
};

export const workloads = { sums, counts, arithmetic };
