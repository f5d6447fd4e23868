import { parseDuetFaas } from "../../../analysis/duet/duetfaas.ts";
import { compareBenchmarks } from "../../../analysis/duet/compare-benchmarks.ts";
import type { IterationRow } from "../../../analysis/duet/iteration.ts";
import {
  intervalHoldsZero,
  minimalDetectableSlowdown,
  originalOverlap,
  originalSpeedup,
} from "../../../analysis/duet/original-analysis.ts";
import { parseRenaissance } from "../../../analysis/duet/renaissance.ts";
import type { PairLabel, RunType } from "../../../analysis/duet/result-name.ts";
import { groupRuns } from "../../../analysis/duet/runs.ts";
import { slowDownIterations } from "../../../analysis/duet/slow-down.ts";
import { mean, median } from "../../../analysis/statistics/descriptive.ts";
import { describeShared, hasShared, readShared, readSharedCsv } from "../statistics/shared-data.ts";

interface DuetReference {
  readonly renaissance_parse_published_split: Readonly<
    Record<
      string,
      readonly {
        readonly iteration: number;
        readonly start_ns: string;
        readonly time_ns: number;
        readonly end_ns: string;
        readonly benchmark: string;
      }[]
    >
  >;
  readonly rq1: {
    readonly published_subset: {
      readonly per_environment_median: Readonly<Record<string, number>>;
      readonly per_environment_mean: Readonly<Record<string, number>>;
      readonly n: number;
    };
  };
  readonly rq4: {
    readonly mds_first_slowdown_with_all_later_match_at_most_5pct: {
      readonly ci_test: Readonly<Record<string, number | null>>;
      readonly u_test: Readonly<Record<string, number | null>>;
    };
  };
  readonly dacapo_timeline_published_split: Readonly<
    Record<string, { readonly second_half: Readonly<Record<string, { readonly relative_overlap_time_full: number }>> }>
  >;
}
const reference = (hasShared ? JSON.parse(readShared("systems/duet.reference.json")) : {}) as DuetReference; // the fields above are in it

const groupBy = <Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> => {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
};

describeShared("Renaissance's raw files", () => {
  it.each(["chi-square.0.A.results.json", "chi-square.0.B.results.json"])("%s, exact to the nanosecond", (file) => {
    const { rows, skipped } = parseRenaissance(readShared(`published/duet/renaissance-raw/${file}`));
    expect(skipped).toEqual([]);
    expect(rows).toHaveLength(10);
    const expected = reference.renaissance_parse_published_split[file]!;
    expect(
      rows.slice(0, expected.length).map(({ benchmark, iteration, startNs, timeNs, endNs }) => ({
        benchmark,
        iteration,
        start_ns: String(startNs),
        time_ns: timeNs,
        end_ns: String(endNs),
      })),
    ).toEqual(expected);
  });
});

describeShared("RQ1's speed-ups from its runs", () => {
  const key = (row: Record<string, string>) => `${row["suite"]}/${row["benchmark"]}/${row["environment"]}`;
  it("equal the published ones to 1e-6, and their medians the reference's", () => {
    const runs = groupBy(readSharedCsv("published/duet/rq1-runs.csv"), key);
    const published = readSharedCsv("published/duet/rq1-speedup.csv");
    const byEnvironment = new Map<string, number[]>();
    for (const row of published) {
      const speedup = originalSpeedup(
        runs.get(key(row))!.map((run) => ({
          type: run["type"] as RunType,
          runTimeSec: Number(run["run_time_s"]),
          iterations: Number(run["iterations_ab"]),
        })), // the file's types are ours
      )!;
      expect(Math.abs(speedup - Number(row["runtime_speedup"]))).toBeLessThan(1e-6);
      byEnvironment.set(row["environment"]!, [...(byEnvironment.get(row["environment"]!) ?? []), speedup]);
    }
    const { per_environment_median: medians, per_environment_mean: means, n } = reference.rq1.published_subset;
    expect(published).toHaveLength(n);
    for (const [environment, speedups] of byEnvironment) {
      expect(median(speedups)).toBeCloseTo(medians[environment]!, 5);
      expect(mean(speedups)).toBeCloseTo(means[environment]!, 5);
    }
  });
});

describeShared("RQ3 and RQ4", () => {
  it("judge intervals as published", () => {
    const rows = readSharedCsv("published/duet/rq3-ci.csv").filter((row) => row["aa_match"] !== "");
    for (const row of rows) {
      const holds = intervalHoldsZero({
        ciMidNs: Number(row["ci_mid_ns"]),
        ciHalfWidthNs: Number(row["ci_half_width_ns"]),
      });
      expect({ benchmark: row["benchmark"], type: row["type"], holds }).toMatchObject({
        holds: row["aa_match"] === "True",
      });
    }
  });
  it("find the minimal detectable slow-downs", () => {
    const cells = groupBy(
      readSharedCsv("published/duet/rq4-mds.csv"),
      (row) => `${row["environment"]}/${row["suite"]}/${row["type"]}`,
    );
    const { ci_test: ciTest, u_test: uTest } = reference.rq4.mds_first_slowdown_with_all_later_match_at_most_5pct;
    expect(cells.size).toBe(Object.keys(ciTest).length);
    for (const [cell, rows] of cells) {
      const curve = (column: string) =>
        rows.map((row) => ({ slowdown: Number(row["slowdown"]), matchRatio: Number(row[column]) }));
      expect({ cell, mds: minimalDetectableSlowdown(curve("match_ratio_ci")) ?? null }).toEqual({
        cell,
        mds: ciTest[cell],
      });
      expect({ cell, mds: minimalDetectableSlowdown(curve("match_ratio_utest")) ?? null }).toEqual({
        cell,
        mds: uTest[cell],
      });
    }
  });
});

describeShared("alter-score-avrora.csv", () => {
  it("is B slowed by 20 %, within a millisecond", () => {
    const hosts = groupBy(readSharedCsv("published/duet/alter-score-avrora.csv"), (row) => row["host"]!);
    for (const rows of hosts.values()) {
      const series = (name: string) =>
        rows
          .filter((row) => row["series"] === name)
          .map((row) => ({ start: Number(row["start_ms"]), time: Number(row["duration_ms"]) }));
      const slowed = slowDownIterations(series("B_original"), 0.2);
      const published = series("B_slowed20");
      expect(slowed).toHaveLength(published.length);
      for (const [i, { start, time }] of slowed.entries()) {
        expect(Math.abs(start - published[i]!.start)).toBeLessThanOrEqual(1);
        expect(Math.abs(time - published[i]!.time)).toBeLessThanOrEqual(1);
      }
    }
  });
});

describeShared("dacapo-timeline.csv as unified rows", () => {
  const rows: IterationRow[] = (hasShared ? readSharedCsv("published/duet/dacapo-timeline.csv") : []).map((row) => {
    const startNs = BigInt(row["start_ms"]!) * 1_000_000n;
    const timeNs = Number(row["duration_ms"]) * 1_000_000;
    return {
      suite: row["suite"]!,
      benchmark: row["benchmark"]!,
      type: row["type"] as RunType,
      runId: Number(row["runid"]),
      pair: row["pair"] as PairLabel,
      order: undefined, // the file's words are ours
      iteration: Number(row["iteration"]) - 1,
      startNs,
      endNs: startNs + BigInt(timeNs),
      timeNs,
      environment: "shared-vm",
      extras: {},
    };
  });
  it("gives RQ2's relative overlap times of the reference", () => {
    for (const run of groupRuns(rows).filter(({ type }) => type === "duet")) {
      const expected = reference.dacapo_timeline_published_split[`${run.benchmark}/duet/${run.runId}`];
      if (expected === undefined) continue;
      for (const p of [0.1, 0.4, 0.9]) {
        expect(originalOverlap([run], { minimumRatio: p, rule: "complete" })).toBeCloseTo(
          expected.second_half[`p${p}`]!.relative_overlap_time_full,
          6,
        );
      }
    }
  });
  it("cannot tell from single runs, and accounts for every one", () => {
    const results = compareBenchmarks(rows);
    const evaluated = results.flatMap(({ valid, invalid }) => [...valid, ...invalid]);
    expect(evaluated).toHaveLength(groupRuns(rows).length);
    // The sample holds one side of most sequential runs.
    expect(
      new Set(results.flatMap(({ invalid }) => invalid.map(({ reason, run }) => `${run.type}: ${reason}`))),
    ).toEqual(new Set(["seqn: missing partner"]));
    const compared = results.filter(({ valid }) => valid.length === 1);
    expect(compared.map(({ benchmark, type }) => `${benchmark} ${type}`)).toEqual(
      expect.arrayContaining(["avrora duet", "fop duet", "h2 syncduet", "tradesoap syncduet"]) as string[],
    );
    for (const { comparison } of compared) {
      expect(comparison).toMatchObject({ verdict: "cannot tell", runs: 1 });
      expect(Math.abs(comparison!.change)).toBeLessThan(0.2); // an A/A experiment
    }
    const skews = compared.filter(({ type }) => type === "syncduet").map(({ valid }) => valid[0]!.relativeStartSkew!);
    expect(Math.max(...skews)).toBeLessThan(0.05);
  });
});

describeShared("genetic_5.raw.log", () => {
  it("gives the rows of duet.csv: ex2, cpu, 5", () => {
    const { rows, skipped } = parseDuetFaas(readShared("published/duet/duetfaas/genetic_5.raw.log"));
    const published = readSharedCsv("published/duet/duetfaas/duet.csv").filter(
      (row) => row["experiment"] === "ex2" && row["function"] === "cpu" && row["regression_pct"] === "5",
    );
    expect(skipped).toEqual([]);
    expect(rows).toHaveLength(published.length);
    const renumbered = new Map<string, string>();
    for (const [i, { sequence, a, b }] of rows.entries()) {
      const row = published[i]!;
      if (!renumbered.has(a.machineId)) renumbered.set(a.machineId, row["machine"]!);
      expect({
        seq: sequence,
        a_ms: a.responseMs,
        b_ms: b.responseMs,
        a_wall_ms: a.wallMs,
        b_wall_ms: b.wallMs,
        machine: renumbered.get(a.machineId),
        cold: a.isColdStart ? "True" : "False",
        a_recv: a.receivedAt,
        b_recv: b.receivedAt,
        a_pid: a.processId,
        b_pid: b.processId,
      }).toEqual({
        seq: Number(row["seq"]),
        a_ms: Number(row["a_ms"]),
        b_ms: Number(row["b_ms"]),
        a_wall_ms: Number(row["a_wall_ms"]),
        b_wall_ms: Number(row["b_wall_ms"]),
        machine: row["machine"],
        cold: row["cold"],
        a_recv: row["a_recv"],
        b_recv: row["b_recv"],
        a_pid: Number(row["a_pid"]),
        b_pid: Number(row["b_pid"]),
      });
    }
    expect(new Set(renumbered.values()).size).toBe(renumbered.size);
  });
});
