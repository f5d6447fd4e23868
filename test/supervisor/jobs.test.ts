import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture, ways } from "./test-host.ts";

const attempt = "attempts/p.t0.a1";
const job = (name: string, script: string) => unitFixture({ name, kind: "job", script });

describe.each(ways)("supervisor: jobs, by %s", (way) => {
  let host: TestHost;
  beforeAll(async () => {
    host = await openTestHost({ session: way === "a session" });
  });
  afterAll(() => host.close());

  it("start together at the agreed instant, and say by how much they were late", async () => {
    const units = ["a", "b", "c"].map((name) => job(name, `date +%s%N; echo $REPRISE_START_AT`));
    expect(await host.agent.arm(stepFixture({ stepId: "go", waitsForGo: true, units }))).toEqual({ kind: "armed" });
    expect(await host.agent.wait("go", 200)).toEqual({ kind: "armed" });
    expect(existsSync(join(host.root, attempt, "a.out"))).toBe(true); // all prepared, nothing begun
    const paceMs = await host.pace();
    const startAt = Date.now() + 200 + 5 * paceMs;
    await host.agent.go("go", startAt);
    await host.agent.go("go", startAt + 60_000); // a repeated go changes nothing
    const state = await host.finished("go");
    if (state.kind !== "done") throw new Error(state.kind);
    expect(state.result.startedAt).toBeGreaterThanOrEqual(startAt);
    expect(state.result.startLateMs).toBe(state.result.startedAt - startAt);
    // Idle it is 1 to 3 ms: far less than any step takes.
    expect(state.result.startLateMs).toBeLessThan(300 + 5 * paceMs);
    for (const name of ["a", "b", "c"]) {
      const [at, agreed] = host.read(`${attempt}/${name}.out`).split("\n");
      expect(Number(at) / 1e6).toBeGreaterThanOrEqual(startAt);
      expect(agreed).toBe(String(startAt));
    }
    await expect(host.agent.go("never-armed", startAt)).rejects.toMatchObject({ name: "BootFailure" });
  });

  it("say how late they are when go comes after its instant", async () => {
    await host.agent.arm(stepFixture({ stepId: "late", waitsForGo: true, units: [job("l", "true")] }));
    await host.agent.go("late", Date.now() - 5_000);
    const state = await host.finished("late");
    if (state.kind !== "done") throw new Error(state.kind);
    expect(state.result.failure).toBeUndefined();
    expect(state.result.startLateMs).toBeGreaterThanOrEqual(5_000);
  });

  it("can be stopped while they wait for go", async () => {
    await host.agent.arm(stepFixture({ stepId: "nogo", waitsForGo: true, units: [job("n", "touch ran")] }));
    await host.agent.stop("nogo");
    const state = await host.finished("nogo");
    expect(state).toMatchObject({
      kind: "done",
      result: { failure: { class: "cancelled" }, units: [{ outcome: "notStarted" }] },
    });
  });

  it("end together: one that fails takes the others with it", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "fails",
        units: [job("good", "echo working; sleep 60"), job("bad", "echo boom >&2; sleep 0.1; exit 7")],
      }),
    );
    expect(result.failure).toMatchObject({ class: "command", message: "job bad: exit code 7: boom" });
    expect(result.units).toMatchObject([
      { name: "good", outcome: "stopped", signal: "TERM" },
      { name: "bad", outcome: "exited", exitCode: 7 },
    ]);
  });

  it("leave no process behind, and what they did leave is named", async () => {
    const result = await host.run(
      stepFixture({ stepId: "leaves", units: [job("leaves", "setsid sleep 60 >/dev/null 2>&1 & sleep 0.1")] }),
    );
    expect(result.failure).toBeUndefined();
    expect(result.warnings).toEqual([
      expect.stringMatching(/^leaves: left processes behind, which were ended: pid \d+/),
    ]);
    await eventually(() => host.busy().length === 0);
  });

  it("are sampled each second, with the host, by one row each", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "sampled",
        resets: true, // an empty folder: samples of this step alone
        units: [
          // A given amount of work rather than of time: other processes share these CPUs.
          job("busy", "#!/usr/bin/env node\nwhile (process.cpuUsage().user < 500_000);\nsetTimeout(() => {}, 1_200);"),
          job("idle", "sleep 2.2"),
        ],
        collect: [{ glob: "samples.csv", required: true }],
      }),
    );
    expect(result.failure).toBeUndefined();
    const [header, ...rows] = host.read(`${attempt}/samples.csv`).trim().split("\n");
    expect(header).toBe(
      "timeMs,scope,cpuUserSec,cpuSystemSec,cpuIdleSec,cpuIowaitSec,cpuStealSec,memoryUsedBytes," +
        "memoryAvailableBytes,swapUsedBytes,netReceivedBytes,netSentBytes,loopbackSentBytes,diskReadBytes," +
        "diskWrittenBytes,processes,load1",
    );
    const cells = rows.map((row) => row.split(","));
    expect(new Set(cells.map((row) => row.length))).toEqual(new Set([17]));
    const of = (scope: string): string[][] => cells.filter((row) => row[1] === scope);
    const hostRows = of("host");
    expect(hostRows.length).toBeGreaterThanOrEqual(3);
    const last = hostRows.at(-1)!;
    for (const [index, row] of hostRows.entries()) {
      if (index === 0) continue;
      const previous = hostRows[index - 1]!;
      expect(Number(row[0])).toBeGreaterThan(Number(previous[0]));
      expect(Number(row[2])).toBeGreaterThanOrEqual(Number(previous[2])); // counters grow
    }
    expect(Number(hostRows[0]![0])).toBeGreaterThanOrEqual(result.startedAt - 1_000);
    expect(Number(last[0])).toBeLessThanOrEqual(result.endedAt);
    expect(Number(last[7])).toBeGreaterThan(10_000_000);
    const cpu = (scope: string): number => Math.max(...of(scope).map((row) => Number(row[2]) + Number(row[3])));
    expect(of("idle").length).toBeGreaterThanOrEqual(2);
    expect(cpu("busy")).toBeGreaterThan(0.45);
    expect(cpu("idle")).toBeLessThan(0.2);
    expect(Number(of("idle")[0]![7])).toBeGreaterThan(100_000);
    expect(result.artifacts.map((file) => file.path)).toEqual(["samples.csv"]);
  });

  it("keep the head of a log that passes its limit, while it grows too, and say what was cut", async () => {
    await host.agent.arm(
      stepFixture({
        stepId: "floods",
        units: [
          {
            ...job("flood", `head -c 500 /dev/zero | tr '\\0' a\nwhile :; do printf '%4000s\\n' b; done`),
            limits: { logBytes: 1_000_000 },
          },
        ],
      }),
    );
    const size = (): number => statSync(join(host.root, attempt, "flood.out")).size;
    await eventually(() => existsSync(join(host.root, ".state/attempts/attempts%p.t0.a1/cut/flood.out")));
    const cuts = (): number =>
      Number(readFileSync(join(host.root, ".state/attempts/attempts%p.t0.a1/cut/flood.out"), "utf8").split(" ")[0]);
    const first = cuts();
    await eventually(() => cuts() > first);
    await host.agent.stop("floods");
    const state = await host.finished("floods");
    if (state.kind !== "done") throw new Error(state.kind);
    expect(size()).toBe(1_000_000);
    expect(host.read(`${attempt}/flood.out`).startsWith("a".repeat(500))).toBe(true);
    const [warning] = state.result.warnings;
    expect(warning).toMatch(/^flood\.out: cut at 1000000 bytes; at least \d+ more were written$/);
  });

  it("stay on the CPUs they are given, and below their memory limit where the host has cgroups", async () => {
    const limited = await host.run(
      stepFixture({
        stepId: "cpus",
        units: [{ ...job("bound", "grep Cpus_allowed_list /proc/self/status"), limits: { cpus: "1" } }],
      }),
    );
    expect(limited.warnings).toEqual([]);
    expect(host.read(`${attempt}/bound.out`)).toMatch(/:\s*1\n$/);

    const eats = `#!/usr/bin/env node\nconst kept = []; for (;;) kept.push(Buffer.alloc(8_000_000, 1));`;
    const result = await host.run(
      stepFixture({
        stepId: "memory",
        units: [
          { ...job("eats", eats), timeoutMs: 20_000, limits: { memoryBytes: 200_000_000, swapBytes: 0, cpus: "0" } },
        ],
      }),
    );
    const warned = result.warnings.some((text) => text.startsWith("eats: no memory limit"));
    if (!warned)
      expect(result.failure?.message).toBe("job eats: killed by the kernel: over its memory limit of 200000000 bytes");
    else expect(result.failure?.class).toBe("timeout");
  });

  it("are held there by what the result names: a cpuset that they can't leave, or a mask that they can change", async () => {
    const { units } = await host.run(
      stepFixture({
        stepId: "escapes",
        units: [
          {
            ...job("escapes", "taskset -cp 0,1 $$ >/dev/null; grep Cpus_allowed_list /proc/self/status"),
            limits: { cpus: "1" },
          },
          job("free", "true"),
        ],
      }),
    );
    const [escapes, free] = units;
    expect(escapes?.pinned?.cpus).toBe("1");
    expect(host.read(`${attempt}/escapes.out`)).toMatch(escapes?.pinned?.by === "cpuset" ? /:\s*1\n$/ : /:\s*0-1\n$/);
    expect(free?.pinned).toBeUndefined();
  });

  it("say so where a memory limit can't be kept", async () => {
    const bare = await openTestHost({ session: way === "a session" });
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    writeFileSync(join(bare.root, ".state/cgroup"), `${bootId} - -\n`);
    const result = await bare.run(
      stepFixture({
        stepId: "nocgroup",
        units: [{ ...job("free", "true"), limits: { memoryBytes: 1_000_000_000 } }],
      }),
    );
    await bare.close();
    expect(result.warnings).toEqual(["free: no memory limit: this host has no cgroup that we may write"]);
  });
});
