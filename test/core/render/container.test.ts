import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Unit } from "../../../core/ports/host-agent.ts";
import { definitionText, loadText } from "../definition/load.ts";
import { TrialFixture } from "./trial-fixture.ts";

// No engine can be started where tests run: scripts meet the stand-in of this folder, which says what it stands for.
const standIns = fileURLToPath(new URL("../../fixtures/stand-ins", import.meta.url));

const inContainer = (run: string, container = "", compare = "{ mode: duet, place: split }") =>
  new TrialFixture(
    loadText(
      definitionText({
        deployments: "{ c: { on: local, roles: { box: { machine: { vcpu: 2 } } } } }",
        trial: `
  jobs:
    work:
      on: box
      env: { COLOUR: vermilion }
      run: |
        ${run}
      container: { image: "work:1", copy: [/out/result.json] ${container} }
      collect: [result.json]`,
        sweeps: `{ s: { compare: ${compare} } }`,
      }),
    ),
  );

/** A host's folders with the stand-in on its PATH. */
class Host {
  readonly root = mkdtempSync(join(tmpdir(), "reprise-container-"));
  readonly state = join(this.root, "engine");
  readonly attempt = join(this.root, "attempts", "1");

  constructor() {
    for (const folder of [this.state, this.attempt]) mkdirSync(folder, { recursive: true });
  }
  env(unit: Unit): NodeJS.ProcessEnv {
    return {
      ...unit.env,
      PATH: `${standIns}:${process.env["PATH"] ?? ""}`,
      STAND_IN: this.state,
      REPRISE_ROOT: this.root,
      REPRISE_ATTEMPT_DIR: this.attempt,
      REPRISE_RUN: "run-1",
    };
  }
  folder(unit: Unit): string {
    const folder = join(this.attempt, unit.workDir);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
  run(unit: Unit) {
    return spawnSync("sh", ["-c", unit.script], { cwd: this.folder(unit), env: this.env(unit), encoding: "utf8" });
  }
  start(unit: Unit): { readonly pid: number; readonly ended: Promise<number | null> } {
    const child = spawn("sh", ["-c", unit.script], { cwd: this.folder(unit), env: this.env(unit), stdio: "ignore" });
    return {
      pid: child.pid ?? 0,
      ended: new Promise((resolve) => {
        child.on("exit", (code) => {
          resolve(code);
        });
      }),
    };
  }
  containers(): string[] {
    return readdirSync(this.state).filter((name) => name !== "calls");
  }
  calls(): string {
    return readFileSync(join(this.state, "calls"), "utf8");
  }
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

describe("a job in a container", () => {
  let host: Host;
  beforeEach(() => {
    host = new Host();
  });
  afterEach(() => {
    host.remove();
  });
  const unitsOf = (fixture: TrialFixture) => [...fixture.units("jobs", fixture.trial("s.default")).values()];

  it("is created with its CPUs, runs, is copied out of, and removed", async () => {
    const fixture = inContainer(
      'mkdir -p "$CONTAINER_ROOT/out"; echo "$COLOUR $REPRISE_ARM" >"$CONTAINER_ROOT/out/result.json"',
    );
    const [pipes, ...sides] = unitsOf(fixture);
    expect(host.run(pipes!).status).toBe(0);
    expect(await Promise.all(sides.map((side) => host.start(side).ended))).toEqual([0, 0]);
    expect(readFileSync(join(host.attempt, "work-0.a", "result.json"), "utf8")).toBe("vermilion A\n");
    expect(readFileSync(join(host.attempt, "work-0.b", "result.json"), "utf8")).toBe("vermilion B\n");
    expect(readFileSync(join(host.attempt, "work-0.a", "container.txt"), "utf8")).toContain("sha256:00ff");
    expect(host.containers()).toEqual([]);
    expect(host.calls()).toMatch(/create --name run-1\.box-0\.[0-9a-f]{8}\.0\.1\.work-0\.b .*--cpuset-cpus 1 /);
    // Values are no arguments.
    expect(host.calls()).not.toContain("vermilion");
  });

  it("starts neither side before both containers are up", async () => {
    const [pipes, a, b] = unitsOf(
      inContainer('mkdir -p "$CONTAINER_ROOT/out"; echo 1 >"$CONTAINER_ROOT/out/result.json"'),
    );
    host.run(pipes!);
    const first = host.start(a!);
    // A waits at the pipe: its container is there, and nothing runs in it.
    const isUp = () => existsSync(host.state) && host.calls().includes("image inspect");
    while (!existsSync(join(host.state, "calls")) || !isUp()) await new Promise((resolve) => setImmediate(resolve));
    expect(host.calls()).not.toContain("exec");
    expect(await Promise.all([first.ended, host.start(b!).ended])).toEqual([0, 0]);
  });

  it("keeps what a failed run left, and its exit code", () => {
    const fixture = inContainer(
      'mkdir -p "$CONTAINER_ROOT/out"; echo half >"$CONTAINER_ROOT/out/result.json"; exit 7',
      "",
      "{ mode: interleaved }",
    );
    const side = fixture.units("jobs", fixture.trial("s.default+arm=A")).get("work-0")!;
    expect(host.run(side).status).toBe(7);
    expect(readFileSync(join(host.attempt, "work-0", "result.json"), "utf8")).toBe("half\n");
    expect(host.containers()).toEqual([]);
  });

  it("lets a harness that is stopped write what it has", async () => {
    const fixture = inContainer(
      `trap 'mkdir -p "$CONTAINER_ROOT/out"; echo partial >"$CONTAINER_ROOT/out/result.json"; exit 3' TERM; : >"$REPRISE_WORK/up"; while :; do sleep 0.05; done`,
      "",
      "{ mode: interleaved }",
    );
    const side = fixture.units("jobs", fixture.trial("s.default+arm=A")).get("work-0")!;
    const run = host.start(side);
    while (!existsSync(join(host.attempt, "work-0", "up"))) await new Promise((resolve) => setImmediate(resolve));
    process.kill(run.pid, "SIGTERM");
    expect(await run.ended).toBe(3);
    expect(readFileSync(join(host.attempt, "work-0", "result.json"), "utf8")).toBe("partial\n");
    expect(host.containers()).toEqual([]);
  });

  it("ends by itself once its attempt's folder is emptied, if nobody was left to remove it", () => {
    const fixture = inContainer("true", "", "{ mode: interleaved }");
    const side = fixture.units("jobs", fixture.trial("s.default+arm=A")).get("work-0")!;
    const idle = /^idle='(.*)'$/mu.exec(side.script)![1]!.replace(/sleep \d+/u, "sleep 0.01");
    const lives = join(host.attempt, "lives");
    writeFileSync(lives, "");
    const container = spawn("sh", ["-c", idle, "idle", lives], { stdio: "ignore" });
    const ended = new Promise((resolve) => container.on("exit", resolve));
    rmSync(lives);
    return expect(ended).resolves.toBe(0);
  });

  it("says which result isn't there, and that there is no such image", () => {
    const missing = inContainer("true", "", "{ mode: interleaved }");
    const unit = missing.units("jobs", missing.trial("s.default+arm=A")).get("work-0")!;
    expect(host.run(unit).stderr).toContain("not copied out of the container: /out/result.json");
    const absent = inContainer("true", "", "{ mode: interleaved }");
    const gone = absent.units("jobs", absent.trial("s.default+arm=A")).get("work-0")!;
    const failed = host.run({ ...gone, script: gone.script.replaceAll("'work:1'", "absent") });
    expect(failed.status).not.toBe(0);
    expect(failed.stderr).toContain("No such image");
  });

  it("is removed before the next trial where an engine died over it, and only there", () => {
    const fixture = inContainer("true");
    const reset = [...fixture.units("reset", fixture.trial("s.default")).values()].find(
      ({ name }) => name === "reset-containers-0",
    )!;
    const label = `reprise=${fixture.topology("c").deploymentId}.box-0`;
    const create = (name: string, of: string) =>
      spawnSync("docker", ["create", "--name", name, "--label", of, "work:1"], { env: host.env(reset) });
    create("left", label);
    create("other", "reprise=someone-else.box-0");
    expect(host.run(reset).status).toBe(0);
    expect(host.containers()).toEqual(["other"]);
  });

  it("is refused by a host whose disk is too small for the images, or that has no engine", () => {
    const greedy = inContainer("true", ", diskFree: 900TiB");
    const reset = [...greedy.units("reset", greedy.trial("s.default")).values()].find(({ name }) =>
      name.startsWith("reset-containers"),
    )!;
    expect(host.run(reset)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("too little disk for the images") as string,
    });
    const other = inContainer("true", ", engine: no-such-engine");
    const without = [...other.units("reset", other.trial("s.default")).values()].find(({ name }) =>
      name.startsWith("reset-containers"),
    )!;
    expect(host.run(without)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("this host has no no-such-engine") as string,
    });
  });

  it("can be kept, and needs results of different names", () => {
    const kept = inContainer("true", ", keep: true", "{ mode: interleaved }");
    host.run(kept.units("jobs", kept.trial("s.default+arm=A")).get("work-0")!);
    expect(host.containers()).toHaveLength(1);
    expect(() =>
      loadText(
        definitionText({
          deployments: "{ c: { roles: { box: {} } } }",
          trial: "{ jobs: { work: { on: box, run: x, container: { image: i, copy: [/a/r.csv, /b/r.csv, out] } } } }",
          sweeps: "{ s: {} }",
        }),
      ),
    ).toThrow(/would overwrite \/a\/r\.csv[\s\S]*not an absolute path/);
  });
});
