import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture } from "./test-host.ts";

const fence = (epoch: number, attempt: number) => ({ runId: "run-1", epoch, attempt });
/** Zombies don't count: whether somebody reaps orphans is the machine's affair. */
const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
};

describe("supervisor: one step, one owner", () => {
  let host: TestHost;
  beforeEach(async () => {
    host = await openTestHost();
  });
  afterEach(() => host.close());

  it.each(["a new fence", "the fence that stands"])(
    "arms once for %s, however concurrently it is asked",
    async (which) => {
      if (which === "the fence that stands") await host.run(stepFixture({ stepId: "before" }));
      const step = stepFixture({
        stepId: "once",
        units: [unitFixture({ name: "u", script: 'echo started >>"$REPRISE_ATTEMPT_DIR/starts"; sleep 0.2' })],
      });
      const answers = await Promise.all([1, 2, 3, 4].map(() => host.agent.arm(step)));
      expect(answers.map((answer) => answer.kind).sort()).toEqual(["already", "already", "already", "armed"]);
      await host.finished("once");
      expect(await host.agent.arm(step)).toEqual({ kind: "already" });
      expect(await host.agent.status("once")).toMatchObject({ kind: "done" });
      expect(host.read("attempts/p.t0.a1/starts")).toBe("started\n");
    },
  );

  it("refuses an older fence and names the newer one", async () => {
    await host.run(stepFixture({ stepId: "new", fence: fence(2, 1) }));
    const by = fence(2, 1);
    expect(await host.agent.arm(stepFixture({ stepId: "old", fence: fence(1, 9) }))).toEqual({
      kind: "superseded",
      by,
    });
    expect(await host.agent.arm(stepFixture({ stepId: "old", fence: fence(2, 0) }))).toEqual({
      kind: "superseded",
      by,
    });
    expect(await host.agent.status("old")).toEqual({ kind: "unknown" });
    await expect(
      host.agent.arm(stepFixture({ stepId: "foreign", fence: { runId: "run-2", epoch: 9, attempt: 9 } })),
    ).rejects.toMatchObject({ name: "InvalidFailure" });
  });

  it("ends all of an older attempt, escaped daemons too, before a newer one starts", async () => {
    const daemon = `(setsid sh -c 'trap "" TERM; echo $$ >daemon.pid; exec sleep 60' >/dev/null 2>&1 </dev/null &)`;
    await host.agent.arm(
      stepFixture({
        stepId: "older",
        units: [
          unitFixture({ name: "forks", script: `${daemon}\nwhile [ ! -s daemon.pid ]; do sleep 0.01; done` }),
          unitFixture({ name: "blocks", script: "trap '' TERM; echo $$ >blocks.pid; sleep 60; sleep 60" }),
        ],
      }),
    );
    const pid = (name: string): number => Number(host.read(`attempts/p.t0.a1/${name}.pid`));
    while (!host.read(".state/names/older") || (await host.agent.outputs("older")).length < 4);
    await eventually(() => pid("blocks") > 0);
    const [daemonPid, blocksPid] = [pid("daemon"), pid("blocks")];
    expect([daemonPid, blocksPid].map(isAlive)).toEqual([true, true]);

    const result = await host.run(
      stepFixture({
        stepId: "newer",
        fence: fence(1, 2),
        attemptDir: "attempts/p.t0.a2",
        units: [
          unitFixture({
            name: "look",
            script: `grep -qs . /proc/${daemonPid}/cmdline /proc/${blocksPid}/cmdline || echo both gone`,
          }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    expect(host.read("attempts/p.t0.a2/look.out")).toBe("both gone\n");
    expect(await host.agent.status("older")).toEqual({ kind: "superseded", by: fence(1, 2) });
    expect(await host.agent.wait("older", 5_000)).toMatchObject({ kind: "superseded" });
    expect(await host.agent.arm(stepFixture({ stepId: "older" }))).toMatchObject({ kind: "superseded" });
  });

  it.each(["its cgroup", "its folder"])("finds a daemon that wiped its environment by %s", async (means) => {
    if (means === "its folder") withoutCgroups(host);
    const escape = `env -i setsid sh -c 'echo $$ >bare.pid; exec sleep 60' >/dev/null 2>&1 </dev/null &`;
    await host.run(
      stepFixture({
        stepId: "bare",
        units: [unitFixture({ name: "b", script: `${escape}\nwhile [ ! -s bare.pid ]; do sleep 0.01; done` })],
      }),
    );
    const pid = Number(host.read("attempts/p.t0.a1/bare.pid"));
    expect(isAlive(pid)).toBe(true);
    await host.run(stepFixture({ stepId: "reset", fence: fence(1, 2), attemptDir: "attempts/p.t0.a2", resets: true }));
    expect(isAlive(pid)).toBe(false);
  });

  it("searches ahead of the next reset, whose own search is spared only if nothing was started since", async () => {
    const daemon = (name: string): string =>
      `(setsid sh -c 'echo $$ >${name}.pid; exec sleep 60' >/dev/null 2>&1 </dev/null &)\nuntil [ -s ${name}.pid ]; do sleep 0.01; done`;
    const started = (): string => host.read(".state/started").trim();
    const swept = (): string => host.read(".state/swept").trim().split(" ").slice(1).join(" ");
    const step = (stepId: string, script?: string) =>
      stepFixture({ stepId, units: script === undefined ? [] : [unitFixture({ name: "u", script })] });

    await host.run(step("first", "true"));
    // A search that meets something just ending vouches for nothing: then that of a later step does.
    let looks = 0;
    await eventually(async () => {
      if (looks++ % 100 === 0) await host.run({ ...step(`collect-${looks}`), stops: "all" });
      return existsSync(join(host.root, ".state/swept")) && swept() === started();
    });
    // What was found then says nothing of what came after.
    await host.run(step("forks", daemon("late")));
    expect(swept()).not.toBe(started());
    const late = Number(host.read("attempts/p.t0.a1/late.pid"));
    expect(isAlive(late)).toBe(true);
    await host.run({ ...step("reset"), resets: true });
    expect(isAlive(late)).toBe(false);

    // A search that finds something vouches for nothing.
    await host.run(step("forks-again", daemon("early")));
    const early = Number(host.read("attempts/p.t0.a1/early.pid"));
    await host.run({ ...step("collect-again"), stops: "all" });
    expect(isAlive(early)).toBe(true);
    await host.run({ ...step("reset-again"), resets: true });
    expect(isAlive(early)).toBe(false);
  });

  it("doesn't take a step whose text came torn", async () => {
    const script = join(host.root, "supervisor.sh");
    const torn = spawnSync("sh", [script, "arm", "torn", "0".repeat(64)], { input: "step_format='1'\nstep_id='to" });
    expect([torn.status, String(torn.stderr)]).toEqual([65, expect.stringContaining("arrived torn") as string]);
    expect(await host.agent.status("torn")).toEqual({ kind: "unknown" });
  });

  it("reports a step whose supervisor was killed, and leaves nothing of it running", async () => {
    await host.agent.arm(
      stepFixture({
        stepId: "orphan",
        units: [unitFixture({ name: "o", script: "echo begun; sleep 60" })],
        collect: [{ glob: "*.out", required: true }],
      }),
    );
    await eventually(() => host.read("attempts/p.t0.a1/o.out") === "begun\n");
    process.kill(Number(readFileSync(host.ofStep("orphan", "runner"), "utf8").split(".")[0]), "SIGKILL");
    // Nobody asks: the sampler of the attempt finds out by itself.
    await eventually(() => readFileSync(host.ofStep("orphan", "result.json")).length > 0);
    expect(await host.agent.status("orphan")).toMatchObject({
      kind: "done",
      result: {
        failure: { class: "defect", message: "the supervisor of this step was killed" },
        units: [{ name: "o", outcome: "stopped", signal: "TERM" }],
        artifacts: [{ path: "o.out", bytes: 6 }],
      },
    });
    await eventually(() => host.processes().length === 0);
  });

  it("reports a step that a reboot cut short", async () => {
    await host.agent.arm(stepFixture({ stepId: "cut", units: [unitFixture({ name: "c", script: "sleep 60" })] }));
    const folder = host.ofStep("cut");
    await eventually(() => readFileSync(join(folder, "units/c/pid"), "utf8").includes("\n"));
    // As after a reboot: no process left, and records that carry another boot's id.
    await eventually(() => {
      const pids = host.processes();
      for (const pid of pids) process.kill(pid, "SIGKILL");
      return pids.length === 0;
    });
    appendFileSync(join(folder, "step.sh"), "step_boot='another-boot'\n");
    const stranger = `${process.pid} 1`;
    writeFileSync(join(folder, "units/c/pid"), `${stranger}\n`); // its pid belongs to somebody else now
    expect(await host.finished("cut")).toMatchObject({
      kind: "done",
      result: { failure: { class: "boot", message: "host rebooted" }, units: [{ name: "c", outcome: "stopped" }] },
    });
  });

  it("takes over a lock whose holder died", async () => {
    await host.run(stepFixture({ stepId: "first" }));
    const dead = spawnSync("sh", [
      "-c",
      `echo "$$.1.$(cat /proc/sys/kernel/random/boot_id)" >'${host.root}/.state/lock'`,
    ]);
    expect(dead.status).toBe(0);
    expect(await host.agent.arm(stepFixture({ stepId: "second" }))).toEqual({ kind: "armed" });
  });

  it("removes everything, says so, and may be asked again", async () => {
    await host.agent.arm(
      stepFixture({ stepId: "busy", units: [unitFixture({ name: "b", script: "trap '' TERM; sleep 60; sleep 60" })] }),
    );
    await host.agent.putFile("bundle/data.bin", new Uint8Array([0, 1, 2]), "600");
    expect(await host.agent.remove()).toEqual({ left: [] });
    expect(host.processes()).toEqual([]);
    expect(existsSync(dirname(host.root))).toBe(false);
    expect(await host.agent.remove()).toEqual({ left: [] });
    expect(await host.agent.status("busy")).toEqual({ kind: "unknown" });
  });

  it("says what it could not remove", async () => {
    await host.run(stepFixture({ stepId: "s" }));
    const kept = join(host.root, "attempts", "mounted");
    // Root passes by a folder's mode, others may not set flags.
    spawnSync("sh", ["-c", `mkdir -p '${kept}/inner' && chmod 500 '${kept}'; chattr +i '${kept}'`]);
    const { left } = await host.agent.remove();
    spawnSync("sh", ["-c", `chattr -i '${kept}'; chmod 700 '${kept}'`]);
    expect(left).toContain(kept);
  });
});

/** As on a host where we may not write to any cgroup. */
function withoutCgroups(host: TestHost): void {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  writeFileSync(join(host.root, ".state/cgroup"), `${bootId} - -\n`);
}
