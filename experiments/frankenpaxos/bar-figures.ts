/** The papers' ablations: what each step of taking a protocol apart brings. */
import { barChart, defineFigure } from "reprise/analysis";
import type { FigureSpec } from "reprise/analysis";
import { z } from "zod";
import { latencyOf, overRepeats, throughputColumns, throughputOf, writes } from "./estimators.ts";
import { isTrialOf, papers, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { inputNumber } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";

/** One configuration. */
export const BarRow = z.object({
  configuration: z.string(),
  /** Bars of one step have one colour. */
  step: z.int(),
  throughputPerSec: z.number(),
  throughputDeviationPerSec: z.number(),
  throughputLowPerSec: z.number(),
  throughputHighPerSec: z.number(),
  latencyMs: z.number(),
  latencyDeviationMs: z.number(),
  latencyLowMs: z.number(),
  latencyHighMs: z.number(),
  trialCount: z.int(),
});
export type BarRow = z.infer<typeof BarRow>;

interface Bar {
  readonly label: string;
  readonly step: number;
  readonly path: string;
  readonly pick: (row: ResultRow) => boolean;
}

interface BarDefinition {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly value: "throughput" | "latency";
  readonly bars: readonly Bar[];
}

/** @returns undefined when no row is measured */
export function barRow({ label, step }: Pick<Bar, "label" | "step">, rows: readonly ResultRow[]): BarRow | undefined {
  const throughput = overRepeats(rows.map((row) => throughputOf(writes(row))));
  const latency = overRepeats(rows.map((row) => latencyOf(writes(row))));
  if (!throughput || !latency) return undefined;
  return {
    configuration: label,
    step,
    ...throughputColumns(throughput),
    latencyMs: latency.value,
    latencyDeviationMs: latency.deviation,
    latencyLowMs: latency.value - latency.deviation,
    latencyHighMs: latency.value + latency.deviation,
    trialCount: throughput.trialCount,
  };
}

function barFigure({ name, title, paper, value, bars }: BarDefinition): PublishedFigure {
  const order = bars.map(({ label }) => label);
  const figure = defineFigure<BarRow>({
    name,
    title,
    caption: `${title}. Bars are means over repeats, whiskers one sample standard deviation; colours tell the steps apart. ${paper}, published data.`,
    estimator:
      value === "throughput"
        ? "90th percentile of the event-weighted rolling one-second rate of starts; mean over repeats"
        : "median over requests; mean over repeats",
    row: BarRow,
    isFrom: (row, trial) => bars.some((bar) => bar.label === row.configuration && isTrialOf(bar, trial)),
    spec: (rows) => stepBars(rows, { value, order }),
  });
  return publishedFigure({
    figure,
    inputs: bars.map(({ path }) => path),
    collect: async (inputs) => {
      const rows: BarRow[] = [];
      for (const bar of bars) {
        const results = await inputs.results(bar.path);
        if (!results) continue;
        const row = barRow(bar, results.filter(bar.pick));
        if (row) rows.push(row);
        else inputs.lacks(`${bar.label}: no row in ${bar.path}`);
      }
      return rows;
    },
  });
}

/** Bars in order, one colour a step. */
export const stepBars = (
  rows: readonly BarRow[],
  { value, order }: { readonly value: "throughput" | "latency"; readonly order: readonly string[] },
): FigureSpec =>
  colourSteps(
    barChart(rows, {
      x: { field: "configuration", title: "", order },
      ...(value === "throughput"
        ? {
            y: { field: "throughputPerSec", title: "throughput (commands/s)" },
            interval: { low: "throughputLowPerSec", high: "throughputHighPerSec" },
          }
        : {
            y: { field: "latencyMs", title: "median latency (ms)" },
            interval: { low: "latencyLowMs", high: "latencyHighMs" },
          }),
    }),
    rows,
  );

/** One colour a step, labels turned as in the papers: eleven of them don't fit side by side. */
function colourSteps(spec: FigureSpec, rows: readonly BarRow[]): FigureSpec {
  const steps = [...new Set(rows.map(({ step }) => step))].sort((a, b) => a - b);
  const color = {
    field: "step",
    type: "ordinal",
    scale: { domain: steps, range: steps.map((step) => `@series/${step}`) },
    legend: null,
  };
  const { layer, ...rest } = spec as FigureSpec & { layer: readonly { mark?: unknown; encoding?: object }[] }; // barChart layers.
  const turned = (encoding: object): object => {
    const x: unknown = "x" in encoding ? encoding.x : undefined;
    const own = typeof x === "object" && x !== null ? x : {};
    const axis = "axis" in own && typeof own.axis === "object" ? own.axis : {};
    const turn = {
      labelAngle: -40,
      labelAlign: "right",
      labelBaseline: "middle",
      labelOverlap: false,
      labelLimit: 200,
      labelPadding: 4,
    };
    return { ...encoding, x: { ...own, title: null, axis: { ...axis, ...turn } } };
  };
  return {
    ...rest,
    layer: layer.map((part, index) => {
      const encoding = turned(part.encoding ?? {});
      return index === 0 ? { ...part, encoding: { ...encoding, color } } : { ...part, encoding };
    }),
  } as unknown as FigureSpec; // Still the spec that it was, with a colour.
}

const input = (name: string) => (row: ResultRow) => inputNumber(row, name);
const [proxyLeaders, replicas, proxyReplicas] = ["num_proxy_leaders", "num_replicas", "num_proxy_replicas"].map(
  input,
) as [(row: ResultRow) => number, (row: ResultRow) => number, (row: ResultRow) => number]; // As many as names.

function nsdiFig2(load: "low" | "high", value: "throughput" | "latency"): PublishedFigure {
  const clients = load === "low" ? 1 : 600;
  return barFigure({
    name: `nsdi-fig2-${load}-load-${value}`,
    title: `${value === "throughput" ? "Throughput" : "Latency"} of BPaxos with ${clients === 1 ? "one client" : "600 clients"}, coupled and by number of leaders`,
    paper: papers.nsdi,
    value,
    bars: [
      {
        label: "coupled",
        step: 0,
        path: "nsdi/fig2_ablation_superbpaxos_results.csv",
        pick: (row) => row.clients === clients,
      },
      ...[3, 4, 5, 6, 7].map((leaders) => ({
        label: `${leaders} leaders`,
        step: 1,
        path: "nsdi/fig2_ablation_simplebpaxos_results.csv",
        pick: (row: ResultRow) => row.clients === clients && input("num_leaders")(row) === leaders,
      })),
    ],
  });
}

const vldb21 = "vldb21_compartmentalized";

const ablation = barFigure({
  name: "vldb21-ablation",
  title: "Compartmentalizing MultiPaxos step by step, unbatched",
  paper: papers.compartmentalized,
  value: "throughput",
  bars: [
    {
      label: "coupled",
      step: 0,
      path: `${vldb21}/ablation/coupled_results.csv`,
      pick: ({ clients }) => clients === 1000,
    },
    ...(
      [
        ["decoupled", 1, 2, 2],
        ["3 proxy leaders", 2, 3, 2],
        ["4 proxy leaders", 2, 4, 2],
        ["5 proxy leaders", 2, 5, 2],
        ["6 proxy leaders", 2, 6, 2],
        ["7 proxy leaders", 2, 7, 2],
        ["3 replicas", 3, 7, 3],
        ["8 proxy leaders", 2, 8, 3],
        ["9 proxy leaders", 2, 9, 3],
        ["10 proxy leaders", 2, 10, 3],
      ] as const
    ).map(([label, step, leaders, replicaCount]) => ({
      label,
      step,
      path: `${vldb21}/ablation/compartmentalized_results.csv`,
      pick: (row: ResultRow) =>
        input("num_acceptor_groups")(row) * input("num_acceptors_per_group")(row) === 3 &&
        proxyLeaders(row) === leaders &&
        replicas(row) === replicaCount,
    })),
  ],
});

const batchedAblation = barFigure({
  name: "vldb21-batched-ablation",
  title: "Compartmentalizing MultiPaxos step by step, batched",
  paper: papers.compartmentalized,
  value: "throughput",
  bars: [
    {
      label: "coupled",
      step: 0,
      path: `${vldb21}/batched_ablation/coupled_results.csv`,
      pick: ({ clients }) => clients === 4000,
    },
    ...(
      [
        ["decoupled", 1, 10, 2],
        ["batch size 50", 2, 50, 2],
        ["batch size 100", 2, 100, 2],
        ["3 unbatchers", 3, 100, 3],
        ["4 unbatchers", 3, 100, 4],
        ["5 unbatchers", 3, 100, 5],
      ] as const
    ).map(([label, step, batchSize, unbatchers]) => ({
      label,
      step,
      path: `${vldb21}/batched_ablation/compartmentalized_results.csv`,
      pick: (row: ResultRow) =>
        input("batcher_options.batch_size")(row) === batchSize && proxyReplicas(row) === unbatchers,
    })),
  ],
});

const eurosysFig4Unbatched = barFigure({
  name: "eurosys-fig4-unbatched",
  title: "Compartmentalizing MultiPaxos step by step, unbatched, 1,000 clients",
  paper: papers.eurosys,
  value: "throughput",
  bars: [
    {
      label: "coupled",
      step: 0,
      path: "eurosys/fig4_unbatched_coupled_multipaxos_results.csv",
      pick: ({ clients }) => clients === 1000,
    },
    ...(
      [
        ["decoupled", 1, 2, 1],
        ...[3, 4, 5, 6, 7, 8].map((count) => [`${count} proxy leaders`, 2, count, 1] as const),
        ["2 acceptor groups", 3, 8, 2],
      ] as readonly (readonly [string, number, number, number])[]
    ).map(([label, step, leaders, groups]) => ({
      label,
      step,
      path: "eurosys/fig4_unbatched_multipaxos_results.csv",
      pick: (row: ResultRow) =>
        row.clients === 1000 && proxyLeaders(row) === leaders && input("num_acceptor_groups")(row) === groups,
    })),
  ],
});

const eurosysFig4Batched = barFigure({
  name: "eurosys-fig4-batched",
  title: "Compartmentalizing MultiPaxos step by step, batched, 4,000 clients",
  paper: papers.eurosys,
  value: "throughput",
  bars: [
    {
      label: "coupled",
      step: 0,
      path: "eurosys/fig4_batched_coupled_multipaxos_results.csv",
      pick: ({ clients }) => clients === 4000,
    },
    ...[2, 3, 4, 5, 6].map((unbatchers) => ({
      label: unbatchers === 2 ? "decoupled" : `${unbatchers} unbatchers`,
      step: unbatchers === 2 ? 1 : 2,
      path: "eurosys/fig4_batched_multipaxos_results.csv",
      pick: (row: ResultRow) => row.clients === 4000 && proxyReplicas(row) === unbatchers,
    })),
  ],
});

export const barFigures: readonly PublishedFigure[] = [
  nsdiFig2("high", "throughput"),
  nsdiFig2("high", "latency"),
  nsdiFig2("low", "latency"),
  eurosysFig4Unbatched,
  eurosysFig4Batched,
  ablation,
  batchedAblation,
];
