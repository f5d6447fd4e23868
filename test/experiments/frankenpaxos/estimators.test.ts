import { overRepeats, totalLatencyOf, totalThroughputOf } from "../../../experiments/frankenpaxos/estimators.ts";
import type { Measured, ResultRow } from "../../../experiments/frankenpaxos/results-csv.ts";
import { peakOfReplicas } from "../../../experiments/frankenpaxos/scaling-figures.ts";

const measured = (p90: number, medianMs: number): Measured => ({
  latencyMs: {
    mean: medianMs,
    median: medianMs,
    min: medianMs,
    max: medianMs,
    p90: medianMs,
    p95: medianMs,
    p99: medianMs,
  },
  startThroughputPerSec: { mean: p90, median: p90, min: p90, max: p90, p90, p95: p90, p99: p90 },
});
const row = (outputs: ResultRow["outputs"]): ResultRow => ({
  file: "a.csv",
  lineNumber: 2,
  inputs: {},
  outputs,
  clients: 1,
});

describe("overRepeats", () => {
  it("gives mean and sample deviation of all repeats", () => {
    expect(overRepeats([1, 2, 6])).toEqual({ value: 3, deviation: Math.sqrt(7), trialCount: 3, keptCount: 3 });
  });

  it("leaves out rates under half of the best, and counts them", () => {
    expect(overRepeats([100, 50, 49.9, 90], "halfOfBest")).toMatchObject({ value: 80, trialCount: 4, keptCount: 3 });
  });

  it("leaves out times over five times the least", () => {
    expect(overRepeats([1, 5, 5.1], "fiveTimesLeast")).toMatchObject({ value: 3, trialCount: 3, keptCount: 2 });
  });

  it("has no spread for one repeat and nothing for none", () => {
    expect(overRepeats([7])).toEqual({ value: 7, deviation: 0, trialCount: 1, keptCount: 1 });
    expect(overRepeats([NaN])).toBeUndefined();
  });
});

describe("totalThroughputOf and totalLatencyOf", () => {
  it("sum reads and writes, and take what is absent or has no rate for 0", () => {
    const both = row({ read: measured(70, 2), write: measured(30, 3) });
    expect([totalThroughputOf(both), totalLatencyOf(both)]).toEqual([100, 5]);
    const stray = row({ read: { ...measured(70, 2), startThroughputPerSec: undefined }, write: measured(30, 3) });
    expect(totalThroughputOf(stray)).toBe(30);
  });
});

describe("peakOfReplicas", () => {
  it("grows with replicas for reads, not at all for writes", () => {
    expect(peakOfReplicas(10, 0)).toBe(1_000_000);
    expect(peakOfReplicas(10, 1)).toBe(100_000);
    expect(peakOfReplicas(2, 0.5)).toBeCloseTo(133_333.33, 2);
  });
});
