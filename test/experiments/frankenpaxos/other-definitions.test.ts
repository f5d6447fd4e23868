import { commandOf, fileOf } from "../../core/render/trial-fixture.ts";
import { describeShared } from "./shared-data.ts";
import type { Columns } from "./upstream-points.ts";
import { commonColumns, comparePoints, keyOf, options, planned } from "./upstream-points.ts";

const nsdi = planned("nsdi.yaml");
const matchmaker = planned("matchmaker.yaml");
const mencius = planned("mencius.yaml");

/** Classes of a trial's services in the order in which they start. */
const launched = (fixture: typeof nsdi, sweep: string, wanted = {}): string[] => {
  const units = [...fixture.units("services", fixture.trial(keyOf(fixture, sweep, wanted))).values()];
  const classes = units
    .sort((a, b) => a.stage - b.stage)
    .map((unit) => /frankenpaxos\.(\w+\.\w+)Main/.exec(commandOf(unit))?.[1] ?? commandOf(unit));
  return [...new Set(classes)];
};

describe("experiments/frankenpaxos/nsdi.yaml", () => {
  it.each([
    ["epaxos-smoke", ["epaxos.Replica"]],
    ["fastmultipaxos-smoke", ["fastmultipaxos.Acceptor", "fastmultipaxos.Leader"]],
    ["superbpaxos-smoke", ["simplebpaxos.SuperNode"]],
    [
      "simplebpaxos-smoke",
      ["DepServiceNode", "Acceptor", "Replica", "Proposer", "Leader"].map((c) => `simplebpaxos.${c}`),
    ],
  ])("%s launches its roles in upstream's order", (sweep, classes) => {
    expect(launched(nsdi, sweep)).toEqual(classes);
  });

  it("passes options by upstream's own names", () => {
    const trial = nsdi.trial(keyOf(nsdi, "fig1-epaxos", { clientsPerProcess: 50 }));
    const command = commandOf(nsdi.units("services", trial).get("epaxos-replica-2"));
    expect(command).toMatch(/jvm\.sh" '' frankenpaxos\.epaxos\.ReplicaMain/);
    expect(command).toMatch(/--options\.recoverInstanceTimerMaxPeriod=1200s.* --options\.executeGraphBatchSize 100 /s);
    expect(command).toContain("--zigzag.verticesGrowSize=20000");
    const client = nsdi.units("jobs", trial).get("client-5");
    expect(commandOf(client)).toContain("frankenpaxos.epaxos.BenchmarkClientMain");
    expect(fileOf(client, "workload.pbtxt").trim()).toBe(
      "bernoulli_single_key_workload { conflict_rate: 0 size_mean: 8 size_std: 0 }",
    );
  });

  it("gives each part of a coupled node its own port", () => {
    const trial = nsdi.trial(keyOf(nsdi, "superbpaxos-smoke"));
    const config = fileOf(nsdi.units("jobs", trial).get("client-0"), "config.pbtxt");
    expect(config.match(/^\w+Address \{/gm)).toHaveLength(15);
    expect(new Set(config.match(/port: \d+/g)).size).toBe(15);
  });
});

describe("experiments/frankenpaxos/matchmaker.yaml", () => {
  const roles = ["Acceptor", "Matchmaker", "Reconfigurer", "Replica", "Leader"];

  it("launches its roles in upstream's order", () => {
    expect(launched(matchmaker, "matchmaker-smoke")).toEqual(roles.map((role) => `matchmakermultipaxos.${role}`));
    expect(launched(matchmaker, "horizontal-smoke")).toEqual(
      ["Acceptor", "Replica", "Leader"].map((role) => `horizontal.${role}`),
    );
  });

  it("tells the driver what to do, and when", () => {
    const jobs = matchmaker.units("jobs", matchmaker.trial(keyOf(matchmaker, "leader-failure")));
    expect(fileOf(jobs.get("driver-0"), "driver_workload.pbtxt").replaceAll(/\s+/g, " ").trim()).toBe(
      "leader_failure { leader_change_warmup_delay_ms: 0 leader_change_warmup_period_ms: 2000 " +
        "leader_change_warmup_num: 10 failure_delay_ms: 30000 }",
    );
    expect(commandOf(jobs.get("driver-0"))).toContain("left=50");
  });
});

describe("experiments/frankenpaxos/mencius.yaml", () => {
  const leaderHosts = (config: string): string[][] =>
    [...config.matchAll(/^leader_address \{([^]*?)^\}/gm)].map(([, group = ""]) =>
      [...group.matchAll(/host: "([^"]+)"/g)].map(([, host = ""]) => host),
    );

  it("launches its roles in upstream's order", () => {
    expect(launched(mencius, "mencius-smoke")).toEqual(
      ["Batcher", "ProxyLeader", "Acceptor", "Replica", "ProxyReplica", "Leader"].map((role) => `mencius.${role}`),
    );
  });

  it("counts leaders and acceptors within their groups", () => {
    const trial = mencius.trial(keyOf(mencius, "mencius-lt"));
    const services = mencius.units("services", trial);
    expect(commandOf(services.get("leader-3"))).toMatch(/--group_index 1 .*--index 1 /s);
    expect(commandOf(services.get("acceptor-4"))).toMatch(
      /--leader_group_index 1 .*--acceptor_group_index 0 .*--index 1 /s,
    );
    const config = fileOf(services.get("leader-0"), "config.pbtxt");
    expect(leaderHosts(config).flat()).toHaveLength(6);
    expect(new Set(leaderHosts(config).flat()).size).toBe(6);
  });

  it("puts a coupled node's leaders where its process looks for them", () => {
    const trial = mencius.trial(keyOf(mencius, "supermencius-lt"));
    const config = fileOf(mencius.units("services", trial).get("super-node-0"), "config.pbtxt");
    const nodes = [...(config.match(/^replica_address \{ host: "[^"]+"/gm) ?? [])].map((line) => line.split('"')[1]);
    // Process k is at place i of group (k + i) % 3.
    expect(leaderHosts(config).map((group) => group.map((host) => nodes.indexOf(host)))).toEqual([
      [0, 2, 1],
      [1, 0, 2],
      [2, 1, 0],
    ]);
  });
});

const nsdiColumns: Columns = {
  ...commonColumns,
  num_warmup_clients_per_proc: "warmupClients",
  num_leaders: "leaders",
  num_dep_service_nodes: "depServiceNodes",
  num_acceptors: "acceptors",
  num_replicas: "replicas",
  "workload.name": "workload",
  "workload.conflict_rate": "conflictRate",
  "replica_options.execute_graph_batch_size": "executeGraphBatchSize",
  "client_options.repropose_period": "reproposePeriod",
  "client.repropose_period_ms": "reproposePeriod",
  // Fast MultiPaxos' constants stand in the command.
  round_system_type: undefined,
  "acceptor.wait_period_ms": undefined,
  "acceptor.wait_stagger_ms": undefined,
};

describeShared("the other papers' sweeps against the upstream scripts", () => {
  const bpaxos = options({
    "leader_options.": "leaderOptions",
    "proposer_options.": "proposerOptions",
    "dep_service_node_options.": "depServiceNodeOptions",
    "replica_options.": "replicaOptions",
    "replica_zigzag_options.": "zigzag",
  });
  const epaxos = options({ "replica_options.": "epaxos", "replica_zigzag_options.": "zigzag" });
  it.each([
    ["epaxos-smoke", "epaxos/smoke.py", epaxos, {}],
    ["fig1-epaxos", "epaxos/nsdi_fig1_lt.py", epaxos, {}],
    ["fig3-wan", "epaxos/nsdi_fig3_wan.py", epaxos, {}],
    ["simplebpaxos-smoke", "simplebpaxos/smoke.py", bpaxos, {}],
    ["superbpaxos-smoke", "superbpaxos/smoke.py", bpaxos, {}],
    ["fig1-bpaxos", "simplebpaxos/nsdi_fig1_lt.py", bpaxos, {}],
    ["fig2-bpaxos", "simplebpaxos/nsdi_fig2_ablation.py", bpaxos, {}],
    // The script asks for two replicas, which its module refuses, and for heaps of 100m.
    [
      "fig2-superbpaxos",
      "superbpaxos/nsdi_fig2_ablation.py",
      bpaxos,
      { num_replicas: undefined, jvm_heap_size: undefined },
    ],
    // Timers in milliseconds are all beyond the run.
    ["fig1-multipaxos", "fastmultipaxos/nsdi_fig1_lt.py", (column: string) => fastOption(column), {}],
    ["fastmultipaxos-smoke", "fastmultipaxos/smoke.py", (column: string) => fastOption(column), {}],
  ])("%s has the points of %s, as often", (sweep, script, toPath, but: Columns) => {
    const { ours, upstream, trials, runs } = comparePoints(nsdi, {
      ...{ sweep, script, toPath },
      columns: { ...nsdiColumns, ...but },
    });
    expect(ours).toEqual(upstream);
    expect(trials).toBe(runs);
  });

  const matchmakerColumns: Columns = {
    ...commonColumns,
    num_warmup_clients_per_proc: "clientsPerProcess",
    num_leaders: "leaders",
    num_matchmakers: "matchmakers",
    num_reconfigurers: "reconfigurers",
    num_acceptors: "acceptors",
    num_replicas: "replicas",
    "matchmaker_options.match_request_delay": "matchRequestDelay",
    "acceptor_options.phase1a_delay": "phase1aDelay",
    "client_options.resend_client_request_period": "resendClientRequestPeriod",
    // Stands in the command.
    "client_options.stutter": undefined,
    // Always StringWorkload.
    "workload.name": undefined,
  };
  const matchmakerOptions = (leader: string) => (column: string) =>
    column === "driver_workload.name"
      ? "driver"
      : column.startsWith("driver_workload.")
        ? `driverMs.${column.slice("driver_workload.".length)}`
        : options({
            "leader_options.": leader,
            "leader_options.election_options.": "election",
            "reconfigurer_options.": "reconfigurerOptions",
            "replica_options.": "replicaOptions",
          })(column);
  it.each([
    ["matchmaker-smoke", "matchmakermultipaxos/smoke.py"],
    ["matchmaker-lt", "matchmakermultipaxos/vldb_lt.py"],
    ["leader-reconfiguration", "matchmakermultipaxos/vldb_leader_reconfiguration.py"],
    ["matchmaker-reconfiguration", "matchmakermultipaxos/vldb_matchmaker_reconfiguration.py"],
    ["leader-failure", "matchmakermultipaxos/vldb_leader_failure.py"],
    ["chaos", "matchmakermultipaxos/vldb_chaos.py"],
    ["optimizations", "matchmakermultipaxos/vldb_ablation.py"],
    ["horizontal-smoke", "horizontal/smoke.py"],
    ["horizontal-leader-reconfiguration", "horizontal/vldb_leader_reconfiguration.py"],
    ["horizontal-leader-failure", "horizontal/vldb_leader_failure.py"],
    ["horizontal-lt", "horizontal/lt.py"],
  ])("%s has the points of %s, as often", (sweep, script) => {
    const toPath = matchmakerOptions(sweep.startsWith("horizontal") ? "horizontalLeaderOptions" : "leaderOptions");
    const { ours, upstream, trials, runs } = comparePoints(matchmaker, {
      ...{ sweep, script, toPath, columns: matchmakerColumns },
    });
    expect(ours).toEqual(
      upstream.map((line) => line.replace(/driver="(\w+)"/, (_, name: string) => `driver="${snake(name)}"`)),
    );
    expect(trials).toBe(runs);
  });

  it.each([
    ["mencius-smoke", "mencius/smoke.py"],
    ["mencius-lt", "mencius/eurosys_lt.py"],
    ["supermencius-smoke", "supermencius/smoke.py"],
    ["supermencius-lt", "supermencius/eurosys_lt.py"],
  ])("%s has the points of %s, as often", (sweep, script) => {
    const columns: Columns = {
      ...commonColumns,
      num_warmup_clients_per_proc: "warmupClients",
      num_batchers: "batchers",
      num_leader_groups: "leaderGroups",
      num_leaders_per_group: "leadersPerGroup",
      num_proxy_leaders: "proxyLeaders",
      num_acceptor_groups_per_leader_group: "acceptorGroups",
      num_acceptors_per_group: "acceptorsPerGroup",
      num_replicas: "replicas",
      num_proxy_replicas: "proxyReplicas",
      "batcher_options.batch_size": "batchSize",
      "proxy_leader_options.flush_phase2as_every_n": "proxyLeaderFlush",
      "proxy_replica_options.flush_every_n": "proxyReplicaFlush",
      "client_options.resend_client_request_period": "resendClientRequestPeriod",
      // The protocol decides it; the workload is always StringWorkload.
      distribution_scheme: undefined,
      "workload.name": undefined,
    };
    const toPath = options({
      "leader_options.": "leaderOptions",
      "leader_options.election_options.": "election",
      "replica_options.": "replicaOptions",
    });
    const { ours, upstream, trials, runs } = comparePoints(mencius, { sweep, script, columns, toPath });
    expect(ours).toEqual(upstream);
    expect(trials).toBe(runs);
  });
});

const snake = (name: string): string => name.replaceAll(/(?<!^)([A-Z])/g, "_$1").toLowerCase();

/** Fast MultiPaxos' columns are in milliseconds and say so. */
function fastOption(column: string): string | undefined {
  return options({
    "leader.": "fastLeaderOptions",
    "leader.election.": "fastElection",
    "leader.heartbeat.": "fastHeartbeat",
  })(column.replace(/_ms$/, ""));
}
