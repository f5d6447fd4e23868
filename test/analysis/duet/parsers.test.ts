import fc from "fast-check";
import { environmentOf, parseArtifacts } from "../../../analysis/duet/artifacts.ts";
import { csvLine, parseCsv } from "../../../analysis/duet/csv.ts";
import { parseDacapo, parseDacapoLines } from "../../../analysis/duet/dacapo.ts";
import { parseDuetFaas } from "../../../analysis/duet/duetfaas.ts";
import { harnessMappingSchema, parseByMapping } from "../../../analysis/duet/mapping.ts";
import { parseRenaissance } from "../../../analysis/duet/renaissance.ts";
import { buildResultName, parseResultName, ResultNameError } from "../../../analysis/duet/result-name.ts";
import { parseSpecCpu, selectSpecLog } from "../../../analysis/duet/spec-cpu.ts";
import { dacapoCsv, duetFaasLine, renaissanceJson, specLog } from "./harness-output.ts";

describe("result names", () => {
  it("go round", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
    fc.assert(
      fc.property(
        fc.record({
          suite: word,
          benchmark: word,
          runId: fc.nat(),
          type: fc.constantFrom("seqn", "duet", "syncduet"),
          order: fc.constantFrom("AB", "BA", undefined),
          pair: fc.constantFrom("A", "B"),
          file: fc.stringMatching(/^[a-z.0-9]{1,12}$/),
        }),
        (name) => {
          expect(parseResultName(buildResultName(name))).toEqual(name);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
  it("read the original's own examples", () => {
    expect(parseResultName("dacapo.fop.3.syncduet.BA.B.results.csv")).toEqual({
      suite: "dacapo",
      benchmark: "fop",
      runId: 3,
      type: "syncduet",
      order: "BA",
      pair: "B",
      file: "results.csv",
    });
    expect(parseResultName("speccpu.557_xz_r.0.seqn.None.A.result/")).toMatchObject({
      benchmark: "557_xz_r",
      order: undefined,
      file: "result",
    });
    expect(
      buildResultName({
        suite: "speccpu",
        benchmark: "557.xz_r",
        runId: 0,
        type: "seqn",
        order: undefined,
        pair: "A",
        file: "result",
      }),
    ).toBe("speccpu.557_xz_r.0.seqn.None.A.result");
  });
  it.each([
    "chi-square.0.A.results.json",
    "artifacts",
    "dacapo.fop.x.duet.AB.A.f",
    "dacapo.fop.3.AB.duet.A.f",
    "da capo.fop.3.duet.AB.A.f",
  ])("don't take %s for one", (name) => {
    expect(parseResultName(name)).toBeUndefined();
  });
  it("refuse what couldn't be read back", () => {
    const name = {
      suite: "dacapo",
      benchmark: "fop",
      runId: 0,
      type: "duet",
      order: "AB",
      pair: "A",
      file: "f",
    } as const;
    expect(() => buildResultName({ ...name, benchmark: "a b" })).toThrow(ResultNameError);
    expect(() => buildResultName({ ...name, runId: -1 })).toThrow("run -1");
    expect(() => buildResultName({ ...name, file: "a/b" })).toThrow(ResultNameError);
  });
});

describe("parseRenaissance", () => {
  it("places iterations at VM start + uptime, to the nanosecond", () => {
    const { rows, skipped } = parseRenaissance(renaissanceJson);
    expect(skipped).toEqual([]);
    expect(rows.map(({ iteration, startNs, endNs, timeNs }) => [iteration, startNs, endNs, timeNs])).toEqual([
      [0, 1700000001500000000n, 1700000003500000000n, 2_000_000_000],
      [1, 1700000003600000000n, 1700000004800000000n, 1_200_000_000],
    ]);
    expect(rows[0]).toMatchObject({
      benchmark: "toy",
      extras: { epoch_start_ms: 1_700_000_000_000, uptime_ns: 1_500_000_000, termination: "normal" },
    });
  });
  it("keeps what it doesn't understand, with its number", () => {
    const broken = JSON.parse(renaissanceJson) as { data: { toy: { results: unknown[] } } }; // the sample's own shape
    broken.data.toy.results[0] = { duration_ns: -1, uptime_ns: 0 };
    const { rows, skipped } = parseRenaissance(JSON.stringify(broken));
    expect(rows.map(({ iteration }) => iteration)).toEqual([1]);
    expect(skipped).toEqual([
      {
        lineNumber: 1,
        line: '{"duration_ns":-1,"uptime_ns":0}',
        reason: expect.stringContaining("duration_ns") as string,
      },
    ]);
    expect(parseRenaissance(renaissanceJson.slice(0, 80)).skipped).toHaveLength(1);
    expect(parseRenaissance("{}").skipped[0]!.reason).toContain("not a Renaissance result: data");
  });
});

describe("parseDacapo", () => {
  it("counts from 0, starts at start_unix and keeps the other columns", () => {
    const { rows, skipped } = parseDacapo(dacapoCsv);
    expect(skipped).toEqual([]);
    expect(rows).toEqual([
      {
        benchmark: "fop",
        iteration: 0,
        startNs: 1700000000530000000n,
        endNs: 1700000002510000000n,
        timeNs: 1_980_000_000,
        extras: {
          total_ms: 2510,
          process_cpu_time_ns: 3_100_000_000,
          compilation_time_ms: 900,
          compilation_total_ms: 1400,
        },
      },
      expect.objectContaining({ iteration: 1, startNs: 1700000002690000000n, endNs: 1700000003900500000n }),
    ]);
  });
  it("gives the old format durations only", () => {
    const old = "benchmark,total_ms,iteration_time_ns\nfop,2510,1980000000\n";
    expect(parseDacapo(old).rows).toEqual([
      {
        benchmark: "fop",
        iteration: 0,
        startNs: undefined,
        endNs: undefined,
        timeNs: 1_980_000_000,
        extras: { total_ms: 2510 },
      },
    ]);
  });
  it("skips cut and broken lines, and numbers the rest as they were", () => {
    const { rows, skipped } = parseDacapo(dacapoCsv.replace("fop,2510,1980000000,", "fop,2510,x,") + "fop,39");
    expect(rows.map(({ iteration }) => iteration)).toEqual([1]);
    expect(skipped.map(({ lineNumber, reason }) => [lineNumber, reason])).toEqual([
      [2, "iteration_time_ns isn't a positive whole number"],
      [4, "2 fields under 7 columns"],
    ]);
    expect(parseDacapo("").skipped).toEqual([{ lineNumber: 1, line: "", reason: "no column iteration_time_ns" }]);
  });
});

describe("parseDacapoLines", () => {
  const line = (arrivedNs: bigint, text: string) => ({ arrivedNs, line: text });
  it("times a stock harness by the arrival of its lines", () => {
    const { rows, skipped } = parseDacapoLines([
      line(1_000n, "===== DaCapo 9.12 fop starting warmup 1 ====="),
      line(1_500n, "some output"),
      line(2_345_001_000n, "===== DaCapo 9.12 fop completed warmup 1 in 2345 msec ====="),
      line(3_000_000_000n, "===== DaCapo 9.12 fop starting ====="),
      line(5_000_000_000n, "===== DaCapo 9.12 fop PASSED in 1999 msec ====="),
      line(5_000_000_001n, "===== DaCapo 9.12 fop PASSED in 1 msec ====="),
      line(6_000_000_000n, "===== DaCapo 9.12 fop starting ====="),
      line(6_000_000_001n, "===== DaCapo 9.12 fop FAILED ====="),
    ]);
    expect(rows.map(({ startNs, timeNs }) => [startNs, timeNs])).toEqual([
      [1_000n, 2_345_000_000],
      [3_000_000_000n, 1_999_000_000],
    ]);
    expect(skipped.map(({ lineNumber, reason }) => [lineNumber, reason])).toEqual([
      [6, "ends an iteration that didn't start"],
      [8, "the iteration failed"],
    ]);
  });
});

describe("parseSpecCpu", () => {
  it("pairs starts and ends, exactly", () => {
    expect(parseSpecCpu(specLog)).toEqual({
      rows: [
        {
          benchmark: undefined,
          iteration: 0,
          startNs: 1700000000250000000n,
          endNs: 1700000465750000000n,
          timeNs: 465_500_000_000,
          extras: {},
        },
      ],
      skipped: [],
    });
  });
  it("leaves out a log whose starts and ends don't alternate, and says where", () => {
    const [, start = "", end = ""] = specLog.split("\n");
    expect(parseSpecCpu([start, end, start].join("\n"))).toMatchObject({ rows: [], skipped: [{ lineNumber: 3 }] });
    expect(parseSpecCpu([start, start, end, end].join("\n"))).toMatchObject({ rows: [], skipped: [{ lineNumber: 2 }] });
    expect(parseSpecCpu(specLog.replace("(1700000465.75000)", ""))).toMatchObject({
      rows: [],
      skipped: [{ lineNumber: 3 }, { lineNumber: 2 }],
    });
  });
  it("selects the one log of the measurement", () => {
    expect(selectSpecLog(["r/CPU2017.001.log", "r/CPU2017.002.log", "r/x.csv"])).toBe("r/CPU2017.002.log");
    expect(selectSpecLog(["a.002.log", "b.002.log"])).toBeUndefined();
    expect(selectSpecLog([])).toBeUndefined();
  });
});

describe("parseDuetFaas", () => {
  it("keeps full precision, and the wall time where it is logged", () => {
    const { rows, skipped } = parseDuetFaas(
      `${duetFaasLine}\n{"message":"x"}\nnot json\n${duetFaasLine.replace("machineId: 7f, processId: 21", "machineId: 80, processId: 21")}\n`,
    );
    expect(rows).toEqual([
      {
        sequence: 0,
        a: {
          responseMs: 41.203,
          wallMs: 43.1,
          machineId: "7f",
          processId: 20,
          isColdStart: false,
          receivedAt: "2024-07-10T14:00:00.100Z",
        },
        b: {
          responseMs: 43.377,
          wallMs: undefined,
          machineId: "7f",
          processId: 21,
          isColdStart: false,
          receivedAt: "2024-07-10T14:00:00.102Z",
        },
      },
    ]);
    expect(skipped.map(({ lineNumber, reason }) => [lineNumber, reason])).toEqual([
      [2, "not a line with A's and B's timings"],
      [3, "not a line with A's and B's timings"],
      [4, "A and B ran on different machines"],
    ]);
  });
});

describe("parseByMapping", () => {
  const read = (mapping: unknown, text: string) => parseByMapping(text, harnessMappingSchema.parse(mapping));
  const expected = [
    { iteration: 0, startNs: 1700000000123456789n, timeNs: 1_500_000 },
    { iteration: 1, startNs: 1700000001000000000n, timeNs: 2_000_000 },
  ];
  it("reads CSV", () => {
    const mapping = {
      format: "csv",
      time: { field: "ms", unit: "ms" },
      start: { field: "at", unit: "s" },
      extras: ["gc"],
    };
    const { rows, skipped } = read(mapping, "at,ms,gc\n1700000000.123456789,1.5,3\n1700000001,2,none\nx,2,1\n1,0,1\n");
    expect(rows).toMatchObject(expected);
    expect(rows.map(({ extras }) => extras)).toEqual([{ gc: 3 }, { gc: "none" }]);
    expect(skipped.map(({ lineNumber, reason }) => [lineNumber, reason])).toEqual([
      [4, "at isn't a time"],
      [5, "ms isn't a positive time"],
    ]);
  });
  it("reads JSON, deep fields and several benchmarks included", () => {
    const mapping = { format: "json", records: "runs.list", time: { field: "t.ns", unit: "ns" }, benchmark: "name" };
    const record = (name: string, ns: number) => ({ name, t: { ns } });
    const { rows } = read(
      mapping,
      JSON.stringify({ runs: { list: [record("x", 5), record("y", 6), record("x", 7)] } }),
    );
    expect(rows.map(({ benchmark, iteration, timeNs, startNs }) => [benchmark, iteration, timeNs, startNs])).toEqual([
      ["x", 0, 5, undefined],
      ["y", 0, 6, undefined],
      ["x", 1, 7, undefined],
    ]);
    expect(read(mapping, "{}").skipped[0]!.reason).toBe('no array at "runs.list"');
  });
  it("reads JSON lines and matched lines", () => {
    const lines = { format: "jsonLines", time: { field: "us", unit: "us" }, start: { field: "at", unit: "ns" } };
    expect(
      read(lines, '{"us":1500,"at":"1700000000123456789"}\n\n{"us":2e3,"at":"1700000001000000000"}\n').rows,
    ).toMatchObject(expected);
    const pattern = { format: "lines", pattern: "took (?<t>[0-9.]+) s", time: { field: "t", unit: "s" } };
    expect(read(pattern, "hello\ntook 0.0015 s\ntook 2 s").rows.map(({ timeNs }) => timeNs)).toEqual([
      1_500_000, 2_000_000_000,
    ]);
  });
  it("refuses a mapping with a pattern that isn't one, or unknown fields", () => {
    expect(
      harnessMappingSchema.safeParse({ format: "lines", pattern: "(", time: { field: "t", unit: "s" } }).success,
    ).toBe(false);
    expect(harnessMappingSchema.safeParse({ format: "csv", time: { field: "t", unit: "min" } }).success).toBe(false);
    expect(harnessMappingSchema.safeParse({ format: "csv", time: { field: "t", unit: "s" }, tme: 1 }).success).toBe(
      false,
    );
  });
});

describe("artifacts", () => {
  it("give the host's facts", () => {
    const files = new Map([
      ["date", "Sun Jun 26 15:00:00 UTC 2022\n"],
      ["hostname", "teaching-3\n"],
      ["lscpu", "Architecture:  x86_64\nModel name:          Intel(R) Xeon(R)\n"],
      ["meminfo", "MemTotal:       16375728 kB\nMemFree: 1 kB\n"],
      ["dmesg", "x"],
    ]);
    const { facts, unknown } = parseArtifacts(files);
    expect(facts).toEqual({
      date: "Sun Jun 26 15:00:00 UTC 2022",
      hostname: "teaching-3",
      uname: undefined,
      lscpu: "Intel(R) Xeon(R)",
      meminfo: "16375728 kB",
    });
    expect(unknown).toEqual(["dmesg"]);
    expect(environmentOf(facts.hostname)).toBe("shared-vm");
    expect(environmentOf("laptop")).toBeUndefined();
    expect(environmentOf(undefined)).toBeUndefined();
  });
});

describe("CSV", () => {
  it("goes round, quotes and line breaks included", () => {
    const field = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", " ", "é"), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), (records) => {
        expect(parseCsv(records.map(csvLine).join("\n")).map(({ fields }) => fields)).toEqual(records);
      }),
      { numRuns: 300, seed: 4 },
    );
    expect(parseCsv("a,b\r\n\r\n1,\n").map(({ lineNumber, fields }) => [lineNumber, ...fields])).toEqual([
      [1, "a", "b"],
      [3, "1", ""],
    ]);
  });
});
