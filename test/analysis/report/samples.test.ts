import { chartsOf, parseSamples } from "../../../analysis/report/index.ts";

const header =
  "timeMs,scope,cpuUserSec,cpuSystemSec,cpuIdleSec,cpuIowaitSec,cpuStealSec,memoryUsedBytes,memoryAvailableBytes,swapUsedBytes,netReceivedBytes,netSentBytes,loopbackSentBytes,diskReadBytes,diskWrittenBytes,processes,load1";
/** Of the supervisor's own writing, from a run of the quickstart. */
const captured = `${header}
1795238448059,host,11287.81,3550.05,8904.66,57.80,36.24,780083200,24496431104,0,2495318622,6477563,67035817110,12279137280,41564708864,306,1.33
1795238448059,load-0,0.01,0.01,,,,26447872,,,,,,,,1,
1795238449069,host,11288.37,3550.92,8905.11,57.88,36.24,830873600,24445640704,0,2495318622,6477563,67041494986,12280624128,41581699072,319,1.33
1795238449069,load-0,0.13,0.14,,,,54468608,,,,,,,,1,
`;
const chart = (text: string, title: string) => chartsOf(parseSamples(text)).find((one) => one.title === title);

describe("parseSamples", () => {
  it("keeps the host and each unit apart", () => {
    const { scopes, skipped } = parseSamples(captured);
    expect([...scopes.keys()]).toEqual(["host", "load-0"]);
    expect(scopes.get("load-0")![1]).toMatchObject({ cpuUserSec: 0.13, cpuIdleSec: NaN, memoryUsedBytes: 54468608 });
    expect(skipped).toEqual([]);
  });

  it("names lines that are cut short by their number", () => {
    const { scopes, skipped } = parseSamples(captured.slice(0, -20));
    expect(scopes.get("load-0")).toHaveLength(1);
    expect(skipped).toMatchObject([{ lineNumber: 5, reason: "not a sample" }]);
  });

  it("has nothing for an empty file", () => {
    expect(parseSamples("").scopes.size).toBe(0);
  });
});

/** A host with two CPUs of which one is busy, writing 1 MB a second; a sample a second. */
const steady = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => {
    const t = from + i;
    return `${1000 * t},host,${0.75 * t},${0.25 * t},${t},0,0,${1e9 + t},1,0,0,0,0,0,${1e6 * t},9,1\n`;
  }).join("");

describe("chartsOf", () => {
  it("turns counters into shares and rates", () => {
    const text = `${header}\n${steady(5)}`;
    expect(chart(text, "CPU")!.series.map(({ name }) => name)).toEqual(["busy"]);
    expect(chart(text, "CPU")!.series[0]!.points.map(({ value }) => value)).toEqual([50, 50, 50, 50]);
    expect(chart(text, "disk")!.series[1]!.points).toContainEqual({ atMs: 2000, value: 1e6 });
    expect(chart(text, "memory in use")!.series[0]!.points).toHaveLength(5);
  });

  it("leaves out the interval in which a counter was begun anew, as after a reboot", () => {
    const text = `${header}\n${steady(3, 100)}${steady(3).replaceAll(/^(\d+),/gm, (_, ms: string) => `${Number(ms) + 200_000},`)}`;
    const points = chart(text, "disk")!.series[1]!.points;
    expect(points.map(({ value }) => value)).toEqual([1e6, 1e6, 1e6, 1e6]);
  });

  it("leaves out charts with less than two points", () => {
    expect(chart(`${header}\n${steady(2)}`, "CPU")).toBeUndefined();
  });
});
