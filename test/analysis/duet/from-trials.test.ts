import { compareBenchmarks } from "../../../analysis/duet/compare-benchmarks.ts";
import { iterationsCsv, readTrialIterations } from "../../../analysis/duet/from-trials.ts";
import { parseSpecCpu } from "../../../analysis/duet/spec-cpu.ts";
import type { Trial, TrialComparison } from "../../../analysis/trials.ts";
import { textParameter } from "../../../analysis/trials.ts";
import { trialFixture } from "../trial-fixture.ts";

const csv = (startMs: number, durationsMs: readonly number[]): string =>
  [
    "iteration,start_ns,duration_ns",
    ...durationsMs.map((ms, i) => `${i},${(startMs + i * 20) * 1e6},${Math.round(ms * 1e6)}`),
    "",
  ].join("\n");
const times = (factor: number) => Array.from({ length: 10 }, (_, i) => (10 + (i % 3) * 0.1) * factor);

function duet(trialIndex: number, over: Partial<TrialComparison> = {}): Trial {
  const comparison: TrialComparison = {
    mode: "duet",
    barrier: true,
    place: "split",
    arm: undefined,
    order: "BA",
    ...over,
  };
  return trialFixture(
    { trialIndex, comparison, parameters: { workload: "sort" } },
    {
      "box-0/work-0.a/iterations.csv": csv(1_700_000_000_000, times(1)),
      "box-0/work-0.b/iterations.csv": csv(1_700_000_000_000, times(1.05 + trialIndex / 1_000)),
    },
  );
}
const results = {
  suite: "node",
  benchmark: (trial: Trial) => textParameter(trial, "workload"),
  file: "iterations.csv",
  read: iterationsCsv,
};

describe("readTrialIterations", () => {
  it("makes runs of trials: sides by their folders, synchronous where they met", async () => {
    const rows = await readTrialIterations([duet(0), duet(1)], results);
    expect(rows).toHaveLength(40);
    expect(rows[0]).toMatchObject({
      suite: "node",
      benchmark: "sort",
      type: "syncduet",
      order: "BA",
      pair: "A",
      runId: 0,
    });
    const [result] = compareBenchmarks(rows);
    expect(result).toMatchObject({ type: "syncduet", comparison: { verdict: "different", runs: 2 } });
    expect(result?.comparison?.change).toBeCloseTo(0.0505, 3);
  });

  it("knows asynchronous duets, and sides that are trials of their own", async () => {
    expect((await readTrialIterations([duet(0, { barrier: false })], results))[0]?.type).toBe("duet");
    const alone = (arm: "A" | "B") =>
      trialFixture(
        {
          comparison: { mode: "interleaved", barrier: false, place: "free", arm, order: undefined },
          parameters: { workload: "sort" },
        },
        { "box-0/work-0/iterations.csv": csv(0, times(arm === "A" ? 1 : 2)) },
      );
    const rows = await readTrialIterations([alone("A"), alone("B")], results);
    expect(new Set(rows.map(({ type, pair }) => `${type} ${pair}`))).toEqual(new Set(["seqn A", "seqn B"]));
    expect(compareBenchmarks(rows)[0]?.valid[0]?.logRatio).toBeCloseTo(Math.log(2), 6);
  });

  it("finds SPEC's second log in its folder", async () => {
    const log = " Rate Start: x (1700000000.25000)\n Rate End: y (1700000465.75000)\n";
    const trial = trialFixture(
      {
        comparison: { mode: "duet", barrier: false, place: "free", arm: undefined, order: "AB" },
        parameters: { workload: "xz" },
      },
      {
        "box-0/b-0.a/result/CPU2017.001.log": "build",
        "box-0/b-0.a/result/CPU2017.002.log": log,
        "box-0/b-0.b/result/CPU2017.002.log": log,
      },
    );
    const rows = await readTrialIterations([trial], {
      ...results,
      suite: "speccpu",
      match: /002\.log$/,
      read: parseSpecCpu,
    });
    expect(rows.map(({ pair, timeNs }) => [pair, timeNs])).toEqual([
      ["A", 465.5e9],
      ["B", 465.5e9],
    ]);
    await expect(readTrialIterations([trial], { ...results, match: /003/ })).rejects.toThrow(/no file that matches/);
  });

  it("refuses trials without sides, files of neither side, and lines that are no iterations", async () => {
    await expect(readTrialIterations([trialFixture()], results)).rejects.toThrow(/has no sides A and B/);
    const comparison: TrialComparison = { mode: "duet", barrier: true, place: "split", arm: undefined, order: "AB" };
    const shared = trialFixture(
      { comparison, parameters: { workload: "sort" } },
      { "box-0/work-0/iterations.csv": csv(0, [1]) },
    );
    await expect(readTrialIterations([shared], results)).rejects.toThrow(/belongs to neither side/);
    const cut = trialFixture(
      { comparison, parameters: { workload: "sort" } },
      { "box-0/work-0.a/iterations.csv": `${csv(0, [1])}1,20000000,\n` },
    );
    await expect(readTrialIterations([cut], results)).rejects.toThrow(/:3: duration_ns isn't a positive time/);
  });
});
