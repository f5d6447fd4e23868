import { commandOf, fileOf } from "../../core/render/trial-fixture.ts";
import { describeShared, readSweeps } from "./shared-data.ts";
import type { Columns } from "./upstream-points.ts";
import { commonColumns, comparePoints, keyOf as keyOfPoint, options, planned } from "./upstream-points.ts";

const frankenpaxos = planned("experiment.yaml");
const keyOf = (sweep: string, wanted: Readonly<Record<string, unknown>> = {}): string =>
  keyOfPoint(frankenpaxos, sweep, wanted);

describe("experiments/frankenpaxos", () => {
  it("writes all addresses into config.pbtxt, acceptors by group", () => {
    const jobs = frankenpaxos.units("jobs", frankenpaxos.trial(keyOf("multipaxos-smoke", { batchers: 2 })));
    const config = fileOf(jobs.get("client-0"), "config.pbtxt");
    const count = (pattern: RegExp): number => [...config.matchAll(pattern)].length;
    expect(count(/^batcher_address \{/gm)).toBe(2);
    expect(count(/^read_batcher_address \{/gm)).toBe(2);
    expect(count(/^leader_address \{/gm)).toBe(2);
    expect(count(/^leader_election_address \{/gm)).toBe(2);
    expect(count(/^proxy_leader_address \{/gm)).toBe(2);
    expect(config.match(/^acceptor_address \{\n(?: {2}acceptor_address \{[^}]*\}\n){3}\}/gm)).toHaveLength(2);
    expect(count(/^replica_address \{/gm)).toBe(2);
    expect(count(/^proxy_replica_address \{/gm)).toBe(2);
    expect(config).toMatch(/^f: 1$/m);
    expect(config).toMatch(/^flexible: false$/m);
    expect(new Set(config.match(/port: \d+/g)).size).toBe(2 + 2 + 4 + 2 + 6 + 2 + 2);
    expect(fileOf(jobs.get("client-0"), "workload.pbtxt").trim()).toBe(
      "uniform_read_write_workload { num_keys: 1 read_fraction: 0.5 write_size_mean: 1 write_size_std: 0 }",
    );
    expect(fileOf(jobs.get("client-0"), "write_workload.pbtxt")).toContain("read_fraction: 0 ");
  });

  it("launches the roles one after the other, and counts acceptors within their group", () => {
    const services = frankenpaxos.units("services", frankenpaxos.trial(keyOf("multipaxos-smoke", { batchers: 2 })));
    const stages = [...services.values()].map(({ name, stage }) => [name.replace(/-\d+$/, ""), stage] as const);
    expect([...new Map(stages)]).toEqual(
      ["acceptor", "batcher", "read-batcher", "proxy-leader", "replica", "proxy-replica", "leader"].map((role, at) => [
        role,
        at,
      ]),
    );
    const command = commandOf(services.get("acceptor-4"));
    expect(command).toMatch(/frankenpaxos\.multipaxos\.AcceptorMain/);
    expect(command).toMatch(/--group_index 1 .*--index 1 /s);
  });

  it("starts an unreplicated server alone, and clients that know it", () => {
    const trial = frankenpaxos.trial(keyOf("unreplicated-smoke", { clientProcesses: 3 }));
    const services = frankenpaxos.units("services", trial);
    expect([...services.keys()]).toEqual(["server-0"]);
    const port = /--port (\d+)/.exec(commandOf(services.get("server-0")))?.[1] ?? "none";
    const jobs = frankenpaxos.units("jobs", trial);
    expect([...jobs.keys()]).toEqual(["client-0", "client-1", "client-2"]);
    const command = commandOf(jobs.get("client-2"));
    expect(command).toContain(`--server_port ${port}`);
    expect(command).toMatch(/--duration 2s .*--timeout 3s --num_clients 1 /s);
    expect(commandOf(services.get("server-0"))).toMatch(/jvm\.sh" 100m frankenpaxos\.unreplicated\.ServerMain/);
    expect(command).toContain("--output_file_prefix client_2");
    expect(fileOf(jobs.get("client-0"), "workload.pbtxt").trim()).toBe("string_workload { size_mean: 1 size_std: 0 }");
  });

  it.each([
    ["skewed", "skew", /^point_skewed_read_write_workload \{ num_keys: 100000 read_fraction: 0.95 point_fraction: 0 /],
    [
      "multi-key",
      "batched-read-scale",
      /^uniform_multi_key_read_write_workload \{ num_keys: 50 num_operations: 50 read_fraction: 1 /,
    ],
    ["single-key", "unreplicated-lt", /^uniform_single_key_workload \{ num_keys: 1 size_mean: 100 /],
  ])("writes a %s workload", (_, sweep, pattern) => {
    const jobs = frankenpaxos.units("jobs", frankenpaxos.trial(keyOf(sweep)));
    expect(fileOf(jobs.get("client-0"), "workload.pbtxt").trim()).toMatch(pattern);
  });
});

const columns: Columns = {
  ...commonColumns,
  num_warmup_clients_per_proc: "clientsPerProcess",
  num_batchers: "batchers",
  num_read_batchers: "readBatchers",
  num_leaders: "leaders",
  num_proxy_leaders: "proxyLeaders",
  num_acceptor_groups: "acceptorGroups",
  num_acceptors_per_group: "acceptorsPerGroup",
  num_replicas: "replicas",
  num_proxy_replicas: "proxyReplicas",
  flexible: "flexible",
  read_consistency: "readConsistency",
  predetermined_read_fraction: "predeterminedReadPercent",
  "workload.name": "workload",
  "workload.num_keys": "keys",
  "workload.read_fraction": "readFraction",
  "workload.point_fraction": "pointFraction",
  "workload.num_operations": "operations",
  "batcher_options.batch_size": "batchSize",
  "leader_options.flush_phase2as_every_n": "leaderFlush",
  "leader_options.noop_flush_period": "noopFlushPeriod",
  "proxy_leader_options.flush_phase2as_every_n": "proxyLeaderFlush",
  "replica_options.send_chosen_watermark_every_n_entries": "watermarkEvery",
  "proxy_replica_options.flush_every_n": "proxyReplicaFlush",
  "proxy_replica_options.batch_flush": "batchFlush",
  "server_options.flush_every_n": "serverFlush",
  num_proxy_servers: "proxyServers",
  "proxy_server_options.flush_every_n": "proxyServerFlush",
  num_chain_nodes: "chainNodes",
  num_shards: "shards",
  num_servers_per_shard: "serversPerShard",
  // One more than twice f.
  num_acceptors: undefined,
};

/** What stands in the commands, alike for all points; smoke sweeps keep the long ones' timers. */
const inCommands = [
  /^(?:read_|write_)workload\./,
  /^distribution_scheme$/,
  /^read_batcher_options\./,
  /^(?:leader|replica|client|chain_node)_options\./,
];

describeShared("the sweeps against the upstream scripts", () => {
  const vldb21 = (name: string): string => `vldb21_compartmentalized/${name}/benchmark.py`;
  const scalog = options({
    "server_options.": "scalogServer",
    "aggregator_options.": "scalogAggregator",
    "leader_options.": "scalogLeader",
    "replica_options.": "scalogReplica",
  });
  const scalogColumns: Columns = {
    "replica_options.batch_flush": "batchFlush",
    "leader_options.flush_phase2as_every_n": "scalogLeader.flushPhase2asEveryN",
    "client_options.resend_client_request_period": "resendClientRequestPeriod",
    "leader_options.election_options.ping_period": undefined,
    "leader_options.election_options.no_ping_timeout_min": undefined,
    "leader_options.election_options.no_ping_timeout_max": undefined,
  };
  const coupled: Columns = { "client_options.resend_client_request_period": "resendClientRequestPeriod" };
  // The columns came after the script; batches of those that don't batch don't matter.
  const coupledSmoke: Columns = { num_acceptors_per_group: undefined, measurement_group_size: undefined };
  const fixture = frankenpaxos;
  it.each<[string, string, Columns]>([
    ["unreplicated-smoke", "unreplicated/smoke.py", {}],
    ["multipaxos-smoke", "multipaxos/smoke.py", {}],
    ["supermultipaxos-smoke", "supermultipaxos/smoke.py", coupledSmoke],
    ["batchedunreplicated-smoke", "batchedunreplicated/smoke.py", {}],
    ["craq-smoke", "craq/smoke.py", {}],
    ["scalog-smoke", "scalog/smoke.py", scalogColumns],
    ["unreplicated-lt", vldb21("unreplicated_lt"), {}],
    ["compartmentalized-lt", vldb21("compartmentalized_lt"), {}],
    ["batched-compartmentalized-lt", vldb21("batched_compartmentalized_lt"), {}],
    ["batched-unreplicated-lt", vldb21("batched_unreplicated_lt"), {}],
    ["ablation", vldb21("ablation"), {}],
    ["batched-ablation", vldb21("batched_ablation"), {}],
    ["read-scale", vldb21("read_scale"), {}],
    ["weak-read-scale", vldb21("weak_read_scale"), {}],
    ["batched-read-scale", vldb21("batched_read_scale"), {}],
    ["skew", vldb21("compartmentalized_skew"), {}],
    ["craq-skew", vldb21("craq_skew"), {}],
  ])("%s has the points of %s, as often", (sweep, script, own) => {
    const toPath = sweep.startsWith("scalog") ? scalog : () => undefined;
    const known = { ...columns, ...own };
    const all = readSweeps()[script];
    const constant = [...Object.keys(all?.constants ?? {}), ...(all?.varying ?? [])].filter(
      (column) =>
        !(column in known) && toPath(column) === undefined && inCommands.some((pattern) => pattern.test(column)),
    );
    const { ours, upstream, trials, runs } = comparePoints(fixture, {
      ...{ sweep, script, toPath },
      columns: { ...known, ...Object.fromEntries(constant.map((column) => [column, undefined])) },
    });
    expect(ours).toEqual(upstream);
    expect(trials).toBe(runs);
  });

  it("scalog-lt's second half has the points of the script, as they were published", () => {
    const { ours, upstream } = comparePoints(fixture, {
      ...{ sweep: "scalog-lt", script: vldb21("scalog_lt"), toPath: scalog },
      columns: { ...columns, ...scalogColumns },
    });
    expect(ours).toHaveLength(42);
    expect(ours.filter((line) => line.includes("shards=3"))).toEqual([...new Set(upstream)]);
  });

  it("coupled MultiPaxos has the points of the EuroSys script, batched and not", () => {
    const script = "supermultipaxos/eurosys_lt.py";
    const more = Object.keys(readSweeps()[script]?.constants ?? {}).filter(
      (column) => !(column in columns) && !(column in coupled) && inCommands.some((pattern) => pattern.test(column)),
    );
    const all = { ...columns, ...coupled, ...Object.fromEntries(more.map((column) => [column, undefined])) };
    const [plain, batched] = ["coupled-lt", "batched-coupled-lt"].map((sweep) =>
      comparePoints(fixture, { sweep, script, columns: all }),
    );
    expect([...(plain?.ours ?? []), ...(batched?.ours ?? [])].sort()).toEqual(plain?.upstream);
    expect((plain?.trials ?? 0) + (batched?.trials ?? 0)).toBe(plain?.runs);
  });
});

describe("the protocols that the paper compares with", () => {
  const config = (sweep: string, wanted = {}): string =>
    fileOf(frankenpaxos.units("jobs", frankenpaxos.trial(keyOf(sweep, wanted))).get("client-0"), "config.pbtxt");

  it.each([
    [
      "batchedunreplicated-smoke",
      ["batchedunreplicated.Batcher", "batchedunreplicated.ProxyServer", "batchedunreplicated.Server"],
    ],
    ["craq-smoke", ["craq.ChainNode"]],
    ["supermultipaxos-smoke", ["multipaxos.SuperNode"]],
    [
      "scalog-lt",
      ["Acceptor", "ProxyReplica", "Replica", "Aggregator", "Leader", "Server"].map((role) => `scalog.${role}`),
    ],
  ])("%s launches its roles in upstream's order", (sweep, classes) => {
    const units = [...frankenpaxos.units("services", frankenpaxos.trial(keyOf(sweep))).values()];
    const found = units
      .sort((a, b) => a.stage - b.stage)
      .map((unit) => /frankenpaxos\.(\w+\.\w+)Main/.exec(commandOf(unit))?.[1]);
    expect([...new Set(found)]).toEqual(classes);
  });

  it("writes a chain's nodes, and a shard's servers together", () => {
    expect(config("craq-smoke", { chainNodes: 4 }).match(/^chain_node_address \{/gm)).toHaveLength(4);
    const scalog = config("scalog-lt");
    expect(scalog.match(/^server_address \{\n(?: {2}server_address \{[^}]*\}\n){2}\}/gm)).toHaveLength(4);
    expect(scalog.match(/^aggregator_address \{/gm)).toHaveLength(1);
  });

  it("starts a coupled node's batcher only where commands are batched", () => {
    expect(config("coupled-lt")).not.toContain("batcher_address");
    expect(config("batched-coupled-lt").match(/^batcher_address \{/gm)).toHaveLength(3);
    expect(config("batched-coupled-lt")).toContain("distribution_scheme: COLOCATED");
  });
});
