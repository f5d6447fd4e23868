import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeEndpoint } from "./fake-endpoint.ts";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture } from "./test-host.ts";

const attempt = "attempts/p.t0.a1";

/** A PATH on which `sh` is the given shell; busybox brings its own tools, and nothing else is there but Node. */
function pathFor(shell: string): string {
  const folder = mkdtempSync(join(tmpdir(), "reprise-shell-"));
  if (shell === "busybox") {
    execFileSync("busybox", ["--install", "-s", folder]);
    symlinkSync(process.execPath, join(folder, "node"));
    return folder;
  }
  symlinkSync(execFileSync("which", [shell], { encoding: "utf8" }).trim(), join(folder, "sh"));
  return `${folder}:${process.env["PATH"] ?? ""}`;
}

// Debian: apt-get install busybox. `sh` that is bash runs as `bash --posix` does.
describe.each(["dash", "bash", "busybox"])("supervisor under %s", (shell) => {
  let host: TestHost;
  let path: string;
  let endpoint: FakeEndpoint;
  beforeAll(async () => {
    path = pathFor(shell);
    endpoint = await FakeEndpoint.open();
    host = await openTestHost({ env: { PATH: path }, settings: { liveEveryMs: 200, beatEveryMs: 200, retryMs: 50 } });
  });
  afterAll(async () => {
    await host.close();
    await endpoint.close();
    rmSync(path.split(":")[0]!, { recursive: true });
  });

  it("gives facts and a clock", async () => {
    const facts = await host.agent.prepare({});
    expect(facts.cpuCount).toBeGreaterThan(0);
    expect(facts.memoryBytes).toBeGreaterThan(1e8);
    const { offsetMs, errorMs } = await host.agent.clockOffset();
    // busybox' clock is measured to the kernel's hundredth of a second.
    expect(Math.abs(offsetMs)).toBeLessThan(errorMs + 15);
  });

  it("runs commands with their exit codes, output, files and environment", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "commands",
        units: [
          unitFixture({
            name: "ok",
            env: { A: "it's\n$HOME" },
            files: [{ path: "f", mode: "600", content: "a\\nb\n" }],
            script: 'printf %s "$A"; cat f',
          }),
          unitFixture({ name: "bad", script: "printf 'why: \\\\n\\n' >&2; exit 255" }),
        ],
        collect: [{ glob: "*.out", required: true }],
      }),
    );
    expect(result.failure?.message).toBe("command bad: exit code 255: why: \\n");
    expect(host.read(`${attempt}/ok.out`)).toBe("it's\n$HOMEa\\nb\n");
    expect(result.artifacts.map((file) => file.path)).toEqual(["bad.out", "ok.out"]);
  });

  it("runs a whole trial: services, go, events, guard, samples, stop, evidence, push", async () => {
    await host.run(
      stepFixture({
        stepId: "services",
        units: [
          unitFixture({
            name: "server",
            kind: "service",
            script: "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done",
            ready: { kind: "logLine", pattern: "^up$" },
          }),
        ],
      }),
    );
    await host.agent.arm(
      stepFixture({
        stepId: "jobs",
        waitsForGo: true,
        guardsServices: true,
        units: [
          unitFixture({ name: "client", kind: "job", script: "echo a; sleep 1.3; echo b" }),
          unitFixture({
            name: "pause",
            kind: "event",
            script: "reprise-unit pause server",
            undo: "reprise-unit resume server",
            trigger: { kind: "logLine", unit: "client", pattern: "^a$" },
          }),
        ],
      }),
    );
    const paceMs = await host.pace();
    const startAt = Date.now() + 200 + 5 * paceMs;
    await host.agent.go("jobs", startAt);
    const jobs = await host.finished("jobs");
    if (jobs.kind !== "done") throw new Error(jobs.kind);
    expect(jobs.result.failure).toBeUndefined();
    expect(jobs.result.startLateMs).toBeLessThan(300 + 5 * paceMs);
    const result = await host.run(
      stepFixture({
        stepId: "collect",
        stops: "all",
        push: { endpoint: endpoint.url, capability: "secret-capability" },
        collect: [
          { glob: "*.out", required: true },
          { glob: "*.csv", required: true },
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    expect(result.warnings).toEqual([]);
    expect(result.units).toMatchObject([{ name: "server", outcome: "stopped", exitCode: 0 }]);
    await eventually(() => existsSync(host.ofStep("collect", "acknowledged")));
    expect(endpoint.reports).toEqual([result]);
    expect([...endpoint.landed.keys()].sort()).toEqual(result.artifacts.map((file) => file.path).sort());
    const rows = host.read(`${attempt}/samples.csv`).trim().split("\n");
    expect(rows.filter((row) => row.includes(",host,")).length).toBeGreaterThanOrEqual(3);
    expect(rows.filter((row) => row.includes(",client,")).length).toBeGreaterThanOrEqual(1);
    expect(host.read(`${attempt}/events.csv`).split("\n")).toHaveLength(4);
  });

  it("ends an older attempt with its daemons, and everything on removal", async () => {
    await host.agent.arm(
      stepFixture({
        stepId: "older",
        units: [unitFixture({ name: "d", script: "setsid sleep 60 & trap '' TERM; echo up; sleep 60; sleep 60" })],
      }),
    );
    await eventually(() => host.read(`${attempt}/d.out`) === "up\n");
    await host.run(
      stepFixture({ stepId: "newer", fence: { runId: "run-1", epoch: 2, attempt: 1 }, attemptDir: "attempts/b" }),
    );
    expect(await host.agent.status("older")).toMatchObject({ kind: "superseded", by: { epoch: 2 } });
    await eventually(() => host.processes().length === 0);
  });

  it("keeps a log below its limit", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "log",
        fence: { runId: "run-1", epoch: 2, attempt: 1 },
        units: [unitFixture({ name: "l", script: "head -c 5000 /dev/zero", limits: { logBytes: 1000 } })],
      }),
    );
    expect(host.read(`${attempt}/l.out`)).toHaveLength(1000);
    expect(result.warnings).toEqual(["l.out: cut at 1000 bytes; at least 4000 more were written"]);
  });

  it("runs step after step by one session", async () => {
    const inSession = await openTestHost({ session: true, env: { PATH: path } });
    try {
      for (let n = 1; n <= 10; n++) {
        const script = `printf '%s\\n' "it's \\\\ $REPRISE_STEP"`;
        const result = await inSession.run(
          stepFixture({
            stepId: `s${n}`,
            units: [unitFixture({ name: `u${n}`, kind: "job", script })],
            collect: [{ glob: "*.out", required: true }],
          }),
        );
        expect(result.failure).toBeUndefined();
        expect(inSession.read(`${attempt}/u${n}.out`)).toBe(`it's \\ s${n}\n`);
      }
      expect(inSession.transport.started.map((argv) => argv[5])).not.toContain("arm");
      await inSession.agent.arm(
        stepFixture({ stepId: "long", units: [unitFixture({ name: "long", script: "exec sleep 60" })] }),
      );
      await inSession.agent.stop("long");
      expect(await inSession.finished("long")).toMatchObject({ result: { failure: { class: "cancelled" } } });
    } finally {
      await inSession.close();
    }
  });
});
