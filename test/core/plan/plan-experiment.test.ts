import { DefinitionError } from "../../../core/definition/problem.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import { ownMachines } from "../../../core/plan/catalogue.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { PlanInputs } from "../../../core/plan/plan-experiment.ts";
import { definitionText, fixtureNames, fixtureText, loadFixture, loadText, planInputs } from "../definition/load.ts";

const plan = (text: string, over: Partial<PlanInputs> = {}, readFile?: (path: string) => string | undefined) => {
  const definition = loadText(text, readFile);
  return planExperiment(definition, planInputs(definition, over));
};
const small = (over: Readonly<Record<string, string>>, inputs: Partial<PlanInputs> = {}) =>
  plan(definitionText(over), inputs);

/** The problems that planning tells, as `line:column path message`. */
function problemsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    if (error instanceof DefinitionError)
      return error.problems.map((p) => `${p.line}:${p.column} ${p.path} ${p.message}`);
    throw error;
  }
  return [];
}

describe("planExperiment", () => {
  it.each(fixtureNames())("plans %s, the same each time", (name) => {
    const definition = loadFixture(name);
    const first = planExperiment(definition, planInputs(definition));
    expect(first.points.length).toBeGreaterThan(0);
    expect(planExperiment(loadFixture(name), planInputs(definition))).toEqual(first);
    expect(JSON.parse(JSON.stringify(first))).toEqual(first); // survives the store
    const keys = first.points.map((point) => point.pointKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThanOrEqual(130);
  });

  it("freezes hosts, lane by lane, the shared ones last", () => {
    const { deployments } = small({
      deployments: `  cluster:
    lanes: 2
    packages: [git]
    sysctl: { net.core.somaxconn: 1 }
    machine: { vcpu: 4, disk: 30GiB }
    roles:
      monitor: { scope: deployment }
      server: { labels: [db], packages: [redis], sysctl: { net.core.somaxconn: 2 }, machine: { memory: 8GiB }, swap: 1GiB }
      client: { count: 2, user: me }`,
    });
    const hosts = deployments[0]?.hosts ?? [];
    expect(hosts.map((host) => host.name)).toEqual([
      "l0-server-0",
      "l0-client-0",
      "l0-client-1",
      "l1-server-0",
      "l1-client-0",
      "l1-client-1",
      "monitor-0",
    ]);
    expect(hosts[0]).toMatchObject({
      role: "server",
      labels: ["server", "db"],
      lane: 0,
      packages: ["git", "redis"],
      sysctl: { "net.core.somaxconn": "2" },
      swapBytes: 2 ** 30,
      shape: { vcpus: 4, memoryBytes: 8 * 2 ** 30, disks: [{ kind: "boot", bytes: 30 * 2 ** 30 }] },
    });
    expect(hosts[1]).toMatchObject({ user: "me", packages: ["git"] });
    expect(hosts[6]).toMatchObject({ lane: "shared" });
  });

  it("plans roles on two clouds, each with its own places and machine types", () => {
    const definition = loadFixture("mage/wan-paired");
    const wan = planExperiment(definition, planInputs(definition)).deployments.find(({ name }) => name === "wan");
    expect(
      wan?.hosts
        .map((host) => [host.name, host.provider, host.shape.type, host.places?.[0]])
        .filter(([name]) => name === "garbler-0" || name === "evaluator-0"),
    ).toEqual([
      ["garbler-0", "azure", "Standard_D16d_v4", { region: "westus2", zone: "2" }],
      ["evaluator-0", "gcp", "n2-highmem-4", { region: "us-west1", zone: "us-west1-b" }],
    ]);
  });

  it("takes given machines from the definition and from a cluster file", () => {
    const definition = loadFixture("frankenpaxos/multipaxos");
    const lab = planExperiment(definition, planInputs(definition)).deployments.find(({ name }) => name === "lab");
    expect(lab?.hosts.filter((host) => host.role === "acceptor").map((host) => host.given)).toEqual([
      {
        address: "10.0.0.4",
        privateAddress: "10.0.0.4",
        port: 22,
        user: undefined,
        keyFile: undefined,
        hostKey: undefined,
      },
      {
        address: "10.0.0.5",
        privateAddress: "10.0.0.5",
        port: 2222,
        user: "lab",
        keyFile: undefined,
        hostKey: undefined,
      },
    ]);
  });

  it("puts everything on another provider where that is asked for", () => {
    const definition = loadFixture("mage/wan-paired");
    const { deployments } = planExperiment(definition, planInputs(definition, { on: "local" }));
    const hosts = deployments.flatMap((deployment) => deployment.hosts);
    expect(new Set(hosts.map((host) => host.provider))).toEqual(new Set(["local"]));
    expect(hosts.every((host) => host.places === undefined)).toBe(true);
  });

  it("puts everything in the places that are asked for", () => {
    const definition = loadFixture("mage/wan-paired");
    const { deployments } = planExperiment(definition, planInputs(definition, { on: "local:here,there" }));
    expect(deployments[0]?.places).toEqual({
      local: [
        { region: "here", zone: undefined },
        { region: "there", zone: undefined },
      ],
    });
    expect(deployments[0]?.hosts.every((host) => host.places === undefined)).toBe(true);
  });

  it("takes the selected points alone, and says so", () => {
    const definition = loadFixture("redis/redis");
    const only = planExperiment(
      definition,
      planInputs(definition, { only: ["clients:clients>=100", "payload:command=get,payloadBytes!=16"] }),
    );
    expect(only.points.map((point) => point.pointKey)).toEqual([
      "payload.command=get+payloadBytes=256",
      "payload.command=get+payloadBytes=4096",
      "payload.command=get+payloadBytes=65536",
      "clients.clients=100",
      "clients.clients=200",
      "clients.clients=500",
    ]);
    expect(only.selection).toEqual(["clients:clients>=100", "payload:command=get,payloadBytes!=16"]);
    const whole = planExperiment(definition, planInputs(definition));
    const keys = new Set(whole.blocks.flatMap((block) => block.trials.map((trial) => trial.trialKey)));
    expect(only.blocks.every((block) => block.trials.every((trial) => keys.has(trial.trialKey)))).toBe(true);
  });

  it("takes the points that a figure needs", () => {
    const definition = loadFixture("quickstart/quickstart");
    const plan = planExperiment(definition, planInputs(definition, { figure: "latency-cdf" }));
    expect(plan.points.map((point) => point.pointKey)).toEqual(["load.clients=8"]);
  });

  it.each([
    ["lod", /no sweep is named `lod`/, /`load`/],
    ["load:clints=4", /no parameter is named `clints`/, /`clients`/],
    ["load:clients", /not a filter/, /parameter=value/],
  ])("refuses the selection %s", (only, message, hint) => {
    try {
      small({}, { only: [only] });
      throw new Error("planned");
    } catch (error) {
      expect(error).toBeInstanceOf(FailureError);
      if (!(error instanceof FailureError)) return;
      expect(error.failure.class).toBe("invalid");
      expect(error.message).toMatch(message);
      expect(error.hint).toMatch(hint);
    }
  });

  it("tells everything that values make wrong at once, wherever in a trial it would have shown", () => {
    const text = `reprise: 1
name: wrong
parameters: { clients: 3 }
deployments:
  main: { roles: { server: {}, client: {} } }
trial:
  services:
    server: { on: server, run: "./server \${{ hosts.client[4].address }}" }
  jobs:
    load:
      on: client
      run: ./load \${{ services.server[7].address }}
      env: { HALF: "\${{ 1 / (params.clients - 3) }}" }
      count: \${{ params.clients / 2 }}
      timeout: \${{ params.clients - 5 }}s
    other: { on: client, run: "./other \${{ jobs.load[9].address }}" }
  checks:
    - { name: rows, from: load, file: x.csv, rows: { min: "\${{ params.clients / 0 }}" } }
  summary:
    p99Ms: { from: load, file: x.csv, csv: { column: a }, stat: p99, scale: "\${{ 'x' }}" }
sweeps:
  load: { cross: { clients: [3] } }
`;
    expect(problemsOf(() => plan(text)).map((problem) => problem.replace(/^\d+:\d+ /, ""))).toEqual([
      "trial.services.server.run item 4 of a list of 1",
      "trial.jobs.load.run item 7 of a list of 1",
      "trial.jobs.load.env.HALF division by zero",
      "trial.jobs.load.count must be a whole number of at least 0, and is 1.5",
      'trial.jobs.load.timeout not a time with its unit: "-2s"',
      "trial.jobs.other.run item 9 of a list of 1",
      "trial.checks[0].rows.min division by zero",
      'trial.summary.p99Ms.scale must be a number, and is "x"',
    ]);
  });

  it("tells each variable that has no value, and none for missing another", () => {
    const text = definitionText({ variables: "  a: ${{ 1 / 0 }}\n  b: ${{ vars.a + 1 }}\n  c: ${{ [1][2] }}" });
    expect(problemsOf(() => plan(text)).map((problem) => problem.split(" ").slice(1).join(" "))).toEqual([
      "variables.a division by zero",
      "variables.c item 2 of a list of 1",
    ]);
  });

  it("refuses an unknown figure, and a selection that leaves nothing", () => {
    expect(() => small({}, { figure: "nothing" })).toThrow(/no figure is named `nothing`/);
    expect(problemsOf(() => small({}, { only: ["load:clients=99"] }))).toEqual([
      "6:17 sweeps.load has no point that fits the selection",
    ]);
  });

  it.each<readonly [string, Record<string, string>, string]>([
    [
      "a service that has no host in its deployment",
      {
        deployments: "  a: { roles: { server: {} } }\n  b: { roles: { client: {} } }",
        sweeps: "{ load: { deployment: a } }",
      },
      "trial.jobs.load.on no host of this deployment has the role or label `client`",
    ],
    [
      "an index that only some points have",
      {
        trial: "{ jobs: { load: { on: client, run: 'x ${{ hosts.client[params.clients].name }}' } } }",
      },
      "item 2 of a list of 2",
    ],
    [
      "two processes on one fixed port",
      { trial: "{ jobs: { load: { on: client, count: 4, ports: { p: 80 }, run: x } } }" },
      "would both listen on port 80",
    ],
    [
      "a count that is no whole number",
      { trial: "{ jobs: { load: { on: client, count: '${{ params.clients / 4 }}', run: x } } }" },
      "must be a whole number of at least 0, and is 0.25",
    ],
    [
      "a time that comes out wrong",
      { trial: "{ timeout: '${{ params.mode }}s', jobs: { load: { on: client, run: x } } }" },
      "not a time with its unit",
    ],
    [
      "a file that nobody published",
      { setup: "{ steps: [{ name: a, on: server, fetch: [{ name: x, to: x }] }] }" },
      "no earlier step has published `x`",
    ],
    [
      "a file that two hosts publish under one name",
      {
        setup:
          "{ steps: [{ name: a, on: client, run: x, publish: [{ name: x, path: x }] }, { name: b, on: server, after: a, fetch: [{ name: x, to: x }] }] }",
      },
      "is published by client-0 and by client-1",
    ],
    [
      "an event on an index that isn't there",
      {
        trial:
          "{ services: { s: { on: server, run: x } }, jobs: { load: { on: client, run: x } }, events: [{ name: k, at: 1s, kill: 's[3]' }] }",
      },
      "s has no process 3 at this point, only 1",
    ],
    [
      "data that TOML can't hold",
      { trial: "{ jobs: { load: { on: client, run: x, files: { c: { toml: [1] } } } } }" },
      "can't be written as toml",
    ],
    [
      "a list of CPUs that is none",
      { trial: "{ jobs: { load: { on: client, run: x, limits: { cpus: '${{ params.mode }}' } } } }" },
      "load-0: not a CPU list",
    ],
    [
      "too few given machines",
      {
        deployments:
          "{ lab: { on: hosts, machines: [{ address: a, role: server }], roles: { server: {}, client: { count: 2 } } } }",
      },
      "needs 2 machines in lane 0, and 0 are given",
    ],
  ])("tells %s before anything runs", (_, over, problem) => {
    const problems = problemsOf(() => small(over));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it("tells what a catalogue refuses, where the machine is asked for", () => {
    const problems = problemsOf(() =>
      small(
        { deployments: "{ c: { on: aws, roles: { client: { machine: { vcpu: 2 } } } } }" },
        { catalogue: ownMachines({ vcpus: 2, memoryBytes: 1, architecture: "x86_64" }) },
      ),
    );
    expect(problems).toEqual(["4:58 deployments.c.roles.client.machine machines of aws aren't known here"]);
  });

  it("gives budgets, retries and stop rules on", () => {
    const planned = small({
      budget: "{ dollars: 5, dollarsPerHour: 2 }",
      retries: "{ preempted: 4 }",
      stopAfterFailures: "3",
    });
    expect(planned).toMatchObject({
      budgetDollars: 5,
      maxDollarsPerHour: 2,
      retries: { preempted: 4 },
      stopAfterFailures: 3,
    });
  });

  it("keeps the texts of templates, so that the plan alone renders them again", () => {
    const text = definitionText({
      trial: "{ jobs: { load: { on: client, run: x, files: { c: { template: c.tmpl } } } } }",
    });
    expect(plan(text, {}, () => "n = ${{ params.clients }}\n").files).toEqual({
      "c.tmpl": "n = ${{ params.clients }}\n",
    });
  });

  it("plans 10,000 trials in about ten times what 1,000 take: a third of a second", () => {
    const timed = (clients: number, sizes: number) => {
      const text = fixtureText("quickstart/quickstart").replace(
        "clients: [2, 4, 8, 16]",
        `clients: "\${{ range(1, ${clients + 1}) }}", valueBytes: "\${{ range(1, ${sizes + 1}) }}"`,
      );
      const definition = loadText(text);
      const heapBefore = process.memoryUsage().heapUsed;
      // Of the processor, not of the wall: the machine may be busy with other tests, and slow. docs carry real numbers.
      const before = process.cpuUsage();
      const { blocks } = planExperiment(definition, planInputs(definition));
      const { user, system } = process.cpuUsage(before);
      return { blocks, cpuMs: (user + system) / 1000, heapBytes: process.memoryUsage().heapUsed - heapBefore };
    };
    const small = [1, 2, 3].map(() => timed(5, 67));
    const large = timed(50, 67);
    expect([small[0]?.blocks.length, large.blocks.length]).toEqual([1_005, 10_050]);
    expect(large.cpuMs).toBeLessThan(40 * Math.min(...small.map(({ cpuMs }) => cpuMs)));
    expect(large.heapBytes).toBeLessThan(200e6);
  });

  it("mixes the blocks of all sweeps where asked to, the same way each time", () => {
    const order = (over: Readonly<Record<string, string>>) => {
      const definition = loadText(
        definitionText({ sweeps: "{ a: { trials: 9 }, b: { set: { clients: 2 }, trials: 9 } }", ...over }),
      );
      const { blocks, points } = planExperiment(definition, planInputs(definition));
      return blocks.map(({ trials }) => points[trials[0]?.point ?? 0]?.sweep).join("");
    };
    const mixed = order({ mixSweeps: "true" });
    expect(order({})).toBe("a".repeat(9) + "b".repeat(9));
    expect(Array.from(mixed).sort().join("")).toBe(order({}));
    expect(mixed).not.toBe(order({}));
    expect(order({ mixSweeps: "true" })).toBe(mixed);
    expect(order({ mixSweeps: "true", seed: "2" })).not.toBe(mixed);
  });
});
