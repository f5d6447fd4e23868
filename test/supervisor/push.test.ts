import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import type { HostStep } from "../../core/ports/host-agent.ts";
import { FakeEndpoint } from "./fake-endpoint.ts";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture } from "./test-host.ts";

const settings = { beatEveryMs: 100, liveEveryMs: 100, retryMs: 20, reportGraceMs: 10_000, partBytes: 1_000_000 };

const isZombie = (pid: string): boolean => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

describe("supervisor: push", () => {
  let endpoint: FakeEndpoint;
  let host: TestHost;
  const folders: string[] = [];

  beforeEach(async () => {
    endpoint = await FakeEndpoint.open();
  });
  afterEach(async () => {
    await host.close();
    await endpoint.close();
    expect(endpoint.leaks).toEqual([]);
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  const pushing = (overrides: Partial<HostStep> & Pick<HostStep, "stepId">): HostStep =>
    stepFixture({ push: { endpoint: endpoint.url, capability: "secret-capability" }, ...overrides });
  const produces = (stepId: string): HostStep =>
    pushing({
      stepId,
      units: [
        unitFixture({ name: "make", kind: "job", script: "echo hello; mkdir out; echo data >out/x.csv; : >empty.csv" }),
      ],
      collect: [
        { glob: "*.out", required: true },
        { glob: "**/*.csv", required: true },
      ],
    });
  const acknowledged = (stepId: string): Promise<void> =>
    eventually(() => readFileSync(host.ofStep(stepId, "acknowledged")).length === 0);

  /** A PATH with nothing but what the supervisor asks of a host, and the given commands. */
  function pathWith(...commands: string[]): string {
    const folder = mkdtempSync(join(tmpdir(), "reprise-path-"));
    folders.push(folder);
    for (const name of [...requiredCommands, ...commands]) {
      symlinkSync(execFileSync("which", [name], { encoding: "utf8" }).trim(), join(folder, name));
    }
    return folder;
  }

  it.each(["curl", "node"])("lands files, then reports, with %s", async (tool) => {
    host = await openTestHost({
      settings,
      env: tool === "node" ? { PATH: pathWith("node") } : {},
    });
    const result = await host.run(produces("lands"));
    await acknowledged("lands");
    expect(endpoint.reports).toEqual([result]);
    const samples = result.artifacts.find((file) => file.path === "samples.csv");
    expect(result.artifacts.map((file) => file.path)).toEqual(["empty.csv", "make.out", "out/x.csv", "samples.csv"]);
    for (const file of result.artifacts) {
      const landed = endpoint.landed.get(file.path);
      expect(sha256Hex(landed!.body)).toBe(file.sha256);
      expect(landed!.headers["if-none-match"]).toBe("*");
    }
    expect(samples!.bytes).toBeGreaterThan(100);
    expect(endpoint.landed.get("out/x.csv")!.body.toString()).toBe("data\n");
    await eventually(() => host.processes().length === 0);
  });

  it("tries again after errors, hung-up uploads and lost replies until all is there once", async () => {
    host = await openTestHost({ settings });
    endpoint.fault = (call, n) => {
      if (call === "upload" && n <= 2) return n === 1 ? "hang-up" : "500";
      if (call === "put") return n === 1 ? "hang-up" : n === 2 ? "lose-reply" : n === 4 ? "500" : undefined;
      if (call === "report") return n === 1 ? "500" : n === 2 ? "lose-reply" : undefined;
      return undefined;
    };
    const result = await host.run(produces("retries"));
    await acknowledged("retries");
    expect([...endpoint.landed.keys()].sort()).toEqual(result.artifacts.map((file) => file.path));
    expect(endpoint.reports).toEqual([result, result]); // the first reply was lost
  });

  it("goes on where a killed uploader was cut off", async () => {
    host = await openTestHost({ settings });
    let pusher = "";
    endpoint.fault = (call) => {
      if (call !== "put" || pusher !== "") return undefined;
      pusher = readFileSync(host.ofStep("cut", "pusher"), "utf8").split(".")[0] ?? "";
      // The uploader and all that it started, in the middle of a request.
      spawnSync("kill", ["-KILL", "--", `-${pusher}`]);
      return "hang-up";
    };
    const result = await host.run(produces("cut"));
    // A signal is on its way when `kill` returns: whoever looks too early takes the uploader for alive.
    await eventually(() => pusher !== "" && (!existsSync(`/proc/${pusher}`) || isZombie(pusher)));
    await host.agent.status("cut"); // any call finds out and starts another
    await acknowledged("cut");
    expect([...endpoint.landed.keys()].sort()).toEqual(result.artifacts.map((file) => file.path));
    expect(endpoint.reports).toEqual([result]);
  });

  it("beats while it waits and runs, and obeys a stop", async () => {
    host = await openTestHost({ settings });
    await host.agent.arm(
      pushing({
        stepId: "beats",
        waitsForGo: true,
        units: [unitFixture({ name: "j", kind: "job", script: "sleep 60" })],
      }),
    );
    const states = (): unknown[] => endpoint.asked.filter((a) => a.call === "beat").map((a) => a.body["state"]);
    await eventually(() => states().includes("armed"));
    await host.agent.go("beats", Date.now());
    await eventually(() => states().includes("running"));
    endpoint.beatAnswer = { answer: "stop" };
    await acknowledged("beats");
    expect(endpoint.reports).toMatchObject([{ failure: { class: "cancelled" }, units: [{ outcome: "stopped" }] }]);
  });

  it("ends everything at once when told that it is superseded", async () => {
    host = await openTestHost({ settings });
    endpoint.beatAnswer = { answer: "superseded", by: { runId: "run-1", epoch: 7, attempt: 3 } };
    await host.agent.arm(
      pushing({
        stepId: "gone",
        units: [unitFixture({ name: "j", kind: "job", script: "trap '' TERM; sleep 60; sleep 60" })],
      }),
    );
    expect(await host.finished("gone")).toEqual({ kind: "superseded", by: { runId: "run-1", epoch: 7, attempt: 3 } });
    await eventually(() => host.processes().length === 0);
    expect(endpoint.reports).toEqual([]);
  });

  it("sends outputs and declared logs in chunks while they grow", async () => {
    host = await openTestHost({ settings });
    await host.agent.arm(
      pushing({
        stepId: "live",
        units: [
          unitFixture({
            name: "j",
            kind: "job",
            script:
              "echo 1; echo a >>app.log; until [ -f go-on ]; do sleep 0.02; done; echo 2; echo b >>app.log; sleep 60",
          }),
        ],
        collect: [{ glob: "app.log", required: true }],
      }),
    );
    const text = (path: string): string => Buffer.concat(endpoint.live.get(path) ?? []).toString();
    await eventually(() => text("j.out") === "1\n" && text("app.log") === "a\n");
    writeFileSync(join(host.root, "attempts/p.t0.a1/go-on"), "");
    await eventually(() => text("j.out") === "1\n2\n" && text("app.log") === "a\nb\n");
    expect(endpoint.live.get("j.out")).toHaveLength(2);
    await host.agent.stop("live");
    await acknowledged("live");
    expect(endpoint.landed.get("app.log")!.body.toString()).toBe("a\nb\n");
  });

  it("sends large files as parts, each with its digest, that can be pulled by the same names", async () => {
    host = await openTestHost({ settings });
    const result = await host.run(
      pushing({
        stepId: "parts",
        units: [unitFixture({ name: "big", script: "head -c 2300000 /dev/urandom >big.bin" })],
        collect: [{ glob: "big.bin", required: true }],
      }),
    );
    await acknowledged("parts");
    expect(result.artifacts.map((file) => [file.path, file.bytes])).toEqual([
      ["big.bin.part0000", 1_000_000],
      ["big.bin.part0001", 1_000_000],
      ["big.bin.part0002", 300_000],
    ]);
    const whole = Buffer.concat(result.artifacts.map((file) => endpoint.landed.get(file.path)!.body));
    expect(whole.equals(readFileSync(join(host.root, "attempts/p.t0.a1/big.bin")))).toBe(true);
    for (const file of result.artifacts) {
      const pulled: Uint8Array[] = [];
      for await (const chunk of host.agent.read("attempts/p.t0.a1", file.path, 0)) pulled.push(chunk);
      expect(sha256Hex(Buffer.concat(pulled))).toBe(file.sha256);
    }
    const middle: Uint8Array[] = [];
    for await (const chunk of host.agent.read("attempts/p.t0.a1", "big.bin.part0001", 999_990)) middle.push(chunk);
    expect(Buffer.concat(middle)).toHaveLength(10);
  });

  it("gives up reporting some time after the deadline, and still answers a pull", async () => {
    host = await openTestHost({ settings: { ...settings, reportGraceMs: 300 } });
    endpoint.fault = () => "500";
    const result = await host.run({ ...produces("down"), deadlineAt: Date.now() + 500 + 8 * (await host.pace()) });
    await eventually(() => host.processes().length === 0);
    expect(endpoint.reports).toEqual([]);
    expect(await host.agent.status("down")).toEqual({ kind: "done", result });
    await host.agent.acknowledge("down");
  });

  it("reports after a reboot what was not acknowledged before", async () => {
    const crontab = mkdtempSync(join(tmpdir(), "reprise-cron-"));
    folders.push(crontab);
    const table = join(crontab, "table");
    writeFileSync(table, "0 0 * * * mine\n");
    writeFileSync(
      join(crontab, "crontab"),
      `#!/bin/sh\nif [ "$1" = -l ]; then cat '${table}'; else cat >'${table}'; fi\n`,
      {
        mode: 0o755,
      },
    );
    host = await openTestHost({
      settings: { ...settings, survivesReboot: !isSystemd() },
      env: { PATH: `${crontab}:${process.env["PATH"] ?? ""}` },
    });
    endpoint.fault = () => "500";
    const result = await host.run(produces("rebooted"));
    await eventually(() => {
      const pids = host.processes();
      for (const pid of pids) process.kill(pid, "SIGKILL");
      return pids.length === 0;
    });
    endpoint.fault = () => undefined;
    const line = readFileSync(table, "utf8").trim().split("\n").at(-1) ?? "";
    const command = isSystemd() ? `sh '${host.root}/supervisor.sh' boot` : line.replace(/^@reboot /, "");
    expect(command).toContain("supervisor.sh' boot");
    execFileSync("sh", ["-c", command]);
    await acknowledged("rebooted");
    expect(endpoint.reports).toEqual([result]);
    await host.agent.remove();
    expect(readFileSync(table, "utf8")).toBe("0 0 * * * mine\n");
  });

  it("says that the control side has to pull where nothing can upload", async () => {
    host = await openTestHost({ settings, env: { PATH: pathWith() } });
    const step = pushing({
      stepId: "mute",
      units: [unitFixture({ name: "u", script: "echo here; sleep 0.3" })],
      collect: [{ glob: "u.out", required: true }],
    });
    const result = await host.run(step);
    expect(result.warnings).toEqual([
      "no curl and no node on this host: nothing is uploaded, the control side has to pull",
    ]);
    expect(result.artifacts).toMatchObject([{ path: "u.out", bytes: 5 }]);
    expect(endpoint.asked).toEqual([]);
  });
});

/** Beside the shell: all of POSIX, or of coreutils and busybox where POSIX has nothing. docs/supervisor.md lists them. */
const requiredCommands =
  "sh awk cat chmod cp cut date dd df dirname env find getconf grep head id ln ls mkdir mkfifo mv paste rm rmdir setsid sha256sum sleep sort stat tail tr true uname xargs".split(
    " ",
  );

const isSystemd = (): boolean => safeList("/run/systemd/system").length > 0;

function safeList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
