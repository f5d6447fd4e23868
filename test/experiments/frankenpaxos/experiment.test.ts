import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadText } from "../../core/definition/load.ts";
import { commandOf, fileOf, TrialFixture } from "../../core/render/trial-fixture.ts";
import { describeShared, readSweeps } from "./shared-data.ts";

const folder = new URL("../../../experiments/frankenpaxos/", import.meta.url);
const frankenpaxos = new TrialFixture(
  loadText(readFileSync(new URL("experiment.yaml", folder), "utf8"), (path) =>
    readFileSync(new URL(path, folder), "utf8"),
  ),
);
const pointsOf = (sweep: string) => frankenpaxos.plan.points.filter((point) => point.sweep === sweep);
const keyOf = (sweep: string, wanted: Readonly<Record<string, unknown>> = {}): string => {
  const point = pointsOf(sweep).find(({ parameters }) =>
    Object.entries(wanted).every(([name, value]) => parameters[name] === value),
  );
  if (!point) throw new Error(`no such point of ${sweep}`);
  return point.pointKey;
};

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
    expect(command).toMatch(/--group_index 1 --index 1 /);
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

/** Our parameters by their columns. */
const columns: Readonly<Record<string, string>> = {
  num_client_procs: "clientProcesses",
  num_clients_per_proc: "clientsPerProcess",
  num_warmup_clients_per_proc: "clientsPerProcess",
  measurement_group_size: "groupSize",
  f: "f",
  num_batchers: "batchers",
  num_read_batchers: "readBatchers",
  num_leaders: "leaders",
  num_proxy_leaders: "proxyLeaders",
  num_acceptor_groups: "acceptorGroups",
  num_acceptors_per_group: "acceptorsPerGroup",
  num_replicas: "replicas",
  num_proxy_replicas: "proxyReplicas",
  flexible: "flexible",
  state_machine: "stateMachine",
  client_jvm_heap_size: "clientHeap",
  replica_jvm_heap_size: "heap",
  read_consistency: "readConsistency",
  "workload.num_keys": "keys",
  "workload.read_fraction": "readFraction",
  "workload.point_fraction": "pointFraction",
  "workload.num_operations": "operations",
  "workload.write_size_mean": "valueBytes",
  "workload.size_mean": "valueBytes",
  "batcher_options.batch_size": "batchSize",
  "leader_options.flush_phase2as_every_n": "leaderFlush",
  "proxy_replica_options.batch_flush": "batchFlush",
  "server_options.flush_every_n": "serverFlush",
  warmup_duration: "warmupSec",
  warmup_timeout: "warmupTimeoutSec",
  warmup_sleep: "warmupSleepSec",
  duration: "durationSec",
  timeout: "timeoutSec",
};

/** Numbers as numbers, durations in seconds. */
function toValue(text: string): string | number | boolean {
  const duration = /^(\d+):(\d\d):(\d\d)$/.exec(text);
  if (duration) return Number(duration[1]) * 3600 + Number(duration[2]) * 60 + Number(duration[3]);
  if (text === "True" || text === "False") return text === "True";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

describeShared("the sweeps against the upstream scripts", () => {
  const vldb21 = (name: string): string => `vldb21_compartmentalized/${name}/benchmark.py`;
  it.each([
    ["unreplicated-smoke", "unreplicated/smoke.py"],
    ["multipaxos-smoke", "multipaxos/smoke.py"],
    ["unreplicated-lt", vldb21("unreplicated_lt")],
    ["compartmentalized-lt", vldb21("compartmentalized_lt")],
    ["batched-compartmentalized-lt", vldb21("batched_compartmentalized_lt")],
    ["ablation", vldb21("ablation")],
    ["batched-ablation", vldb21("batched_ablation")],
    ["read-scale", vldb21("read_scale")],
    ["weak-read-scale", vldb21("weak_read_scale")],
    ["batched-read-scale", vldb21("batched_read_scale")],
    ["skew", vldb21("compartmentalized_skew")],
  ])("%s has the points of %s, as often", (sweep, script) => {
    const upstream = readSweeps()[script];
    if (!upstream) throw new Error(script);
    const wanted = upstream.points.map((point) => {
      const values = {
        ...upstream.constants,
        ...Object.fromEntries(upstream.varying.map((name, at) => [name, point[at] ?? ""])),
      };
      return Object.entries(columns)
        .filter(([column]) => column in values)
        .map(([column, parameter]) => `${parameter}=${String(toValue(values[column] ?? ""))}`)
        .sort()
        .join(" ");
    });
    const compared = new Set(
      Object.entries(columns).flatMap(([column, parameter]) =>
        column in upstream.constants || upstream.varying.includes(column) ? [column, parameter] : [],
      ),
    );
    const ours = pointsOf(sweep).map(({ parameters }) =>
      Object.entries(columns)
        .filter(([column]) => compared.has(column))
        .map(([, parameter]) => `${parameter}=${JSON.stringify(parameters[parameter]).replaceAll('"', "")}`)
        .sort()
        .join(" "),
    );
    expect(ours.sort()).toEqual(wanted.sort());
    expect(pointsOf(sweep)).toHaveLength(upstream.distinct_points);
    const { plan } = frankenpaxos;
    const trials = plan.blocks
      .flatMap((block) => block.trials)
      .filter(({ point }) => plan.points[point]?.sweep === sweep);
    expect(trials).toHaveLength(upstream.runs);
  });
});

describe("fetch-jar.sh", () => {
  const run = (setUp: (bundle: string) => void, sha256 = ""): { status: number; text: string } => {
    const scratch = mkdtempSync(join(tmpdir(), "reprise-fetch-jar-"));
    try {
      const [bundle, shared] = [join(scratch, "bundle"), join(scratch, "shared")];
      mkdirSync(join(bundle, "jar"), { recursive: true });
      mkdirSync(shared);
      setUp(bundle);
      const script = fileURLToPath(new URL("src/fetch-jar.sh", folder));
      const env = { PATH: process.env["PATH"] ?? "", REPRISE_BUNDLE: bundle, REPRISE_SHARED: shared };
      const text = execFileSync("sh", [script, "", sha256], { env, encoding: "utf8", stdio: "pipe", timeout: 20_000 });
      return { status: 0, text: text + readFileSync(join(shared, "frankenpaxos.jar"), "utf8") };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string }; // What execFileSync throws.
      return { status, text: stderr };
    } finally {
      rmSync(scratch, { recursive: true });
    }
  };

  it("takes the JAR that came with the definition", () => {
    const { status, text } = run((bundle) => writeFileSync(join(bundle, "jar", "frankenpaxos.jar"), "bytes"));
    expect(status).toBe(0);
    expect(text).toMatch(/^frankenpaxos\.jar [0-9a-f]{64}\nbytes$/);
  });

  it("says where the JAR goes when there is none", () => {
    expect(run(() => undefined)).toEqual({
      status: 1,
      text: expect.stringContaining("put it at jar/frankenpaxos.jar") as string,
    });
  });

  it("refuses a JAR with another digest", () => {
    const { status, text } = run(
      (bundle) => writeFileSync(join(bundle, "jar", "frankenpaxos.jar"), "bytes"),
      "0".repeat(64),
    );
    expect(status).toBe(1);
    expect(text).toContain("was asked for");
  });
});
