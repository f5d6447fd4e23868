/** What tuning sweeps vary, and how a figure says it. */
import { ParseError } from "reprise/analysis";
import { inputNumber } from "./results-csv.ts";
import type { ResultRow } from "./results-csv.ts";
import { durationSec } from "./upstream-inputs.ts";

/** Something that was set, read from a row's inputs alone, so that an imported trial has it too. */
export interface Setting {
  /** As the CSV beside a figure has it: the column, mostly. */
  readonly name: string;
  readonly of: (row: ResultRow) => number;
  /** What labels and panels say of a value. */
  readonly phrase: (value: number) => string;
  /** For an axis. */
  readonly title?: string;
}

const counted =
  (one: string, many: string) =>
  (value: number): string =>
    `${value === 0 ? "no" : value.toLocaleString("en-US")} ${value === 1 ? one : many}`;

const column = (name: string, phrase: Setting["phrase"], title?: string): Setting => ({
  name,
  of: (row) => inputNumber(row, name),
  phrase,
  ...(title !== undefined && { title }),
});

/** Duration columns are text. */
function milliseconds(row: ResultRow, name: string): number {
  const seconds = durationSec(row.inputs[name]);
  if (seconds !== undefined) return seconds * 1_000;
  const { file, lineNumber } = row;
  throw new ParseError({ file, lineNumber, problem: `no duration in "${name}": ${String(row.inputs[name])}` });
}

export const clients: Setting = {
  name: "clients",
  of: (row) => row.clients,
  phrase: counted("client", "clients"),
  title: "number of clients",
};
export const replicas = column("num_replicas", counted("replica", "replicas"), "number of replicas");
export const proxyLeaders = column("num_proxy_leaders", counted("proxy leader", "proxy leaders"), "proxy leaders");
export const acceptorGroups = column("num_acceptor_groups", counted("acceptor group", "acceptor groups"));
export const acceptorsPerGroup = column("num_acceptors_per_group", (count) => `${count} a group`);
export const acceptors: Setting = {
  name: "num_acceptors",
  of: (row) => acceptorGroups.of(row) * acceptorsPerGroup.of(row),
  phrase: counted("acceptor", "acceptors"),
  title: "acceptors",
};
export const readShare = column("workload.read_fraction", (share) => `${Math.round(share * 100)}% reads`);
export const keySkew = column("workload.point_fraction", (share) => `${share * 100}% on one key`);
export const operations = column("workload.num_operations", (count) => `batches of ${count}`);
export const valueBytes = column("workload.size_mean", (bytes) => `${bytes.toLocaleString("en-US")} bytes`);
export const leaderFlush = column("leader_options.flush_phase2as_every_n", (n) => `flush every ${n}`);
export const serverFlush = column("server_options.flush_every_n", (n) => `every ${n}`);
export const shards = column("num_shards", counted("shard", "shards"));
export const proxyReplicas = column("num_proxy_replicas", counted("proxy replica", "proxy replicas"));
export const pushSize = column("server_options.push_size", (size) => `push size ${size}`);
export const pushPeriod: Setting = {
  name: "server_options.push_period_ms",
  of: (row) => milliseconds(row, "server_options.push_period"),
  phrase: (ms) => `push every ${Number(ms.toFixed(3))} ms`,
};
export const cuts = column("aggregator_options.num_shard_cuts_per_proposal", counted("cut", "cuts"));
/** Whether replicas leave out what keeps their execution right. */
export const execution: Setting = {
  name: "replica_options.unsafe_yolo_execution",
  of: ({ inputs }) => Number(inputs["replica_options.unsafe_yolo_execution"] === true),
  phrase: (isUnsafe) => (isUnsafe === 1 ? "unsafe execution" : "safe execution"),
};

/** Proxy leaders by replica: the write-only sweeps couple them. */
export const proxyLeadersByReplica: Setting = {
  name: "proxy leaders a replica",
  of: (row) => proxyLeaders.of(row) / replicas.of(row),
  phrase: (factor) => `${factor} a replica`,
};

/** Acceptor groups beyond one a replica. */
export const spareAcceptorGroups: Setting = {
  name: "acceptor groups beyond replicas",
  of: (row) => acceptorGroups.of(row) - replicas.of(row),
  phrase: (more) => (more === 0 ? "a group a replica" : `${more} group more`),
};

/** Which of the labels that the authors gave their sweeps, in their order. */
export const sweepLabel = (labels: readonly string[], phrase: Setting["phrase"]): Setting => ({
  name: "workload_label",
  of: ({ inputs }) => labels.indexOf(String(inputs["workload_label"])),
  phrase,
});

export const hasLabel =
  (...labels: readonly string[]) =>
  ({ inputs }: ResultRow): boolean =>
    labels.includes(String(inputs["workload_label"]));

/** Values as numbers sort: by the first that differs. */
export function compareValues(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
