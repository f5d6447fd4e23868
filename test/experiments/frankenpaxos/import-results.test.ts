import { gzipSync } from "node:zlib";
import { collectResults } from "../../../experiments/frankenpaxos/import-results.ts";
import { durationSec, toInputs, toParameters } from "../../../experiments/frankenpaxos/upstream-inputs.ts";

const statistics = ["mean", "median", "min", "max", "p90", "p95", "p99"];
const columns = [
  "num_client_procs",
  "num_clients_per_proc",
  "measurement_group_size",
  "duration",
  "workload.size_mean",
  "workload.name",
  "server_options.flush_every_n",
  "client_log_level",
  ...statistics.map((name) => `latency.${name}_ms`),
  ...statistics.map((name) => `start_throughput_1s.${name}`),
];
const header = columns.join(",");
/** A row of the unreplicated suite. */
const row = (processes: number, medianMs: number, p90: number): string =>
  [
    ...[processes, 1, 10, "0:00:02", 100, "UniformSingleKeyWorkload", 1, "info"],
    ...[1, medianMs, 0.5, 4, 3, 3.5, 3.9],
    ...[100, 100, 90, 120, p90, 115, 119],
  ].join(",");

const recorder = (starts: readonly string[]): string =>
  ["start,stop,count,latency_nanos,label", ...starts.map((start) => `${start},${start},1,1000000,write`), ""].join(
    "\n",
  );
/** Ten requests a second. */
const secondsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => new Date(Date.UTC(2021, 3, 7, 18, 41, 20) + 100 * i).toISOString());

const folder = (files: Readonly<Record<string, string | Uint8Array>>) => ({
  paths: Object.keys(files).sort(),
  read: async (path: string) => {
    const body = files[path] ?? "";
    return typeof body === "string" ? Buffer.from(body) : body;
  },
});

const suite = "2021-04-07_18:41:18.893020_HAOSRTGXOI_unreplicated_lt";
const input = (processes: number): string =>
  JSON.stringify({ num_client_procs: processes, num_clients_per_proc: 1, workload: { size_mean: 100 } });

describe("collectResults", () => {
  it("reads a suite: rows, inputs, logs and recordings of each benchmark", async () => {
    const { trials, problems } = await collectResults(
      folder({
        [`${suite}/results.csv`]: `${header}\n${row(1, 2, 110)}\n${row(2, 3, 210)}\n`,
        [`${suite}/001/input.json`]: input(1),
        [`${suite}/001/client_0_out.txt`]: "done\n",
        [`${suite}/001/data.csv.gz`]: gzipSync(recorder(secondsOf(30))),
        [`${suite}/002/input.json`]: input(2),
        [`${suite}/002/config.bin`]: "not kept",
      }),
    );
    expect(problems).toEqual([]);
    expect(trials).toHaveLength(2);
    const [first, second] = trials;
    expect(first).toMatchObject({
      sweep: "unreplicated-lt",
      parameters: {
        protocol: "unreplicated",
        clientProcesses: 1,
        valueBytes: 100,
        durationSec: 2,
        workload: "single-key",
      },
      summary: { throughputPerSec: 110, latencyMs: 2 },
      origin: `${suite}/001/ and ${suite}/results.csv:2`,
    });
    expect(first!.files.map(({ path }) => path)).toEqual([
      "client_0_out.txt",
      "data.csv.gz",
      "input.json",
      "results.csv",
    ]);
    expect(first!.measured?.fromMs).toBe(Date.parse("2021-04-07T18:41:20Z"));
    expect(second!.files.map(({ path }) => path)).toEqual(["input.json", "results.csv"]);
  });

  it("keeps a benchmark that didn't finish as a failed trial", async () => {
    const { trials, problems } = await collectResults(
      folder({
        [`${suite}/results.csv`]: `${header}\n${row(1, 2, 110)}\n`,
        [`${suite}/001/input.json`]: input(1),
        [`${suite}/002/input.json`]: input(2),
      }),
    );
    expect(trials[1]).toMatchObject({
      failure: { class: "command" },
      parameters: { clientProcesses: 2, valueBytes: 100 },
    });
    expect(problems).toEqual([expect.stringContaining("002/: it has neither a row in results.csv nor a recording")]);
  });

  it("sums up recordings where there is no results.csv", async () => {
    const { trials } = await collectResults(
      folder({
        [`${suite}/001/input.json`]: input(1),
        [`${suite}/001/data.csv.gz`]: gzipSync(recorder(secondsOf(30))),
      }),
    );
    expect(trials[0]!.summary).toEqual({ latencyMs: 1, throughputPerSec: 10 });
  });

  it("names bad data by file and line", async () => {
    const { trials, problems } = await collectResults(
      folder({
        "ablation/results.csv": `${header}\n${row(1, 2, 110)}\n1,2,3\n${row(1, NaN, 110).replaceAll("NaN", "nan")}\n${row(1, 2, 110)}\n`,
        "broken/results.csv": "a,b\n1,2\n",
        "runs/cut.csv.gz": gzipSync(recorder(secondsOf(50))).subarray(0, 60),
        "runs/empty.csv.gz": gzipSync(recorder([])),
        "runs/other.csv.gz": gzipSync("x,y\n1,2\n"),
        "runs/stepped.csv.gz": gzipSync(recorder([...secondsOf(30), ...secondsOf(3)])),
      }),
    );
    expect(problems).toEqual([
      expect.stringMatching(/^ablation\/results\.csv:3: 3 fields where the header has \d+$/),
      "ablation/results.csv:4: a all latency is nan",
      expect.stringMatching(/^broken\/results\.csv:1: no column "num_client_procs"/),
      expect.stringMatching(/^runs\/cut\.csv\.gz:1: the gzip stream is broken or cut short/),
      expect.stringMatching(/^runs\/empty\.csv\.gz:1: no request was recorded/),
      expect.stringMatching(/^runs\/stepped\.csv\.gz: \d+ requests began before the one above them/),
      "ablation/results.csv:5: the same trial as ablation/results.csv:2, left out",
    ]);
    expect(trials.map(({ origin, failure }) => [origin, failure?.class])).toEqual([
      ["ablation/results.csv:2", undefined],
      ["runs/cut.csv.gz", "integrity"],
      ["runs/empty.csv.gz", "integrity"],
      ["runs/stepped.csv.gz", undefined],
    ]);
  });

  it("takes published files of our own sweeps for those, copies once, and tuning sweeps only when asked", async () => {
    const files = {
      "benchmarks/vldb21_compartmentalized/ablation/compartmentalized_results.csv": `${header}\n${row(1, 2, 110)}\n`,
      "benchmarks/vldb21_compartmentalized/a/compartmentalized_results.csv": `${header}\n${row(1, 2, 110)}\n`,
      "benchmarks/vldb21_compartmentalized/batched_ablation/compartmentalized_results.csv": `${header}\n${row(3, 2, 110)}\n`,
      "benchmarks/vldb21_compartmentalized/ablation/hyperparameter_results.csv": `${header}\n${row(2, 2, 110)}\n`,
    };
    const found = await collectResults(folder(files));
    expect(found.trials.map(({ sweep }) => sweep)).toEqual(["ablation", "batched-ablation"]);
    expect(found.problems).toEqual([
      expect.stringMatching(
        /a\/compartmentalized_results\.csv: the same as .*\/ablation\/compartmentalized_results\.csv/,
      ),
      "1 file of tuning sweeps left out (--all takes them)",
    ]);
    expect(found.files.map(({ path }) => path)).toContain(
      "vldb21_compartmentalized/ablation/compartmentalized_results.csv",
    );
    expect((await collectResults(folder(files), { includesTuning: true })).trials).toHaveLength(3);
  });
});

describe("the definition of what is imported", () => {
  it("is that of the paper's folder, else that which has the protocol", async () => {
    const text = `${header}\n${row(1, 2, 110)}\n`;
    const { trials, files } = await collectResults(
      folder({
        "eurosys/fig1_batched_unreplicated_results.csv": text,
        "eurosys/fig2_batched_unreplicated_results.csv": text,
        "mine/results.csv": text.replaceAll(",110,", ",111,"),
        "vldb20_matchmaker/leader_failure/n8.csv.gz": gzipSync(recorder(secondsOf(30))),
        "vldb20_matchmaker/horizontal_leader_reconfiguration/f=1_n=4.csv.gz": gzipSync(recorder(secondsOf(40))),
      }),
    );
    expect(trials.map(({ experiment, sweep }) => [experiment, sweep])).toEqual([
      ["frankenpaxos", "eurosys-fig1-batched-unreplicated"],
      // A copy, but of a figure of another definition.
      ["frankenpaxos-mencius", "eurosys-fig2-batched-unreplicated"],
      ["frankenpaxos", "mine"],
      ["frankenpaxos-matchmaker", "horizontal-leader-reconfiguration"],
      ["frankenpaxos-matchmaker", "leader-failure"],
    ]);
    expect(trials.slice(-2).map(({ parameters }) => parameters)).toEqual([
      {
        ...{ protocol: "horizontal", f: 1, clientProcesses: 4, clientsPerProcess: 1 },
        driver: "leader_reconfiguration",
      },
      {
        ...{ protocol: "matchmakermultipaxos", f: 1, clientProcesses: 4, clientsPerProcess: 2 },
        driver: "leader_failure",
      },
    ]);
    expect(files.map(({ path, experiment }) => [path, experiment]).at(-1)).toEqual([
      "vldb20_matchmaker/leader_failure/n8.csv.gz",
      "frankenpaxos-matchmaker",
    ]);
  });
});

describe("toInputs", () => {
  it("gives the columns back that parameters came from", () => {
    const inputs = {
      num_client_procs: 6,
      "workload.conflict_rate": 0.02,
      num_leaders: 3,
      "leader_options.noop_flush_period": "0:00:00.000500",
      num_replicas: 2,
    };
    expect(toInputs(toParameters(inputs))).toEqual(inputs);
  });
});

describe("toParameters", () => {
  it("keeps columns that it has no word for", () => {
    expect(toParameters({ num_replicas: 4, leader_log_level: "LogLevel.INFO" })).toEqual({
      replicas: 4,
      upstream: { leader_log_level: "LogLevel.INFO" },
    });
  });

  it.each([
    ["craq", { num_chain_nodes: 6 }],
    ["scalog", { num_shards: 3, num_proxy_replicas: 0 }],
    ["unreplicated", { "server_options.flush_every_n": 1 }],
    ["batchedunreplicated", { "server_options.flush_every_n": 1, num_batchers: 2, num_proxy_servers: 4 }],
    ["multipaxos", { num_proxy_leaders: 10, distribution_scheme: "DistributionScheme.HASH" }],
    ["supermultipaxos", { num_proxy_leaders: 3, distribution_scheme: "DistributionScheme.COLOCATED" }],
    ["mencius", { num_proxy_leaders: 3, num_leader_groups: 3, distribution_scheme: "DistributionScheme.HASH" }],
    ["supermencius", { num_leader_groups: 3, distribution_scheme: "DistributionScheme.COLOCATED" }],
    ["fastmultipaxos", { round_system_type: "RoundSystemType.CLASSIC_ROUND_ROBIN", duration_seconds: 15 }],
    ["epaxos", { "replica_options.default_to_slow_path_timer_period": "0:10:00" }],
    ["simplebpaxos", { "dep_service_node_options.top_k_dependencies": 1 }],
    ["matchmakermultipaxos", { num_matchmakers: 3, "driver_workload.name": "DoNothing" }],
    ["horizontal", { "driver_workload.name": "Chaos" }],
    [undefined, { num_servers: 3 }],
  ])("tells %s by its columns", (protocol, inputs) => {
    expect(toParameters(inputs)["protocol"]).toBe(protocol);
  });

  it("tells coupled BPaxos by the name of what it stands in", () => {
    const inputs = { "dep_service_node_options.top_k_dependencies": 1 };
    expect(toParameters(inputs, { name: "nsdi/fig2_ablation_superbpaxos_results.csv" })["protocol"]).toBe(
      "superbpaxos",
    );
  });

  it("reads plain seconds, and what the driver does", () => {
    expect(toParameters({ duration_seconds: 15, "driver_workload.name": "LeaderFailure" })).toMatchObject({
      durationSec: 15,
      driver: "leader_failure",
    });
  });

  it.each([
    ["0:00:15", 15],
    ["0:00:00.000500", 0.0005],
    ["1 day, 1:00:00", 90_000],
    ["15", undefined],
  ])("reads the duration %j", (text, expected) => {
    expect(durationSec(text)).toBe(expected);
  });
});
