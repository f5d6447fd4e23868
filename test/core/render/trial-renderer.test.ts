import { spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Unit } from "../../../core/ports/host-agent.ts";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import { openExperiment } from "../../../core/render/open-experiment.ts";
import { definitionText, loadFixture, loadText } from "../definition/load.ts";
import { commandOf, fileOf, TrialFixture } from "./trial-fixture.ts";

const fixture = (over: Readonly<Record<string, string>>) => new TrialFixture(loadText(definitionText(over)));

describe("renderTrial", () => {
  it("renders the quickstart: a server, then its clients, all with the same port", () => {
    const quickstart = new TrialFixture(loadFixture("quickstart/quickstart"));
    const trial = quickstart.trial("load.clients=2", { trialIndex: 1, attempt: 3 });
    const [services] = quickstart.stages("services", trial);
    expect(services).toHaveLength(1);
    const server = services?.[0]?.units[0];
    expect(server).toMatchObject({
      name: "server-0",
      kind: "service",
      workDir: "server-0",
      ready: { kind: "port", port: 20_000 },
      readyTimeoutMs: 60_000,
      stopSignal: "TERM",
      stopGraceMs: 10_000,
      timeoutMs: 34_000,
    });
    const jobs = quickstart.units("jobs", trial);
    expect(
      [...jobs.values()].map((unit) => [
        unit.host,
        /--server (\S+)/.exec(unit.script)?.[1],
        /--clients (\d+)/.exec(unit.script)?.[1],
      ]),
    ).toEqual([
      ["client-0", "10.0.0.1:20000", "1"],
      ["client-1", "10.0.0.1:20000", "1"],
    ]);
    expect(jobs.get("load-1")?.env).toMatchObject({
      REPRISE_POINT: "load.clients=2",
      REPRISE_TRIAL: "1",
      REPRISE_SEED: "42",
      REPRISE_ROLE: "client",
      REPRISE_INDEX: "1",
      REPRISE_COUNT: "2",
    });
    expect(quickstart.experiment.renderTrial("collect", 0, trial).map((step) => [step.host, step.collect])).toEqual([
      ["client-0", [{ glob: "load-0/requests.csv", required: true }]],
      ["client-1", [{ glob: "load-1/requests.csv", required: true }]],
    ]);
    expect(quickstart.experiment.renderTrial("prepare", 0, trial)).toEqual([]);
    expect(quickstart.experiment.renderTrial("services", 1, trial)).toEqual([]);
  });

  it("tells each process everything in one JSON file", () => {
    const quickstart = new TrialFixture(loadFixture("quickstart/quickstart"));
    const unit = quickstart.units("jobs", quickstart.trial("load.clients=8")).get("load-1");
    const context = JSON.parse(fileOf(unit, "reprise.json")) as Record<string, unknown>;
    expect(context).toMatchObject({
      schema: "reprise/context@1",
      parameters: { clients: 8, valueBytes: 128 },
      trial: { index: 0, seed: 42, attempt: 1 },
      point: { key: "load.clients=8", sweep: "load", variant: null, arm: null },
      run: { id: "run-1" },
      self: { name: "load-1", index: 1, count: 2, host: { name: "client-1", role: "client" }, ports: {} },
      services: { server: [{ name: "server-0", address: "10.0.0.1", ports: { log: 20_000 } }] },
      dirs: { bundle: "../../../bundle", shared: "../../../shared" },
    });
    expect(Object.keys(context).sort()).toEqual(
      [
        "dirs",
        "hosts",
        "jobs",
        "parameters",
        "point",
        "run",
        "schema",
        "self",
        "services",
        "sources",
        "trial",
        "variables",
      ].sort(),
    );
  });

  it("gives the same trial the same commands, in any process that opens the stored definition and plan", () => {
    const definition = loadFixture("frankenpaxos/multipaxos");
    const first = new TrialFixture(definition);
    const stored = JSON.parse(JSON.stringify(first.plan)) as typeof first.plan;
    const again = readDefinition(definition.text, definition.file, (path) => stored.files?.[path]);
    if (!again.ok) throw new Error("not read again");
    const opened = openExperiment(again.definition, stored);
    const trial = first.trial("smoke.numClientsPerProc=1");
    for (const phase of ["reset", "services", "jobs", "collect"] as const) {
      expect(opened.renderTrial(phase, 0, trial)).toEqual(first.experiment.renderTrial(phase, 0, trial));
    }
    const shuffled = { ...trial, topology: { ...trial.topology, hosts: [...trial.topology.hosts].reverse() } };
    expect(opened.renderTrial("services", 0, shuffled)).toEqual(first.experiment.renderTrial("services", 0, trial));
  });

  it("keeps ports apart where hosts share an address", () => {
    const local = fixture({
      trial:
        "{ services: { s: { on: [server, client], ports: [p], run: x } }, jobs: { load: { on: client, run: x } } }",
    });
    const trial = local.trial("load.clients=1");
    const one = {
      ...trial.topology,
      hosts: trial.topology.hosts.map((host) => ({ ...host, privateAddress: "127.0.0.1" })),
    };
    const ports = [...local.units("services", { ...trial, topology: one }).values()].map(
      (unit) => (JSON.parse(fileOf(unit, "reprise.json")) as { self: { ports: { p: number } } }).self.ports.p,
    );
    expect(new Set(ports).size).toBe(3);
  });

  it("lays a process's limits over its role's and its deployment's", () => {
    const limited = fixture({
      deployments:
        "{ c: { limits: { memory: 1GiB, log: 5MiB }, roles: { server: {}, client: { limits: { memory: 2GiB, cpus: 0-1 } } } } }",
      trial:
        "{ services: { s: { on: server, run: x } }, jobs: { load: { on: client, run: x, limits: { cpus: '${{ self.index }}' } } } }",
    });
    const trial = limited.trial("load.clients=1");
    expect(limited.units("services", trial).get("s-0")?.limits).toEqual({
      memoryBytes: 2 ** 30,
      logBytes: 5 * 2 ** 20,
    });
    expect(limited.units("jobs", trial).get("load-0")?.limits).toEqual({
      memoryBytes: 2 ** 31,
      cpus: "0",
      logBytes: 5 * 2 ** 20,
    });
  });

  it("makes a command of a service that is ready when it has ended", () => {
    const populate = fixture({
      trial:
        "{ services: { s: { on: server, run: x }, fill: { on: client, count: 1, after: s, ready: exit, readyTimeout: 7s, run: y } }, jobs: { load: { on: client, run: x } } }",
    });
    const unit = populate.units("services", populate.trial("load.clients=1")).get("fill-0");
    expect(unit).toMatchObject({ kind: "command", stage: 1, timeoutMs: 7_000 });
    expect(unit?.ready).toBeUndefined();
  });

  it("starts processes at the host that an offset says", () => {
    const staggered = fixture({
      trial:
        "{ services: { s: { on: client, count: 3, offset: '${{ params.clients }}', run: x } }, jobs: { load: { on: client, run: x } } }",
    });
    const hosts = (key: string) =>
      [...staggered.units("services", staggered.trial(key)).values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((unit) => unit.host);
    expect(hosts("load.clients=1")).toEqual(["client-1", "client-0", "client-1"]);
    expect(hosts("load.clients=2")).toEqual(["client-0", "client-1", "client-0"]);
  });

  it("acts on every process that an event means, on its host", () => {
    const events = fixture({
      trial: `
  services: { s: { on: client, count: 4, run: x } }
  jobs: { load: { on: client, run: x } }
  events:
    - { name: one, at: 1s, kill: "s[3]" }
    - { name: all, at: 2s, restart: s }
    - { name: slow, at: 500ms, shape: { from: server, to: client, rate: 10mbit } }
    - { name: own, at: "\${{ params.clients }}s", run: { on: server, script: "echo \${{ self.host.name }}", undo: "true" } }`,
    });
    const units = events.units("jobs", events.trial("load.clients=2"));
    expect(
      [...units.values()]
        .filter((unit) => unit.kind === "event")
        .map((unit) => [unit.name, unit.host, commandOf(unit).split("\n")[0], unit.trigger]),
    ).toEqual([
      ["event-slow", "server-0", "set -e", { kind: "at", offsetMs: 500 }],
      ["event-own", "server-0", "echo server-0", { kind: "at", offsetMs: 2_000 }],
      ["event-all-0", "client-0", "reprise-unit restart s-0", { kind: "at", offsetMs: 2_000 }],
      ["event-all-2", "client-0", "reprise-unit restart s-2", { kind: "at", offsetMs: 2_000 }],
      ["event-one", "client-1", "reprise-unit kill s-3", { kind: "at", offsetMs: 1_000 }],
      ["event-all-1", "client-1", "reprise-unit restart s-1", { kind: "at", offsetMs: 2_000 }],
      ["event-all-3", "client-1", "reprise-unit restart s-3", { kind: "at", offsetMs: 2_000 }],
    ]);
    for (const unit of units.values()) expect(unit.name).toMatch(/^[a-z0-9.-]+$/);
    expect(units.get("event-slow")?.script).toContain("10.0.0.2 10.0.0.3");
  });

  it("runs checks that are commands with the collection, and keeps what they said", () => {
    const checked = fixture({
      trial: "{ jobs: { load: { on: client, run: x } }, checks: [{ name: same, on: server, command: 'cmp a b' }] }",
    });
    const [server] = checked.experiment.renderTrial("collect", 0, checked.trial("load.clients=1"));
    expect(server).toMatchObject({ host: "server-0", collect: [{ glob: "checks/*", required: true }] });
    expect(server?.units[0]).toMatchObject({
      name: "check-same",
      workDir: ".",
      files: [{ path: "checks/same.run", mode: "755", content: "cmp a b" }],
    });
  });
});

describe("a rendered script", () => {
  /** Runs a unit as the supervisor does: its files in its folder, its variables, the script from a file. */
  function runUnit(unit: Unit, prepare: (root: string) => void = () => undefined) {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "reprise-render-")));
    try {
      const attempt = join(root, "attempts", "a");
      const folder = unit.workDir === "." ? attempt : join(attempt, unit.workDir);
      mkdirSync(folder, { recursive: true });
      mkdirSync(join(root, "bundle"));
      prepare(root);
      for (const file of unit.files) {
        mkdirSync(dirname(join(folder, file.path)), { recursive: true });
        writeFileSync(join(folder, file.path), file.content, { mode: Number.parseInt(file.mode, 8) });
      }
      writeFileSync(join(root, "script"), unit.script);
      const env = { PATH: process.env["PATH"], REPRISE_ROOT: root, ...unit.env };
      const result = spawnSync("sh", [join(root, "script")], { cwd: folder, env, encoding: "utf8", timeout: 300_000 });
      return { ...result, stdout: result.stdout.replaceAll(root, "ROOT") };
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  const unitOf = (run: string, more = ""): Unit => {
    const f = fixture({ trial: `{ jobs: { load: { on: client, run: ${JSON.stringify(run)}${more} } } }` });
    const unit = f.units("jobs", f.trial("load.clients=1")).get("load-0");
    if (unit === undefined) throw new Error("no unit");
    return unit;
  };

  it("finds its folders and its context wherever it goes", () => {
    const run = 'cd / && echo "$REPRISE_BUNDLE $REPRISE_SHARED" && cat "$REPRISE_CONTEXT" | head -c 32';
    expect(runUnit(unitOf(run)).stdout).toMatch(/^ROOT\/bundle ROOT\/shared\n\{\n "schema": "reprise\/context@1/);
  });

  it("ends at the first failing command", () => {
    const result = runUnit(unitOf("echo one\nfalse\necho two"));
    expect([result.status, result.stdout]).toEqual([1, "one\n"]);
  });

  it("keeps a parameter from starting a command of its own", () => {
    const f = fixture({
      parameters: '{ clients: 1, evil: "x; echo $(echo owned) `echo owned` \\"\' > /dev/null" }',
      trial: '{ jobs: { load: { on: client, run: \'printf "%s|" ${{ params.evil }} "${{ params.evil }}"\' } } }',
    });
    const unit = f.units("jobs", f.trial("load.clients=1")).get("load-0");
    if (unit === undefined) throw new Error("no unit");
    const evil = `x; echo $(echo owned) \`echo owned\` "' > /dev/null`;
    expect(runUnit(unit).stdout).toBe(`${evil}|${evil}|`);
  });

  it("is no failure when it is a check that fails", () => {
    const f = fixture({
      trial:
        "{ jobs: { load: { on: client, run: x } }, checks: [{ name: c, on: server, command: 'echo seen; false; echo unseen' }] }",
    });
    const unit = f.experiment.renderTrial("collect", 0, f.trial("load.clients=1"))[0]?.units[0];
    if (unit === undefined) throw new Error("no unit");
    const result = runUnit({ ...unit, script: `${unit.script}\ncat checks/c.exit checks/c.txt` });
    expect([result.status, result.stdout]).toEqual([0, "1\nseen\n"]);
  });
});
