import { parse } from "yaml";
import type { Json } from "../../../core/effects/json.ts";
import { loadFixture } from "../definition/load.ts";
import { commandOf, fileOf, TrialFixture } from "./trial-fixture.ts";

describe("MAGE: two parties across two clouds, with memory limits", () => {
  const mage = new TrialFixture(loadFixture("mage/wan-paired"));
  const trial = mage.trial("password.scenario=mage+size=1048576");

  it("deals workers out in blocks: worker id = machine × workers per node + thread", () => {
    const units = mage.units("jobs", trial);
    expect([0, 1, 2, 7].map((worker) => units.get(`garble-${worker}`)?.host)).toEqual([
      "garbler-0",
      "garbler-0",
      "garbler-1",
      "garbler-3",
    ]);
    expect(commandOf(units.get("evaluate-5"))).toMatch(
      /exec "\$REPRISE_SHARED\/mage\/bin\/mage" halfgates config\.yaml 0 5 password_1048576$/,
    );
  });

  it("plans for the pages of the original's table: 30 GiB by two workers are 242688", () => {
    const planner = mage.units("services", trial).get("planner-garbler-0");
    const config = parse(fileOf(planner, "config.yaml")) as {
      num_pages: number;
      parties: { workers: { external_host: string; external_port: number }[] }[];
    };
    expect(config.num_pages).toBe(242_688);
    expect(config.parties.map((party) => party.workers.length)).toEqual([8, 8]);
  });

  it("gives the other cloud's public address, and one's own private one", () => {
    const services = mage.units("services", trial);
    const hostsIn = (unit: string) => {
      const config = parse(fileOf(services.get(unit), "config.yaml")) as {
        parties: { workers: { external_host: string }[] }[];
      };
      return config.parties.map((party) => party.workers[0]?.external_host);
    };
    const [garbler, evaluator] = ["garbler-0", "evaluator-0"].map((name) =>
      trial.topology.hosts.find((host) => host.name === name),
    );
    expect(hostsIn("planner-garbler-0")).toEqual([evaluator?.publicAddress, garbler?.privateAddress]);
    expect(hostsIn("planner-evaluator-0")).toEqual([evaluator?.privateAddress, garbler?.publicAddress]);
  });

  it("limits memory and swap as the scenario says", () => {
    const limits = (scenario: string) =>
      mage.units("jobs", mage.trial(`single.program=merge_sorted+scenario=${scenario}`)).get("garble-0")?.limits;
    expect(limits("unbounded")).toEqual({ memoryBytes: 4096 * 2 ** 30, swapBytes: 0 });
    expect(limits("os")).toEqual({ memoryBytes: 2 ** 30, swapBytes: 4096 * 2 ** 30 });
    expect(limits("mage")).toEqual({ memoryBytes: 2 ** 30, swapBytes: 0 });
  });

  it("runs replicas on lanes that don't meet", () => {
    const hosts = (lane: number) =>
      [...mage.units("jobs", mage.trial("single.program=merge_sorted+scenario=mage", { lane })).values()].map(
        (unit) => unit.host,
      );
    expect(hosts(0)).toEqual(["l0-garbler-0", "l0-evaluator-0"]);
    expect(hosts(3)).toEqual(["l3-garbler-0", "l3-evaluator-0"]);
  });

  it("plans before it runs, and turns swap on for the system's own paging alone", () => {
    expect(
      mage
        .stages("services", trial)
        .map((steps) => [...new Set(steps.flatMap((s) => s.units.map((u) => u.name.replace(/-\d+$/, ""))))]),
    ).toEqual([["inputs"], ["planner-garbler", "planner-evaluator"]]);
    expect([...mage.units("reset", trial).values()].map(commandOf)).toEqual(["swapoff -a"]);
    expect([...mage.units("reset", mage.trial("password.scenario=os+size=1048576")).values()].map(commandOf)).toEqual([
      "swapon -a",
    ]);
  });
});

describe("FrankenPaxos: roles placed on hosts in turn", () => {
  const paxos = new TrialFixture(loadFixture("frankenpaxos/multipaxos"));
  const trial = paxos.trial("smoke.numClientsPerProc=1+flexible=false");

  it("goes round when there are fewer hosts than processes", () => {
    const units = paxos.units("services", trial);
    expect(["acceptor-0", "acceptor-1", "acceptor-2"].map((unit) => units.get(unit)?.host)).toEqual([
      "acceptor-0",
      "acceptor-1",
      "acceptor-0",
    ]);
    expect(["proxy-leader-0", "proxy-leader-1"].map((unit) => units.get(unit)?.host)).toEqual([
      "proxy-leader-0",
      "proxy-leader-0",
    ]);
    expect([...units.keys()].some((unit) => unit.startsWith("batcher"))).toBe(false);
  });

  it("writes every role's addresses into the protobuf text of every process", () => {
    const units = paxos.units("services", trial);
    const config = fileOf(units.get("leader-1"), "config.pbtxt");
    expect(config).toBe(`f: 1
flexible: false
distribution_scheme: HASH
leader_address { host: "10.0.0.3" port: 20004 }
leader_election_address { host: "10.0.0.3" port: 20005 }
leader_address { host: "10.0.0.3" port: 20007 }
leader_election_address { host: "10.0.0.3" port: 20008 }
proxy_leader_address { host: "10.0.0.3" port: 20000 }
proxy_leader_address { host: "10.0.0.3" port: 20002 }
acceptor_address {
  acceptor_address { host: "10.0.0.4" port: 20000 }
  acceptor_address { host: "10.0.0.5" port: 20000 }
  acceptor_address { host: "10.0.0.4" port: 20002 }
}
replica_address { host: "10.0.0.6" port: 20000 }
replica_address { host: "10.0.0.6" port: 20002 }
# replicas answer clients themselves
`);
    for (const unit of units.values()) {
      if (!unit.name.startsWith("prometheus")) expect(fileOf(unit, "config.pbtxt")).toBe(config);
    }
  });

  it("tells each acceptor its group and its place in it", () => {
    const lt = paxos.trial("lt.writeSizeMean=100+numClientProcs=2+numClientsPerProc=100+flushPhase2asEveryN=10");
    const units = paxos.units("services", lt);
    expect(commandOf(units.get("acceptor-3"))).toContain("--group 1 --index 1");
    expect(commandOf(units.get("leader-0"))).toContain("--options.flushPhase2asEveryN 10");
    expect(units.get("leader-0")?.stage).toBe(1);
    expect(paxos.units("jobs", lt).size).toBe(2);
    expect(commandOf(paxos.units("jobs", lt).get("client-1"))).toMatch(/-Xmx8g .*--num_clients 100 /s);
  });

  it("makes Prometheus' config from the addresses", () => {
    const prometheus = paxos.units("services", trial).get("prometheus-0");
    expect(parse(fileOf(prometheus, "prometheus.yml"))).toMatchObject({
      scrape_configs: [
        {
          job_name: "multipaxos_acceptor",
          static_configs: [{ targets: ["10.0.0.4:20001", "10.0.0.5:20001", "10.0.0.4:20003"] }],
        },
        { job_name: "multipaxos_leader" },
      ],
    });
    expect(prometheus?.ready).toEqual({ kind: "http", url: "http://127.0.0.1:20000/-/ready" });
  });

  it("hands the program from the build host to all others by name", () => {
    const topology = paxos.topology("ec2");
    const [build, spread] = [0, 1].map((stage) => paxos.experiment.renderSetup("ec2", stage, topology));
    expect(build?.map((step) => [step.host, step.publishes])).toEqual([
      ["builder-0", [{ name: "jar", path: "shared/frankenpaxos.jar", secret: false }]],
    ]);
    expect(spread).toHaveLength(29);
    expect(spread?.[0]).toMatchObject({
      host: "client-0",
      units: [],
      fetches: [
        {
          name: "jar",
          fromHost: "builder-0",
          fromPath: "shared/frankenpaxos.jar",
          path: "shared/frankenpaxos.jar",
          mode: "644",
        },
      ],
    });
    expect(paxos.experiment.renderSetup("lab", 0, paxos.topology("lab"))).toEqual([]);
  });
});

describe("Pirateship: global configs, overridden by group and sweep", () => {
  const pirateship = new TrialFixture(loadFixture("pirateship/lan"));

  it("writes each node's JSON: merged config and what only the place decides", () => {
    const units = pirateship.units("services", pirateship.trial("protocols.variant=pirateship-sig-1+clients=100"));
    const config = JSON.parse(fileOf(units.get("node-2"), "node.json")) as Record<string, Record<string, Json>>;
    expect(config["net_config"]).toMatchObject({
      client_max_retry: 10,
      name: "node3",
      addr: "0.0.0.0:3003",
      nodes: { node1: { addr: "10.0.0.1:3001", domain: "node1.pft.org" }, node7: { addr: "10.0.0.7:3007" } },
    });
    expect(config["consensus_config"]).toMatchObject({
      signature_max_delay_blocks: 1,
      batch_max_delay_ms: 2,
      node_list: ["node1", "node2", "node3", "node4", "node5", "node6", "node7"],
      log_storage_config: { RocksDB: { db_path: "/data/node3-db", write_buffer_size: 2_147_483_648 } },
    });
  });

  it("divides clients evenly, the remainder to the last", () => {
    const jobs = pirateship.units("jobs", pirateship.trial("protocols.variant=pirateship+clients=100"));
    const clients = [0, 1, 2].map((i) => {
      const config = JSON.parse(fileOf(jobs.get(`client-${i}`), "client.json")) as { workload_config: Json };
      return config.workload_config;
    });
    expect(clients).toEqual(
      [33, 33, 34].map((num_clients) => ({
        max_concurrent_requests: 32,
        request_config: "Blanks",
        num_clients,
        duration: 60,
      })),
    );
  });

  it("lets a group choose its build and its number of replicas", () => {
    const units = pirateship.units("services", pirateship.trial("protocols.variant=signed-raft+clients=10"));
    expect(units.size).toBe(5);
    expect(commandOf(units.get("node-0"))).toBe('exec "$REPRISE_SHARED/bin/"signed_raft_logger/server node.json');
  });

  it("keeps byzantine behaviour on node1 alone", () => {
    const units = pirateship.units("services", pirateship.trial("equivocation.default"));
    const evil = [0, 1].map(
      (i) => (JSON.parse(fileOf(units.get(`node-${i}`), "node.json")) as { evil_config: Json }).evil_config,
    );
    expect(evil).toEqual([
      { simulate_byzantine_behavior: true, byzantine_start_block: 10_000 },
      { simulate_byzantine_behavior: false, byzantine_start_block: 0 },
    ]);
  });

  it("builds exactly what is planned, once each, and hands binaries and keys around", () => {
    const topology = pirateship.topology("lan");
    const [first, second] = [0, 1].map((stage) => pirateship.experiment.renderSetup("lan", stage, topology));
    const builder = first?.find((step) => step.host === "builder-0");
    expect(
      builder?.units.map((unit) => /make -C src (\S+)/.exec(unit.script)?.[1]).filter((target) => target !== undefined),
    ).toEqual([
      "pirateship_logger",
      "hotstuff_logger",
      "signed_raft_logger",
      "pirateship_kvs",
      "pirateship_logger_evil",
    ]);
    expect(builder?.publishes?.filter((rule) => rule.secret)).toEqual([
      { name: "keys", path: "shared/keys.tar", secret: true },
    ]);
    const node = second?.find((step) => step.host === "node-0");
    expect(node?.fetches).toHaveLength(6);
    expect(node?.fetches?.at(-1)).toEqual({
      name: "keys",
      fromHost: "builder-0",
      fromPath: "shared/keys.tar",
      path: "shared/keys.tar",
      mode: "600",
      secret: true,
    });
  });

  it("spreads one label over five regions", () => {
    const hosts = pirateship.plan.deployments.find(({ name }) => name === "wan")?.hosts ?? [];
    expect(hosts.filter((host) => host.labels.includes("node")).map((host) => host.places?.[0]?.region)).toEqual([
      "eastus2",
      "eastus2",
      "eastus",
      "eastus",
      "westus",
      "westus",
      "centralus",
    ]);
    const units = pirateship.units("services", pirateship.trial("wan.clients=10"));
    expect([...units.values()].map((unit) => unit.host)).toEqual(
      hosts.filter((host) => host.labels.includes("node")).map((host) => host.name),
    );
  });

  it("takes a workload table in the place of a word", () => {
    const point = pirateship.plan.points.filter((candidate) => candidate.sweep === "ycsb")[1];
    const jobs = pirateship.units("jobs", pirateship.trial(point?.pointKey ?? ""));
    expect(JSON.parse(fileOf(jobs.get("client-0"), "client.json"))).toMatchObject({
      workload_config: { request_config: { KVReadWriteYCSB: { read_ratio: 0.5 } } },
    });
  });
});

describe("Halfmoon: services on labelled machines", () => {
  const halfmoon = new TrialFixture(loadFixture("halfmoon/hotel"));

  it("places each service by label, eight workers of each function on every engine", () => {
    const units = halfmoon.units("services", halfmoon.trial("hotel.variant=halfmoon-write+qps=100"));
    expect([...units.keys()].filter((name) => name.startsWith("function-"))).toHaveLength(88);
    expect(units.get("function-9")).toMatchObject({ host: "engine-1", stage: 2 });
    expect(commandOf(units.get("function-9"))).toBe("exec /boki/launcher --func_id=2 --fprocess=profile");
    expect(units.get("function-9")?.env).toMatchObject({
      LoggingMode: "read",
      GOGC: "1000",
      TABLE_PREFIX: "halfmoon-",
    });
    expect(commandOf(units.get("storage-2"))).toMatch(/--node_id=3 .* --use_txn_engine$/);
  });

  it("leaves services out where they have no part, without a gap between stages", () => {
    const baseline = halfmoon.trial("hotel.variant=unsafe+qps=100");
    const units = halfmoon.units("services", baseline);
    expect([...units.keys()].filter((name) => /^(controller|sequencer|storage)/.test(name))).toEqual([]);
    expect(halfmoon.stages("services", baseline).every((steps) => steps.length > 0)).toBe(true);
    expect(fileOf(units.get("gateway-0"), "functions.json")).toContain('"bgeo"');
    expect(commandOf(units.get("engine-0"))).not.toContain("slog");
  });

  it("warms up, then measures, with the fault in the measured stage", () => {
    const trial = halfmoon.trial("hotel.variant=boki+qps=300");
    const jobs = halfmoon.units("jobs", trial);
    expect([...jobs.values()].map((unit) => [unit.name, unit.kind, unit.stage, unit.host])).toEqual([
      ["warmup-0", "job", 0, "client-0"],
      ["event-storage-stalls", "event", 1, "storage-0"],
      ["load-0", "job", 1, "client-0"],
    ]);
    expect(jobs.get("event-storage-stalls")).toMatchObject({
      script: "reprise-unit pause storage-0",
      undo: "reprise-unit resume storage-0",
      trigger: { kind: "logLine", unit: "storage-0", pattern: "compaction" },
    });
  });

  it("empties stores before each trial, and makes tables once", () => {
    const trial = halfmoon.trial("hotel.variant=boki+qps=300");
    expect([...halfmoon.experiment.renderTrial("reset", 0, trial)].map((step) => step.host)).toEqual([
      ...Array.from({ length: 8 }, (_, i) => `engine-${i}`),
      ...Array.from({ length: 3 }, (_, i) => `storage-${i}`),
    ]);
    expect(halfmoon.plan.deployments[0]?.resources).toEqual([
      { name: "tables", kind: "commands", options: {}, timeoutMs: 600_000 },
    ]);
    const [create] = halfmoon.experiment.renderResource?.("shape-b", "tables", "create", trial.topology) ?? [];
    expect([create?.host, commandOf(create?.units[0])]).toEqual([
      "client-0",
      'sh "$REPRISE_BUNDLE/scripts/tables.sh" create',
    ]);
  });
});

describe("duet: two versions side by side", () => {
  const duet = new TrialFixture(loadFixture("duet/renaissance"));

  it("runs both sides in one trial, each with its own parameters, CPU and folder", () => {
    const jobs = duet.units("jobs", duet.trial("duet.workload=reactors"));
    expect(
      [...jobs.values()].map((unit) => [
        unit.name,
        unit.workDir,
        unit.limits.cpus,
        /-XX:\+Use(\w+)/.exec(unit.script)?.[1],
      ]),
    ).toEqual([
      ["benchmark-0.a", "benchmark-0.a", "0", "ParallelGC"],
      ["benchmark-0.b", "benchmark-0.b", "1", "SerialGC"],
    ]);
  });

  it("lets the sides take turns in starting first", () => {
    const order = (trialIndex: number) => [
      ...duet.units("jobs", duet.trial("duet.workload=reactors", { trialIndex })).keys(),
    ];
    expect(order(1)).toEqual(["benchmark-0.b", "benchmark-0.a"]);
    expect(order(2)).toEqual(["benchmark-0.a", "benchmark-0.b"]);
  });

  it("keeps the files of both, and sums each side up", async () => {
    const trial = duet.trial("duet.workload=reactors");
    expect(duet.experiment.renderTrial("collect", 0, trial)[0]?.collect.map((rule) => rule.glob)).toEqual([
      "benchmark-0.a/results.json",
      "benchmark-0.b/results.json",
    ]);
  });

  it("makes points of the sides where they run after one another", () => {
    expect(
      duet.plan.points.filter((point) => point.sweep === "same-twice").map((point) => [point.pointKey, point.arm]),
    ).toEqual([
      ["same-twice.default+arm=A", "A"],
      ["same-twice.default+arm=B", "B"],
    ]);
    expect(
      duet.plan.blocks
        .find((block) => block.trials.length === 4)
        ?.trials.map((t) => [duet.plan.points[t.point]?.arm, t.trialIndex]),
    ).toEqual([
      ["A", 0],
      ["B", 0],
      ["B", 1],
      ["A", 1],
    ]);
  });
});
