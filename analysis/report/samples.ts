/** What the supervisor sampled on a host each second: counters of the host, and of each unit that ran there. */
import type { SkippedLine } from "../parse/parsed.ts";

export interface Sample {
  /** By the host's clock, ms since the epoch. */
  readonly timeMs: number;
  readonly cpuUserSec: number;
  readonly cpuSystemSec: number;
  readonly cpuIdleSec: number;
  readonly cpuIowaitSec: number;
  readonly cpuStealSec: number;
  readonly memoryUsedBytes: number;
  readonly netReceivedBytes: number;
  readonly netSentBytes: number;
  readonly diskReadBytes: number;
  readonly diskWrittenBytes: number;
}

export interface HostSamples {
  /** By scope: `host`, or a unit's name; in order of appearance. */
  readonly scopes: ReadonlyMap<string, readonly Sample[]>;
  readonly skipped: readonly SkippedLine[];
}

const numbers = [
  "timeMs",
  "cpuUserSec",
  "cpuSystemSec",
  "cpuIdleSec",
  "cpuIowaitSec",
  "cpuStealSec",
  "memoryUsedBytes",
  "netReceivedBytes",
  "netSentBytes",
  "diskReadBytes",
  "diskWrittenBytes",
] as const;

/** Reads `samples.csv`; counters that a unit doesn't have are NaN, and columns of a newer supervisor are passed over. */
export function parseSamples(text: string): HostSamples {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const names = header.split(",");
  const scopeAt = names.indexOf("scope");
  const scopes = new Map<string, Sample[]>();
  const skipped: SkippedLine[] = [];
  for (const [index, line] of lines.entries()) {
    const fields = line.split(",");
    const scope = fields[scopeAt];
    const value = (name: string): number => {
      const field = fields[names.indexOf(name)];
      return field === undefined || field === "" ? NaN : Number(field);
    };
    if (fields.length !== names.length || scope === undefined || !Number.isFinite(value("timeMs"))) {
      // The last line of a host that was lost is often cut.
      skipped.push({ lineNumber: index + 2, line: line.slice(0, 200), reason: "not a sample" });
      continue;
    }
    const sample = Object.fromEntries(numbers.map((name) => [name, value(name)])) as unknown as Sample; // just these names
    const known = scopes.get(scope);
    if (known) known.push(sample);
    else scopes.set(scope, [sample]);
  }
  return { scopes, skipped };
}

/** A line of a chart: a value over time. */
export interface SampleSeries {
  readonly name: string;
  readonly points: readonly { readonly atMs: number; readonly value: number }[];
}

export interface SampleChart {
  readonly title: string;
  readonly unit: "%" | "B" | "B/s" | "cores";
  readonly series: readonly SampleSeries[];
}

/** Four charts of a host, and two of the units on it. A chart without two points in any series is left out. */
export function chartsOf({ scopes }: HostSamples): SampleChart[] {
  const host = scopes.get("host") ?? [];
  const units = [...scopes].filter(([scope]) => scope !== "host");
  const charts: SampleChart[] = [
    {
      title: "CPU",
      unit: "%",
      series: [
        { name: "busy", points: shares(host, ({ cpuUserSec, cpuSystemSec }) => cpuUserSec + cpuSystemSec) },
        { name: "stolen", points: shares(host, ({ cpuStealSec }) => cpuStealSec) },
      ].filter(({ name, points }) => name === "busy" || points.some(({ value }) => value >= 0.5)),
    },
    { title: "memory in use", unit: "B", series: [{ name: "used", points: levels(host) }] },
    {
      title: "network",
      unit: "B/s",
      series: [
        { name: "received", points: rates(host, ({ netReceivedBytes }) => netReceivedBytes) },
        { name: "sent", points: rates(host, ({ netSentBytes }) => netSentBytes) },
      ],
    },
    {
      title: "disk",
      unit: "B/s",
      series: [
        { name: "read", points: rates(host, ({ diskReadBytes }) => diskReadBytes) },
        { name: "written", points: rates(host, ({ diskWrittenBytes }) => diskWrittenBytes) },
      ],
    },
    {
      title: "CPU by unit",
      unit: "cores",
      series: units.map(([name, samples]) => ({
        name,
        points: rates(samples, ({ cpuUserSec, cpuSystemSec }) => cpuUserSec + cpuSystemSec),
      })),
    },
    { title: "memory by unit", unit: "B", series: units.map(([name, samples]) => ({ name, points: levels(samples) })) },
  ];
  return charts
    .map((chart) => ({ ...chart, series: chart.series.filter(({ points }) => points.length > 1) }))
    .filter(({ series }) => series.length > 0);
}

type Counter = (sample: Sample) => number;

const levels = (samples: readonly Sample[]): SampleSeries["points"] =>
  samples
    .map(({ timeMs, memoryUsedBytes }) => ({ atMs: timeMs, value: memoryUsedBytes }))
    .filter(({ value }) => Number.isFinite(value));

/** A counter's growth a second, at the end of each interval; a counter that fell was begun anew. */
function rates(samples: readonly Sample[], counter: Counter): SampleSeries["points"] {
  return intervals(
    samples,
    (before, after) => (counter(after) - counter(before)) / ((after.timeMs - before.timeMs) / 1e3),
  );
}

/** Percent of all CPU time of the host. */
function shares(samples: readonly Sample[], counter: Counter): SampleSeries["points"] {
  const all: Counter = (s) => s.cpuUserSec + s.cpuSystemSec + s.cpuIdleSec + s.cpuIowaitSec + s.cpuStealSec;
  return intervals(samples, (before, after) => (100 * (counter(after) - counter(before))) / (all(after) - all(before)));
}

function intervals(
  samples: readonly Sample[],
  valueOf: (before: Sample, after: Sample) => number,
): { atMs: number; value: number }[] {
  const points: { atMs: number; value: number }[] = [];
  let before = samples[0];
  for (const sample of samples.slice(1)) {
    // Counters tick in hundredths of a second: over less than a quarter their growth says little.
    if (before !== undefined && sample.timeMs - before.timeMs < 250) continue;
    const value = before === undefined ? NaN : valueOf(before, sample);
    if (Number.isFinite(value) && value >= 0) points.push({ atMs: sample.timeMs, value });
    before = sample;
  }
  return points;
}
