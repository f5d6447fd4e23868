/** The harness' input columns by the names of our own parameters, so that imported results and measured ones go together. */

type Value = string | number | boolean;

/** Our parameter, and the column that it is. */
const columns: Readonly<Record<string, string>> = {
  clientProcesses: "num_client_procs",
  clientsPerProcess: "num_clients_per_proc",
  groupSize: "measurement_group_size",
  clientHeap: "client_jvm_heap_size",
  stateMachine: "state_machine",
  readFraction: "workload.read_fraction",
  pointFraction: "workload.point_fraction",
  operations: "workload.num_operations",
  keys: "workload.num_keys",
  f: "f",
  batchers: "num_batchers",
  readBatchers: "num_read_batchers",
  batchSize: "batcher_options.batch_size",
  leaders: "num_leaders",
  leaderFlush: "leader_options.flush_phase2as_every_n",
  proxyLeaders: "num_proxy_leaders",
  acceptorGroups: "num_acceptor_groups",
  acceptorsPerGroup: "num_acceptors_per_group",
  flexible: "flexible",
  replicas: "num_replicas",
  proxyReplicas: "num_proxy_replicas",
  batchFlush: "proxy_replica_options.batch_flush",
  serverFlush: "server_options.flush_every_n",
  predeterminedReadPercent: "predetermined_read_fraction",
  proxyLeaderFlush: "proxy_leader_options.flush_phase2as_every_n",
  proxyReplicaFlush: "proxy_replica_options.flush_every_n",
  watermarkEvery: "replica_options.send_chosen_watermark_every_n_entries",
  proxyServers: "num_proxy_servers",
  proxyServerFlush: "proxy_server_options.flush_every_n",
  chainNodes: "num_chain_nodes",
  shards: "num_shards",
  serversPerShard: "num_servers_per_shard",
};

const seconds: Readonly<Record<string, string>> = {
  warmupSec: "warmup_duration",
  warmupTimeoutSec: "warmup_timeout",
  warmupSleepSec: "warmup_sleep",
  durationSec: "duration",
  timeoutSec: "timeout",
};

const workloads: Readonly<Record<string, string>> = {
  UniformReadWriteWorkload: "read-write",
  PointSkewedReadWriteWorkload: "skewed",
  UniformMultiKeyReadWriteWorkload: "multi-key",
  UniformSingleKeyWorkload: "single-key",
  StringWorkload: "string",
};

/** `0:00:15`, `0:00:00.000500`, `1 day, 0:00:00`: a Python duration in seconds; undefined for anything else. */
export function durationSec(text: Value | undefined): number | undefined {
  const match = /^(?:(\d+) days?, )?(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(String(text));
  if (match === null) return undefined;
  const [, days = "0", hours = "0", minutes = "0", rest = "0"] = match;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(rest);
}

/**
 * Parameters as our definition calls them, and under `upstream` every column that it has no word for.
 *
 * @param inputs a row's input columns by name
 */
export function toParameters(
  inputs: Readonly<Record<string, Value>>,
): Record<string, Value | Readonly<Record<string, Value>>> {
  const used = new Set<string>();
  const take = (column: string): Value | undefined => {
    const value = inputs[column];
    if (value !== undefined) used.add(column);
    return value;
  };
  const parameters: Record<string, Value> = {};
  const set = (name: string, value: Value | undefined): void => {
    if (value !== undefined) parameters[name] = value;
  };
  set("protocol", protocolOf(inputs));
  for (const [name, column] of Object.entries(columns)) set(name, take(column));
  for (const [name, column] of Object.entries(seconds))
    set(name, durationSec(inputs[column]) && durationSec(take(column)));
  const workload = workloads[String(inputs["workload.name"])];
  if (workload !== undefined) set("workload", take("workload.name") && workload);
  set("valueBytes", take("workload.write_size_mean") ?? take("workload.size_mean"));
  const consistency = /^ReadConsistency\.(\w+)$|^(\w+)$/.exec(String(inputs["read_consistency"] ?? ""));
  if (consistency !== null)
    set("readConsistency", take("read_consistency") && (consistency[1] ?? consistency[2] ?? "").toLowerCase());
  const rest = Object.fromEntries(Object.entries(inputs).filter(([column]) => !used.has(column)));
  return Object.keys(rest).length === 0 ? parameters : { ...parameters, upstream: rest };
}

/** Columns tell protocols apart; a file of another one keeps its name's word. */
function protocolOf(inputs: Readonly<Record<string, Value>>): string | undefined {
  const has = (column: string): boolean => column in inputs;
  if (has("num_chain_nodes")) return "craq";
  if (has("num_shards")) return "scalog";
  if (has("server_options.flush_every_n")) return has("num_proxy_servers") ? "batchedunreplicated" : "unreplicated";
  if (!has("num_proxy_leaders") || has("num_leader_groups")) return undefined;
  return String(inputs["distribution_scheme"]).endsWith("COLOCATED") ? "supermultipaxos" : "multipaxos";
}
