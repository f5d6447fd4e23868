import { calibrate, calibrationOf } from "../../../analysis/statistics/calibration.ts";
import { standardDeviation } from "../../../analysis/statistics/descriptive.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import { benjaminiHochberg, holm, suiteRatio } from "../../../analysis/statistics/multiple.ts";
import {
  minimalDetectableChange,
  planRuns,
  powerOfDifference,
  powerOfSameness,
  runsNeeded,
  runsNeededByFormula,
  runsNeededForSameness,
} from "../../../analysis/statistics/planning.ts";
import { precisionCurve, runningEstimates } from "../../../analysis/statistics/precision.ts";
import { binomialLimits } from "../../../analysis/statistics/proportion.ts";
import { compareRuns } from "../../../analysis/statistics/verdict.ts";
import { varianceBudget } from "../../../analysis/statistics/variance-budget.ts";
import { reference } from "./check/reference.ts";

describe("power", () => {
  it.each(reference.power.power)("of a difference equals statsmodels' ($runs runs)", ({ value, runs, ...spec }) => {
    expect(powerOfDifference(runs, spec)).toBeCloseTo(value, 10);
  });
  it.each(reference.power.sameness)("of sameness equals SciPy's integral ($runs runs)", ({ value, runs, ...spec }) => {
    expect(powerOfSameness(runs, spec)).toBeCloseTo(value, 7);
  });
  it("is what the verdict achieves in simulation, margin included", () => {
    const random = generator(12);
    const spec = { logDeviation: 0.015, change: 0.03, margin: 0.01 };
    const simulations = 2_000;
    let different = 0;
    let same = 0;
    for (let k = 0; k < simulations; k++) {
      const noise = Array.from({ length: 12 }, () => spec.logDeviation * random.normal());
      if (compareRuns(noise.map((x) => x + Math.log1p(spec.change))).direction === "higher") different++;
      if (compareRuns(noise).verdict === "same") same++;
    }
    const expectCount = (count: number, share: number) => {
      const { low, high } = binomialLimits(simulations, share, 0.9999);
      expect(count).toBeGreaterThanOrEqual(low);
      expect(count).toBeLessThanOrEqual(high);
    };
    expectCount(different, powerOfDifference(12, spec));
    expectCount(same, powerOfSameness(12, { ...spec, change: 0 }));
  });
});

describe("runsNeeded", () => {
  const spec = { logDeviation: 0.02, change: 0.02 };
  it("is the first count that reaches the power", () => {
    const runs = runsNeeded(spec);
    expect(powerOfDifference(runs, spec)).toBeGreaterThanOrEqual(0.8);
    expect(powerOfDifference(runs - 1, spec)).toBeLessThan(0.8);
    expect(Math.abs(runs - runsNeededByFormula(spec))).toBeLessThanOrEqual(1);
    expect(runsNeeded({ ...spec, change: -0.02 })).toBeLessThanOrEqual(runs);
    expect(runsNeeded({ ...spec, logDeviation: 1e-6 })).toBe(2);
  });
  it("is infinite for a change within the margin", () => {
    expect(runsNeeded({ ...spec, margin: 0.02 })).toBe(Infinity);
    expect(runsNeededByFormula({ ...spec, margin: 0.03 })).toBe(Infinity);
    expect(runsNeeded({ logDeviation: 0.5, change: 1e-6 })).toBe(Infinity);
  });
  it("for sameness grows with the noise", () => {
    const needed = [0.005, 0.01, 0.02].map((logDeviation) => runsNeededForSameness({ logDeviation, change: 0 }));
    expect(needed[0]).toBeLessThan(needed[1]!);
    expect(needed[1]).toBeLessThan(needed[2]!);
    expect(powerOfSameness(needed[2]!, { logDeviation: 0.02, change: 0 })).toBeGreaterThanOrEqual(0.8);
  });
  it("refuses a deviation of nothing", () => {
    expect(() => runsNeeded({ logDeviation: 0, change: 0.1 })).toThrow("a deviation of 0");
  });
});

describe("minimalDetectableChange", () => {
  it("inverts the power", () => {
    const change = minimalDetectableChange(10, { logDeviation: 0.02, margin: 0.01 });
    expect(powerOfDifference(10, { logDeviation: 0.02, margin: 0.01, change })).toBeCloseTo(0.8, 8);
    expect(minimalDetectableChange(1, { logDeviation: 0.02 })).toBe(Infinity);
    expect(minimalDetectableChange(40, { logDeviation: 0.02 })).toBeLessThan(
      minimalDetectableChange(10, { logDeviation: 0.02 }),
    );
  });
});

describe("planRuns", () => {
  it("prices what it would cost to know", () => {
    const [small, large] = planRuns([0.01, 0.05], { logDeviation: 0.02 }, { secondsPerRun: 360, dollarsPerHour: 0.5 });
    expect(small!.runs).toBe(runsNeeded({ logDeviation: 0.02, change: 0.01 }));
    expect(small!.machineHours).toBeCloseTo(small!.runs / 10, 12);
    expect(small!.dollars).toBeCloseTo(small!.machineHours / 2, 12);
    expect(large!.dollars).toBeLessThan(small!.dollars);
  });
});

describe("precisionCurve", () => {
  const random = generator(21);
  const runs = Array.from({ length: 40 }, () => 0.02 * random.normal());
  it("narrows like 1/√r, prices each point, and raises the nominal rate of false alarms", () => {
    const points = precisionCurve(runs, {
      counts: [5, 10, 20],
      draws: 400,
      cost: { secondsPerRun: 60, dollarsPerHour: 6 },
    });
    expect(points.map(({ dollars }) => dollars)).toEqual([0.5, 1, 2]);
    expect(points[0]!.medianWidth / points[2]!.medianWidth).toBeGreaterThan(2);
    expect(points[0]!.p90Width).toBeGreaterThan(points[0]!.medianWidth);
    for (const { significantShare, differentShare, sameShare } of points) {
      expect(significantShare).toBeLessThan(0.13);
      expect(differentShare).toBeLessThanOrEqual(significantShare);
      expect(differentShare + sameShare).toBeLessThanOrEqual(1);
    }
  });
  it("looks at every count by default, repeats for a seed, and has no price without a cost", () => {
    const points = precisionCurve(runs.slice(0, 6), { draws: 20 });
    expect(points.map((point) => point.runs)).toEqual([2, 3, 4, 5, 6]);
    expect(points).toEqual(precisionCurve(runs.slice(0, 6), { draws: 20 }));
    expect(points[0]!.dollars).toBeUndefined();
    expect(points[4]!.medianWidth).toBeCloseTo(points[4]!.p90Width, 12); // all subsets of six are one
    expect(() => precisionCurve(runs, { counts: [41] })).toThrow("a subsample of 41 from 40 runs");
  });
});

describe("runningEstimates", () => {
  it("ends at the whole comparison", () => {
    const values = [0.01, 0.03, 0.02, 0.04];
    const last = runningEstimates(values).at(-1)!;
    const { change, interval } = compareRuns(values);
    expect(last.runs).toBe(4);
    expect([last.change, last.low, last.high]).toEqual(
      [change, interval!.low, interval!.high].map((x) => expect.closeTo(x, 12) as number),
    );
  });
});

describe("varianceBudget", () => {
  it("gains 1/√(1 − ρ) from what pairs share", () => {
    const random = generator(2);
    const shared = Array.from({ length: 5_000 }, () => random.normal());
    const a = shared.map((s) => 100 + 9 * s + 3 * random.normal());
    const b = shared.map((s) => 100 + 9 * s + 3 * random.normal());
    const budget = varianceBudget(a, b);
    expect(budget.correlation).toBeCloseTo(0.9, 1);
    expect(budget.correlationGain).toBeCloseTo(1 / Math.sqrt(1 - budget.correlation), 12);
    expect(budget.measuredGain / budget.correlationGain).toBeCloseTo(1, 1);
    expect(budget).toMatchObject({ pairs: 5_000, beneficial: true, gainOverSequential: undefined });
  });
  it("doesn't call a duet beneficial where a quiet sequential run is better", () => {
    const random = generator(3);
    const noisy = () => Array.from({ length: 200 }, () => 100 + 10 * random.normal());
    const quiet = Array.from({ length: 200 }, () => 100 + random.normal());
    expect(varianceBudget(noisy(), noisy(), quiet).beneficial).toBe(false);
  });
});

describe("calibrate", () => {
  it("counts false alarms near the nominal rate, fewer with a margin, and finds the noise floor", () => {
    const random = generator(5);
    const arms = Array.from({ length: 800 }, () =>
      Array.from({ length: 8 }, () => ({ logRatio: 0.02 * random.normal() })),
    );
    const calibration = calibrate(arms);
    const { low, high } = binomialLimits(800, 0.05, 0.9999);
    expect(calibration.significant.count).toBeGreaterThanOrEqual(low);
    expect(calibration.significant.count).toBeLessThanOrEqual(high);
    expect(calibration.significant.low).toBeLessThan(0.05);
    expect(calibration.significant.high).toBeGreaterThan(0.05);
    expect(calibration.different.count).toBeLessThan(calibration.significant.count);
    // With the floor as the margin, no more than that share would be different.
    const atFloor = calibrate(arms, { margin: calibration.noiseFloor });
    expect(atFloor.different.estimate).toBeLessThanOrEqual(0.05);
    expect(calibration.medianHalfWidth).toBeCloseTo((2.365 * 0.02) / Math.sqrt(8), 2);
  });
  it("doesn't count arms without an interval", () => {
    expect(calibrationOf([compareRuns([0.1]), compareRuns([0, 0])])).toMatchObject({ arms: 1 });
    expect(() => calibrationOf([compareRuns([0.1])])).toThrow("without an A/A arm of two runs");
  });
});

describe("multiple comparisons", () => {
  const { ps, ...expected } = reference.adjusted;
  it("adjusts like statsmodels, in the given order", () => {
    expect(benjaminiHochberg(ps).map(({ adjusted }) => adjusted)).toEqual(
      expected.benjaminiHochberg.map((p) => expect.closeTo(p, 12) as number),
    );
    expect(holm(ps).map(({ adjusted }) => adjusted)).toEqual(expected.holm.map((p) => expect.closeTo(p, 12) as number));
    expect(holm(ps).filter(({ rejected }) => rejected)).toHaveLength(1);
    expect(benjaminiHochberg([])).toEqual([]);
    expect(() => holm([0.1, 1.1])).toThrow("p value 1 is 1.1");
  });
});

describe("suiteRatio", () => {
  it("is the geometric mean of ratios, with an interval over benchmarks", () => {
    const random = generator(8);
    const logs = Float64Array.from({ length: 20 }, () => 0.05 + 0.1 * random.normal());
    for (const method of ["t", "bca", "percentile"] as const) {
      const suite = suiteRatio(logs, { method });
      expect(suite.estimate).toBeCloseTo(Math.exp(logs.reduce((a, b) => a + b) / 20), 12);
      expect((suite.high - suite.low) / ((4 * standardDeviation(logs)) / Math.sqrt(20))).toBeCloseTo(1, 0);
    }
  });
});
