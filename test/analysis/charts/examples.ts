/**
 * One example a chart, from made-up but plausible measurements: the goldens' inputs, and what to look at after a change
 * of the theme.
 */
import {
  barChart,
  cdfChart,
  heatmap,
  intervalChart,
  latencyThroughput,
  lineChart,
  scatter,
  smallMultiples,
  timeSeries,
  toCdf,
} from "../../../analysis/charts/index.ts";
import type { FigureSpec } from "../../../analysis/render/layout-hints.ts";

/** A small linear congruential generator: examples must be the same everywhere and forever. */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const protocols = [
  { protocol: "compartmentalized", peak: 120_000, base: 0.9 },
  { protocol: "multipaxos", peak: 26_000, base: 0.6 },
  { protocol: "epaxos", peak: 42_000, base: 0.75 },
  { protocol: "unreplicated", peak: 180_000, base: 0.25 },
];
const order = ["multipaxos", "compartmentalized", "epaxos", "unreplicated"];
const labels = {
  multipaxos: "MultiPaxos",
  compartmentalized: "Compartmentalized MultiPaxos",
  epaxos: "EPaxos",
  unreplicated: "Unreplicated",
};
const series = { field: "protocol", order, labels } as const;

/** A closed loop with a saturating server: throughput follows Little's law until the peak, then latency does. */
const sweep = protocols.flatMap(({ protocol, peak, base }) =>
  [1, 10, 50, 100, 200, 500, 1000].map((clients, i) => {
    const throughputOps = peak * (1 - Math.exp(-clients / (base * peak * 0.001)));
    const latencyMs = Math.max(base, (clients / throughputOps) * 1000);
    const spread = 0.03 + 0.02 * i;
    return {
      protocol,
      clients,
      throughputOps,
      latencyMs,
      lowMs: latencyMs * (1 - spread),
      highMs: latencyMs * (1 + 1.5 * spread),
      lowOps: throughputOps * (1 - spread),
      highOps: throughputOps * (1 + spread),
    };
  }),
);

const ablation = [
  ["coupled", 26_000, 25_100, 26_700],
  ["decoupled", 45_200, 44_000, 46_100],
  ["2 proxy leaders", 61_900, 60_000, 62_700],
  ["5 proxy leaders", 97_300, 95_000, 101_000],
  ["7 proxy leaders", 118_400, 112_000, 121_500],
].map(([variant, medianOps, lowOps, highOps]) => ({
  variant: String(variant),
  medianOps: Number(medianOps),
  lowOps: Number(lowOps),
  highOps: Number(highOps),
}));

const grouped = ["0%", "50%", "90%", "100%"].flatMap((reads, i) =>
  [
    { system: "boki", base: 31.2 },
    { system: "halfmoon-read", base: 29.1 - 3.1 * i },
    { system: "halfmoon-write", base: 18.4 + 2.4 * i },
    { system: "unsafe", base: 15.3 },
  ].map(({ system, base }) => ({ reads, system, medianMs: base, lowMs: base * 0.95, highMs: base * 1.08 })),
);

function latencies(seed: number, median: number, spread: number, count = 20_000): number[] {
  const random = makeRandom(seed);
  return Array.from({ length: count }, () => {
    const gauss = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return median * Math.exp(spread * gauss) * (random() < 0.002 ? 15 : 1);
  });
}
const cdf = [
  { system: "1 client", samples: latencies(1, 0.4, 0.18) },
  { system: "16 clients", samples: latencies(2, 0.7, 0.3) },
  { system: "64 clients", samples: latencies(3, 2.1, 0.4) },
].flatMap(({ system, samples }) => toCdf(samples).map((point) => ({ system, ...point })));

const reconfiguration = (() => {
  const random = makeRandom(7);
  return Array.from({ length: 351 }, (_, i) => {
    const sec = i / 10;
    const isDown = sec > 20 && sec < 21.4;
    const median = isDown ? 0 : 16_500 * (1 + 0.05 * (random() - 0.5)) * (sec > 10 && sec < 15 ? 0.97 : 1);
    return { sec, medianOps: median, lowOps: median * 0.93, highOps: median * 1.05 };
  });
})();

const grid = [64, 256, 1024, 4096].flatMap((bytes, i) =>
  [1, 2, 4, 8, 16].map((pipeline, j) => ({ bytes, pipeline, kops: 48 * 1.7 ** j * 0.85 ** (i * (1 + j / 6)) })),
);
const speedups = ["avrora", "fop", "h2", "jython", "luindex"].flatMap((benchmark, i) =>
  ["11", "17", "21"].map((jdk, j) => ({ benchmark, jdk, ratio: 1 + 0.09 * Math.sin(3 * i + 2 * j) + 0.02 * j })),
);

const reproduction = (() => {
  const random = makeRandom(11);
  return sweep.map(({ protocol, clients, throughputOps }) => ({
    protocol,
    setting: `${protocol} ${clients}`,
    clients: clients === 1000 ? "1000 clients" : "",
    published: throughputOps,
    measured: throughputOps * (0.85 + 0.3 * random()),
  }));
})();

const duet = ["als", "chi-square", "dec-tree", "fj-kmeans", "gauss-mix", "log-regression", "mnemonics", "scrabble"].map(
  (benchmark, i) => {
    const effect = 4 * Math.sin(2.3 * i);
    const half = 0.6 + (i % 3) * 0.9;
    return { benchmark, effectPct: effect, lowPct: effect - half, highPct: effect + half };
  },
);

export const examples: Readonly<Record<string, FigureSpec>> = {
  "latency-throughput": latencyThroughput(
    sweep.map((row) => ({ ...row, label: `${row.clients}` })),
    {
      throughput: { field: "throughputOps", title: "throughput (requests/s)" },
      latency: {
        field: "latencyMs",
        title: "median latency (ms)",
        scale: "log",
        interval: { low: "lowMs", high: "highMs" },
      },
      load: "clients",
      series,
    },
  ),
  "latency-throughput-labelled": latencyThroughput(
    sweep.filter(({ protocol }) => protocol === "multipaxos" || protocol === "epaxos"),
    {
      throughput: {
        field: "throughputOps",
        title: "throughput (requests/s)",
        interval: { low: "lowOps", high: "highOps" },
      },
      latency: { field: "latencyMs", title: "median latency (ms)", interval: { low: "lowMs", high: "highMs" } },
      load: "clients",
      pointLabel: "clients",
      series: { ...series, title: "protocol" },
    },
  ),
  "line-with-bars": lineChart(
    sweep.filter(({ protocol }) => protocol !== "unreplicated"),
    {
      x: { field: "clients", title: "clients", scale: "log" },
      y: { field: "throughputOps", title: "throughput (requests/s)" },
      interval: { low: "lowOps", high: "highOps", as: "bars" },
      series: { ...series, labels: { ...labels, compartmentalized: "Compartmentalized" } },
    },
  ),
  "line-with-band": lineChart(
    sweep.filter(({ protocol }) => protocol === "multipaxos" || protocol === "epaxos"),
    {
      x: { field: "clients", title: "clients", categories: true },
      y: { field: "latencyMs", title: "latency (ms)" },
      interval: { low: "lowMs", high: "highMs", as: "band" },
      series,
      rules: [{ axis: "y", at: 10, label: "10 ms objective" }],
      legend: "top-left",
    },
  ),
  "bars-with-labels": barChart(ablation, {
    x: { field: "variant", title: "", order: ablation.map(({ variant }) => variant) },
    y: { field: "medianOps", title: "throughput (requests/s)" },
    interval: { low: "lowOps", high: "highOps" },
    valueLabels: "across",
    width: "double",
    aspect: 0.3,
  }),
  "bars-grouped": barChart(grouped, {
    x: { field: "reads", title: "share of reads" },
    y: { field: "medianMs", title: "median latency (ms)" },
    series: {
      field: "system",
      order: ["unsafe", "boki", "halfmoon-read", "halfmoon-write"],
      labels: { unsafe: "Unsafe", boki: "Boki", "halfmoon-read": "Halfmoon-read", "halfmoon-write": "Halfmoon-write" },
    },
    interval: { low: "lowMs", high: "highMs" },
    valueLabels: "upright",
    valueFormat: ".1f",
  }),
  cdf: cdfChart(cdf, {
    value: { field: "value", title: "latency (ms)", scale: "log" },
    fraction: "fraction",
    series: { field: "system" },
  }),
  "cdf-tail": cdfChart(cdf, {
    value: { field: "value", title: "latency (ms)", scale: "log" },
    fraction: "fraction",
    series: { field: "system" },
    tail: true,
  }),
  "time-series": timeSeries(reconfiguration, {
    time: { field: "sec", title: "time (s)" },
    value: { field: "medianOps", title: "throughput (requests/s)" },
    band: { low: "lowOps", high: "highOps" },
    events: [
      { at: 10, until: 15, label: "reconfigurations" },
      { at: 20, label: "acceptor fails" },
      { at: 21.4, label: "replaced" },
      { at: 34, label: "end" },
    ],
  }),
  "small-multiples": smallMultiples(sweep, {
    by: "protocol",
    order,
    labels,
    columns: 4,
    aspect: 0.26,
    chart: (panel, all) =>
      lineChart(panel, {
        x: { field: "clients", title: "clients", scale: "log" },
        y: { field: "latencyMs", title: "latency (ms)", scale: "log" },
        interval: { low: "lowMs", high: "highMs", as: "bars" },
        axesFrom: all,
      }),
  }),
  heatmap: heatmap(grid, {
    x: { field: "pipeline", title: "pipeline depth" },
    y: { field: "bytes", title: "payload (bytes)" },
    value: { field: "kops", title: "kops/s", format: ".0f" },
  }),
  "heatmap-diverging": heatmap(speedups, {
    x: { field: "jdk", title: "JDK" },
    y: { field: "benchmark", title: "" },
    value: { field: "ratio", title: "speed-up", format: ".2f" },
    scale: "diverging",
    middle: 1,
  }),
  scatter: scatter(reproduction, {
    x: { field: "published", title: "published (requests/s)", scale: "log" },
    y: { field: "measured", title: "measured (requests/s)", scale: "log" },
    series,
    pointLabel: "clients",
    diagonal: true,
    aspect: 0.75,
  }),
  intervals: intervalChart(duet, {
    item: { field: "benchmark" },
    value: { field: "effectPct", title: "change of run time (%)" },
    interval: { low: "lowPct", high: "highPct" },
    rules: [{ axis: "x", at: 0 }],
  }),
};
