import { knee, peakThroughput, speedup, throughputWithin } from "../../../analysis/statistics/curves.ts";
import {
  availability,
  binnedRates,
  gaps,
  rollingQuantile,
  rollingQuantiles,
  rollingRates,
  summarizeRates,
  timeWeightedThroughput,
} from "../../../analysis/statistics/rates.ts";
import { reference } from "./check/reference.ts";

const { timesMs, values, windowMs, ...expected } = reference.rates;

describe("rollingRates", () => {
  it("equals pandas' rolling sum over (t − w, t], rows of one time in their order", () => {
    expect(Array.from(rollingRates(timesMs, { rule: "untrimmed", windowMs }).ratesPerSec)).toEqual(expected.rates);
  });
  it("leaves out an event exactly one window old", () => {
    const { ratesPerSec } = rollingRates([0, 1_000, 1_999], { rule: "untrimmed" });
    expect(Array.from(ratesPerSec)).toEqual([1, 1, 2]);
  });
  it("corrects the ramp from the 100th row on and drops the first 100", () => {
    const times = Array.from({ length: 300 }, (_, i) => i * 5); // 200 a second
    const { timesMs: kept, ratesPerSec } = rollingRates(times, { rule: "rampCorrected" });
    expect(kept[0]).toBe(500);
    expect(ratesPerSec[0]).toBeCloseTo(101 / 0.5, 10);
    expect(ratesPerSec[150]).toBe(200);
    const tied = rollingRates([0, ...new Array<number>(150).fill(500), 900], { rule: "rampCorrected" }).ratesPerSec;
    expect(tied[0]).toBe(302); // all rows at 500 ms get the value of the last: 151 in half a second
  });
  it("drops the first window and counts groups", () => {
    const { timesMs: kept, ratesPerSec } = rollingRates([0, 400, 1_000, 1_300], {
      rule: "firstWindowDropped",
      counts: [10, 20, 30, 40],
    });
    expect(Array.from(kept)).toEqual([1_000, 1_300]);
    expect(Array.from(ratesPerSec)).toEqual([50, 90]);
  });
  it("gives nothing for nothing, and refuses times that descend", () => {
    expect(summarizeRates(rollingRates([], { rule: "rampCorrected" }))).toBeUndefined();
    expect(summarizeRates(rollingRates([1, 2], { rule: "firstWindowDropped" }))).toBeUndefined();
    expect(() => rollingRates([2, 1], { rule: "untrimmed" })).toThrow("time 1 lies before time 0");
  });
});

describe("rollingQuantile", () => {
  it.each([
    [0.95, expected.p95],
    [0.5, expected.median],
  ] as const)("equals pandas' at %p", (p, series) => {
    expect(Array.from(rollingQuantile(timesMs, values, { p, windowMs }))).toEqual(
      series.map((value) => expect.closeTo(value, 10) as number),
    );
  });
});

describe("rollingQuantiles", () => {
  it("gives several at once, and for every n-th row what it gives for all", () => {
    const ps = [0, 0.5, 0.95, 1];
    const all = rollingQuantiles(timesMs, values, { ps, windowMs });
    const thinned = rollingQuantiles(timesMs, values, { ps, windowMs, everyRows: 7 });
    expect(thinned.map((series) => Array.from(series))).toEqual(
      all.map((series) => Array.from(series).filter((_, row) => row % 7 === 0)),
    );
    expect(Array.from(all[3] ?? [])).toEqual(Array.from(rollingQuantile(timesMs, values, { p: 1, windowMs })));
  });
  it("tells equal values apart by how many there are", () => {
    const quantile = (p: number): number[] => Array.from(rollingQuantile([0, 1, 2, 3], [5, 5, -0, 9], { p }));
    expect(quantile(0.5)).toEqual([5, 5, 5, 5]);
    expect(quantile(1)).toEqual([5, 5, 5, 9]);
    expect(quantile(0).map(Math.abs)).toEqual([5, 5, 0, 0]);
  });
  it("gives nothing for nothing, and refuses a step that is none", () => {
    expect(rollingQuantiles([], [], { ps: [0.5] })).toEqual([new Float64Array(0)]);
    expect(() => rollingQuantiles([1], [1], { ps: [0.5], everyRows: 0 })).toThrow("a value every 0 rows");
  });
});

describe("throughput weighted by time", () => {
  const burst = [0, 100, 200, 5_100, 5_200];
  it("counts silence", () => {
    expect(binnedRates(burst, { range: { fromMs: 0, toMs: 6_000 } }).map(({ ratePerSec }) => ratePerSec)).toEqual([
      3, 0, 0, 0, 0, 2,
    ]);
    const throughput = timeWeightedThroughput(burst, { fromMs: 0, toMs: 6_000 });
    expect(throughput).toMatchObject({ events: 5, durationSec: 6 });
    expect(throughput.meanPerSec).toBeCloseTo(5 / 6, 12);
    expect(throughput.bins!.median).toBe(0);
  });
  it("leaves out a partial bin, and what lies outside", () => {
    expect(binnedRates(burst, { range: { fromMs: 100, toMs: 1_600 }, counts: [7, 1, 2, 9, 9] })).toEqual([
      { fromMs: 100, ratePerSec: 3 },
    ]);
    expect(timeWeightedThroughput(burst, { fromMs: 0, toMs: 500 }).bins).toBeUndefined();
    expect(() => timeWeightedThroughput(burst, { fromMs: 5, toMs: 5 })).toThrow("a range of 0 s");
  });
  it("finds gaps and availability", () => {
    const range = { fromMs: -2_000, toMs: 6_000 };
    expect(gaps(burst, { longerThanMs: 1_000 })).toEqual([{ fromMs: 200, toMs: 5_100 }]);
    expect(gaps(burst, { longerThanMs: 1_000, range })).toEqual([
      { fromMs: -2_000, toMs: 0 },
      { fromMs: 200, toMs: 5_100 },
    ]);
    expect(availability(burst, range)).toEqual({ share: 2 / 8, bins: 8, longestGapMs: 4_900 });
    expect(availability([], range)).toEqual({ share: 0, bins: 8, longestGapMs: 8_000 });
    expect(() => availability(burst, { fromMs: 0, toMs: 10 })).toThrow("no bin of 1000 ms");
  });
});

describe("latency-throughput curves", () => {
  const curve = [
    { load: 16, throughputPerSec: 2_950, latencyMs: 40 },
    { load: 1, throughputPerSec: 500, latencyMs: 2 },
    { load: 4, throughputPerSec: 1_900, latencyMs: 2.5 },
    { load: 8, throughputPerSec: 3_000, latencyMs: 8 },
  ];
  it("have a peak and a knee before it", () => {
    expect(peakThroughput(curve).load).toBe(8);
    expect(knee(curve).load).toBe(4);
    expect(knee(curve, "chord").load).toBe(4);
    expect(knee(curve.slice(0, 1)).load).toBe(16);
    expect(() => knee([])).toThrow("a curve without points");
  });
  it("say what throughput a latency limit allows", () => {
    expect(throughputWithin(curve, 2.5)).toBe(1_900);
    expect(throughputWithin(curve, 5.25)).toBeCloseTo(2_450, 10);
    expect(throughputWithin(curve, 1)).toBeUndefined();
    expect(throughputWithin(curve, 100)).toBe(3_000);
  });
});

describe("speedup", () => {
  it("is above 1 when rates rise or times fall", () => {
    expect(speedup([100, 101, 99], [200, 202, 198], "rate").estimate).toBeCloseTo(2, 12);
    expect(speedup([2, 2.1, 1.9], [1, 1.05, 0.95], "time").estimate).toBeCloseTo(2, 12);
    const { low, high } = speedup([100, 101, 99], [200, 202, 198], "rate");
    expect(low).toBeGreaterThan(1.9);
    expect(high).toBeLessThan(2.1);
  });
});
