import { readFileSync } from "node:fs";
import { combineHosts } from "../../../experiments/redis/combine-hosts.ts";
import { parseBenchmark } from "../../../experiments/redis/redis-benchmark.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/redis/${name}`, import.meta.url), "utf8");
const captured = fixture("set-get.csv");
const header = captured.slice(0, captured.indexOf("\n") + 1);

function refusalOf(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    return error;
  }
}

describe("parseBenchmark", () => {
  it("reads each command's rate and latencies", () => {
    expect(parseBenchmark(captured)).toEqual([
      {
        test: "SET",
        requestsPerSec: 40733.2,
        meanMs: 0.141,
        minMs: 0.016,
        p50Ms: 0.095,
        p95Ms: 0.151,
        p99Ms: 0.999,
        maxMs: 19.887,
      },
      {
        test: "GET",
        requestsPerSec: 17621.15,
        meanMs: 0.386,
        minMs: 0.016,
        p50Ms: 0.071,
        p95Ms: 2.511,
        p99Ms: 7.559,
        maxMs: 16.295,
      },
    ]);
  });

  it.each([
    ["a file without header, as before 6.2", '"SET","40733.20"\n', 1, "not redis-benchmark's header"],
    ["the progress of a run without --csv", "====== SET ======\n  20000 requests", 1, "====== SET"],
    ["an empty file", "", 1, "not redis-benchmark's header"],
    ["a header alone", header, 2, "a header and no result"],
    ["a line that was cut", captured.slice(0, -20), 3, "a quote is opened and never closed"],
    ["a line without its end", captured.slice(0, -10), 3, "7 fields where the header has 8"],
    ["a rate of no time at all", captured.replace("40733.20", "inf"), 2, "rps: not a number"],
    ["an empty latency", captured.replace('"0.999"', '""'), 2, "p99_latency_ms: not a number"],
  ])("refuses %s, with file and line", (_, text, lineNumber, problem) => {
    const refusal = refusalOf(() => parseBenchmark(text, "client-0/set.csv"));
    expect(refusal).toMatchObject({ name: "ParseError", file: "client-0/set.csv", lineNumber });
    expect(String(refusal)).toContain(problem);
  });
});

describe("combineHosts", () => {
  it("takes the slowest host's time for all requests, and the larger p99", () => {
    const hosts = ["set-client-0.csv", "set-client-1.csv"].flatMap((name) => parseBenchmark(fixture(name)));
    expect(combineHosts(hosts)).toEqual({ throughputPerSec: 2 * 113912.25, p50Ms: 0.255, p99Ms: 4.207 });
  });

  it("gives a single host's numbers as they are", () => {
    expect(combineHosts([{ requestsPerSec: 100, p50Ms: 1, p99Ms: 2 }])).toEqual({
      throughputPerSec: 100,
      p50Ms: 1,
      p99Ms: 2,
    });
  });

  it("means the hosts' medians", () => {
    const hosts = [1, 2, 6].map((p50Ms) => ({ requestsPerSec: 10, p50Ms, p99Ms: 9 }));
    expect(combineHosts(hosts).p50Ms).toBe(3);
  });

  it("refuses no host", () => {
    expect(() => combineHosts([])).toThrow("no client host");
  });
});
