/** Tuning sweeps: which settings the papers' configurations were chosen from. */
import { papers } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { inputNumber } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";
import { scalingFigure } from "./scaling-figures.ts";
import type { ScalingSeries } from "./scaling-figures.ts";
import { tuningSweepFigures } from "./tuning-sweeps.ts";

const folder = "vldb21_compartmentalized";

/** Rows in which columns have these values; `clients` is one. */
const where =
  (wanted: Readonly<Record<string, number>>) =>
  (row: ResultRow): boolean =>
    Object.entries(wanted).every(
      ([column, value]) => (column === "clients" ? row.clients : inputNumber(row, column)) === value,
    );

const proxyLeaders = (from: number, to: number) => ({
  title: "number of proxy leaders",
  column: "num_proxy_leaders",
  values: Array.from({ length: to - from + 1 }, (_, index) => from + index),
});
const replicas = { title: "number of replicas", column: "num_replicas", values: [2, 3, 4, 5, 6] };

const ablation = scalingFigure({
  name: "tuning-ablation",
  title: "Compartmentalized MultiPaxos by proxy leaders, acceptors and replicas",
  paper: papers.compartmentalized,
  aspect: 0.8,
  x: proxyLeaders(2, 10),
  series: (
    [
      [1, 3],
      [2, 2],
    ] as const
  ).flatMap(([groups, perGroup]) =>
    [2, 3, 4].map((count): ScalingSeries => ({
      label: `${groups}×${perGroup} acceptors, ${count} replicas`,
      path: `${folder}/ablation/compartmentalized_results.csv`,
      pick: where({ num_acceptor_groups: groups, num_acceptors_per_group: perGroup, num_replicas: count }),
    })),
  ),
});

const weakReads = (
  percent: number,
  settings: readonly (readonly [clients: number, groups: number, perGroup: number])[],
) =>
  scalingFigure({
    name: `tuning-weak-read-scale-${percent}`,
    title: `${percent}% weak reads by replicas, clients and acceptors`,
    paper: papers.compartmentalized,
    aspect: 0.8,
    x: replicas,
    series: settings.map(([clients, groups, perGroup]) => ({
      label: `${clients} clients, ${groups}×${perGroup}`,
      path: `${folder}/weak_read_scale/hyperparameter_results.csv`,
      pick: where({
        clients,
        "workload.read_fraction": percent / 100,
        num_acceptor_groups: groups,
        num_acceptors_per_group: perGroup,
      }),
    })),
  });

const skew = scalingFigure({
  name: "tuning-compartmentalized-skew",
  title: "All operations on one key, by clients and proxy leaders",
  paper: papers.compartmentalized,
  isSparse: true,
  x: { title: "clients", column: "clients", values: [500, 1000, 1500, 2000, 3000] },
  series: [2, 3, 4, 5].map((count) => ({
    label: `${count} proxy leaders`,
    path: `${folder}/compartmentalized_skew/hyperparameter_results.csv`,
    pick: where({ num_proxy_leaders: count }),
  })),
});

const acceptorsOf = (clients: readonly number[]): (readonly [number, number, number])[] =>
  clients.flatMap((count) => [
    [count, 1, 3],
    [count, 2, 2],
  ]);

/** Of the shape that the papers' scaling figures have. */
export const tuningScalingFigures: readonly PublishedFigure[] = [
  ablation,
  weakReads(
    100,
    [2000, 3000, 4000, 5000].map((clients) => [clients, 1, 3] as const),
  ),
  weakReads(90, acceptorsOf([1500, 2500, 3500])),
  weakReads(60, acceptorsOf([500, 1500, 2500])),
  skew,
];

export const tuningFigures: readonly PublishedFigure[] = [...tuningScalingFigures, ...tuningSweepFigures];
