// Needs a cgroup v2 that we may write, and util-linux' setsid.
import { chmodSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { StepResult, Unit } from "../../core/ports/host-agent.ts";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture } from "./test-host.ts";

const attempt = "attempts/p.t0.a1";

describe("supervisor: launchers", () => {
  let host: TestHost;
  beforeEach(async () => {
    host = await openTestHost({ session: true });
  });
  afterEach(() => host.close());

  const launchers = (): string => join(host.root, ".state/launchers");
  const having = (file: string): string[] =>
    readdirSync(launchers()).filter((name) => existsSync(join(launchers(), name, file)));
  const free = (): string[] => having("owner").filter((name) => !having("claim").includes(name));
  const groupOf = (stepId: string, unit: string): string =>
    readFileSync(host.ofStep(stepId, `units/${unit}/marker`), "utf8")
      .trim()
      .split(" ")[1] ?? "";
  /** A session begins with the first step. */
  const warmUp = async (stepId = "first"): Promise<void> => {
    await host.run(stepFixture({ stepId, units: [unitFixture({ name: "u", script: "true" })] }));
    await eventually(() => free().length > 0);
  };
  const runOne = async (stepId: string, unit: Partial<Unit> & Pick<Unit, "script">): Promise<StepResult> => {
    const result = await host.run(stepFixture({ stepId, units: [unitFixture({ name: "u", ...unit })] }));
    expect(groupOf(stepId, "u")).toMatch(/^l\./);
    return result;
  };

  it("give a unit the surroundings that it has without one", async () => {
    const script = `{ env | sort; umask; ulimit -a; ls /proc/self/fd; ps -o sid= -p $$ | grep -c -w $$; tty; pwd; cat; } >seen`;
    const seen = (where: TestHost): string =>
      where
        .read(`${attempt}/seen`)
        .replaceAll(join(where.root, "../.."), "HOME")
        .replaceAll(where.read(".state/id").trim(), "ID")
        .replace(/^REPRISE_START_AT=\d{13}$/m, "START");
    await warmUp();
    await runOne("same", { script, env: { MINE: "it's" } });
    const plain = await openTestHost();
    try {
      await plain.run(
        stepFixture({ stepId: "same", units: [unitFixture({ name: "u", script, env: { MINE: "it's" } })] }),
      );
      expect(seen(host)).toBe(seen(plain));
    } finally {
      await plain.close();
    }
    expect(seen(host)).toMatch(/^START$/m);
  });

  it("have a unit in its group from its first instruction, with its limits, user, code and signal", async () => {
    for (const up of ["..", "../.."]) chmodSync(join(host.root, up), 0o755);
    await warmUp();
    const grouped = await runOne("grouped", { script: "cat /proc/self/cgroup; id -un; exit 143", user: "nobody" });
    expect(grouped.units[0]).toMatchObject({ outcome: "exited", exitCode: 143 });
    expect(host.read(`${attempt}/u.out`)).toMatch(new RegExp(`/${groupOf("grouped", "u")}\\n[^]*nobody\\n$`));
    await eventually(() => free().length > 0);
    const killed = await runOne("killed", { script: "kill -KILL $$", limits: { cpus: "1" } });
    expect(killed.units[0]).toMatchObject({ signal: "KILL", pinned: { by: "cpuset", cpus: "1" } });
    await eventually(() => free().length > 0);
    const eats = `#!/usr/bin/env node\nconst kept = []; for (;;) kept.push(Buffer.alloc(8_000_000, 1));`;
    const large = await runOne("large", { script: eats, limits: { memoryBytes: 200_000_000, swapBytes: 0 } });
    expect(large.failure?.message).toMatch(/^command u: killed by the kernel: over its memory limit/);
  });

  it("are as many as units want, and let go what never started", async () => {
    await warmUp();
    const units = ["a", "b", "c", "d"].map((name) => unitFixture({ name, script: name === "b" ? "exit 3" : "true" }));
    for (const stepId of ["one", "two", "three"]) {
      const result = await host.run(stepFixture({ stepId, units }));
      expect(result.units.map(({ outcome }) => outcome)).toEqual(["exited", "exited", "notStarted", "notStarted"]);
      await eventually(() => free().length >= 2);
    }
    // Those that were taken for c and d have ended, so that only free ones and none other wait.
    const waiting = (): number[] =>
      host
        .processes()
        .filter((pid) => /^sh\0.*\/bin\/launcher\0/s.test(readFileSync(`/proc/${pid}/cmdline`, "latin1")));
    await eventually(() => waiting().length === free().length && free().length <= 8);
  });

  it("leave neither folders nor groups behind, however many attempts there are", async () => {
    for (let trial = 1; trial <= 24; trial++) {
      const common = { fence: { runId: "run-1", epoch: 1, attempt: trial }, attemptDir: `attempts/p.t0.a${trial}` };
      await host.run(stepFixture({ ...common, stepId: `${trial}.reset`, resets: true }));
      const job = unitFixture({ name: "j", kind: "job", script: "true" });
      await host.run(stepFixture({ ...common, stepId: `${trial}.jobs`, units: [job] }));
      await host.run(stepFixture({ ...common, stepId: `${trial}.collect`, stops: "all" }));
      await host.agent.acknowledge(`${trial}.collect`);
    }
    const [, group = ""] = host.read(".state/cgroup").split(" ");
    expect(having("claim").length).toBeGreaterThan(0);
    expect(readdirSync(launchers()).length).toBeLessThanOrEqual(3 * 8);
    expect(readdirSync(group).filter((name) => name.startsWith("l.")).length).toBeLessThanOrEqual(3 * 8);
  });

  it("end with the session that made them, also where it was killed", async () => {
    await warmUp();
    host.transport.cut();
    await eventually(() => host.processes().length === 0);
    await warmUp("second");
    for (const pid of host.processes()) {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      if (/\0(serve|_spool)\0/.test(command)) process.kill(pid, "SIGKILL");
    }
    expect(host.processes().length).toBeGreaterThan(0); // launchers without a keeper
    await host.agent.prepare({});
    const before = free();
    await host.run(stepFixture({ stepId: "next", units: [unitFixture({ name: "u", script: "true" })] }));
    expect(before.filter((name) => free().includes(name))).toEqual([]);
  });
});
