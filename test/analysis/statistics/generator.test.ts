import { seededRandom } from "../../../core/effects/random.ts";
import { binomial, chiSquare, normal } from "../../../analysis/statistics/distributions.ts";
import { Generator, generator, generatorFrom } from "../../../analysis/statistics/generator.ts";

/** P value of counts against expected counts. */
function chiSquareP(counts: readonly number[], expected: readonly number[]): number {
  const statistic = counts.reduce((total, count, i) => total + (count - expected[i]!) ** 2 / expected[i]!, 0);
  return chiSquare.survival(statistic, counts.length - 1);
}

describe("Generator", () => {
  it("is xoshiro128**: the reference code's first outputs for state 1, 2, 3, 4", () => {
    const random = new Generator(0);
    random.restore(1, 2, 3, 4);
    // Computed by hand from the reference C code: rotl(s[1] * 5, 7) * 9, then the state's linear step.
    expect([random.nextUint32(), random.nextUint32(), random.nextUint32()]).toEqual([11520, 0, 5927040]);
  });

  it("repeats for a seed and differs between seeds, those beyond 32 bits included", () => {
    const first = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          (random) => () =>
            random.nextUint32()
        )(generator(seed)),
      );
    expect(first(7)).toEqual(first(7));
    const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 53 - 1];
    expect(new Set(seeds.map((seed) => first(seed).join())).size).toBe(seeds.length);
  });

  it("draws uniformly, also the low bits", () => {
    const random = generator(11);
    const high = new Array<number>(16).fill(0);
    const low = new Array<number>(16).fill(0);
    const bounded = new Array<number>(7).fill(0);
    for (let i = 0; i < 160_000; i++) {
      const draw = random.nextUint32();
      high[draw >>> 28]!++;
      low[draw & 15]!++;
      bounded[random.below(7)]!++;
    }
    expect(
      chiSquareP(
        high,
        high.map(() => 10_000),
      ),
    ).toBeGreaterThan(1e-4);
    expect(
      chiSquareP(
        low,
        low.map(() => 10_000),
      ),
    ).toBeGreaterThan(1e-4);
    expect(
      chiSquareP(
        bounded,
        bounded.map(() => 160_000 / 7),
      ),
    ).toBeGreaterThan(1e-4);
  });

  it.each([
    ["inversion", 20, 0.2],
    ["rejection", 1_000, 0.3],
    ["the mirrored side", 50, 0.9],
  ])("draws binomial counts by %s", (_way, n, p) => {
    const random = generator(5);
    const draws = 40_000;
    const cells = [0.05, 0.25, 0.5, 0.75, 0.95].map((q) => binomial.quantile(q, n, p));
    const cellOf = (k: number) => cells.filter((edge) => k > edge).length;
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < draws; i++) counts[cellOf(random.binomial(n, p))]!++;
    const shares = [...cells.map((edge) => binomial.cdf(edge, n, p)), 1];
    expect(
      chiSquareP(
        counts,
        shares.map((share, i) => draws * (share - (shares[i - 1] ?? 0))),
      ),
    ).toBeGreaterThan(1e-4);
  });

  it("draws normal and beta values with the right distribution", () => {
    const random = generator(9);
    const tenths = new Array<number>(10).fill(0);
    const quarters = new Array<number>(4).fill(0);
    for (let i = 0; i < 40_000; i++) {
      tenths[Math.min(9, Math.floor(normal.cdf(random.normal()) * 10))]!++;
      const x = random.beta(1, 3); // cdf 1 − (1 − x)³
      quarters[Math.min(3, Math.floor((1 - (1 - x) ** 3) * 4))]!++;
    }
    expect(
      chiSquareP(
        tenths,
        tenths.map(() => 4_000),
      ),
    ).toBeGreaterThan(1e-4);
    expect(
      chiSquareP(
        quarters,
        quarters.map(() => 10_000),
      ),
    ).toBeGreaterThan(1e-4);
  });

  it("can be made from any source of randomness, and is then its function", () => {
    expect(generatorFrom(seededRandom(3)).nextUint32()).toBe(generatorFrom(seededRandom(3)).nextUint32());
    const own = generator(1);
    expect(generatorFrom(own)).toBe(own);
  });
});
