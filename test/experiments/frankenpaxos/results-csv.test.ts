import { inputNumber, parseResults } from "../../../experiments/frankenpaxos/results-csv.ts";
import { describeShared, readPublishedFile } from "./shared-data.ts";

const statistics = ["mean", "median", "min", "max", "p90", "p95", "p99"];
const outputNames = (prefix: string): string[] => [
  ...statistics.map((name) => `${prefix}latency.${name}_ms`),
  ...statistics.map((name) => `${prefix}start_throughput_1s.${name}`),
];
const measured = ["1.5", "1.25", "0.5", "9", "2", "3", "4", "90", "100", "10", "200", "150", "160", "170"];
const absent = measured.map(() => "-1.0");
const header = [
  "num_client_procs,num_clients_per_proc,flexible,duration,workload.name",
  ...outputNames("read_output."),
  ...outputNames("write_output."),
].join(",");
const inputs = "5,100,True,0:00:15,StringWorkload";
const line = (...parts: readonly (string | readonly string[])[]): string => parts.flat().join(",");
const text = (...lines: readonly string[]): string => [header, ...lines, ""].join("\n");

describe("parseResults", () => {
  it("reads dotted columns by name, converts inputs, and leaves an absent label out", () => {
    const { rows, skippedCount } = parseResults(text(line(inputs, absent, measured)), { file: "a.csv" });
    expect(skippedCount).toBe(0);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.inputs).toEqual({
      num_client_procs: 5,
      num_clients_per_proc: 100,
      flexible: true,
      duration: "0:00:15",
      "workload.name": "StringWorkload",
    });
    expect(rows[0]?.clients).toBe(500);
    expect(rows[0]?.lineNumber).toBe(2);
    expect(rows[0]?.outputs.read).toBeUndefined();
    expect(rows[0]?.outputs.write?.latencyMs).toMatchObject({ mean: 1.5, median: 1.25, p99: 4 });
    expect(rows[0]?.outputs.write?.startThroughputPerSec).toMatchObject({ median: 100, p90: 150 });
  });

  it("takes nan throughputs beside real latencies for a label that didn't outlive the first second", () => {
    const stray = [...measured.slice(0, 7), ...Array.from({ length: 7 }, () => "nan")];
    const { rows } = parseResults(text(line(inputs, stray, measured)));
    expect(rows[0]?.outputs.read?.latencyMs.median).toBe(1.25);
    expect(rows[0]?.outputs.read?.startThroughputPerSec).toBeUndefined();
  });

  it.each([
    ["a line cut short", line(inputs, absent, measured).slice(0, -8), /fields where the header has 33/],
    [
      "a number that isn't one",
      line(inputs, absent, ["fast", ...measured.slice(1)]),
      /write_output.latency.mean_ms isn't a number: "fast"/,
    ],
    ["the header of a joined file", header, /the header again/],
    ["a latency that is nan", line(inputs, absent, ["nan", ...measured.slice(1)]), /a write latency is nan/],
    ["a negative latency", line(inputs, absent, ["1", "1", "-0.5", ...measured.slice(3)]), /below zero/],
    ["client counts that aren't numbers", line("many,100,True,0,x", absent, measured), /client counts/],
    ["a point without a request", line(inputs, absent, absent), /no request/],
  ])("skips %s with its number and reason, and keeps the rest", (_, bad, reason) => {
    const good = line(inputs, absent, measured);
    const { rows, skipped, skippedCount } = parseResults(text(good, bad, good));
    expect(rows.map(({ lineNumber }) => lineNumber)).toEqual([2, 4]);
    expect(skippedCount).toBe(1);
    expect(skipped[0]?.lineNumber).toBe(3);
    expect(skipped[0]?.reason).toMatch(reason);
  });

  it.each([
    ["an empty file", "", /results.csv:1: an empty file/],
    ["a file without client counts", "a,b\n1,2\n", /no column "num_client_procs"/],
    ["a file without measurements", "num_client_procs,num_clients_per_proc\n1,2\n", /no measured columns/],
    ["a column that stands twice", `${header},flexible\n`, /"flexible" stands twice/],
  ])("refuses %s", (_, bad, message) => {
    expect(() => parseResults(bad)).toThrow(message);
  });

  it("names the line whose input isn't a number", () => {
    const row = parseResults(text(line(inputs, absent, measured)), { file: "a.csv" }).rows[0];
    if (!row) throw new Error("no row");
    expect(inputNumber(row, "num_client_procs")).toBe(5);
    expect(() => inputNumber(row, "num_replicas")).toThrow(/a.csv:2: no number in "num_replicas"/);
  });
});

describeShared("parseResults on the published files", () => {
  it.each([
    ["vldb21_compartmentalized/ablation/compartmentalized_results.csv", 169],
    ["vldb21_compartmentalized/unreplicated_lt/hyperparameter_results.csv", 265],
    ["vldb21_compartmentalized/batched_read_scale/hyperparameter_results.csv", 1291],
    ["vldb21_compartmentalized/craq_skew/results.csv", 45],
    ["vldb21_compartmentalized/scalog_lt/results.csv", 210],
    ["nsdi/fig1_lt_epaxos_results.csv", 126],
  ])("reads all of %s: %i rows, none skipped", async (path, count) => {
    const { rows, skippedCount } = parseResults(new TextDecoder().decode(await readPublishedFile(path)), {
      file: path,
    });
    expect([rows.length, skippedCount]).toEqual([count, 0]);
  });

  it("groups the 169 rows of the ablation into its 54 points, 52 of them with three repeats", async () => {
    const path = "vldb21_compartmentalized/ablation/compartmentalized_results.csv";
    const { rows } = parseResults(new TextDecoder().decode(await readPublishedFile(path)), { file: path });
    const repeats = new Map<string, number>();
    for (const row of rows) repeats.set(JSON.stringify(row.inputs), (repeats.get(JSON.stringify(row.inputs)) ?? 0) + 1);
    expect([...repeats.values()].sort((a, b) => a - b)).toEqual([...Array.from({ length: 52 }, () => 3), 6, 7]);
  });
});
