import { compareSides } from "../../../analysis/compare/compare-trials.ts";
import { RecordedMetricError, parseRecordedMetric, withRecorded } from "../../../analysis/compare/recorded-metric.ts";
import type { RecordedMetric } from "../../../analysis/compare/recorded-metric.ts";
import { trialFixture } from "../trial-fixture.ts";

const metric = (text: string): RecordedMetric => {
  const read = parseRecordedMetric(text);
  if (read === undefined) throw new Error(`${text} is no column of a file`);
  return read;
};
const csv = (values: readonly (number | string)[]): string =>
  ["start,latencyMs", ...values.map((v) => `0,${v}`)].join("\n");

describe("parseRecordedMetric", () => {
  it("reads a file, a column and a statistic", () => {
    expect(metric("requests.csv:latencyMs:p99")).toMatchObject({
      file: "requests.csv",
      column: "latencyMs",
      stat: "p99",
    });
    expect(metric("requests.csv:latencyMs").stat).toBe("mean");
  });
  it.each(["p99Ms", "latency.p99", "a:", ":b", "a:b:c:d"])("takes %s for a metric of the summary", (text) => {
    expect(parseRecordedMetric(text)).toBeUndefined();
  });
  it.each(["p101", "p", "99", "toString"])("refuses the statistic %s, and says which there are", (stat) => {
    expect.assertions(2);
    try {
      parseRecordedMetric(`a.csv:b:${stat}`);
    } catch (error) {
      expect(error).toBeInstanceOf(RecordedMetricError);
      expect((error as RecordedMetricError).hint).toContain("p99"); // it is one
    }
  });
});

describe("withRecorded", () => {
  it.each([
    ["mean", 4],
    ["median", 3],
    ["p90", 9],
    ["min", 1],
    ["max", 9],
    ["sum", 20],
    ["count", 5],
  ])("gives the %s of a column over all files of that name", async (stat, expected) => {
    const trial = trialFixture({}, { "client-0/requests.csv": csv([1, 9, 3]), "client-1/requests.csv": csv([2, 5]) });
    const name = `requests.csv:latencyMs:${stat}`;
    const { trials, skipped } = await withRecorded([trial], metric(name));
    expect(trials[0]?.summary).toEqual({ p50Ms: 1.5, [name]: expected });
    expect(skipped).toEqual([]);
  });

  it("gives a duet's sides their own, so that they can be compared", async () => {
    const duet = [0, 1, 2, 3].map((trialIndex) =>
      trialFixture(
        {
          trialIndex,
          comparison: { mode: "duet", barrier: true, place: "free", arm: undefined, order: "AB" },
        },
        { "work-0.a/t.csv": csv([10 + trialIndex]), "work-0.b/t.csv": csv([(10 + trialIndex) * 1.2]) },
      ),
    );
    const { trials } = await withRecorded(duet, metric("t.csv:latencyMs"));
    const [found] = compareSides(trials, "t.csv:latencyMs");
    expect(found?.comparison.verdict).toBe("different");
    expect(found?.comparison.change).toBeCloseTo(0.2, 9);
  });

  it("says which lines had no number, and leaves a trial without the file as it is", async () => {
    const broken = trialFixture({}, { "client-0/requests.csv": csv([1, "none", 3]) });
    const { trials, skipped } = await withRecorded([broken, trialFixture()], metric("requests.csv:latencyMs"));
    expect(trials.map(({ summary }) => summary["requests.csv:latencyMs"])).toEqual([2, undefined]);
    expect(skipped).toEqual([expect.stringMatching(/client-0\/requests\.csv: 1 lines/)]);
  });

  it("refuses a column that the file lacks", async () => {
    const trial = trialFixture({}, { "requests.csv": csv([1]) });
    await expect(withRecorded([trial], metric("requests.csv:bytes"))).rejects.toThrow(/bytes/);
  });
});
