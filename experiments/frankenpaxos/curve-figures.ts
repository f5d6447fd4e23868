/** Latency over throughput as clients are added: the papers' main figures. */
import { defineFigure, latencyThroughput } from "reprise/analysis";
import { z } from "zod";
import {
  groupByNumber,
  latencyOf,
  overRepeats,
  throughputColumns,
  throughputOf,
  totalLatencyOf,
  totalThroughputOf,
  writes,
} from "./estimators.ts";
import { importedRow, isTrialOf, papers, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { inputNumber } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";

/** One number of clients of one system. */
export const CurveRow = z.object({
  series: z.string(),
  clients: z.number(),
  throughputPerSec: z.number(),
  throughputDeviationPerSec: z.number(),
  throughputLowPerSec: z.number(),
  throughputHighPerSec: z.number(),
  latencyMs: z.number(),
  trialCount: z.int(),
  /** Repeats behind the throughput. */
  keptCount: z.int(),
});
export type CurveRow = z.infer<typeof CurveRow>;

interface CurveSeries {
  readonly label: string;
  readonly path: string;
  /** @default all rows */
  readonly pick?: (row: ResultRow) => boolean;
}

interface CurveDefinition {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly series: readonly CurveSeries[];
  /** `mean`: over all repeats. `robust`: outliers left out, throughputs under half of the best, latencies over 5 times the least. */
  readonly estimator?: "mean" | "robust";
  /** Reads and writes together, rather than writes alone. */
  readonly isTotal?: boolean;
  readonly hasDeviations?: boolean;
  readonly note?: string;
  /** Names that have their place among the styles though the figure lacks them. @default those of `series` */
  readonly order?: readonly string[];
  /** Height over width, where the legend is tall. @default the theme's */
  readonly aspect?: number;
}

/** One row a series and number of clients, series in order, clients ascending. */
export function curveRows(
  label: string,
  rows: readonly ResultRow[],
  { estimator = "mean", isTotal = false }: Pick<CurveDefinition, "estimator" | "isTotal"> = {},
): CurveRow[] {
  const throughput = isTotal ? totalThroughputOf : (row: ResultRow) => throughputOf(writes(row));
  const latency = isTotal ? totalLatencyOf : (row: ResultRow) => latencyOf(writes(row));
  return groupByNumber(rows, ({ clients }) => clients).flatMap(([clients, repeats]) => {
    const x = overRepeats(repeats.map(throughput), estimator === "robust" ? "halfOfBest" : "none");
    const y = overRepeats(repeats.map(latency), estimator === "robust" ? "fiveTimesLeast" : "none");
    if (!x || !y) return [];
    return {
      series: label,
      clients,
      ...throughputColumns(x),
      latencyMs: y.value,
      trialCount: x.trialCount,
      keptCount: x.keptCount,
    };
  });
}

function curveFigure(definition: CurveDefinition): PublishedFigure {
  const { name, title, paper, series, note, estimator = "mean" } = definition;
  const figure = defineFigure<CurveRow>({
    name,
    title,
    caption: [
      `${title}. Each point is a number of clients, added along the line; its place is the mean over repeats${
        definition.hasDeviations ? ", bars are one sample standard deviation of the throughput" : ""
      }.`,
      note,
      `${paper}, published data.`,
    ]
      .filter(Boolean)
      .join(" "),
    estimator: `throughput: 90th percentile of the event-weighted rolling one-second rate of starts; latency: median over requests${
      definition.isTotal ? ", both summed over reads and writes" : ""
    }; per number of clients the mean over repeats${
      estimator === "robust" ? ", without throughputs under half of the best and latencies over 5 times the least" : ""
    }`,
    row: CurveRow,
    isFrom: (row, trial) =>
      importedRow(trial).clients === row.clients &&
      series.some((one) => one.label === row.series && isTrialOf(one, trial)),
    spec: (rows) =>
      latencyThroughput(rows, {
        throughput: {
          field: "throughputPerSec",
          title: "throughput (commands/s)",
          ...(definition.hasDeviations && {
            interval: { low: "throughputLowPerSec" as const, high: "throughputHighPerSec" as const },
          }),
        },
        latency: { field: "latencyMs", title: "median latency (ms)" },
        load: "clients",
        ...(series.length > 1 && {
          series: { field: "series", order: definition.order ?? series.map(({ label }) => label) },
        }),
        ...(definition.aspect !== undefined && { aspect: definition.aspect }),
      }),
  });
  return publishedFigure({
    figure,
    inputs: series.map(({ path }) => path),
    collect: async (inputs) => {
      const rows: CurveRow[] = [];
      for (const { label, path, pick = () => true } of series) {
        const results = await inputs.results(path);
        if (!results) continue;
        const points = curveRows(label, results.filter(pick), definition);
        if (points.length === 0) inputs.lacks(`${label}: no row in ${path}`);
        rows.push(...points);
      }
      return rows;
    },
  });
}

const input = (name: string) => (row: ResultRow) => inputNumber(row, name);
const f = input("f");
const conflictRate = input("workload.conflict_rate");
const flushEvery = input("server_options.flush_every_n");

function nsdiFig1(tolerated: 1 | 2): PublishedFigure {
  const conflicts = (label: string, path: string, rates: readonly string[]): CurveSeries[] =>
    rates.map((rate) => ({
      label: `${label} (${rate})`,
      path,
      pick: (row) => f(row) === tolerated && conflictRate(row) === Number(rate),
    }));
  return curveFigure({
    name: `nsdi-fig1-f${tolerated}`,
    title: `Latency and throughput of MultiPaxos, EPaxos and BPaxos, f = ${tolerated}`,
    paper: papers.nsdi,
    aspect: 0.75,
    // The second figure lacks one of them; the rest look as in the first.
    order: [
      "MultiPaxos",
      ...["EPaxos", "BPaxos"].flatMap((name) => ["0.0", "0.02", "0.1"].map((rate) => `${name} (${rate})`)),
    ],
    note: `In brackets the share of conflicting commands.${tolerated === 2 ? " EPaxos (0.1) was measured but left out by the authors as too noisy." : ""}`,
    series: [
      { label: "MultiPaxos", path: "nsdi/fig1_lt_multipaxos_results.csv", pick: (row) => f(row) === tolerated },
      ...conflicts(
        "EPaxos",
        "nsdi/fig1_lt_epaxos_results.csv",
        tolerated === 1 ? ["0.0", "0.02", "0.1"] : ["0.0", "0.02"],
      ),
      ...conflicts("BPaxos", "nsdi/fig1_lt_simplebpaxos_results.csv", ["0.0", "0.02", "0.1"]),
    ],
  });
}

function eurosys(number: 1 | 2, batching: "unbatched" | "batched"): PublishedFigure {
  const protocol = number === 1 ? "MultiPaxos" : "Mencius";
  const path = (what: string): string => `eurosys/fig${number}_${batching}_${what}_results.csv`;
  return curveFigure({
    name: `eurosys-fig${number}-${batching}`,
    title: `${protocol} coupled, compartmentalized and unreplicated, ${batching}`,
    paper: papers.eurosys,
    series: [
      { label: protocol, path: path(`coupled_${protocol.toLowerCase()}`) },
      { label: `Compartmentalized ${protocol}`, path: path(protocol.toLowerCase()) },
      { label: "Unreplicated", path: path("unreplicated") },
    ],
  });
}

const vldb21 = "vldb21_compartmentalized";

const compartmentalizedLt = curveFigure({
  name: "vldb21-compartmentalized-lt",
  title: "MultiPaxos, compartmentalized MultiPaxos and an unreplicated state machine, unbatched",
  paper: papers.compartmentalized,
  note: "As drawn by the authors: MultiPaxos up to 500 clients; unreplicated without 25 and 100 clients, up to 1,400.",
  hasDeviations: true,
  series: [
    {
      label: "MultiPaxos",
      path: `${vldb21}/compartmentalized_lt/coupled_results.csv`,
      pick: ({ clients }) => clients <= 500,
    },
    {
      label: "Compartmentalized MultiPaxos",
      path: `${vldb21}/compartmentalized_lt/compartmentalized_results.csv`,
      pick: (row) => input("num_acceptor_groups")(row) * input("num_acceptors_per_group")(row) === 4,
    },
    {
      label: "Unreplicated",
      path: `${vldb21}/compartmentalized_lt/unreplicated_results.csv`,
      pick: (row) =>
        (flushEvery(row) === 25 || (flushEvery(row) === 1 && row.clients <= 10)) &&
        row.clients !== 25 &&
        row.clients !== 100 &&
        row.clients <= 1400,
    },
  ],
});

const batchedLtPath = `${vldb21}/batched_compartmentalized_lt/compartmentalized_results.csv`;

const batchedCompartmentalizedLt = curveFigure({
  name: "vldb21-batched-compartmentalized-lt",
  title: "MultiPaxos, compartmentalized MultiPaxos and an unreplicated state machine, batched",
  paper: papers.compartmentalized,
  note: "As drawn by the authors: compartmentalized without 400 clients, unreplicated without 50 and 3,000.",
  hasDeviations: true,
  series: [
    { label: "MultiPaxos", path: `${vldb21}/batched_compartmentalized_lt/coupled_results.csv` },
    { label: "Compartmentalized MultiPaxos", path: batchedLtPath, pick: ({ clients }) => clients !== 400 },
    {
      label: "Unreplicated",
      path: `${vldb21}/batched_compartmentalized_lt/unreplicated_results.csv`,
      pick: ({ clients }) => clients !== 50 && clients !== 3000,
    },
  ],
});

const biggerValuesLt = curveFigure({
  name: "vldb21-bigger-values-lt",
  title: "Compartmentalized MultiPaxos and an unreplicated state machine with larger values",
  paper: papers.compartmentalized,
  aspect: 0.8,
  note: "Of 1,000 bytes the authors drew compartmentalized up to 600 clients, unreplicated up to 800.",
  hasDeviations: true,
  series: [100, 1000].flatMap((size): CurveSeries[] => [
    {
      label: `Compartmentalized MultiPaxos (${size} bytes)`,
      path: `${vldb21}/compartmentalized_lt/bigger_values_results.csv`,
      pick: (row) => input("workload.write_size_mean")(row) === size && (size === 100 || row.clients <= 600),
    },
    {
      label: `Unreplicated (${size} bytes)`,
      path: `${vldb21}/unreplicated_lt/bigger_values_results.csv`,
      pick: (row) => input("workload.size_mean")(row) === size && (size === 100 || row.clients <= 800),
    },
  ]),
});

const proxyReplicas = input("num_proxy_replicas");

const scalogLt = curveFigure({
  name: "vldb21-scalog-lt",
  title: "Scalog, partially compartmentalized Scalog and compartmentalized MultiPaxos",
  paper: papers.compartmentalized,
  note: "As drawn by the authors: Scalog from 500 to 2,800 clients, partially compartmentalized from 700, compartmentalized from 500.",
  hasDeviations: true,
  series: [
    {
      label: "Scalog",
      path: `${vldb21}/scalog_lt/results.csv`,
      pick: (row) => proxyReplicas(row) === 0 && row.clients >= 500 && row.clients <= 2800,
    },
    {
      label: "Partially Compartmentalized Scalog",
      path: `${vldb21}/scalog_lt/results.csv`,
      pick: (row) => proxyReplicas(row) > 0 && row.clients >= 700,
    },
    { label: "Compartmentalized Multipaxos", path: batchedLtPath, pick: ({ clients }) => clients >= 500 },
  ],
});

const matchmakerLtPath = "vldb20_matchmaker/lt/results.csv";

const matchmakerLt = curveFigure({
  name: "matchmaker-lt",
  title: "Matchmaker MultiPaxos",
  paper: papers.matchmaker,
  estimator: "robust",
  hasDeviations: true,
  series: [{ label: "Matchmaker MultiPaxos", path: matchmakerLtPath }],
});

const nonThriftyLt = curveFigure({
  name: "matchmaker-non-thrifty-lt",
  title: "Matchmaker MultiPaxos, thrifty and not",
  paper: papers.matchmaker,
  note: "Up to 200 clients.",
  estimator: "robust",
  hasDeviations: true,
  series: [
    { label: "thrifty", path: matchmakerLtPath, pick: ({ clients }) => clients <= 200 },
    {
      label: "non-thrifty",
      path: "vldb20_matchmaker/non_thrifty_lt/non_thrifty_results.csv",
      pick: ({ clients }) => clients <= 200,
    },
  ],
});

const fasterPaxosLt = curveFigure({
  name: "fasterpaxos-lt",
  title: "Faster Paxos and Mencius",
  paper: "Faster Paxos, development sweep outside the papers",
  series: [
    { label: "no opts", isF1: false, acksNoops: false },
    { label: "f = 1 opt", isF1: true, acksNoops: false },
    { label: "ack noops opt", isF1: undefined, acksNoops: true },
  ]
    .map(({ label, isF1, acksNoops }): CurveSeries => ({
      label,
      path: "fasterpaxos/lt_results.csv",
      pick: ({ inputs }) =>
        inputs["server_options.ack_noops_with_commands"] === acksNoops &&
        (isF1 === undefined || inputs["server_options.use_f1_optimization"] === isF1),
    }))
    .concat({ label: "mencius", path: "fasterpaxos/lt_vanilla_results.csv" }),
});

const ltSurprise = curveFigure({
  name: "evelyn-lt-surprise",
  title: "MultiPaxos with Evelyn's reads: only writes, only reads, and half of each",
  paper: papers.evelyn,
  note: "With both reads and writes the latency is the sum of their medians, as the authors drew it.",
  estimator: "robust",
  isTotal: true,
  series: (
    [
      ["100% writes", "0:00:00"],
      ["100% reads", "0:00:00.000500"],
      ["50% reads", "0:00:00.001000"],
    ] as const
  ).map(([label, flushPeriod]) => ({
    label,
    path: "vldb21_evelyn/lt_surprise/results.csv",
    pick: ({ inputs }) => inputs["leader_options.noop_flush_period"] === flushPeriod,
  })),
});

export const curveFigures: readonly PublishedFigure[] = [
  nsdiFig1(1),
  nsdiFig1(2),
  eurosys(1, "unbatched"),
  eurosys(1, "batched"),
  eurosys(2, "unbatched"),
  eurosys(2, "batched"),
  compartmentalizedLt,
  batchedCompartmentalizedLt,
  biggerValuesLt,
  scalogLt,
  matchmakerLt,
  nonThriftyLt,
  fasterPaxosLt,
  ltSurprise,
];
