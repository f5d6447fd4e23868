import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../../experiments/redis/src/install.sh", import.meta.url));

/** Where tools that the script needs are on Debian, busybox systems and macOS alike. */
const realTool = (name: string): string => {
  const { stdout } = spawnSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
  return stdout.trim();
};

describe("install.sh", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "install-redis-"));
    for (const tool of ["sed", "rm"]) symlinkSync(realTool(tool), join(folder, tool));
    fake("flock", "exit 0");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const fake = (name: string, body: string): void =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const redis = (version: string): void => {
    for (const tool of ["redis-server", "redis-cli"]) fake(tool, "exit 0");
    fake("redis-benchmark", `echo "redis-benchmark ${version}"`);
  };
  /** apt-get that notes what it was asked, and on `install` makes what it installs. */
  const aptGet = (version: string): void =>
    fake(
      "apt-get",
      `echo "apt-get $*" >>"${folder}/asked"
case "$*" in *" install "*)
  for tool in redis-server redis-cli; do printf '#!/bin/sh\\n' >"${folder}/$tool"; done
  printf '#!/bin/sh\\necho redis-benchmark ${version}\\n' >"${folder}/redis-benchmark"
  ${realTool("chmod")} 755 "${folder}"/redis-* ;;
esac`,
    );
  const user = (id: number): void => fake("id", `case $1 in -un) echo ubuntu ;; *) echo ${id} ;; esac`);
  /** Runs with nothing on the PATH but what the test put there. */
  const run = () => {
    const { status, stdout, stderr } = spawnSync("/bin/sh", [script], {
      encoding: "utf8",
      env: { PATH: folder, TMPDIR: folder },
      timeout: 300_000,
    });
    return { status, stdout, stderr };
  };
  const asked = (): string[] => readFileSync(join(folder, "asked"), "utf8").trim().split("\n");

  it("leaves a host alone that has Redis", () => {
    redis("7.0.15");
    fake("apt-get", "exit 99");
    expect(run()).toEqual({ status: 0, stdout: "redis-benchmark 7.0\n", stderr: "" });
  });

  it("installs it as root, and stops the server that the package starts", () => {
    user(0);
    aptGet("7.0.15");
    fake("systemctl", `echo "systemctl $*" >>"${folder}/asked"`);
    expect(run()).toMatchObject({ status: 0, stdout: "redis-benchmark 7.0\n" });
    expect(asked()).toEqual([
      expect.stringMatching(/^apt-get .*update/),
      expect.stringMatching(/^apt-get .*install .*redis-server redis-tools/),
      "systemctl disable --now redis-server",
    ]);
  });

  it("installs it with sudo where that asks for no password", () => {
    user(1000);
    aptGet("7.2.4");
    fake("sudo", 'for word; do case $word in -*) shift ;; *) break ;; esac; done; [ "$1" = true ] || exec "$@"');
    expect(run()).toMatchObject({ status: 0, stdout: "redis-benchmark 7.2\n" });
  });

  it.each([
    [
      "a user who may not install",
      () => {
        user(1000);
        aptGet("7.0.15");
      },
      /not there: redis-server redis-cli redis-benchmark .*ubuntu isn't root.*sudo apt-get install/,
    ],
    ["a host without apt-get", () => user(0), /no apt-get: install Redis 6\.2 or newer/],
    [
      "an installation that fails",
      () => {
        user(0);
        fake("apt-get", 'case "$*" in *install*) echo "E: no space" >&2; exit 100 ;; esac');
      },
      /E: no space\ninstall-redis: apt-get couldn't install redis-server/,
    ],
    [
      "an installation that leaves a tool out",
      () => {
        user(0);
        fake("apt-get", "exit 0");
      },
      /still not there after the installation: redis-server/,
    ],
    ["a redis-benchmark without latencies", () => redis("6.0.16"), /redis-benchmark is 6\.0; .*since 6\.2/],
    ["a version that can't be read", () => redis("?"), /of unknown version/],
  ])("says clearly what is wrong with %s", (_, arrange, message) => {
    arrange();
    const { status, stdout, stderr } = run();
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
    expect(stdout).toBe("");
  });
});
