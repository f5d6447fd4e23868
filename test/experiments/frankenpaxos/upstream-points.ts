import { readFileSync } from "node:fs";
import { loadText } from "../../core/definition/load.ts";
import { TrialFixture } from "../../core/render/trial-fixture.ts";
import { readSweeps } from "./shared-data.ts";

export const folder = new URL("../../../experiments/frankenpaxos/", import.meta.url);

/** A definition of the experiment's folder, planned. */
export const planned = (file: string): TrialFixture =>
  new TrialFixture(
    loadText(readFileSync(new URL(file, folder), "utf8"), (path) => {
      try {
        return readFileSync(new URL(path, folder), "utf8");
      } catch {
        return undefined; // cluster files are their users'
      }
    }),
  );

/** The key of a sweep's first point with these values. */
export function keyOf(fixture: TrialFixture, sweep: string, wanted: Readonly<Record<string, unknown>> = {}): string {
  const point = fixture.plan.points.find(
    ({ sweep: own, parameters }) =>
      own === sweep && Object.entries(wanted).every(([name, value]) => parameters[name] === value),
  );
  if (!point) throw new Error(`no such point of ${sweep}`);
  return point.pointKey;
}

/** Our parameter by upstream's column, by path; undefined says that nothing varies it and why it needs no parameter. */
export type Columns = Readonly<Record<string, string | undefined>>;

/** Columns that mean the same in all definitions. */
export const commonColumns: Columns = {
  f: "f",
  num_client_procs: "clientProcesses",
  num_clients_per_proc: "clientsPerProcess",
  measurement_group_size: "groupSize",
  warmup_duration: "warmupSec",
  warmup_timeout: "warmupTimeoutSec",
  warmup_sleep: "warmupSleepSec",
  duration: "durationSec",
  timeout: "timeoutSec",
  duration_seconds: "durationSec",
  timeout_seconds: "timeoutSec",
  state_machine: "stateMachine",
  client_jvm_heap_size: "clientHeap",
  jvm_heap_size: "heap",
  "workload.size_mean": "valueBytes",
  "workload.write_size_mean": "valueBytes",
  // Always 0.
  "workload.size_std": undefined,
  "workload.write_size_std": undefined,
  // Ours wait until servers listen.
  client_lag: undefined,
  client_lag_seconds: undefined,
  // Monitoring's own.
  prometheus_scrape_interval: undefined,
  prometheus_scrape_interval_ms: undefined,
  // A name for people.
  workload_label: undefined,
  ...Object.fromEntries(
    [
      ...["batcher", "read_batcher", "leader", "proxy_leader", "acceptor", "replica", "proxy_replica", "server"],
      ...["proxy_server", "chain_node", "aggregator", "matchmaker", "reconfigurer", "driver"],
    ].map((role) => [`${role}_jvm_heap_size`, "heap"]),
  ),
};

const camel = (column: string): string =>
  column.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** `leader_options.thrifty_system` below `leaderOptions`: an option by its own name. */
export const options =
  (trees: Readonly<Record<string, string>>) =>
  (column: string): string | undefined => {
    const tree = Object.entries(trees)
      .filter(([prefix]) => column.startsWith(prefix))
      .sort(([a], [b]) => b.length - a.length)[0];
    return tree && `${tree[1]}.${camel(column.slice(tree[0].length))}`;
  };

/** Numbers as numbers, heaps in small letters, durations in seconds: `0:10:00`, `600s` and `600000ms` are the same. */
function toValue(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const clock = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(value);
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  const amount = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(value);
  if (amount) return Number(amount[1]) / (amount[2] === "ms" ? 1_000 : 1);
  if (value === "True" || value === "False") return value === "True";
  if (/^\d+[GM]$/.test(value)) return value.toLowerCase();
  if (value !== "" && Number.isFinite(Number(value))) return Number(value);
  return workloads[value] ?? value;
}

const workloads: Readonly<Record<string, string>> = {
  UniformReadWriteWorkload: "read-write",
  PointSkewedReadWriteWorkload: "skewed",
  UniformMultiKeyReadWriteWorkload: "multi-key",
  UniformSingleKeyWorkload: "single-key",
  BernoulliSingleKeyWorkload: "bernoulli",
  StringWorkload: "string",
};

interface Comparison {
  readonly ours: readonly string[];
  readonly upstream: readonly string[];
  readonly trials: number;
  readonly runs: number;
}

/**
 * A sweep's points and those of an upstream script, as text of all that the script's columns say.
 *
 * @param toPath our parameter's path of a column that `columns` doesn't name
 * @throws when a column is neither a parameter of ours nor known to need none
 */
export function comparePoints(
  { plan }: TrialFixture,
  {
    sweep,
    script,
    columns,
    toPath = () => undefined,
  }: {
    readonly sweep: string;
    readonly script: string;
    readonly columns: Columns;
    readonly toPath?: (column: string) => string | undefined;
  },
): Comparison {
  const upstream = readSweeps()[script];
  if (!upstream) throw new Error(`no script ${script}`);
  const compared = [...Object.keys(upstream.constants), ...upstream.varying].flatMap((column): [string, string][] => {
    const path = column in columns ? columns[column] : toPath(column);
    if (path === undefined && !(column in columns)) throw new Error(`${script}: nothing of ours is ${column}`);
    return path === undefined ? [] : [[column, path]];
  });
  const line = (valueOf: (column: string, path: string) => unknown): string =>
    compared
      .map(([column, path]) => `${path}=${JSON.stringify(toValue(valueOf(column, path)))}`)
      .sort()
      .join(" ");
  const points = plan.points.filter((point) => point.sweep === sweep);
  return {
    ours: points
      .map(({ parameters }) =>
        line(
          (_, path) =>
            path
              .split(".")
              .reduce<unknown>(
                (value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key],
                parameters,
              ), // a tree
        ),
      )
      .sort(),
    upstream: upstream.points
      .map((point) =>
        line((column, path) => {
          const value = upstream.constants[column] ?? point[upstream.varying.indexOf(column)];
          // Fast MultiPaxos' columns say their unit; a driver's fields keep it.
          return column.endsWith("_ms") && !path.endsWith("_ms") ? `${value ?? ""}ms` : value;
        }),
      )
      .sort(),
    trials: plan.blocks.flatMap((block) => block.trials).filter(({ point }) => plan.points[point]?.sweep === sweep)
      .length,
    runs: upstream.runs,
  };
}
