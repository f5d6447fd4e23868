/** The quickstart's three figures, from the request logs that its clients left. */
import {
  acrossTrials,
  artifactsNamed,
  cdfChart,
  defineFigure,
  latencyThroughput,
  nearestRankOfSorted,
  numberParameter,
  readColumns,
  summarizeBy,
  timeSeries,
  toCdf,
} from "reprise/analysis";
import type { Trial } from "reprise/analysis";
import { z } from "zod";

/** One trial's requests, over all client hosts: when each was sent (ms since the first), and how long it took. */
interface TrialRequests {
  readonly clients: number;
  readonly trialIndex: number;
  readonly durationSec: number;
  readonly startMs: Float64Array;
  readonly latencyMs: Float64Array; // sorted ascending is not promised
}

async function readRequests(trial: Trial): Promise<TrialRequests> {
  const starts: number[] = [];
  const latencies: number[] = [];
  for (const artifact of artifactsNamed(trial, "requests.csv")) {
    const reader = readColumns(artifact.open(), {
      columns: { start_ms: "number", latency_us: "number" },
      file: artifact.key,
    });
    for await (const { count, columns } of reader.batches) {
      for (let i = 0; i < count; i++) {
        starts.push(columns.start_ms[i] ?? NaN);
        latencies.push((columns.latency_us[i] ?? NaN) / 1000);
      }
    }
    if (reader.skippedCount > 0) throw new Error(`${artifact.key}: ${reader.skippedCount} lines are not requests`);
  }
  const first = starts.reduce((least, start) => Math.min(least, start), Infinity);
  return {
    clients: numberParameter(trial, "clients"),
    trialIndex: trial.trialIndex,
    durationSec: numberParameter(trial, "durationSec"),
    startMs: Float64Array.from(starts, (start) => start - first),
    latencyMs: Float64Array.from(latencies),
  };
}

const LoadRow = z.object({
  clients: z.number(),
  clientsLabel: z.string(),
  trialCount: z.number(),
  throughputPerSec: z.number(),
  throughputPerSecLow: z.number(),
  throughputPerSecHigh: z.number(),
  p50Ms: z.number(),
  p50MsLow: z.number(),
  p50MsHigh: z.number(),
});
type LoadRow = z.infer<typeof LoadRow>;

export const loadCurve = defineFigure<LoadRow>({
  name: "latency-throughput",
  title: "Latency and throughput of the log as clients are added",
  caption:
    "Median latency over throughput; numbers beside the points are closed-loop clients. Points are medians over trials, whiskers span the trials.",
  estimator: "per trial: nearest-rank median latency, requests over the measured time; then the median over trials",
  row: LoadRow,
  needs: { sweeps: ["load"] },
  rows: async (trials) => {
    const perTrial = [];
    for (const trial of trials) {
      const { clients, durationSec, latencyMs } = await readRequests(trial);
      const sorted = latencyMs.slice().sort();
      perTrial.push({
        clients,
        throughputPerSec: sorted.length / durationSec,
        p50Ms: nearestRankOfSorted(sorted, 0.5),
      });
    }
    return acrossTrials(perTrial, { by: ["clients"], values: ["throughputPerSec", "p50Ms"] }).map((row) => ({
      ...row,
      clientsLabel: String(row.clients),
    }));
  },
  spec: (rows) =>
    latencyThroughput(rows, {
      throughput: {
        field: "throughputPerSec",
        title: "throughput (requests/s)",
        interval: { low: "throughputPerSecLow", high: "throughputPerSecHigh" },
      },
      latency: { field: "p50Ms", title: "median latency (ms)", interval: { low: "p50MsLow", high: "p50MsHigh" } },
      load: "clients",
      pointLabel: "clientsLabel",
    }),
});

const CdfRow = z.object({ clients: z.number(), latencyMs: z.number(), fraction: z.number() });
type CdfRow = z.infer<typeof CdfRow>;

export const latencyCdf = defineFigure<CdfRow>({
  name: "latency-cdf",
  title: "Distribution of latency by load",
  caption: "Share of requests answered within a time, all trials of a load together.",
  estimator: "empirical distribution of all requests of all trials, thinned to at most 300 exact steps a line",
  row: CdfRow,
  needs: { sweeps: ["load"] },
  rows: async (trials) => {
    const byClients = new Map<number, Float64Array[]>();
    for (const trial of trials) {
      const { clients, latencyMs } = await readRequests(trial);
      byClients.set(clients, [...(byClients.get(clients) ?? []), latencyMs]);
    }
    return [...byClients]
      .sort(([a], [b]) => a - b)
      .flatMap(([clients, parts]) => {
        const all = Float64Array.from(parts.flatMap((part) => [...part]));
        return toCdf(all, 300).map(({ value, fraction }) => ({ clients, latencyMs: value, fraction }));
      });
  },
  spec: (rows) =>
    cdfChart(rows, {
      value: { field: "latencyMs", title: "latency (ms)", scale: "log" },
      fraction: "fraction",
      series: { field: "clients", title: "clients" },
    }),
});

const RateRow = z.object({
  clients: z.number(),
  elapsedSec: z.number(),
  ratePerSec: z.number(),
  low: z.number(),
  high: z.number(),
});
type RateRow = z.infer<typeof RateRow>;

const windowSec = 0.1;

export const throughputOverTime = defineFigure<RateRow>({
  name: "throughput-over-time",
  title: "Throughput over the measured time",
  caption: "Requests sent in each tenth of a second. Lines are medians over trials, bands span the trials.",
  estimator:
    "requests per window of 100 ms, by the client's clock from the trial's first request; then the median over trials",
  row: RateRow,
  needs: { sweeps: ["load"] },
  rows: async (trials) => {
    const perTrial = [];
    for (const trial of trials) {
      const { clients, durationSec, startMs } = await readRequests(trial);
      // The last window may be cut by the end of the measurement: a rate over part of it would be wrong.
      const counts = Array.from({ length: Math.floor(durationSec / windowSec) }, () => 0);
      for (const start of startMs) {
        const window = Math.floor(start / 1000 / windowSec);
        if (window < counts.length) counts[window] = (counts[window] ?? 0) + 1;
      }
      perTrial.push(
        ...counts.map((count, window) => ({
          clients,
          elapsedSec: (window + 0.5) * windowSec,
          ratePerSec: count / windowSec,
        })),
      );
    }
    const rows = summarizeBy(perTrial, ["clients", "elapsedSec"], (group) => {
      const rates = group.map((row) => row.ratePerSec).sort((a, b) => a - b);
      return { ratePerSec: nearestRankOfSorted(rates, 0.5), low: rates[0] ?? NaN, high: rates.at(-1) ?? NaN };
    });
    return rows.sort((a, b) => a.clients - b.clients || a.elapsedSec - b.elapsedSec);
  },
  spec: (rows) =>
    timeSeries(rows, {
      time: { field: "elapsedSec", title: "time (s)" },
      value: { field: "ratePerSec", title: "throughput (requests/s)" },
      series: { field: "clients", title: "clients" },
      band: { low: "low", high: "high" },
    }),
});
