import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ShellAgent, readSupervisorFiles } from "../../transports/agent/index.ts";
import type { TestHost } from "./test-host.ts";
import { clock, eventually, openTestHost, stepFixture, unitFixture } from "./test-host.ts";

const attempt = "attempts/p.t0.a1";
const verbsOf = (host: TestHost): string[] => host.transport.started.map((argv) => argv[5] ?? "");

describe("supervisor: a session", () => {
  let host: TestHost;
  beforeEach(async () => {
    host = await openTestHost({ session: true });
    host.transport.started.length = 0;
  });
  afterEach(() => host.close());

  const state = (path: string): string => host.read(join(".state", path));
  const ownerOf = (path: string): number => Number(state(path).split(".")[0]);

  it("runs step after step by one call, and sends what they left", async () => {
    mkdirSync(join(host.root, attempt), { recursive: true });
    writeFileSync(join(host.root, attempt, "large.txt"), "z".repeat(70_000));
    const collect = [{ glob: "*", required: true }];
    const script = `printf '%s\\n' "it's" '$HOME' '' >>"$REPRISE_ATTEMPT_DIR/few"; cat "$REPRISE_ATTEMPT_DIR/few"`;
    for (let n = 1; n <= 12; n++) {
      const stepId = `s${n}`;
      const result = await host.run(stepFixture({ stepId, units: [unitFixture({ name: "u", script })], collect }));
      expect(result.failure).toBeUndefined();
      const few = result.artifacts.find(({ path }) => path === "few");
      const read: Uint8Array[] = [];
      for await (const chunk of host.agent.read(attempt, "few", 0)) read.push(chunk);
      expect(Buffer.concat(read).toString()).toBe("it's\n$HOME\n\n".repeat(n));
      expect(Buffer.concat(read)).toHaveLength(few?.bytes ?? 0);
      await host.agent.acknowledge(stepId);
    }
    expect(verbsOf(host)).toEqual(["serve"]);
    // Each acknowledgement came with the next step.
    const acknowledged = (stepId: string): boolean => host.read(`.state/names/${stepId}`).includes(" a\n");
    expect(["s11", "s12"].map(acknowledged)).toEqual([true, false]);
  });

  it("forgets steps that are over and acknowledged, however many each trial has", async () => {
    for (let trial = 1; trial <= 8; trial++) {
      const common = { fence: { runId: "run-1", epoch: 1, attempt: trial }, attemptDir: `attempts/p.t0.a${trial}` };
      for (const name of ["reset", "services", "jobs", "collect"]) {
        const stepId = `a${trial}.${name}`;
        await host.run(stepFixture({ ...common, stepId, resets: name === "reset" }));
        await host.agent.acknowledge(stepId);
      }
    }
    // Those of the last trial, and of what the host was prepared by; besides them there are folders for steps to come.
    expect(readdirSync(join(host.root, ".state/names")).length).toBeLessThanOrEqual(2 * 4);
    expect(readdirSync(join(host.root, ".state/steps")).length).toBeLessThanOrEqual(2 * 4 + 8 + 12);
  });

  it("tells how far outputs and declared files are, and reads them, by the same call", async () => {
    const script =
      "printf 'a\\nb'; mkdir -p deep; printf 'x,y\\n' >deep/rows.csv; printf 'no end' >other; exec sleep 600";
    const units = [unitFixture({ name: "j", kind: "job", script, timeoutMs: 600_000 })];
    await host.agent.arm(stepFixture({ stepId: "grows", units, live: ["deep/*.csv"] }));
    await eventually(() => host.read(`${attempt}/other`) === "no end");
    const outputs = await host.agent.outputs("grows");
    expect(outputs.map(({ path, bytes }) => [path, bytes])).toEqual([["deep/rows.csv", 4], ["j.err", 0], ["j.out", 3]]); // prettier-ignore
    const read = async (path: string, from: number, limit: number): Promise<string> => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of host.agent.read(attempt, path, from, limit)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    expect(await read("j.out", 0, 3)).toBe("a\nb");
    expect(await read("j.out", 2, 100)).toBe("b");
    expect(await read("deep/rows.csv", 1, 2)).toBe(",y");
    await expect(read("absent", 0, 1)).rejects.toMatchObject({ failure: { class: "collect" } });
    await host.agent.stop("grows");
    await host.finished("grows");
    expect(verbsOf(host).filter((verb) => verb === "serve" || verb === "outputs")).toEqual(["serve"]);
  });

  it("says when all is prepared, and goes then", async () => {
    const step = stepFixture({
      stepId: "go",
      waitsForGo: true,
      units: [unitFixture({ name: "j", kind: "job", script: 'echo "$REPRISE_START_AT"' })],
    });
    expect(await host.agent.arm(step)).toEqual({ kind: "armed" });
    expect(readdirSync(host.ofStep("go"))).toContain("prepared");
    const { offsetMs } = await host.agent.clockOffset();
    const startAt = Math.round(Date.now() + offsetMs) + 200;
    await host.agent.go("go", startAt);
    await host.finished("go");
    expect(host.read(`${attempt}/j.out`)).toBe(`${startAt}\n`);
    expect(verbsOf(host)).toEqual(["serve"]);
  });

  it("answers for steps that were armed before, or superseded", async () => {
    const step = stepFixture({ stepId: "once" });
    await host.run(step);
    expect(await host.agent.arm(step)).toEqual({ kind: "already" });
    expect(await host.finished("once")).toMatchObject({ kind: "done" });
    const newer = { runId: "run-1", epoch: 2, attempt: 1 };
    await host.run(stepFixture({ stepId: "newer", fence: newer }));
    expect(await host.agent.arm(stepFixture({ stepId: "older" }))).toEqual({ kind: "superseded", by: newer });
    await expect(
      host.agent.arm(stepFixture({ stepId: "foreign", fence: { ...newer, runId: "run-2" } })),
    ).rejects.toMatchObject({ failure: { class: "invalid" } });
    expect(verbsOf(host)).toEqual(["serve"]);
  });

  it("may be cut at any time: steps go on, and the next step begins another", async () => {
    const script = 'sleep 0.3; echo "$REPRISE_UNIT" >>"$REPRISE_ATTEMPT_DIR/ran"';
    for (const stepId of ["a", "b", "c"]) {
      await host.agent.arm(stepFixture({ stepId, units: [unitFixture({ name: stepId, script })] }));
      host.transport.cut();
      expect(await host.finished(stepId)).toMatchObject({ kind: "done", result: { units: [{ exitCode: 0 }] } });
    }
    expect(host.read(`${attempt}/ran`)).toBe("a\nb\nc\n");
    expect(verbsOf(host).filter((verb) => verb === "serve")).toHaveLength(3);
    await host.run(stepFixture({ stepId: "d" }));
    // What the cut ones left is gone with the next.
    expect(readdirSync(join(host.root, ".state/sessions"))).toHaveLength(1);
  });

  it("reminds steps of their far timeouts, and leaves them timers of their own when it ends", async () => {
    const other = await openTestHost({ session: true });
    try {
      const units = [unitFixture({ name: "j", kind: "job", script: "exec sleep 600", timeoutMs: 6_500 })];
      await Promise.all([host, other].map(({ agent }) => agent.arm(stepFixture({ stepId: "far", units }))));
      await eventually(() => readdirSync(other.ofStep("far", "units/j")).includes("pid"));
      other.transport.cut();
      const ends = await Promise.all([host, other].map((each) => each.finished("far")));
      for (const end of ends) expect(end).toMatchObject({ kind: "done", result: { units: [{ outcome: "timedOut" }] } });
    } finally {
      await other.close();
    }
  }, 60_000);

  it("finds another to run a step when what starts its steps was killed", async () => {
    await host.run(stepFixture({ stepId: "first" }));
    const [session = ""] = readdirSync(join(host.root, ".state/sessions"));
    expect(Number(session.split(".")[1])).toBe(ownerOf(`sessions/${session}/owner`));
    const isSpool = (pid: number | string): boolean =>
      readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("\0_spool\0");
    const parentOf = (pid: number): string =>
      /\) \S+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? "";
    // Not its forks, which keep units.
    const spool = host.processes().filter((pid) => isSpool(pid) && !isSpool(parentOf(pid)));
    expect(spool).toHaveLength(1);
    for (const pid of spool) process.kill(pid, "SIGKILL");
    await host.run(stepFixture({ stepId: "second", units: [unitFixture({ name: "u", script: "true" })] }));
    expect(verbsOf(host)).toEqual(["serve"]);
  });

  it("hears of a step whose runner was killed, and nothing of that is left", async () => {
    const service = unitFixture({ name: "s", kind: "service", script: "exec sleep 600", timeoutMs: 600_000 });
    const job = unitFixture({ name: "j", kind: "job", script: "exec sleep 600", timeoutMs: 600_000 });
    await host.agent.arm(stepFixture({ stepId: "killed", units: [service, job] }));
    await eventually(() => readdirSync(host.ofStep("killed", "units/j")).includes("pid"));
    process.kill(parseInt(readFileSync(host.ofStep("killed", "runner"), "utf8")), "SIGKILL");
    expect(await host.finished("killed")).toMatchObject({
      kind: "done",
      result: { failure: { class: "defect", message: "the supervisor of this step was killed" } },
    });
    await host.agent.remove();
    await eventually(() => host.processes().length === 0);
  });

  it("ends when somebody else removes the root, though its caller is still there", async () => {
    await host.run(stepFixture({ stepId: "first" }));
    const other = new ShellAgent(
      {
        host: { host: "server-0", address: "127.0.0.1", port: 22, user: "me", hostKey: "SHA256:none" },
        root: host.root,
      },
      { transport: host.transport, clock, files: await readSupervisorFiles() },
    );
    expect(await other.remove()).toEqual({ left: [] });
    await eventually(() => host.processes().length === 0);
  });

  it("leaves nothing behind when it is closed, or its caller goes", async () => {
    const running = stepFixture({ stepId: "r", units: [unitFixture({ name: "u", script: "sleep 0.1" })] });
    await host.run(running);
    host.transport.cut();
    await eventually(() => host.processes().length === 0);
  });
});
