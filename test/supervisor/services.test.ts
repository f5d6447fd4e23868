import { createServer } from "node:net";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostStep, Unit } from "../../core/ports/host-agent.ts";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture, ways } from "./test-host.ts";

const attempt = "attempts/p.t0.a1";
const service = (overrides: Partial<Unit> & Pick<Unit, "name" | "script">): Unit =>
  unitFixture({ kind: "service", timeoutMs: 60_000, ...overrides });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

const listen = (port: number, delayMs = 0): string =>
  `#!/usr/bin/env node
  const http = require("node:http");
  setTimeout(() => http.createServer((_, r) => r.end("ok")).listen(${port}, "127.0.0.1", () => console.log("listening now")), ${delayMs});`;

const notesItsGroups = `const fs = require("node:fs");
  fs.appendFileSync("groups", fs.readFileSync("/proc/self/cgroup", "utf8") + "--\\n");`;

describe.each(ways)("supervisor: services, by %s", (way) => {
  let host: TestHost;
  beforeEach(async () => {
    host = await openTestHost({ session: way === "a session" });
  });
  afterEach(() => host.close());

  const jobs = (overrides: Partial<HostStep>): HostStep =>
    stepFixture({ stepId: "jobs", guardsServices: true, ...overrides });
  const collect = (): HostStep =>
    stepFixture({ stepId: "collect", stops: "all", collect: [{ glob: "*.out", required: true }] });

  it("are done when ready by port, URL, log line and command, and run on", async () => {
    const [port, http] = [await freePort(), await freePort()];
    const result = await host.run(
      stepFixture({
        stepId: "services",
        units: [
          service({ name: "port", script: listen(port, 100), ready: { kind: "port", port } }),
          service({ name: "http", script: listen(http), ready: { kind: "http", url: `http://127.0.0.1:${http}/` } }),
          service({
            name: "line",
            script: "echo starting; sleep 0.2; echo 'it is ready 42' >&2; sleep 60",
            ready: { kind: "logLine", pattern: "^it is ready [0-9]*$" },
          }),
          service({
            name: "check",
            env: { FLAG: "up" },
            script: "sleep 0.1; touch $FLAG; sleep 60",
            ready: { kind: "command", script: 'test -f "$FLAG"' },
          }),
          service({ name: "none", script: "sleep 60" }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    expect(result.units.map((unit) => [unit.name, unit.outcome])).toEqual(
      ["port", "http", "line", "check", "none"].map((name) => [name, "ready"]),
    );
    for (const unit of result.units) {
      expect(unit.readyAt).toBeGreaterThanOrEqual(unit.startedAt!);
      expect(unit.readyAt).toBeLessThanOrEqual(result.endedAt);
    }
    expect(result.units[2]!.readyAt! - result.units[2]!.startedAt!).toBeGreaterThanOrEqual(200);
    await host.agent.stop("services");
    await eventually(() => host.busy().length === 0);
  });

  it.each([
    {
      what: "ends before it is ready",
      unit: service({ name: "s", script: "echo no config >&2; exit 4", ready: { kind: "port", port: 1 } }),
      failure: { class: "command", message: "service s ended before it was ready (exit code 4): no config" },
      outcome: "exited",
    },
    {
      what: "is not ready in time",
      unit: service({ name: "s", script: "sleep 60", readyTimeoutMs: 300, ready: { kind: "port", port: 1 } }),
      failure: { class: "timeout", message: "service s was not ready within 300 ms" },
      outcome: "notReady",
    },
  ])("fail when one $what, and take the others with them", async ({ unit, failure, outcome }) => {
    const result = await host.run(
      stepFixture({ stepId: "services", units: [service({ name: "good", script: "sleep 60" }), unit] }),
    );
    expect(result.failure).toMatchObject(failure);
    expect(result.units).toMatchObject([
      { name: "good", outcome: "stopped" },
      { name: "s", outcome },
    ]);
    await eventually(() => host.busy().length === 0);
  });

  it("stop in reverse order of their start, by their signal, then by KILL", async () => {
    const stopping = (name: string): Unit =>
      service({
        name,
        stopSignal: "INT",
        ready: { kind: "logLine", pattern: "up" },
        script: `trap 'echo ${name} >>../order; exit 0' INT; echo up; while :; do sleep 0.02; done`,
        workDir: name,
      });
    await host.run(stepFixture({ stepId: "services", units: [stopping("first"), stopping("second")] }));
    await host.run(
      stepFixture({
        stepId: "more",
        units: [
          service({
            name: "deaf",
            stopGraceMs: 200,
            ready: { kind: "logLine", pattern: "up" },
            script: "trap '' TERM; echo up; sleep 60; sleep 60",
          }),
        ],
      }),
    );
    const result = await host.run(collect());
    expect(result.failure).toBeUndefined();
    expect(host.read(`${attempt}/order`)).toBe("second\nfirst\n");
    expect(result.units).toMatchObject([
      { name: "deaf", kind: "service", outcome: "stopped", signal: "KILL" },
      { name: "second", outcome: "stopped", exitCode: 0 },
      { name: "first", outcome: "stopped", exitCode: 0 },
    ]);
    expect(result.artifacts.map((file) => file.path)).toEqual(["deaf.out", "first.out", "second.out"]);
    await eventually(() => host.busy().length === 0);
  });

  it("are guarded: a guard ends well when stopped, and at once when a service ends unasked", async () => {
    await host.run(stepFixture({ stepId: "services", units: [service({ name: "s", script: "sleep 60" })] }));
    await host.agent.arm(jobs({ stepId: "guard" }));
    await eventually(async () => (await host.agent.status("guard")).kind === "running");
    await host.run(collect());
    const stopped = await host.finished("guard");
    expect(stopped).toMatchObject({ kind: "done", result: { units: [] } });
    expect(stopped.kind === "done" && stopped.result.failure).toBeUndefined();

    const next = { fence: { runId: "run-1", epoch: 1, attempt: 2 }, attemptDir: "attempts/p.t1.a1" };
    await host.run(
      stepFixture({
        ...next,
        stepId: "services-2",
        units: [service({ name: "s", script: "until [ -e die ]; do sleep 0.02; done; echo dying >&2; exit 9" })],
      }),
    );
    await host.agent.arm(
      jobs({
        ...next,
        stepId: "guard-2",
        units: [unitFixture({ name: "j", kind: "job", script: "touch begun; sleep 60" })],
      }),
    );
    await eventually(() => existsSync(join(host.root, next.attemptDir, "begun")));
    writeFileSync(join(host.root, next.attemptDir, "die"), "");
    const failed = await host.finished("guard-2");
    if (failed.kind !== "done") throw new Error(failed.kind);
    expect(failed.result.failure).toMatchObject({
      class: "command",
      message: "service s ended unasked (exit code 9): dying",
      evidence: "s.err",
    });
    expect(failed.result.units).toMatchObject([{ name: "j", outcome: "stopped" }]);
    // Ended before the guard came: seen too.
    const late = await host.run(jobs({ ...next, stepId: "guard-3" }));
    expect(late.failure?.message).toContain("service s ended unasked");
  });

  it("may be killed and restarted by events, which are recorded and undone", async () => {
    const port = await freePort();
    await host.run(
      stepFixture({
        stepId: "services",
        units: [
          service({
            name: "db",
            script: `${listen(port)}\n${notesItsGroups}`,
            ready: { kind: "port", port },
            limits: { memoryBytes: 500_000_000 },
          }),
        ],
      }),
    );
    const result = await host.run(
      jobs({
        units: [
          unitFixture({
            name: "client",
            kind: "job",
            // By what the events do, not by the clock: each of them ends before the client does.
            script: `echo warm; until [ -s first-pid ]; do sleep 0.02; done; echo 'phase two'
              until [ -s mark-pid ] && [ ! -d /proc/$(cat mark-pid) ]; do sleep 0.02; done; sleep 0.5; echo done`,
          }),
          unitFixture({
            name: "kill-db",
            kind: "event",
            script: "reprise-unit pid db >first-pid; reprise-unit kill db; echo killed",
            undo: "reprise-unit start db; reprise-unit pid db >second-pid",
            trigger: { kind: "at", offsetMs: 100 },
          }),
          unitFixture({
            name: "mark",
            kind: "event",
            script: "echo $$ >mark-pid",
            trigger: { kind: "logLine", unit: "client", pattern: "^phase [a-z]*$" },
          }),
          unitFixture({
            name: "never",
            kind: "event",
            script: "exit 1",
            undo: "touch undone",
            trigger: { kind: "logLine", unit: "client", pattern: "no such line" },
          }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    expect(result.units).toMatchObject([
      { name: "client", outcome: "exited", exitCode: 0 },
      { name: "kill-db", kind: "event", outcome: "exited", exitCode: 0 },
      { name: "mark", outcome: "exited" },
      { name: "never", outcome: "notStarted" },
    ]);
    const [header, ...rows] = host.read(`${attempt}/events.csv`).trim().split("\n");
    expect(header).toBe("timeMs,offsetMs,event,action");
    const events = rows.map((row) => row.split(","));
    expect(events.map((row) => `${row[2]} ${row[3]}`)).toEqual(["kill-db fire", "mark fire", "kill-db undo"]);
    expect(Number(events[0]![1])).toBeGreaterThanOrEqual(100);
    expect(Number(events[0]![0]) - Number(events[0]![1])).toBe(result.startedAt);
    expect(() => host.read(`${attempt}/undone`)).toThrow("ENOENT");
    expect(host.read(`${attempt}/first-pid`)).not.toBe(host.read(`${attempt}/second-pid`));
    // The same limits hold for the second life.
    const [firstLife, secondLife] = host.read(`${attempt}/groups`).split("--\n");
    expect(secondLife).toBe(firstLife);
    const last = await host.run(collect());
    expect(last.units).toMatchObject([{ name: "db", outcome: "stopped" }]);
  });

  it("may be killed by an event behind our back, and an event that fails fails its phase", async () => {
    await host.run(
      stepFixture({ stepId: "services", units: [service({ name: "s", script: "echo $$ >pid; exec sleep 60" })] }),
    );
    const result = await host.run(
      jobs({
        units: [
          unitFixture({ name: "client", kind: "job", script: "until [ -e hit ]; do sleep 0.02; done; sleep 0.4" }),
          unitFixture({
            name: "hit",
            kind: "event",
            script: "kill -9 $(cat pid); touch hit",
            trigger: { kind: "at", offsetMs: 50 },
          }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    const failing = await host.run(
      jobs({
        stepId: "jobs-2",
        guardsServices: false,
        units: [
          unitFixture({ name: "client-2", kind: "job", script: "sleep 60" }),
          unitFixture({
            name: "bad",
            kind: "event",
            script: "echo refused >&2; exit 3",
            undo: "touch undone",
            trigger: { kind: "at", offsetMs: 0 },
          }),
        ],
      }),
    );
    expect(failing.failure).toMatchObject({ class: "command", message: "event bad: exit code 3: refused" });
    expect(failing.units[0]).toMatchObject({ name: "client-2", outcome: "stopped" });
    expect(readFileSync(join(host.root, attempt, "undone"))).toHaveLength(0);
  });

  it("are ended at their step's deadline, though the step was done long before", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "services",
        deadlineAt: Date.now() + 200 + 8 * (await host.pace()), // long after its end
        units: [service({ name: "s", script: "sleep 60" })],
      }),
    );
    expect(result.failure).toBeUndefined();
    await eventually(() => host.busy().length === 0);
  });

  it("stay under watch when their supervisor is killed", async () => {
    await host.run(
      stepFixture({
        stepId: "services",
        deadlineAt: Date.now() + 2_000 + 10 * (await host.pace()), // long after its end and the watch's next look
        units: [service({ name: "s", script: "sleep 60" })],
      }),
    );
    const owner = (): string => readFileSync(host.ofStep("services", "runner"), "utf8");
    const first = owner();
    process.kill(Number(first.split(".")[0]), "SIGKILL");
    await eventually(() => owner() !== first);
    await eventually(() => host.busy().length === 0);
  });
});
