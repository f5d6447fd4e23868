/**
 * The tuning sweeps behind the paper's read scale, skew, larger values and Scalog: a figure a question, a panel a chart of
 * the authors' plot scripts, or a part of one where a chart has more lines than can be told apart.
 *
 * @see section 4.2 of the FrankenPaxos description, tuning plots: x, grouping columns and filters
 */
import type { PublishedFigure } from "./published-figure.ts";
import type { ResultRow } from "./results-csv.ts";
import { bestLines, bestSettings } from "./tuning-best.ts";
import { tuningCurves } from "./tuning-curves.ts";
import type { CurveSweep } from "./tuning-curves.ts";
import { tuningLines } from "./tuning-lines.ts";
import type { LineSweep } from "./tuning-lines.ts";
import {
  acceptorGroups,
  acceptors,
  acceptorsPerGroup,
  clients,
  cuts,
  execution,
  hasLabel,
  keySkew,
  leaderFlush,
  operations,
  proxyLeaders,
  proxyLeadersByReplica,
  proxyReplicas,
  pushPeriod,
  pushSize,
  readShare,
  replicas,
  serverFlush,
  shards,
  spareAcceptorGroups,
  sweepLabel,
  valueBytes,
} from "./tuning-settings.ts";

const folder = "vldb21_compartmentalized";

const compartmentalizedLtPath = `${folder}/compartmentalized_lt/hyperparameter_results.csv`;

/** One chart of 13 lines by the authors; the more replicas were tried with more proxy leaders only, and one flush. */
const compartmentalizedLtFigures: readonly PublishedFigure[] = [
  tuningLines({
    name: "tuning-compartmentalized-lt",
    title: "Compartmentalized MultiPaxos by proxy leaders, replicas and the leader's flushes",
    path: compartmentalizedLtPath,
    pick: (row) => replicas.of(row) <= 5,
    panels: [leaderFlush],
    lines: [replicas],
    x: proxyLeaders,
    columns: 2,
    note: "Leaders flush every so many messages.",
  }),
  tuningLines({
    name: "tuning-compartmentalized-lt-more-replicas",
    title: "Compartmentalized MultiPaxos by proxy leaders and more replicas",
    path: compartmentalizedLtPath,
    pick: (row) => replicas.of(row) > 5,
    lines: [leaderFlush, replicas],
    x: proxyLeaders,
    hasZero: false,
    aspect: 0.7,
    note: "Leaders flush every 10 messages. The axis doesn't start at zero.",
  }),
];

const readScale = (sweep: Omit<LineSweep, "path">): PublishedFigure =>
  tuningLines({ path: `${folder}/read_scale/hyperparameter_results.csv`, ...sweep });

/** The authors' own spelling. */
const fixedWrites = "fixed_percentange_writes";

const readScaleFigures: readonly PublishedFigure[] = [
  readScale({
    name: "tuning-read-scale-acceptors",
    title: "Only reads by acceptors, clients and replicas",
    pick: (row) => readShare.of(row) === 1,
    panels: [replicas],
    lines: [clients],
    x: acceptors,
    xTicks: [4, 8, 12],
    columns: 5,
    aspect: 0.32,
  }),
  readScale({
    name: "tuning-read-scale-proxy-leaders",
    title: "Only writes by proxy leaders, clients and replicas",
    pick: (row) => readShare.of(row) === 0,
    panels: [replicas],
    lines: [clients],
    x: proxyLeaders,
    xTicks: [6, 8, 10, 12],
    columns: 5,
    aspect: 0.32,
  }),
  readScale({
    name: "tuning-read-scale-v1",
    title: "Reads and writes by replicas, clients, proxy leaders and acceptors",
    pick: hasLabel(fixedWrites),
    panels: [readShare, clients],
    lines: [proxyLeaders, acceptors],
    x: replicas,
    columns: 4,
    aspect: 0.36,
  }),
  readScale({
    name: "tuning-read-scale-v2",
    title: "Reads and writes by replicas, clients and proxy leaders",
    pick: hasLabel(`${fixedWrites}_v2`),
    panels: [readShare, clients],
    lines: [proxyLeaders],
    x: replicas,
    columns: 4,
    aspect: 0.36,
  }),
  readScale({
    name: "tuning-read-scale-v3",
    title: "60% reads by replicas, clients and more proxy leaders",
    pick: hasLabel(`${fixedWrites}_v3`),
    panels: [clients],
    lines: [proxyLeaders],
    x: replicas,
    hasZero: false,
    columns: 2,
    note: "The axis doesn't start at zero.",
  }),
];

const craqSweeps = ["craq_sweep_1", "craq_sweep_2"];

/** The authors' two charts of throughput are nine panels of two lines here, for nine lines can't be told apart. */
const craqSkew = (measure: "throughput" | "latency"): PublishedFigure =>
  tuningLines({
    name: `tuning-craq-skew-${measure}`,
    title: `${measure === "latency" ? "Latency" : "Throughput"} of CRAQ by clients as more operations touch one key`,
    path: `${folder}/craq_skew/hyperparameter_results.csv`,
    panels: [keySkew],
    lines: [sweepLabel(craqSweeps, (at) => (at === 0 ? "first sweep" : "second sweep"))],
    x: clients,
    xScale: "log",
    measures: [measure],
    aspect: 0.75,
    note: "Six chain nodes, 95% reads.",
  });

/** Throughput stands in `tuning-compartmentalized-skew`. */
const compartmentalizedSkewLatency = tuningLines({
  name: "tuning-compartmentalized-skew-latency",
  title: "Latency of all operations on one key, by clients and proxy leaders",
  path: `${folder}/compartmentalized_skew/hyperparameter_results.csv`,
  lines: [proxyLeaders],
  x: clients,
  measures: ["latency"],
  latencyScale: "linear",
});

const unreplicated = tuningCurves({
  name: "tuning-unreplicated-lt",
  title: "The unreplicated state machine by size of values and messages between flushes",
  path: `${folder}/unreplicated_lt/hyperparameter_results.csv`,
  panels: [valueBytes],
  lines: [serverFlush],
  hasOwnAxes: true,
  aspect: 0.36,
  note: "The server flushes every so many messages.",
});

const biggerValuesPath = `${folder}/compartmentalized_lt/bigger_values_hyperparameter_results.csv`;
const ofBytes =
  (bytes: number) =>
  ({ inputs }: ResultRow): boolean =>
    inputs["workload.write_size_mean"] === bytes;

const biggerValues = (bytes: number): PublishedFigure =>
  tuningCurves({
    name: `tuning-bigger-values-${bytes}`,
    title: `Compartmentalized MultiPaxos with values of ${bytes.toLocaleString("en-US")} bytes by acceptor groups, the leader's flushes, replicas and proxy leaders`,
    path: biggerValuesPath,
    pick: ofBytes(bytes),
    panels: [acceptorGroups, leaderFlush],
    lines: [replicas, proxyLeaders],
    aspect: 0.62,
    note: "Leaders flush every so many messages.",
  });

const scalogPath = `${folder}/scalog_lt/hyperparameter_results.csv`;

const scalog = (sweep: Omit<CurveSweep, "path">): PublishedFigure => tuningCurves({ path: scalogPath, ...sweep });

const roleSweeps = ["sweep_v2", "proxy_leaders_v1", "proxy_leaders_v2"];
const roleTitles = ["more shards or replicas", "with proxy replicas", "a replica less"];

const scalogFigures: readonly PublishedFigure[] = [
  scalog({
    name: "tuning-scalog-smoke",
    title: "Scalog by push period, shards, replicas and cuts a proposal",
    pick: hasLabel("smoke"),
    panels: [pushPeriod],
    lines: [shards, replicas, cuts],
    columns: 2,
    aspect: 0.7,
  }),
  scalog({
    name: "tuning-scalog-cuts",
    title: "Scalog by push period and cuts a proposal",
    pick: hasLabel("sweep_v1"),
    panels: [cuts],
    lines: [pushPeriod],
    columns: 2,
    note: "2 shards, 3 replicas.",
  }),
  scalog({
    name: "tuning-scalog-roles",
    title: "Scalog by shards, replicas and proxy replicas",
    pick: hasLabel(...roleSweeps),
    panels: [sweepLabel(roleSweeps, (at) => roleTitles[at] ?? "")],
    lines: [shards, replicas, proxyReplicas],
    aspect: 0.42,
    note: "Pushes every 1 ms.",
  }),
  scalog({
    name: "tuning-scalog-push-period",
    title: "Scalog with short push periods, with and without proxy replicas",
    pick: hasLabel("smaller_push_period_v1"),
    lines: [proxyReplicas, pushPeriod],
    aspect: 0.7,
    note: "2 shards, 3 replicas.",
  }),
  scalog({
    name: "tuning-scalog-unsafe-execution",
    title: "Scalog whose replicas execute unsafely by replicas, proxy replicas and push period",
    pick: hasLabel("yolo_v1", "yolo_v2"),
    panels: [replicas],
    lines: [proxyReplicas, pushPeriod],
    columns: 2,
    note: "2 shards. Upstream calls unsafe execution yolo.",
  }),
  scalog({
    name: "tuning-scalog-push-size",
    title: "Scalog that pushes by size rather than by time, by shards, replicas and size",
    pick: hasLabel("push_size_v1"),
    panels: [shards],
    lines: [replicas, pushSize],
    columns: 2,
    note: "Unsafe execution, 4 proxy replicas.",
  }),
  scalog({
    name: "tuning-scalog-shards",
    title: "Scalog by replicas, shards, proxy replicas and push size",
    pick: hasLabel("big_sweep_v1"),
    panels: [replicas, shards],
    lines: [proxyReplicas, pushSize],
    belowMs: 50,
    aspect: 0.85,
    note: "Unsafe execution.",
  }),
  scalog({
    name: "tuning-scalog-batch-size",
    title: "Scalog by push size",
    pick: hasLabel("batch_size_sweep_v1"),
    lines: [pushSize],
    belowMs: 20,
    aspect: 0.8,
    note: "Unsafe execution, 4 shards, 2 replicas, 4 proxy replicas.",
  }),
  scalog({
    name: "tuning-scalog-safe-execution",
    title: "Scalog whose replicas execute safely by shards and replicas",
    pick: hasLabel("no_yolo_v1"),
    panels: [shards],
    lines: [replicas],
    belowMs: 20,
    aspect: 0.42,
    note: "No proxy replicas, push size 100.",
  }),
];

const batchedPath = `${folder}/batched_read_scale/hyperparameter_results.csv`;

const batched = (sweep: Omit<LineSweep, "path" | "x" | "perCommand">): PublishedFigure =>
  tuningLines({
    path: batchedPath,
    x: replicas,
    perCommand: operations,
    ...sweep,
  });

const both = ["throughput", "latency"] as const;

const batchedFigures: readonly PublishedFigure[] = [
  ...both.map((measure) =>
    batched({
      name: `tuning-batched-reads-v1-${measure}`,
      title: `${measure === "latency" ? "Latency" : "Throughput"} of batched reads by replicas, clients, batch, proxy leaders and acceptors`,
      pick: hasLabel("read_only_v1"),
      panels: [clients, operations],
      lines: [proxyLeaders, acceptors],
      measures: [measure],
      aspect: 0.75,
    }),
  ),
  batched({
    name: "tuning-batched-reads-v2",
    title: "Batched reads by replicas, batch and clients",
    pick: hasLabel("read_only_v2"),
    panels: [operations],
    lines: [clients],
    measures: both,
    columns: 4,
    aspect: 0.5,
    note: "An acceptor group a replica.",
  }),
  batched({
    name: "tuning-batched-reads-v3",
    title: "Batched reads by replicas and clients",
    pick: hasLabel("read_only_v3"),
    lines: [clients],
    measures: both,
    columns: 1,
    width: "single",
    aspect: 1.25,
    note: "Batches of 50, an acceptor group a replica.",
  }),
  ...both.map((measure) =>
    batched({
      name: `tuning-batched-writes-v1-${measure}`,
      title: `${measure === "latency" ? "Latency" : "Throughput"} of batched writes by replicas, proxy leaders a replica, batch and clients`,
      pick: hasLabel("write_only_v1"),
      panels: [proxyLeadersByReplica, operations],
      lines: [clients],
      measures: [measure],
      columns: 4,
      aspect: 0.5,
      note: "One or two proxy leaders a replica.",
    }),
  ),
  batched({
    name: "tuning-batched-writes-v2",
    title: "Batched writes by replicas, proxy leaders, acceptor groups and few clients",
    pick: hasLabel("write_only_v2"),
    panels: [proxyLeaders, spareAcceptorGroups],
    lines: [clients],
    measures: both,
    aspect: 0.6,
    note: "Batches of 50. The authors' plot script calls the panel with a group more one of 6 proxy leaders; its rows are of 2.",
  }),
  batched({
    name: "tuning-batched-writes-v3",
    title: "Batched writes by replicas, acceptor groups and more clients",
    pick: hasLabel("write_only_v3"),
    panels: [spareAcceptorGroups],
    lines: [clients],
    measures: both,
    columns: 2,
    aspect: 0.7,
    note: "Batches of 50, 6 proxy leaders.",
  }),
  batched({
    name: "tuning-batched-mixed",
    title: "Batched reads and writes by replicas, share of reads and clients",
    pick: hasLabel("mixed_v1"),
    panels: [readShare],
    lines: [clients],
    measures: both,
    columns: 2,
    aspect: 0.7,
    note: "Batches of 50, 6 proxy leaders. Latency is the sum of the medians of reads and of writes, as the authors drew it.",
  }),
];

const biggerValuesBest = (bytes: number): PublishedFigure =>
  bestSettings({
    name: `tuning-bigger-values-${bytes}-best`,
    title: `The best settings of compartmentalized MultiPaxos for values of ${bytes.toLocaleString("en-US")} bytes`,
    path: biggerValuesPath,
    pick: ofBytes(bytes),
    lines: [acceptorGroups, leaderFlush, replicas, proxyLeaders],
    keep: 8,
    aspect: 0.3,
  });

const scalogLabels = [
  ...["smoke", "sweep_v1", "sweep_v2", "proxy_leaders_v1", "proxy_leaders_v2", "smaller_push_period_v1"],
  ...["yolo_v1", "yolo_v2", "push_size_v1", "big_sweep_v1", "batch_size_sweep_v1", "no_yolo_v1"],
];

const scalogBest = bestSettings({
  name: "tuning-scalog-best",
  title: "The best setting of each of the authors' sweeps of Scalog, in their order",
  path: scalogPath,
  panels: [sweepLabel(scalogLabels, (at) => scalogLabels[at] ?? "another sweep")],
  lines: [shards, replicas, proxyReplicas, pushSize, pushPeriod, cuts, execution],
  label: [shards, replicas, proxyReplicas],
  series: execution,
  belowMs: 50,
  keep: 1,
  aspect: 0.4,
  note: "Sweeps have the authors' names.",
});

const batchedBest = bestLines({
  name: "tuning-batched-best",
  title: "The best of all settings tried by replicas and share of reads, in batches of 50",
  path: batchedPath,
  pick: (row) => operations.of(row) === 50,
  lines: [readShare],
  over: [clients, proxyLeaders, acceptorGroups, acceptorsPerGroup],
  x: replicas,
  perCommand: operations,
});

/** Throughput and latency over what was varied. */
export const tuningLineFigures: readonly PublishedFigure[] = [
  ...compartmentalizedLtFigures,
  ...readScaleFigures,
  craqSkew("throughput"),
  craqSkew("latency"),
  compartmentalizedSkewLatency,
  ...batchedFigures,
];

/** Latency over throughput. */
export const tuningCurveFigures: readonly PublishedFigure[] = [
  unreplicated,
  biggerValues(100),
  biggerValues(1_000),
  ...scalogFigures,
];

export const tuningBestFigures: readonly PublishedFigure[] = [
  batchedBest,
  biggerValuesBest(100),
  biggerValuesBest(1_000),
  scalogBest,
];

/** All of them, file by file: each is then read once. */
export const tuningSweepFigures: readonly PublishedFigure[] = [
  ...new Map(
    [...tuningLineFigures, ...tuningCurveFigures, ...tuningBestFigures].map(({ inputs }) => [inputs.join(), inputs]),
  ).values(),
].flatMap((inputs) =>
  [...tuningLineFigures, ...tuningCurveFigures, ...tuningBestFigures].filter(
    (figure) => figure.inputs.join() === inputs.join(),
  ),
);
