import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folder } from "./upstream-points.ts";

interface Outcome {
  readonly status: number;
  readonly text: string;
  readonly scratch: string;
}

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "reprise-frankenpaxos-"));
  mkdirSync(join(scratch, "bin"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

/** A stand-in for a program, first on the path. */
function standIn(name: string, script: string): void {
  const file = join(scratch, "bin", name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

function run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
  const file = fileURLToPath(new URL(`src/${script}`, folder));
  const path = `${join(scratch, "bin")}:${process.env["PATH"] ?? ""}`;
  const options = { cwd: scratch, env: { PATH: path, REPRISE_SHARED: scratch, ...env }, timeout: 30_000 };
  try {
    const text = execFileSync("sh", [file, ...args], { ...options, encoding: "utf8", stdio: "pipe" });
    return { status: 0, text, scratch };
  } catch (error) {
    const { status, stderr } = error as { status: number; stderr: string }; // What execFileSync throws.
    return { status, text: stderr, scratch };
  }
}

describe("jvm.sh", () => {
  const plain = { JAR: "/shared/frankenpaxos.jar", LOG_LEVEL: "info", METRICS_HOST: "10.0.0.1", PROFILE: "false" };
  const java = (env: Readonly<Record<string, string>>, heap = "8g"): Outcome =>
    run("jvm.sh", [heap, "frankenpaxos.echo.ServerMain", "--index", "0"], env);

  it("starts a main class with the flags that all take, and its heap if it has one", () => {
    standIn("java", 'echo "$*"');
    const rest =
      "-cp /shared/frankenpaxos.jar frankenpaxos.echo.ServerMain --log_level info --prometheus_host 10.0.0.1 --prometheus_port -1 --index 0\n";
    expect(java({ ...plain, METRICS_PORT: "-1" })).toMatchObject({ status: 0, text: `-Xms8g -Xmx8g ${rest}` });
    expect(java({ ...plain, METRICS_PORT: "-1" }, "").text).toBe(rest);
  });

  it("leaves the flags of metrics out where a program takes none", () => {
    standIn("java", 'echo "$*"');
    expect(java({ ...plain, METRICS_PORT: "" }, "").text).toBe(
      "-cp /shared/frankenpaxos.jar frankenpaxos.echo.ServerMain --log_level info --index 0\n",
    );
  });

  it.each([
    ["a newer Java", "exit 0", "-Xlog:gc*:file=gc.log -Xms8g"],
    ["Java 8", "exit 1", "-Xloggc:gc.log -XX:+PrintGCDetails -XX:+PrintGCDateStamps -XX:+PrintHeapAtGC -Xms8g"],
  ])("keeps the collector's log of %s where metrics are served", (_, knowsXlog, flags) => {
    standIn("java", `[ "$1" != -Xlog:disable ] || ${knowsXlog}\necho "$*"`);
    const { text } = java({ ...plain, METRICS_PORT: "10001" });
    expect(text.startsWith(flags)).toBe(true);
    expect(text).toContain("--prometheus_port 10001");
  });

  it("profiles a process, leaves recording and map in its folder, and gives its exit code back", () => {
    standIn("java", 'echo "$1" >flags; echo map >"/tmp/perf-$$.map"; exit 3');
    standIn("perf", 'while [ "$1" != --output ]; do shift; done; echo recording >"$2"');
    expect(java({ ...plain, METRICS_PORT: "-1", PROFILE: "true" }).status).toBe(3);
    expect(readFileSync(join(scratch, "flags"), "utf8")).toBe("-XX:+IgnoreUnrecognizedVMOptions\n");
    const kept = readdirSync(scratch).filter((name) => name.startsWith("perf-"));
    expect(kept.map((name) => name.replace(/\d+/, "N")).sort()).toEqual(["perf-N.data", "perf-N.map"]);
  });
});

describe("mortal.sh", () => {
  it("gives back exit code and last words of a process that ends by itself", () => {
    expect(run("mortal.sh", ["sh", "-c", "echo went wrong >&2; exit 7"])).toMatchObject({
      status: 7,
      text: "went wrong\n",
    });
    expect(run("mortal.sh", ["true"]).status).toBe(0);
  });

  it("stays when the driver killed its process, until it is ended itself", async () => {
    const file = fileURLToPath(new URL("src/mortal.sh", folder));
    const shell = spawn("sh", [file, "sh", "-c", "echo 'Die!' >&2; exit 1"], { cwd: scratch, stdio: "pipe" });
    const ended = new Promise<number | null>((resolve) => shell.once("close", resolve));
    // It has made up its mind when it says its process' last words: without that it ends with the process' 1.
    const [said] = (await once(shell.stderr, "data")) as [Buffer]; // a stream's data
    expect(said.toString()).toBe("Die!\n");
    shell.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it("ends its process when it is ended", async () => {
    const file = fileURLToPath(new URL("src/mortal.sh", folder));
    const shell = spawn("sh", [file, "sh", "-c", "echo up; exec sleep 1000"], { cwd: scratch, stdio: "pipe" });
    const ended = new Promise<number | null>((resolve) => shell.once("close", resolve));
    await once(shell.stdout, "data");
    shell.kill("SIGTERM");
    expect(await ended).toBe(143);
  });
});

describe("build-jar.sh", () => {
  const build = (...args: readonly string[]): Outcome => run("build-jar.sh", args);
  const built = (): string => readFileSync(join(scratch, "built.jar"), "utf8");

  it("makes nothing where no build is asked for, and on all hosts but the first", () => {
    expect(build("0", "", "").status).toBe(0);
    expect(built()).toBe("");
    expect(build("1", scratch, "exit 1").status).toBe(0);
    expect(built()).toBe("");
  });

  it("takes the file that the build prints last", () => {
    const { status, text } = build("0", scratch, "echo compiling; echo bytes >made.jar; echo made.jar");
    expect(status).toBe(0);
    expect(text).toMatch(/^built made\.jar [0-9a-f]{64}\n$/);
    expect(built()).toBe("bytes\n");
  });

  it.each([
    [
      "a build that fails",
      ["0", "/", "echo no such plugin; exit 7"],
      /no such plugin\n.*`echo no such plugin; exit 7` failed in \//,
    ],
    ["a build that prints no file", ["0", "/", "echo success"], /is no file: success/],
    ["a build without a checkout", ["0", "", "true"], /set the parameter checkout/],
    ["a checkout that isn't there", ["0", "/no/such/folder", "true"], /there is no folder \/no\/such\/folder/],
  ])("says what is wrong with %s", (_, args, message) => {
    const { status, text } = build(...args);
    expect(status).toBe(1);
    expect(text).toMatch(message);
  });
});

describe("fetch-jar.sh", () => {
  const fetch = (from: string, sha256 = ""): Outcome =>
    run("fetch-jar.sh", [from, sha256], { REPRISE_BUNDLE: join(scratch, "bundle") });
  const bundled = (): void => {
    mkdirSync(join(scratch, "bundle", "jar"), { recursive: true });
    writeFileSync(join(scratch, "bundle", "jar", "frankenpaxos.jar"), "bundled");
  };
  const fetched = (): string => readFileSync(join(scratch, "frankenpaxos.jar"), "utf8");

  it("takes the JAR that came with the definition", () => {
    bundled();
    expect(fetch("")).toMatchObject({
      status: 0,
      text: expect.stringMatching(/^frankenpaxos\.jar [0-9a-f]{64}\n$/) as string,
    });
    expect(fetched()).toBe("bundled");
  });

  it("takes the one that was built before all others", () => {
    bundled();
    writeFileSync(join(scratch, "built.jar"), "built");
    expect(fetch("").status).toBe(0);
    expect(fetched()).toBe("built");
  });

  it("takes one from a path on the host", () => {
    writeFileSync(join(scratch, "shared.jar"), "shared");
    writeFileSync(join(scratch, "built.jar"), "");
    expect(fetch(join(scratch, "shared.jar")).status).toBe(0);
    expect(fetched()).toBe("shared");
    expect(fetch("/no/such.jar")).toMatchObject({
      status: 1,
      text: expect.stringContaining("no JAR at /no/such.jar") as string,
    });
  });

  it("says where the JAR goes when there is none", () => {
    expect(fetch("")).toMatchObject({
      status: 1,
      text: expect.stringContaining("put it at jar/frankenpaxos.jar") as string,
    });
  });

  it("refuses a JAR with another digest", () => {
    bundled();
    expect(fetch("", "0".repeat(64))).toMatchObject({
      status: 1,
      text: expect.stringContaining("was asked for") as string,
    });
  });
});
