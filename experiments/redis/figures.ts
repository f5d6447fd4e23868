/** Figures of Redis under redis-benchmark, from the CSV that each client host left. */
import {
  acrossTrials,
  artifactsNamed,
  defineFigure,
  extentOf,
  latencyThroughput,
  lineChart,
  numberParameter,
  readText,
  smallMultiples,
} from "reprise/analysis";
import type { Trial } from "reprise/analysis";
import { z } from "zod";
import { combineHosts } from "./combine-hosts.ts";
import { parseBenchmark } from "./redis-benchmark.ts";

const commands = ["SET", "GET"] as const;
type Command = (typeof commands)[number];

/** One command in one trial, over all client hosts. */
interface CommandResult {
  readonly command: Command;
  readonly payloadBytes: number;
  readonly pipeline: number;
  readonly clients: number;
  readonly throughputPerSec: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function readTrials(trials: readonly Trial[]): Promise<CommandResult[]> {
  const results: CommandResult[] = [];
  for (const trial of trials)
    for (const command of commands) {
      const hosts = [];
      for (const { key, open } of artifactsNamed(trial, `${command.toLowerCase()}.csv`))
        hosts.push(...parseBenchmark(await readText(open(), key), key));
      results.push({
        command,
        payloadBytes: numberParameter(trial, "payloadBytes"),
        pipeline: numberParameter(trial, "pipeline"),
        clients: numberParameter(trial, "clients"),
        ...combineHosts(hosts),
      });
    }
  return results;
}

const estimator =
  "per trial: requests over the time of the slowest client host; mean of the hosts' p50, largest of their p99, as redis-benchmark counts them; then the median over trials";
const overTrials = "Points are medians over trials, whiskers span the trials.";

/** A log axis over all values with 1, 2 and 5 of each decade labelled: here numbers are read off, not only compared. */
function decades(values: readonly number[]) {
  const [low, high] = extentOf(values) ?? [1, 10];
  const steps = Array.from({ length: 14 }, (_, i) => [1, 2, 5].map((digit) => Number(`${digit}e${i - 5}`))).flat();
  const from = Math.max(0, steps.filter((step) => step <= low).length - 1);
  const to = steps.findIndex((step) => step >= high);
  const ticks = steps.slice(from, to + 1);
  return { scale: "log", domain: [ticks[0] ?? low, ticks.at(-1) ?? high], ticks } as const;
}

/** A log axis with a tick at each value that was measured, and room left and right of them for marks and labels. */
function measuredAt(values: readonly number[]) {
  const ticks = [...new Set(values)].sort((a, b) => a - b);
  const [low, high] = extentOf(ticks) ?? [1, 2];
  const margin = (high / low) ** 0.06;
  return { scale: "log2", domain: [low / margin, high * margin], ticks, format: ",d" } as const;
}

/** Of a point's trials: their median and their extremes. */
const throughput = {
  trialCount: z.number(),
  throughputPerSec: z.number(),
  throughputPerSecLow: z.number(),
  throughputPerSecHigh: z.number(),
};

const PayloadRow = z.object({
  command: z.enum(commands),
  pipeline: z.number(),
  payloadBytes: z.number(),
  ...throughput,
});
type PayloadRow = z.infer<typeof PayloadRow>;

export const throughputByPayload = defineFigure<PayloadRow>({
  name: "throughput-by-payload",
  title: "Throughput by size of values and pipelining",
  caption: `Requests per second of one Redis server under a fixed number of clients, by size of values and by requests that a client sends at once. ${overTrials}`,
  estimator,
  row: PayloadRow,
  needs: { sweeps: ["payload"] },
  rows: async (trials) =>
    acrossTrials(await readTrials(trials), {
      by: ["command", "pipeline", "payloadBytes"],
      values: ["throughputPerSec"],
    }),
  spec: (rows) =>
    smallMultiples(rows, {
      by: "command",
      order: commands,
      columns: 2,
      aspect: 0.4,
      chart: (panel, all) =>
        lineChart(panel, {
          axesFrom: all,
          x: {
            field: "payloadBytes",
            title: "size of values (bytes)",
            ...measuredAt(all.map((row) => row.payloadBytes)),
          },
          y: {
            field: "throughputPerSec",
            title: "throughput (requests/s)",
            ...decades(all.flatMap((row) => [row.throughputPerSecLow, row.throughputPerSecHigh])),
          },
          series: { field: "pipeline", title: "requests in a pipeline" },
          interval: { low: "throughputPerSecLow", high: "throughputPerSecHigh", as: "bars" },
        }),
    }),
});

const LoadRow = z.object({
  command: z.enum(commands),
  pipeline: z.number(),
  clients: z.number(),
  clientsLabel: z.string(),
  ...throughput,
  p99Ms: z.number(),
  p99MsLow: z.number(),
  p99MsHigh: z.number(),
});
type LoadRow = z.infer<typeof LoadRow>;

export const loadCurve = defineFigure<LoadRow>({
  name: "latency-throughput",
  title: "Tail latency and throughput as clients are added",
  caption: `99th percentile of latency over throughput; numbers beside the points are closed-loop clients. ${overTrials}`,
  estimator,
  row: LoadRow,
  needs: { sweeps: ["clients"] },
  rows: async (trials) =>
    acrossTrials(await readTrials(trials), {
      by: ["command", "pipeline", "clients"],
      values: ["throughputPerSec", "p99Ms"],
    }).map((row) => ({ ...row, clientsLabel: String(row.clients) })),
  spec: (rows) =>
    smallMultiples(rows, {
      by: "command",
      order: commands,
      columns: 2,
      aspect: 0.5,
      chart: (panel, all) =>
        latencyThroughput(panel, {
          axesFrom: all,
          throughput: {
            field: "throughputPerSec",
            title: "throughput (requests/s)",
            ...decades(all.flatMap((row) => [row.throughputPerSecLow, row.throughputPerSecHigh])),
            interval: { low: "throughputPerSecLow", high: "throughputPerSecHigh" },
          },
          latency: {
            field: "p99Ms",
            title: "p99 latency (ms)",
            ...decades(all.flatMap((row) => [row.p99MsLow, row.p99MsHigh])),
            interval: { low: "p99MsLow", high: "p99MsHigh" },
          },
          load: "clients",
          pointLabel: "clientsLabel",
          series: { field: "pipeline", title: "requests in a pipeline" },
        }),
    }),
});

const LatencyRow = z.object({
  command: z.enum(commands),
  clients: z.number(),
  percentile: z.enum(["p50", "p99"]),
  latencyMs: z.number(),
  low: z.number(),
  high: z.number(),
});
type LatencyRow = z.infer<typeof LatencyRow>;

export const latencyByClients = defineFigure<LatencyRow>({
  name: "latency-by-clients",
  title: "Median and tail latency by clients",
  caption: `Latency of requests that are sent one at a time, by number of closed-loop clients. ${overTrials}`,
  estimator,
  row: LatencyRow,
  needs: { sweeps: ["clients"], points: ({ pipeline }) => pipeline === 1 },
  rows: async (trials) =>
    acrossTrials(await readTrials(trials), { by: ["command", "clients"], values: ["p50Ms", "p99Ms"] }).flatMap(
      ({ command, clients, p50Ms, p50MsLow, p50MsHigh, p99Ms, p99MsLow, p99MsHigh }) => [
        { command, clients, percentile: "p50" as const, latencyMs: p50Ms, low: p50MsLow, high: p50MsHigh },
        { command, clients, percentile: "p99" as const, latencyMs: p99Ms, low: p99MsLow, high: p99MsHigh },
      ],
    ),
  spec: (rows) =>
    smallMultiples(rows, {
      by: "command",
      order: commands,
      columns: 2,
      aspect: 0.4,
      chart: (panel, all) =>
        lineChart(panel, {
          axesFrom: all,
          x: {
            field: "clients",
            title: "clients",
            ...measuredAt(all.map((row) => row.clients)),
          },
          y: {
            field: "latencyMs",
            title: "latency (ms)",
            ...decades(all.flatMap((row) => [row.low, row.high])),
          },
          series: { field: "percentile", order: ["p99", "p50"] },
          interval: { low: "low", high: "high", as: "bars" },
        }),
    }),
});
