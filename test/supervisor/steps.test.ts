import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture, ways } from "./test-host.ts";

describe.each(ways)("supervisor: commands of a step, by %s", (way) => {
  let host: TestHost;
  beforeAll(async () => {
    host = await openTestHost({ session: way === "a session" });
  });
  afterAll(() => host.close());

  it("runs commands in order and records exit codes and times", async () => {
    const before = Date.now();
    const result = await host.run(
      stepFixture({
        stepId: "order",
        units: [
          unitFixture({ name: "one", script: "echo 1 >>list" }),
          unitFixture({ name: "two", script: "echo 2 >>list; sleep 0.05" }),
        ],
      }),
    );
    expect(host.read("attempts/p.t0.a1/list")).toBe("1\n2\n");
    expect(result).toMatchObject({ stepId: "order", host: "server-0", warnings: [], missing: [], artifacts: [] });
    expect(result.failure).toBeUndefined();
    expect(result.startLateMs).toBeUndefined();
    const [one, two] = result.units;
    expect(one).toMatchObject({ name: "one", kind: "command", outcome: "exited", exitCode: 0 });
    expect(two!.startedAt!).toBeGreaterThanOrEqual(one!.endedAt!);
    expect(two!.endedAt! - two!.startedAt!).toBeGreaterThanOrEqual(50);
    expect(result.startedAt).toBeGreaterThanOrEqual(before);
    expect(result.endedAt).toBeLessThanOrEqual(Date.now());
  });

  it("takes 255 for an exit code and stops at the first failure", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "fails",
        units: [
          unitFixture({ name: "bad", script: 'echo fine >&2\necho "no \\"such\\" thing\tat all" >&2\n\nexit 255' }),
          unitFixture({ name: "never", script: "touch never-ran" }),
        ],
      }),
    );
    expect(result.units).toMatchObject([
      { name: "bad", outcome: "exited", exitCode: 255 },
      { name: "never", outcome: "notStarted" },
    ]);
    expect(result.failure).toEqual({
      class: "command",
      message: 'command bad: exit code 255: no "such" thing\tat all',
      host: "server-0",
      evidence: "bad.err",
    });
  });

  it("tells a signal from an exit code above 128", async () => {
    const killed = await host.run(
      stepFixture({ stepId: "killed", units: [unitFixture({ name: "k", script: "kill -9 $$" })] }),
    );
    expect(killed.units[0]).toMatchObject({ outcome: "signaled", signal: "KILL" });
    expect(killed.units[0]!.exitCode).toBeUndefined();
    expect(killed.failure?.message).toBe("command k: killed by SIGKILL");
    const exited = await host.run(
      stepFixture({ stepId: "exits-137", units: [unitFixture({ name: "e", script: "exit 137" })] }),
    );
    expect(exited.units[0]).toMatchObject({ outcome: "exited", exitCode: 137 });
  });

  it("gives a unit its files, environment, folder and interpreter, and none of it as an argument", async () => {
    const awkward = `it's "$HOME" \`x\` \\ \n second line`;
    const result = await host.run(
      stepFixture({
        stepId: "surroundings",
        units: [
          unitFixture({
            name: "env",
            workDir: "deep/work",
            env: { SECRET: awkward, REPRISE_MARKER: "forged" },
            files: [
              { path: "in/conf.json", mode: "640", content: `{"a": "${"x".repeat(200)}'"}` },
              { path: "tool", mode: "755", content: "#!/bin/sh\necho tool ran\n" },
            ],
            script:
              'pwd\n./tool\nprintf %s "$SECRET" >secret\ntr "\\0" "\\n" </proc/$$/cmdline >argv\nenv | grep ^REPRISE_ | sort',
          }),
          unitFixture({ name: "node", script: "#!/usr/bin/env node\nconsole.log(1 + 1, process.env.REPRISE_UNIT)" }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    const attempt = "attempts/p.t0.a1";
    const lines = host.read(`${attempt}/env.out`).split("\n");
    expect(lines[0]).toBe(join(host.root, attempt, "deep/work"));
    expect(lines[1]).toBe("tool ran");
    expect(lines).toContain("REPRISE_RUN=run-1");
    expect(lines).toContain("REPRISE_HOST=server-0");
    expect(lines).toContain(`REPRISE_ATTEMPT_DIR=${join(host.root, attempt)}`);
    expect(lines.find((line) => line.startsWith("REPRISE_MARKER="))).toMatch(/:1\.1:surroundings:env$/);
    expect(host.read(`${attempt}/deep/work/secret`)).toBe(awkward);
    expect(host.read(`${attempt}/deep/work/argv`)).not.toContain("second line");
    expect(statSync(join(host.root, attempt, "deep/work/in/conf.json")).mode & 0o777).toBe(0o640);
    expect(host.read(`${attempt}/node.out`)).toBe("2 node\n");
  });

  it("ends a command at its timeout, with everything it started", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "slow",
        units: [
          unitFixture({
            name: "slow",
            timeoutMs: 300,
            stopGraceMs: 200,
            script: "trap '' TERM; sleep 600 & (setsid sleep 600 &) ; sleep 600",
          }),
        ],
      }),
    );
    expect(result.units[0]).toMatchObject({ outcome: "timedOut", signal: "KILL" });
    expect(result.failure).toMatchObject({ class: "timeout", message: "command slow ran longer than its 300 ms" });
    await eventually(() => host.busy().length === 0); // the supervisor itself is just leaving
  });

  it("stops a running step by its signal, then reports it as cancelled", async () => {
    const step = stepFixture({
      stepId: "stopped",
      units: [
        unitFixture({
          name: "server",
          stopSignal: "INT",
          script: "trap 'echo bye; exit 3' INT; echo up; while :; do sleep 0.02; done",
        }),
      ],
    });
    await host.agent.arm(step);
    while ((await host.agent.outputs("stopped")).find((file) => file.path === "server.out")?.bytes !== 3);
    expect(await host.agent.status("stopped")).toMatchObject({ kind: "running" });
    await host.agent.stop("stopped");
    await host.agent.stop("stopped");
    const state = await host.finished("stopped");
    expect(state).toMatchObject({
      kind: "done",
      result: {
        units: [{ name: "server", outcome: "stopped", exitCode: 3 }],
        failure: { class: "cancelled", message: "stopped before its end" },
      },
    });
    expect(host.read("attempts/p.t0.a1/server.out")).toBe("up\nbye\n");
  });

  it("gives up at the step's deadline", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "deadline",
        deadlineAt: Date.now() + 200 + 8 * (await host.pace()), // long enough for its start
        units: [unitFixture({ name: "long", script: "sleep 600" })],
      }),
    );
    expect(result.failure).toMatchObject({ class: "timeout", message: "the step's deadline passed" });
    expect(result.units[0]).toMatchObject({ outcome: "stopped", signal: "TERM" });
  });

  it("samples and watches every command, also where the sampler ended before it", async () => {
    const sampler = `"${join(host.root, ".state/attempts/attempts%p.t0.a1/sampler")}"`;
    const result = await host.run(
      stepFixture({
        stepId: "sampled",
        units: [
          unitFixture({
            name: "ends-it",
            script: `until read -r owner <${sampler} && pid=\${owner%%.*} && [ -d "/proc/$pid" ]; do sleep 0.02; done
              kill -KILL "-$pid" || kill -KILL "$pid"; while grep -qs . /proc/$pid/cmdline; do sleep 0.02; done; echo $pid >ended`,
          }),
          unitFixture({
            name: "has-one",
            timeoutMs: 60_000,
            script: `until read -r owner <${sampler} && [ "\${owner%%.*}" != "$(cat ended)" ] &&
              [ -d "/proc/\${owner%%.*}" ]; do sleep 0.02; done`,
          }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
  });
});

describe("supervisor: commands of a step, for a caller without a session", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await openTestHost();
  });
  afterAll(() => host.close());

  it("answers a wait as soon as the step is done, and with its state when the time is over", async () => {
    const unit = unitFixture({ name: "w", script: "until [ -e go-on ]; do sleep 0.02; done" });
    await host.agent.arm(stepFixture({ stepId: "waits", units: [unit] }));
    await eventually(async () => (await host.agent.status("waits")).kind === "running");
    expect(await host.agent.wait("waits", 100)).toMatchObject({ kind: "running" });
    const waiters = (): number => readdirSync(host.ofStep("waits", "waiters")).length;
    const before = waiters();
    const waiting = host.agent.wait("waits", 600_000);
    await eventually(() => waiters() > before);
    writeFileSync(join(host.root, "attempts/p.t0.a1/go-on"), "");
    expect(await waiting).toMatchObject({ kind: "done" });
    expect(await host.agent.wait("nobody-armed-this", 600_000)).toEqual({ kind: "unknown" });
  });

  it("survives its caller: a connection cut while it runs takes nothing with it", async () => {
    await host.agent.arm(
      stepFixture({
        stepId: "detached",
        units: [unitFixture({ name: "d", script: "until [ -e was-cut ]; do sleep 0.02; done; echo whole" })],
      }),
    );
    const waiting = host.agent.wait("detached", 600_000).then(
      () => "answered",
      (error: unknown) => (error instanceof Error ? error.name : "not an error"),
    );
    await host.agent.status("detached");
    host.transport.cut();
    expect(await waiting).toBe("TransportFailure");
    writeFileSync(join(host.root, "attempts/p.t0.a1/was-cut"), "");
    expect(await host.finished("detached")).toMatchObject({ kind: "done", result: { units: [{ exitCode: 0 }] } });
    expect(readFileSync(join(host.root, "attempts/p.t0.a1/d.out"), "utf8")).toBe("whole\n");
  });
});
