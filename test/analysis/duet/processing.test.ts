import { compareBenchmarks } from "../../../analysis/duet/compare-benchmarks.ts";
import { evaluateRun, secondHalf } from "../../../analysis/duet/evaluate-run.ts";
import type { IterationRow } from "../../../analysis/duet/iteration.ts";
import {
  originalDifferences,
  originalInterval,
  originalOverlap,
  originalRunTime,
  originalSpeedup,
} from "../../../analysis/duet/original-analysis.ts";
import { harnessMappingSchema } from "../../../analysis/duet/mapping.ts";
import { overlapTable } from "../../../analysis/duet/overlap-table.ts";
import { readResults } from "../../../analysis/duet/read-results.ts";
import { groupRuns, describeRun, runSpans } from "../../../analysis/duet/runs.ts";
import type { DuetRun } from "../../../analysis/duet/runs.ts";
import { slowDownIterations, slowDownRun } from "../../../analysis/duet/slow-down.ts";
import { buildUnifiedCsv, parseUnifiedCsv, toUnifiedRecord } from "../../../analysis/duet/unified-table.ts";
import { generator } from "../../../analysis/statistics/generator.ts";
import { dacapoCsv, renaissanceJson, specLog } from "./harness-output.ts";

const epochNs = 1_700_000_000_123_456_789n;

interface SideOptions extends Partial<IterationRow> {
  readonly times: readonly number[];
  readonly startNs?: bigint;
  readonly gapNs?: number;
}

/** One side's rows, one after the other. */
function side({ times, startNs = epochNs, gapNs = 0, ...fields }: SideOptions): IterationRow[] {
  let at = startNs;
  return times.map((timeNs, iteration) => {
    const row: IterationRow = {
      suite: "renaissance",
      benchmark: "toy",
      type: "duet",
      runId: 0,
      pair: "A",
      order: "AB",
      environment: "bare-metal",
      hostname: "cirrus1",
      iteration,
      startNs: at,
      endNs: at + BigInt(timeNs),
      timeNs,
      extras: {},
      ...fields,
    };
    at += BigInt(timeNs + gapNs);
    return row;
  });
}

const run = (a: SideOptions, b: SideOptions): DuetRun => groupRuns([...side(a), ...side({ pair: "B", ...b })])[0]!;
const steady = (level: number, count = 20) => Array.from({ length: count }, (_, i) => level + (i % 3));

describe("readResults", () => {
  const files = [
    { path: "renaissance.toy.0.duet.AB.A.r.json", text: renaissanceJson },
    { path: "renaissance.toy.0.duet.AB.B.r.json", text: renaissanceJson },
    { path: "dacapo.fop.1.syncduet.BA.B.results.csv", text: dacapoCsv },
    { path: "speccpu.557_xz_r.0.seqn.None.A.result/CPU2017.001.log", text: "" },
    { path: "speccpu.557_xz_r.0.seqn.None.A.result/CPU2017.002.log", text: specLog },
    { path: "artifacts/hostname", text: "cirrus7\n" },
    { path: "artifacts/lscpu", text: "Model name: Xeon\n" },
  ];
  it("puts a folder into one table, with host facts and environment", () => {
    const { rows, problems } = readResults(files);
    expect(problems).toEqual([]);
    expect(
      rows.map(({ suite, benchmark, type, runId, order, pair, iteration }) => [
        suite,
        benchmark,
        type,
        runId,
        order,
        pair,
        iteration,
      ]),
    ).toEqual([
      ["renaissance", "toy", "duet", 0, "AB", "A", 0],
      ["renaissance", "toy", "duet", 0, "AB", "A", 1],
      ["renaissance", "toy", "duet", 0, "AB", "B", 0],
      ["renaissance", "toy", "duet", 0, "AB", "B", 1],
      ["dacapo", "fop", "syncduet", 1, "BA", "B", 0],
      ["dacapo", "fop", "syncduet", 1, "BA", "B", 1],
      ["speccpu", "557_xz_r", "seqn", 0, undefined, "A", 0],
    ]);
    expect(
      rows.every(
        ({ hostname, lscpu, environment }) =>
          hostname === "cirrus7" && lscpu === "Xeon" && environment === "bare-metal",
      ),
    ).toBe(true);
  });
  it("loses nothing silently", () => {
    const two = renaissanceJson.replace('"toy":{', '"other":{"results":[{"duration_ns":1,"uptime_ns":1}]},"toy":{');
    const { rows, problems } = readResults([
      { path: "artifacts/dmesg", text: "x" },
      { path: "plan.json", text: "{}" },
      { path: "mysuite.a.0.duet.AB.A.f", text: "" },
      { path: "dacapo.fop.0.duet.AB.A.f.csv", text: dacapoCsv.slice(0, 180) },
      { path: "dacapo.fop.0.duet.AB.B.f.csv", text: dacapoCsv.split("\n")[0]! },
      { path: "speccpu.x.0.seqn.None.A.result/a.txt", text: "" },
      { path: "renaissance.toy.0.seqn.None.A.r.json", text: two },
      { path: "debug.sleep.0.duet.AB.A.out", text: "anything" },
    ]);
    expect(problems.map(({ path, reason }) => [path, reason])).toEqual([
      ["artifacts/dmesg", "an artifact that nobody reads"],
      ["plan.json", "not a result's name: suite.benchmark.run.type.order.pair.file"],
      ["mysuite.a.0.duet.AB.A.f", "unknown suite mysuite: declare a mapping"],
      ["dacapo.fop.0.duet.AB.A.f.csv", "1 records weren't understood"],
      ["dacapo.fop.0.duet.AB.B.f.csv", "no iterations"],
      ["speccpu.x.0.seqn.None.A.result", "not exactly one file ending in 002.log"],
      ["renaissance.toy.0.seqn.None.A.r.json", "holds 2 benchmarks (other, toy): only toy is read, as its name says"],
    ]);
    expect(rows.map(({ suite, iteration }) => [suite, iteration])).toEqual([
      ["dacapo", 0],
      ["renaissance", 0],
      ["renaissance", 1],
    ]);
  });
  it("reads other suites by a declared mapping", () => {
    const mapping = harnessMappingSchema.parse({ format: "csv", time: { field: "ms", unit: "ms" } });
    const mappings = new Map([["mine", mapping]]);
    expect(readResults([{ path: "mine.x.0.seqn.None.A.f.csv", text: "ms\n5\n" }], { mappings }).rows).toMatchObject([
      { suite: "mine", timeNs: 5_000_000 },
    ]);
  });
});

describe("the unified table", () => {
  const rows = readResults([
    { path: "dacapo.fop.1.syncduet.BA.B.results.csv", text: dacapoCsv },
    { path: "renaissance.toy.0.seqn.None.A.r.json", text: renaissanceJson },
    { path: "artifacts/uname", text: 'Linux "x", y' },
  ]).rows;
  it("goes round through CSV, exact to the nanosecond", () => {
    const text = buildUnifiedCsv(rows);
    expect(text.split("\n")[0]).toMatch(
      /^suite,benchmark,type,runid,pair,order,iteration,iteration_start_ns,.*environment,compilation_time_ms,/,
    );
    expect(parseUnifiedCsv(text)).toEqual({ rows, skipped: [] });
    expect(toUnifiedRecord(rows[2]!)["iteration_start_ns"]).toBe("1700000001500000000");
  });
  it("reads the original's floating point, and keeps what it doesn't understand", () => {
    const header = "suite,benchmark,type,runid,pair,order,iteration,iteration_start_ns,iteration_time_ns";
    const { rows: read, skipped } = parseUnifiedCsv(
      `${header}\ndacapo,fop,duet,0,A,AB,1,1.656256694533e+18,8286000000.0\ndacapo,fop,duo,0,A,AB,1,1,1\ndacapo,fop,duet,0,C,AB,1,1,1\ndacapo,fop,duet,0,B,AB,1,1,-1`,
    );
    expect(read).toMatchObject([{ startNs: 1656256694533000000n, endNs: 1656256702819000000n, timeNs: 8_286_000_000 }]);
    expect(skipped.map(({ lineNumber, reason }) => [lineNumber, reason])).toEqual([
      [3, "no such type: duo"],
      [4, "no such pair: C"],
      [5, "runid, iteration or iteration_time_ns isn't a number in range"],
    ]);
    expect(parseUnifiedCsv("suite\nx").skipped[0]!.reason).toContain("no column benchmark");
  });
});

describe("groupRuns", () => {
  it("keeps batches and hosts apart that use the same run ids, and rows without artifacts", () => {
    const rows = [
      ...side({ times: [5, 5] }),
      ...side({ times: [5], pair: "B" }),
      ...side({ times: [6], hostname: "cirrus2" }),
      ...side({ times: [7], hostname: undefined }),
    ];
    const runs = groupRuns(rows);
    expect(runs.map(({ hostname, a, b }) => [hostname, a.length, b.length])).toEqual([
      ["cirrus1", 2, 1],
      ["cirrus2", 1, 0],
      [undefined, 1, 0],
    ]);
    expect(describeRun(runs[0]!)).toBe("renaissance.toy duet run 0 on cirrus1");
  });
  it("gives spans since the first start, exact where absolute doubles aren't", () => {
    const spans = runSpans(run({ times: [101, 103] }, { times: [99], startNs: epochNs + 3n }))!;
    expect(spans).toEqual({
      a: [
        { start: 0, end: 101 },
        { start: 101, end: 204 },
      ],
      b: [{ start: 3, end: 102 }],
    });
  });
});

describe("evaluateRun", () => {
  it("compares asynchronous sides inside their common steady time", () => {
    const evaluation = evaluateRun(run({ times: [9_000, ...steady(1_000)] }, { times: [9_000, ...steady(1_100)] }));
    expect(evaluation).toMatchObject({ kind: "valid", warnings: [], steadyA: { class: "warm-up" } });
    expect(evaluation.kind === "valid" && evaluation.logRatio).toBeCloseTo(Math.log(1.1), 2);
    const byOverlap = evaluateRun(run({ times: steady(1_000) }, { times: steady(1_100) }), {
      asynchronous: "overlap",
      warmup: "none",
    });
    expect(byOverlap.kind === "valid" && byOverlap.logRatio).toBeCloseTo(Math.log(1.1), 2);
  });
  it("pairs synchronous iterations, and warns when they weren't in step", () => {
    const inStep = evaluateRun(
      run(
        { times: steady(1_000), type: "syncduet", gapNs: 100 },
        { times: steady(1_000), type: "syncduet", gapNs: 100, startNs: epochNs + 20n },
      ),
    );
    expect(inStep).toMatchObject({ kind: "valid", used: 20, warnings: [] });
    const drifting = evaluateRun(
      run({ times: steady(1_000), type: "syncduet" }, { times: steady(1_100), type: "syncduet" }),
    );
    expect(drifting.kind === "valid" && drifting.warnings.join()).toContain("not synchronised: starts differ by up to");
  });
  it("compares sequential runs without any clock", () => {
    const clockless = { type: "seqn", startNs: undefined, endNs: undefined } as const;
    const rows = [
      ...side({ times: steady(1_000), type: "seqn", order: undefined }),
      ...side({ times: steady(1_020), type: "seqn", pair: "B", order: undefined }),
    ].map((row) => ({ ...row, ...clockless }));
    const evaluation = evaluateRun(groupRuns(rows)[0]!);
    expect(evaluation.kind === "valid" && evaluation.logRatio).toBeCloseTo(Math.log(1_021 / 1_001), 3);
    expect(evaluateRun(groupRuns(rows.map((row) => ({ ...row, type: "duet" as const })))[0]!)).toMatchObject({
      kind: "invalid",
      reason: "clock",
    });
  });
  it.each([
    ["missing partner", run({ times: [5] }, { times: [] }), {}],
    ["no common time", run({ times: steady(10) }, { times: steady(10), startNs: epochNs + 10_000n }), {}],
    ["clock", run({ times: [100, 100, 100, 100] }, { times: [100, 100, 100, 100], gapNs: -80 }), { warmup: "none" }],
    ["too few iterations", run({ times: steady(10) }, { times: [10, 10] }), { fewestIterations: 5 }],
    [
      "terminated early",
      run({ times: steady(10), extras: { termination: "forced" } }, { times: steady(10) }),
      { excludeTerminated: true },
    ],
  ] as const)("calls a run invalid for: %s", (reason, invalid, options) => {
    expect(evaluateRun(invalid, options)).toMatchObject({
      kind: "invalid",
      reason,
      detail: expect.stringMatching(/./) as string,
    });
  });
  it("warns of what a reader should know", () => {
    const states = evaluateRun(
      run(
        { times: [...steady(1_000, 30), ...steady(1_300, 8)], extras: { termination: "forced" } },
        { times: [...steady(1_000), ...steady(1_200)] },
      ),
    );
    expect(states.kind === "valid" && states.warnings).toEqual([
      "the harness was stopped before its last iteration",
      "no steady state of A: its second half stands in",
      "B slowed down",
    ]);
  });
});

describe("secondHalf", () => {
  it("keeps 25 to 49 of 50 counted from 0, 10 to 20 of 20 counted from 1, and all of SPEC", () => {
    const of = (suite: string, a: number, b = a) =>
      secondHalf(run({ times: steady(10, a), suite }, { times: steady(10, b), suite }));
    expect(of("renaissance", 50)).toEqual([25, 25]);
    expect(of("dacapo", 20)).toEqual([9, 9]);
    expect(of("speccpu", 10)).toEqual([0, 0]);
    expect(of("renaissance", 50, 10)).toEqual([25, 10]); // B was cut, and has nothing left
  });
});

describe("compareBenchmarks", () => {
  const random = generator(14);
  const noisy = (level: number) =>
    Array.from({ length: 30 }, () => Math.round(level * Math.exp(0.01 * random.normal())));
  const runs = (benchmark: string, factor: number, count = 8) =>
    Array.from({ length: count }, (_, runId) => {
      const shared = { benchmark, runId, order: runId % 2 === 0 ? "AB" : "BA" } as const;
      const level = 1e6 * Math.exp(0.05 * random.normal()); // what both sides meet alike
      return [
        ...side({ ...shared, times: noisy(level) }),
        ...side({ ...shared, pair: "B", times: noisy(level * factor) }),
      ];
    }).flat();

  it("goes from rows to verdicts, with invalid runs, order effects and a budget", () => {
    const rows = [
      ...runs("slower", 1.05),
      ...runs("same", 1),
      ...side({ benchmark: "same", runId: 99, times: [5, 5] }),
    ];
    const results = compareBenchmarks(rows);
    expect(
      results.map(({ benchmark, comparison, valid, invalid }) => [
        benchmark,
        comparison!.verdict,
        valid.length,
        invalid.length,
      ]),
    ).toEqual([
      ["slower", "different", 8, 0],
      ["same", "same", 8, 1],
    ]);
    const [slower, same] = results;
    expect(slower!.comparison).toMatchObject({ direction: "higher", hosts: 1, runs: 8 });
    expect(slower!.comparison!.change).toBeCloseTo(0.05, 2);
    expect(slower!.adjustedP).toBeLessThan(0.001);
    expect(same!.adjustedP).toBe(same!.comparison!.p);
    expect(slower!.orderEffect!.groups.map(({ group, runs: count }) => [group, count])).toEqual([
      ["AB", 4],
      ["BA", 4],
    ]);
    expect(slower!.budget!.correlation).toBeGreaterThan(0.9);
    expect(slower!.classes).toMatchObject({ flat: 16 });
    expect(same!.invalid[0]).toMatchObject({ reason: "missing partner", detail: "2 iterations of A, 0 of B" });
  });
  it("reports a benchmark whose runs are all invalid", () => {
    const [result] = compareBenchmarks(side({ times: [5, 5] }));
    expect(result).toMatchObject({
      benchmark: "toy",
      comparison: undefined,
      adjustedP: undefined,
      budget: undefined,
      orderEffect: undefined,
    });
    expect(result!.invalid).toHaveLength(1);
  });
  it("finds what is injected: 2 % in each of several seeds, and nothing in A/A", () => {
    for (let k = 0; k < 5; k++) {
      expect(compareBenchmarks(runs("b", 1.02, 10))[0]!.comparison).toMatchObject({
        verdict: "different",
        direction: "higher",
      });
      expect(compareBenchmarks(runs("a", 1, 10))[0]!.comparison!.verdict).not.toBe("different");
    }
  });
});

describe("overlapTable", () => {
  it("has both sides' iterations and their common time", () => {
    const table = overlapTable([run({ times: [10, 10] }, { times: [15], startNs: epochNs + 5n })]);
    expect(table).toHaveLength(2);
    expect(table[0]).toMatchObject({
      benchmark: "toy",
      iteration_A: 0,
      iteration_B: 0,
      iteration_start_ns_A: String(epochNs),
      overlap_start_ns: String(epochNs + 5n),
      overlap_end_ns: String(epochNs + 10n),
      overlap_time_ns: 5,
      iteration_time_ns_B: 15,
    });
    expect(
      overlapTable([run({ times: [10, 10] }, { times: [15], startNs: epochNs + 5n })], { minimumRatio: 0.4 }),
    ).toHaveLength(1);
    expect(overlapTable([run({ times: [10], type: "syncduet" }, { times: [10], type: "syncduet" })])).toEqual([]);
  });
  it("offers the original's walk, which loses pairs", () => {
    const long = run({ times: [30, 29] }, { times: [8, 8, 8, 8], startNs: epochNs + 1n, gapNs: 1 });
    expect(overlapTable([long])).toHaveLength(5);
    expect(overlapTable([long], { rule: "walk" }).length).toBeLessThan(5);
  });
});

describe("slow-downs", () => {
  it("push later iterations back and keep gaps: the description's vector", () => {
    const slowed = slowDownIterations(
      [
        { start: 100, time: 100 },
        { start: 210, time: 110 },
        { start: 330, time: 90 },
      ],
      0.5,
    );
    expect(slowed.map(({ start }) => start)).toEqual([100, 260, 435]);
    expect(slowed.map(({ start, time }) => start + time)).toEqual([250, 425, 570]);
  });
  it("move an asynchronous B, and leave starts alone elsewhere", () => {
    const duet = slowDownRun(run({ times: [10] }, { times: [100, 100], gapNs: 10 }), 0.2);
    expect(duet.b.map(({ startNs, timeNs }) => [Number(startNs! - epochNs), timeNs])).toEqual([
      [0, 120],
      [130, 120],
    ]);
    expect(duet.a[0]!.timeNs).toBe(10);
    const sync = slowDownRun(
      run({ times: [10], type: "syncduet" }, { times: [100, 100], gapNs: 10, type: "syncduet" }),
      0.2,
    );
    expect(sync.b.map(({ startNs, endNs }) => [Number(startNs! - epochNs), Number(endNs! - epochNs)])).toEqual([
      [0, 120],
      [110, 230],
    ]);
    expect(slowDownRun(run({ times: [10] }, { times: [100] }), -0.1, "A").a[0]!.timeNs).toBe(9);
  });
});

describe("the original's analysis", () => {
  const second = 1_000_000_000;
  it("counts run times and speed-ups as RQ1 does", () => {
    const duet = run({ times: [second, second] }, { times: [2 * second], startNs: epochNs + BigInt(second / 2) });
    expect(originalRunTime(duet)).toEqual({ type: "duet", runTimeSec: 2, iterations: 3 });
    const sequential = run(
      { times: [second, second], type: "seqn" },
      { times: [2 * second], type: "seqn", startNs: epochNs + BigInt(60 * second) },
    );
    expect(originalRunTime(sequential)).toEqual({ type: "seqn", runTimeSec: 4, iterations: 3 });
    expect(originalSpeedup([originalRunTime(duet)!, originalRunTime(sequential)!])).toBe(1);
    expect(originalSpeedup([originalRunTime(duet)!])).toBeUndefined();
    expect(originalRunTime(run({ times: [1] }, { times: [] }))).toBeUndefined();
  });
  it("takes differences of kept pairs, and needs two runs for an interval", () => {
    const sync = run({ times: [9, 9, 12, 14], type: "syncduet" }, { times: [9, 9, 11, 11], type: "syncduet" });
    expect(originalDifferences(sync)).toEqual([1, 3]);
    const duet = run({ times: steady(100) }, { times: steady(101) });
    expect(originalDifferences(duet).every((difference) => Math.abs(difference + 1) <= 2)).toBe(true);
    expect(originalInterval([sync])).toBeUndefined();
    const row = originalInterval(
      Array.from({ length: 6 }, (_, i) =>
        run({ times: steady(100 + i), runId: i }, { times: steady(120 + i * 2), runId: i }),
      ),
    )!;
    expect(row).toMatchObject({ runs: 6, aaMatch: false });
    expect(row.ciMidNs).toBeLessThan(0);
    expect(row.uTestP).toBeLessThan(1e-6);
    expect(originalOverlap([duet], { minimumRatio: 0 })).toBeGreaterThan(0.5);
  });
});
