/** The harness' input columns by the names of our own parameters, so that imported results and measured ones go together. */

type Value = string | number | boolean;

/** Our parameter, and the column that it is. */
const columns: Readonly<Record<string, string>> = {
  clientProcesses: "num_client_procs",
  clientsPerProcess: "num_clients_per_proc",
  warmupClients: "num_warmup_clients_per_proc",
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
  conflictRate: "workload.conflict_rate",
  executeGraphBatchSize: "replica_options.execute_graph_batch_size",
  leaderGroups: "num_leader_groups",
  leadersPerGroup: "num_leaders_per_group",
  matchmakers: "num_matchmakers",
  reconfigurers: "num_reconfigurers",
  acceptors: "num_acceptors",
};

/** Columns that stand for a parameter in other files than {@link columns}' own. */
const otherColumns: Readonly<Record<string, string>> = {
  acceptorGroups: "num_acceptor_groups_per_leader_group",
};

const seconds: Readonly<Record<string, string>> = {
  warmupSec: "warmup_duration",
  warmupTimeoutSec: "warmup_timeout",
  warmupSleepSec: "warmup_sleep",
  durationSec: "duration",
  timeoutSec: "timeout",
};

/** The same as plain numbers, in the files of Fast MultiPaxos. */
const plainSeconds: Readonly<Record<string, string>> = {
  durationSec: "duration_seconds",
  timeoutSec: "timeout_seconds",
};

/** Drivers of Matchmaker and horizontal MultiPaxos. */
const drivers: Readonly<Record<string, string>> = {
  DoNothing: "do_nothing",
  LeaderReconfiguration: "leader_reconfiguration",
  MatchmakerReconfiguration: "matchmaker_reconfiguration",
  LeaderFailure: "leader_failure",
  Chaos: "chaos",
};

const workloads: Readonly<Record<string, string>> = {
  UniformReadWriteWorkload: "read-write",
  PointSkewedReadWriteWorkload: "skewed",
  UniformMultiKeyReadWriteWorkload: "multi-key",
  UniformSingleKeyWorkload: "single-key",
  StringWorkload: "string",
  BernoulliSingleKeyWorkload: "bernoulli",
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
 * @param about `name` of the suite or file: it tells coupled BPaxos from BPaxos taken apart, which have the same columns
 */
export function toParameters(
  inputs: Readonly<Record<string, Value>>,
  { name: about = "" }: { readonly name?: string } = {},
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
  set("protocol", protocolOf(inputs, about));
  for (const [name, column] of [...Object.entries(columns), ...Object.entries(otherColumns)]) set(name, take(column));
  for (const [name, column] of Object.entries(plainSeconds)) set(name, take(column));
  for (const [name, column] of Object.entries(seconds))
    set(name, durationSec(inputs[column]) && durationSec(take(column)));
  const workload = workloads[String(inputs["workload.name"])];
  if (workload !== undefined) set("workload", take("workload.name") && workload);
  set("valueBytes", take("workload.write_size_mean") ?? take("workload.size_mean"));
  const consistency = /^ReadConsistency\.(\w+)$|^(\w+)$/.exec(String(inputs["read_consistency"] ?? ""));
  if (consistency !== null)
    set("readConsistency", take("read_consistency") && (consistency[1] ?? consistency[2] ?? "").toLowerCase());
  const driver = drivers[String(inputs["driver_workload.name"])];
  if (driver !== undefined) set("driver", take("driver_workload.name") && driver);
  const rest = Object.fromEntries(Object.entries(inputs).filter(([column]) => !used.has(column)));
  return Object.keys(rest).length === 0 ? parameters : { ...parameters, upstream: rest };
}

/** Columns tell protocols apart; a file of another one keeps its name's word. */
function protocolOf(inputs: Readonly<Record<string, Value>>, name: string): string | undefined {
  const has = (column: string): boolean => column in inputs;
  if (has("num_chain_nodes")) return "craq";
  if (has("num_shards")) return "scalog";
  if (has("server_options.flush_every_n")) return has("num_proxy_servers") ? "batchedunreplicated" : "unreplicated";
  if (has("round_system_type")) return "fastmultipaxos";
  if (has("dep_service_node_options.top_k_dependencies") && !has("num_garbage_collectors"))
    return name.includes("super") ? "superbpaxos" : "simplebpaxos";
  if (has("replica_options.default_to_slow_path_timer_period")) return "epaxos";
  if (has("driver_workload.name")) return has("num_matchmakers") ? "matchmakermultipaxos" : "horizontal";
  const isColocated = String(inputs["distribution_scheme"]).endsWith("COLOCATED");
  if (has("num_leader_groups")) return isColocated ? "supermencius" : "mencius";
  if (!has("num_proxy_leaders")) return undefined;
  return isColocated ? "supermultipaxos" : "multipaxos";
}

/**
 * The columns of a trial's parameters, as far as they have one: how plot scripts' conditions find an imported trial.
 * Durations, names of workloads and of drivers stay out.
 */
export function toInputs(parameters: Readonly<Record<string, unknown>>): Record<string, Value> {
  const inputs: Record<string, Value> = {};
  const set = (column: string, value: unknown): void => {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") inputs[column] = value;
  };
  for (const [name, column] of Object.entries(columns)) set(column, parameters[name]);
  set("workload.write_size_mean", parameters["valueBytes"]);
  set("workload.size_mean", parameters["valueBytes"]);
  const { upstream } = parameters;
  if (typeof upstream === "object" && upstream !== null)
    for (const [column, value] of Object.entries(upstream)) set(column, value);
  return inputs;
}
