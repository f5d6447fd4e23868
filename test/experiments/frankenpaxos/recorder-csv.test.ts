import { gzipSync } from "node:zlib";
import { aggregate, overallThroughputPerSec } from "../../../experiments/frankenpaxos/aggregate.ts";
import { mergeRecordings, readRecording } from "../../../experiments/frankenpaxos/recorder-csv.ts";
import type { Recording } from "../../../experiments/frankenpaxos/recorder-csv.ts";
import type { Statistics } from "../../../experiments/frankenpaxos/results-csv.ts";
import { describeShared, deviation, readPublishedFile, readReference } from "./shared-data.ts";

const read = (content: string | Uint8Array, file?: string, chunkBytes = 7): Promise<Recording> =>
  readRecording(
    (async function* () {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length; at += chunkBytes)
        yield await Promise.resolve(bytes.subarray(at, at + chunkBytes));
    })(),
    file,
  );

const plain = `start,stop,latency_nanos,host,port
2020-07-02T18:50:43.476Z,2020-07-02T18:50:43.478Z,1748687,172.31.0.102,10000
2020-07-02T18:50:44Z,2020-07-02T18:50:44.001Z,500000,172.31.0.102,10000
`;
const labelled = `start,stop,count,latency_nanos,label
2020-06-23 04:52:08.750000+00:00,2020-06-23 04:52:08.760000+00:00,10,481799,write
2020-06-23 04:52:08.748000+00:00,2020-06-23 04:52:08.749000+00:00,3,1415620,read
`;

describe("readRecording", () => {
  it("reads plain rows, one request each, in milliseconds", async () => {
    const recording = await read(plain);
    expect(recording.kind).toBe("plain");
    expect([...recording.startMs]).toEqual([Date.UTC(2020, 6, 2, 18, 50, 43, 476), Date.UTC(2020, 6, 2, 18, 50, 44)]);
    expect([...recording.latencyMs]).toEqual([1.748687, 0.5]);
    expect([...recording.counts]).toEqual([1, 1]);
    expect(recording.outOfOrderCount).toBe(0);
  });

  it.each([
    ["plain", plain],
    ["labelled", labelled],
  ])("reads %s rows with the line ends that the clients' CSV writer makes", async (_, text) => {
    const recording = await read(text.replaceAll("\n", "\r\n"));
    expect(recording).toEqual(await read(text));
    expect(recording.skippedCount).toBe(0);
  });

  it("reads labelled rows, packed or not, and sorts them by start", async () => {
    const recording = await read(labelled);
    expect(recording.kind).toBe("labelled");
    expect([...recording.counts]).toEqual([3, 10]);
    expect([...recording.labelCodes].map((code) => recording.labels[code])).toEqual(["read", "write"]);
    expect(recording.outOfOrderCount).toBe(1);
    expect(await read(gzipSync(labelled))).toEqual(recording);
  });

  it("counts lines it can't read, with their numbers", async () => {
    const { startMs, skipped, skippedCount } = await read(
      plain + "2020-07-02T18:50:45Z,yesterday,1,h,1\n",
      "client_0_data.csv",
    );
    expect(startMs).toHaveLength(2);
    expect(skippedCount).toBe(1);
    expect(skipped[0]?.lineNumber).toBe(4);
  });

  it.each([
    ["a header of something else", "a,b\n1,2\n", /not a recorder's header: "a,b"/],
    ["a count without a label", "start,stop,count,latency_nanos\n", /count and label there is only one/],
    ["an empty table", plain.split("\n")[0] ?? "", /no request was recorded/],
    ["an empty file", "", /not a recorder's header/],
    ["a gzip stream cut short", gzipSync(plain).subarray(0, 60), /cut short/],
  ])("refuses %s", async (_, content, message) => {
    await expect(read(content, "data.csv.gz")).rejects.toThrow(message);
  });

  it("merges processes by start and keeps each row's label", async () => {
    const merged = mergeRecordings([await read(labelled), await read(labelled.replaceAll("write", "scan"))]);
    expect(merged.startMs).toHaveLength(4);
    expect([...merged.labelCodes].map((code) => merged.labels[code])).toEqual(["read", "read", "write", "scan"]);
  });
});

describe("aggregate", () => {
  it("tells labels apart and has nothing to say of one that never occurred", async () => {
    const recording = await read(labelled);
    expect(aggregate(recording, { label: "read" })?.latencyMs.median).toBe(1.41562);
    expect(aggregate(recording, { label: "read" })?.startThroughputPerSec).toBeUndefined(); // All within the first second.
    expect(aggregate(recording, { label: "scan" })).toBeUndefined();
  });

  it("counts requests, not rows, over the whole time", async () => {
    expect(overallThroughputPerSec(await read(labelled))).toBeCloseTo(13 / 0.012, 6);
  });
});

describeShared("aggregate against the golden values", () => {
  const golden = readReference()?.aggregator_golden ?? {};
  it.each(Object.keys(golden))("agrees on %s, trimmed and not", async (path) => {
    const expected = golden[path];
    if (!expected) throw new Error(path);
    const recording = await read((await readPublishedFile(path)) ?? "", path, 65_536);
    expect(recording.startMs).toHaveLength(expected.rows);
    expect(recording.skippedCount).toBe(0);
    const compare = (ours: Statistics | undefined, reference: Record<string, number>, suffix = ""): void => {
      for (const name of ["mean", "median", "min", "max", "p90", "p95", "p99"] as const)
        // The reference has seven significant digits.
        expect(deviation(ours?.[name] ?? NaN, reference[`${name}${suffix}`] ?? NaN)).toBeLessThan(5.1e-7);
    };
    compare(aggregate(recording)?.latencyMs, expected.latency, "_ms");
    compare(aggregate(recording)?.startThroughputPerSec, expected.start_throughput_1s);
    compare(aggregate(recording, { rule: "untrimmed" })?.startThroughputPerSec, expected.start_throughput_1s_untrimmed);
  });
});
