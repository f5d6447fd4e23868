import { compareSides, compareTrialSets, metricsOf } from "../../../analysis/compare/compare-trials.ts";
import { contrastsOfPoints } from "../../../analysis/compare/contrast.ts";
import { comparisonFigures, forestRows, intervalByTrialsRows, ridgeRows } from "../../../analysis/compare/figures.ts";
import { checkRows } from "../../../analysis/figure.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";
import { kernelDensity } from "../../../analysis/statistics/density.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import type { Trial, TrialComparison } from "../../../analysis/trials.ts";
import { trialFixture } from "../trial-fixture.ts";

const comparison = (over: Partial<TrialComparison> = {}): TrialComparison => ({
  mode: "duet",
  barrier: true,
  place: "split",
  arm: undefined,
  order: "AB",
  ...over,
});

/** Trials of a duet whose machine drifts, and whose B takes `factor` as long with a little noise of its own. */
function duetTrials(count: number, factor: number, pointKey = "s.default"): Trial[] {
  const random = generator(7);
  return Array.from({ length: count }, (_, trialIndex) => {
    const machine = 100 * (1 + 0.3 * random.next());
    return trialFixture({
      pointKey,
      trialIndex,
      comparison: comparison(),
      summary: { latencyMs: 1, "p99Ms.A": machine, "p99Ms.B": machine * factor * (1 + 0.004 * (random.next() - 0.5)) },
    });
  });
}

/** The same, one side after the other on a machine that drifts: A0 B0 A1 B1 … */
function sideTrials(mode: "interleaved" | "independent", count: number, factor: number): Trial[] {
  const random = generator(7);
  return Array.from({ length: count }, (_, trialIndex) => {
    const machine = 100 * (1 + 0.3 * random.next());
    return (["A", "B"] as const).map((arm) =>
      trialFixture({
        pointKey: `s.default+arm=${arm}`,
        trialIndex,
        comparison: comparison({ mode, arm, order: undefined, barrier: false }),
        summary: { p99Ms: arm === "A" ? machine : machine * factor },
      }),
    );
  }).flat();
}

describe("compareSides", () => {
  it("pairs both sides of a duet's trial: a machine's drift cancels out", () => {
    const [point] = compareSides(duetTrials(8, 1.05), "p99Ms");
    expect(point).toMatchObject({ point: "s.default", basis: "duet", a: { trials: 8 }, b: { trials: 8 }, left: [] });
    expect(point?.comparison).toMatchObject({ verdict: "different", direction: "higher", runs: 8 });
    expect(point?.comparison.change).toBeCloseTo(0.05, 2);
    expect(point?.logRatios).toHaveLength(8);
  });

  it("says same where nothing differs, and cannot tell where trials are too few", () => {
    expect(compareSides(duetTrials(8, 1), "p99Ms")[0]?.comparison.verdict).toBe("same");
    expect(compareSides(duetTrials(1, 1), "p99Ms")[0]?.comparison.verdict).toBe("cannot tell");
  });

  it("pairs an interleaved block's trials, and takes independent ones as series", () => {
    const [interleaved] = compareSides(sideTrials("interleaved", 6, 1.05), "p99Ms");
    expect(interleaved).toMatchObject({ basis: "interleaved", point: "s.default" });
    expect(interleaved?.comparison.verdict).toBe("different");
    const [independent] = compareSides(sideTrials("independent", 6, 1.05), "p99Ms");
    expect(independent).toMatchObject({ basis: "independent", logRatios: [] });
    // The drift of 30 % is in both series, and no pair takes it out.
    expect(independent?.comparison.verdict).toBe("cannot tell");
  });

  it("says how far the trials reach, and how many more it would take", () => {
    const [point] = compareSides(sideTrials("independent", 6, 1.05), "p99Ms");
    expect(point?.outlook?.detectableChange).toBeGreaterThan(0.05);
    expect(point?.outlook?.moreToShow).toBeGreaterThan(6);
    const [sure] = compareSides(duetTrials(8, 1.05), "p99Ms");
    expect(sure?.outlook).toMatchObject({ moreToShow: 0 });
    expect(sure?.outlook?.detectableChange).toBeLessThan(0.02);
  });

  it("leaves out what has no partner or no ratio, each with its reason", () => {
    const duet = duetTrials(4, 1);
    const [first, second, ...others] = duet as [Trial, Trial, ...Trial[]];
    const broken = [
      { ...first, summary: { "p99Ms.A": 3 } },
      { ...second, summary: { "p99Ms.A": 3, "p99Ms.B": 0 } },
      ...others,
    ];
    const [point] = compareSides(broken, "p99Ms");
    expect(point?.left).toEqual([
      expect.stringMatching(/trial 0 has no p99Ms\.B/),
      expect.stringMatching(/trial 1: p99Ms\.B is 0/),
    ]);
    const alone = sideTrials("interleaved", 3, 1).slice(0, -1);
    expect(compareSides(alone, "p99Ms")[0]?.left).toEqual([expect.stringMatching(/trial 2 has no partner/)]);
  });

  it("takes hosts for units when there are enough of them", () => {
    const trials = duetTrials(12, 1.05).map((trial, i) => ({
      ...trial,
      artifacts: [{ ...trialFixture({}, { "x/y": "" }).artifacts[0]!, host: `box-${i % 6}` }],
    }));
    expect(compareSides(trials, "p99Ms")[0]?.comparison).toMatchObject({ hosts: 6, scope: "hosts like these" });
  });

  it("adjusts over all points, and names a metric that was probably meant", () => {
    const points = compareSides([...duetTrials(6, 1.05, "s.x=1"), ...duetTrials(6, 1, "s.x=2")], "p99Ms");
    expect(points.map(({ point }) => point)).toEqual(["s.x=1", "s.x=2"]);
    for (const {
      adjustedP,
      comparison: { p },
    } of points)
      expect(adjustedP).toBeGreaterThanOrEqual(p ?? 1);
    expect(() => compareSides(duetTrials(2, 1), "p99ms")).toThrow(/no trial has a metric p99ms/);
    expect(() => compareSides([trialFixture()], "p50Ms")).toThrow(/has sides A and B/);
    expect(metricsOf(duetTrials(1, 1))).toEqual(["latencyMs", "p99Ms"]);
  });
});

describe("compareTrialSets", () => {
  const run = (values: readonly number[], pointKey = "load.x=1") =>
    values.map((p50Ms, trialIndex) => trialFixture({ pointKey, trialIndex, summary: { p50Ms } }));

  it("holds B against A, point by point", () => {
    const [point, ...others] = compareTrialSets(
      [...run([10, 10.1, 9.9, 10]), ...run([1, 1], "load.x=2")],
      run([12, 12.1, 11.9, 12]),
      "p50Ms",
    );
    expect(others).toEqual([]);
    expect(point).toMatchObject({
      point: "load.x=1",
      basis: "independent",
      comparison: { verdict: "different", direction: "higher" },
    });
    expect(point?.comparison.change).toBeCloseTo(0.2, 2);
  });

  it("holds each side of a duet against its own in the other run", () => {
    const points = compareTrialSets(duetTrials(4, 1), duetTrials(4, 1), "p99Ms");
    expect(points.map(({ point }) => point)).toEqual(["s.default+arm=A", "s.default+arm=B"]);
    expect(points.every(({ comparison: { change } }) => Math.abs(change) < 1e-9)).toBe(true);
  });

  it("refuses runs without a point in common", () => {
    expect(() => compareTrialSets(run([1]), run([1], "load.x=3"), "p50Ms")).toThrow(/no point in common/);
  });
});

describe("comparisonFigures", () => {
  const contrasts = contrastsOfPoints([
    ...compareSides(duetTrials(8, 1.05, "slower"), "p99Ms"),
    ...compareSides(duetTrials(8, 1, "same"), "p99Ms"),
  ]);
  const [forest, intervals, ridges] = comparisonFigures({ contrasts: () => contrasts, title: "t", estimator: "e." });

  it("has a row a comparison, an interval for each number of pairs from three, and a tick a pair", () => {
    expect(forestRows(contrasts).map(({ item, verdict, pairs }) => [item, verdict, pairs])).toEqual([
      ["slower", "different", 8],
      ["same", "same", 8],
    ]);
    const byTrials = intervalByTrialsRows(contrasts).filter(({ item }) => item === "slower");
    expect(byTrials.map(({ pairs }) => pairs)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(byTrials.at(-1)?.changePercent).toBeCloseTo(forestRows(contrasts)[0]?.changePercent ?? NaN, 10);
    const ridge = ridgeRows(contrasts).filter(({ item }) => item === "same");
    expect(ridge.filter(({ kind }) => kind === "pair")).toHaveLength(8);
    expect(Math.max(...ridge.map(({ height }) => height))).toBe(1);
  });

  it("draws all three", async () => {
    for (const [figure, rows] of [
      [forest, forestRows(contrasts)],
      [intervals, intervalByTrialsRows(contrasts)],
      [ridges, ridgeRows(contrasts)],
    ] as const) {
      const { svg } = await renderFigure(
        (figure.spec as (rows: readonly object[]) => ReturnType<typeof forest.spec>)(rows),
        { formats: ["svg"] },
      ); // each figure gets its own rows
      expect(svg).toContain("same");
      expect(svg).toContain("change of B against A");
    }
    expect(() => checkRows(forest, [])).toThrow();
  });

  it("has no density where no change can be, however far the pairs spread", () => {
    const wide = [-3, -2, -0.5, 0, 0.4, 1.5].map((logRatio, trialIndex) =>
      trialFixture({
        trialIndex,
        comparison: comparison(),
        summary: { "p99Ms.A": 1_000, "p99Ms.B": 1_000 * Math.exp(logRatio) },
      }),
    );
    const curve = ridgeRows(contrastsOfPoints(compareSides(wide, "p99Ms"))).filter(({ kind }) => kind === "density");
    expect(curve.length).toBe(120);
    const [first, second] = curve;
    expect(first?.changePercent).toBe(-100);
    expect(Math.max(...curve.map(({ height }) => height))).toBe(1);
    // Reflected, the density is level where it ends, and its area is one.
    expect(Math.abs((second?.height ?? 0) - (first?.height ?? 0))).toBeLessThan(0.01);
    const changes = [-3, -2, -0.5, 0, 0.4, 1.5].map((logRatio) => 100 * Math.expm1(logRatio));
    const unbounded = kernelDensity(changes, { points: 2000 });
    const step = (second?.changePercent ?? 0) + 100;
    const area = curve.reduce(
      (sum, { height }, i) => sum + height * step * (i === 0 || i === curve.length - 1 ? 0.5 : 1),
      0,
    );
    const at = (x: number): number =>
      unbounded.reduce((a, b) => (Math.abs(b.value - x) < Math.abs(a.value - x) ? b : a)).density;
    const peak = curve.find(({ height }) => height === 1)?.changePercent ?? 0;
    expect(1 / area / (at(peak) + at(-200 - peak))).toBeCloseTo(1, 1);
  });

  it("draws pairs that are all equal, as ticks without a density", async () => {
    const equal = Array.from({ length: 4 }, (_, trialIndex) =>
      trialFixture({ trialIndex, comparison: comparison(), summary: { "p99Ms.A": 1_500, "p99Ms.B": 1_500 } }),
    );
    const rows = ridgeRows(contrastsOfPoints(compareSides(equal, "p99Ms")));
    expect(rows).toMatchObject(Array.from({ length: 4 }, () => ({ kind: "pair", changePercent: 0 })));
    const { svg } = await renderFigure(ridges.spec(rows), { formats: ["svg"] });
    expect(svg?.match(/class="mark-rule|class="mark-rect/g)?.length).toBeGreaterThan(0);
    expect(svg).not.toContain("NaN");
  });

  it("leaves single pairs and independent series out where they have nothing to draw", () => {
    const [single] = contrastsOfPoints(compareSides(duetTrials(1, 1), "p99Ms"));
    expect([forestRows([single!]), intervalByTrialsRows([single!]), ridgeRows([single!])]).toEqual([[], [], []]);
    const apart = contrastsOfPoints(compareSides(sideTrials("independent", 3, 1.1), "p99Ms"));
    expect(forestRows(apart)).toHaveLength(1);
    expect(intervalByTrialsRows(apart)).toEqual([]);
  });
});
