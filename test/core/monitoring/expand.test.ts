import { parse } from "yaml";
import { formatProblem } from "../../../core/definition/problem.ts";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import { identityOf } from "../../../core/plan/trial-key.ts";
import { definitionText, loadText } from "../definition/load.ts";
import { commandOf, fileOf, TrialFixture } from "../render/trial-fixture.ts";

const monitored = (monitoring: string, over: Readonly<Record<string, string>> = {}): string =>
  definitionText({
    parameters: "{ clients: 1, watch: true, intervalMs: 500 }",
    trial: `
  services:
    kv-server: { on: server, ports: [rpc, metrics], run: exec kv }
    side: { on: server, run: exec side, when: "\${{ params.clients == 2 }}", ports: [metrics] }
  jobs:
    load: { on: client, run: exec load, ports: [metrics] }`,
    sweeps: "{ load: { cross: { clients: [1, 2] } } }",
    monitoring,
    ...over,
  });

interface ScrapeConfig {
  readonly job_name: string;
  readonly metrics_path: string;
  readonly scrape_interval?: string;
  readonly static_configs: readonly { readonly targets: string[]; readonly labels: Record<string, string> }[];
  readonly relabel_configs?: readonly unknown[];
}

interface PrometheusConfig {
  readonly global: { readonly scrape_interval: string };
  readonly scrape_configs: readonly ScrapeConfig[];
}

function configOf(fixture: TrialFixture, pointKey = "load.clients=1"): PrometheusConfig {
  const unit = fixture.units("services", fixture.trial(pointKey)).get("prometheus-0");
  return parse(fileOf(unit, "prometheus.yml")) as PrometheusConfig;
}

const fixtureOf = (text: string): TrialFixture => new TrialFixture(loadText(text));
const problemsOf = (text: string): string[] => {
  const result = readDefinition(text, "experiment.yaml");
  return result.ok ? [] : result.problems.map((problem) => formatProblem(problem).replace(/\n\s+/, " | "));
};

describe("expandMonitoring", () => {
  it("leaves a definition without monitoring as it is", () => {
    const definition = loadText(definitionText());
    expect(definition.spec.trial.services).toEqual({});
    expect(definition.spec.setup.steps).toEqual([]);
  });

  it("scrapes whatever has a port for metrics, and each host, with the trial's labels", () => {
    const { global, scrape_configs: jobs } = configOf(fixtureOf(monitored("{ on: client }")));
    expect(global).toEqual({ scrape_interval: "1000ms" });
    expect(jobs.map((job) => [job.job_name, job.static_configs.flatMap(({ targets }) => targets)])).toEqual([
      ["kv_server", ["10.0.0.1:20001"]],
      ["side", []],
      ["load", ["10.0.0.2:20002", "10.0.0.3:20001"]],
      ["node-exporter", ["10.0.0.1:20002", "10.0.0.2:20001", "10.0.0.3:20000"]],
    ]);
    expect(jobs[2]?.static_configs[1]?.labels).toEqual({
      run: "run-1",
      point: "load.clients=1",
      trial: "0",
      attempt: "1",
      host: "client-1",
      role: "client",
      unit: "load-1",
    });
  });

  it("scrapes what targets say: services together, hosts by number, with intervals and labels from the point", () => {
    const text = monitored(`
  on: server
  nodes: false
  jobPrefix: paxos_
  interval: \${{ params.intervalMs }}ms
  targets:
    - { of: [kv-server, load], job: all, path: /m, interval: 1.5s, labels: { cost: "5$", n: "n=\${{ params.clients }}" } }
    - { on: client, port: 9100, job: machine }`);
    expect(configOf(fixtureOf(text), "load.clients=2")).toEqual({
      global: { scrape_interval: "500ms" },
      scrape_configs: [
        {
          job_name: "paxos_all",
          metrics_path: "/m",
          scrape_interval: "1500ms",
          static_configs: [
            { targets: ["10.0.0.1:20001"], labels: expect.objectContaining({ unit: "kv-server-0" }) as unknown },
            { targets: ["10.0.0.2:20000"], labels: expect.objectContaining({ unit: "load-0" }) as unknown },
            { targets: ["10.0.0.3:20000"], labels: expect.objectContaining({ unit: "load-1" }) as unknown },
          ],
          relabel_configs: [
            { target_label: "cost", replacement: "5$$" },
            { target_label: "n", replacement: "n=2" },
          ],
        },
        {
          job_name: "paxos_machine",
          metrics_path: "/metrics",
          static_configs: [
            { targets: ["10.0.0.2:9100"], labels: expect.objectContaining({ host: "client-0" }) as unknown },
            { targets: ["10.0.0.3:9100"], labels: expect.objectContaining({ host: "client-1" }) as unknown },
          ],
        },
      ],
    });
  });

  it("runs on the first host of the role, or on one of its own that is planned and paid like any", () => {
    const own = fixtureOf(monitored("{ machine: { vcpu: 4 } }"));
    const host = own.plan.deployments[0]?.hosts.find(({ role }) => role === "monitoring");
    expect(host?.shape.vcpus).toBe(4);
    expect(own.units("services", own.trial("load.clients=1")).get("prometheus-0")?.host).toBe(host?.name);
    const shared = fixtureOf(monitored("{ on: client }"));
    expect(shared.plan.deployments[0]?.hosts).toHaveLength(3);
    expect(shared.units("services", shared.trial("load.clients=1")).get("prometheus-0")?.host).toBe("client-0");
  });

  it("starts before what waits for other services, and is heard by its own host alone", () => {
    const fixture = fixtureOf(monitored("{ on: client }"));
    const unit = fixture.units("services", fixture.trial("load.clients=1")).get("prometheus-0");
    expect(unit).toMatchObject({ kind: "service", stage: 0, stopSignal: "TERM", stopGraceMs: 60_000 });
    expect(commandOf(unit)).toMatch(
      /^exec "\$REPRISE_SHARED\/monitoring\/prometheus" .* --web.listen-address=127\.0\.0\.1:\d+$/,
    );
  });

  it("packs the metrics when services have ended, and collects them from its own host", () => {
    const fixture = fixtureOf(monitored("{ on: client, maxSize: 1MiB }"));
    const steps = fixture.stages("collect", fixture.trial("load.clients=1")).flat();
    const globs = steps.map(({ host, collect }) => [host, collect.map(({ glob }) => glob)]);
    expect(globs).toEqual([
      ["client-0", ["prometheus-0/prometheus.yml", "prometheus-0/tsdb.*", "checks/*"]],
      ["client-1", ["checks/*"]],
    ]);
    expect(steps[0]?.units[0]?.files[0]?.content).toContain("head -c 1048577");
  });

  it("leaves points alone whose switch is off, and installs only where one is on", () => {
    const fixture = fixtureOf(
      monitored("{ on: client, switch: watch }", { sweeps: "{ load: { cross: { watch: [true, false] } } }" }),
    );
    const units = (watch: boolean): string[] => [
      ...fixture.units("services", fixture.trial(`load.watch=${String(watch)}`)).keys(),
    ];
    expect(units(true)).toContain("prometheus-0");
    expect(units(false)).toEqual(["kv-server-0"]);
    const installs = (text: string): string[] => {
      const { experiment, plan } = fixtureOf(text);
      const [deployment] = plan.deployments;
      const steps = experiment.renderSetup("cluster", 0, fixture.topology(deployment?.name ?? ""));
      return steps.flatMap((step) => step.units.map((unit) => `${step.host} ${unit.name}`));
    };
    const off = { sweeps: "{ load: { set: { watch: false } } }" };
    expect(installs(monitored("{ on: client, switch: watch }", off))).toEqual([]);
    expect(installs(monitored("{ on: client, switch: watch }")).sort()).toEqual([
      "client-0 monitoring-nodes",
      "client-0 monitoring-prometheus",
      "client-1 monitoring-nodes",
      "client-1 monitoring-prometheus",
      "server-0 monitoring-nodes",
    ]);
  });

  it("is part of a trial's identity: what watches a system slows it", () => {
    const parts = (text: string): Readonly<Record<string, string>> => {
      const fixture = fixtureOf(text);
      const [deployment] = fixture.plan.deployments;
      if (deployment === undefined) throw new Error("no deployment");
      return identityOf(loadText(text), deployment, fixture.plan);
    };
    const slow = parts(monitored("{ on: client }"));
    const fast = parts(monitored("{ on: client, interval: 200ms }"));
    const changed = Object.keys(slow).filter((part) => slow[part] !== fast[part]);
    expect(changed).toEqual(["service prometheus"]);
    const shown = parts(
      monitored("{ on: client, dashboards: { mine: [{ title: Requests, queries: { all: requests_total } }] } }"),
    );
    expect(shown).toEqual(slow);
  });

  it.each([
    [
      "a service that isn't there",
      "{ targets: [{ of: kv-servr }] }",
      /:\d+:\d+: monitoring\.targets\[0\]\.of: no service.*\| did you mean `kv-server`/,
    ],
    [
      "a port that isn't there",
      "{ targets: [{ of: load, port: rpc }] }",
      /monitoring\.targets\[0\]\.of: `load` has no port named `rpc`/,
    ],
    [
      "a host's port by name",
      "{ targets: [{ on: client }] }",
      /monitoring\.targets\[0\]\.port: a host's port is a number/,
    ],
    [
      "a label that samples have",
      "{ targets: [{ of: load, labels: { run: x } }] }",
      /labels\.run: every sample has this label/,
    ],
    [
      "two targets of one job",
      "{ targets: [{ of: load }, { of: load, path: /other }] }",
      /monitoring\.targets\[0\]: another target has the job `load`/,
    ],
    ["a role that isn't there", "{ on: clients }", /monitoring\.on: no role or label.*\| did you mean `client`/],
    ["an unknown switch", "{ switch: wach }", /monitoring\.switch: no parameter.*\| did you mean `watch`/],
    [
      "a mistake in a label",
      '{ targets: [{ of: load, labels: { a: "${{ params.nope }}" } }] }',
      /monitoring\.targets\[0\]\.labels\.a: .*nope/,
    ],
    ["a mistake in the interval", '{ interval: "${{ params.nope }}ms" }', /monitoring\.interval: .*nope/],
    [
      "a machine for a host that is there",
      "{ on: client, machine: { vcpu: 2 } }",
      /monitoring\.machine: only a host of its own/,
    ],
    [
      "a download without digest",
      "{ prometheus: { url: 'https://x/y.tar.gz' } }",
      /monitoring\.prometheus: `url` and `sha256` go together/,
    ],
  ])("tells %s where it is written", (_, monitoring, expected) => {
    const problems = problemsOf(monitored(monitoring));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it("tells a name that is taken", () => {
    const trial = "{ services: { prometheus: { on: server, run: x, ports: [metrics] } }, jobs: {} }";
    const deployments = "{ cluster: { roles: { server: {}, client: {}, monitoring: {} } } }";
    const problems = problemsOf(monitored("{}", { trial, deployments }));
    expect(problems.join("\n")).toMatch(/trial\.services\.prometheus: `monitoring:` has a service of this name/);
    expect(problems.join("\n")).toMatch(/roles\.monitoring: `monitoring:` makes a host with this role/);
  });
});
