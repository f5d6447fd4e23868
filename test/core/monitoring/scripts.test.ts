import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installScript, installVariables, packScript, scrapingScript } from "../../../core/monitoring/scripts.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "reprise-monitoring-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function sh(script: string, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync("sh", ["-e", "-c", script], {
    ...{ cwd: folder, encoding: "utf8", env: { ...process.env, ...env } },
  });
  return { status, stdout, stderr };
}

const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content, { mode });
};

describe("packScript", () => {
  it("packs the data without what only a running Prometheus needs", () => {
    put("prometheus-0/tsdb/wal/00000000", randomBytes(20_000));
    put("prometheus-0/tsdb/lock", "");
    expect(sh(packScript(100_000))).toMatchObject({ status: 0, stdout: "" });
    expect(readdirSync(join(folder, "prometheus-0"))).toEqual(["tsdb.tar.gz"]);
    const listed = spawnSync("tar", ["-tzf", "prometheus-0/tsdb.tar.gz"], { cwd: folder, encoding: "utf8" });
    expect(listed.stdout.split("\n").filter((line) => line !== "" && !line.endsWith("/"))).toEqual([
      "tsdb/wal/00000000",
    ]);
  });

  it("leaves out what is larger than asked for, and says so", () => {
    put("prometheus-0/tsdb/wal/00000000", randomBytes(300_000));
    expect(sh(packScript(100_000)).status).toBe(0);
    expect(readdirSync(join(folder, "prometheus-0"))).toEqual(["tsdb.too-large"]);
    expect(readFileSync(join(folder, "prometheus-0/tsdb.too-large"), "utf8")).toMatch(
      /^\d+ KiB of metrics are more than the 100000 bytes that are kept\n$/,
    );
  });

  it("has nothing to do on other hosts, and fails where Prometheus left nothing", () => {
    expect(sh(packScript(10)).status).toBe(0);
    mkdirSync(join(folder, "prometheus-0"));
    expect(sh(packScript(10))).toMatchObject({ status: 1, stdout: "Prometheus left no data\n" });
  });
});

describe("scrapingScript", () => {
  it("waits for a first record, unless there is nothing to scrape", () => {
    put("prometheus.yml", "scrape_configs:\n  - job_name: a\n    static_configs:\n      - targets:\n          - h:1\n");
    put("tsdb/wal/00000000", "");
    expect(sh(scrapingScript).status).not.toBe(0);
    put("tsdb/wal/00000000", "record");
    expect(sh(scrapingScript).status).toBe(0);
    rmSync(join(folder, "tsdb"), { recursive: true });
    put("prometheus.yml", "scrape_configs:\n  - job_name: a\n    static_configs: []\n");
    expect(sh(scrapingScript).status).toBe(0);
  });
});

describe("installScript", () => {
  const program = "#!/bin/sh\necho prometheus, version 9.9\n";
  const install = (from: Parameters<typeof installVariables>[0]["from"], path?: string) => {
    const names = { name: "prometheus", command: "prometheus", package: "prometheus" };
    return sh(installScript, {
      ...installVariables({ ...names, from }),
      ...(path === undefined ? {} : { PATH: path }),
    });
  };
  const installed = (): string => spawnSync(join(folder, "monitoring/prometheus"), { encoding: "utf8" }).stdout;

  it("takes a program that stands on the host", () => {
    put("mine", program, 0o755);
    expect(install({ path: join(folder, "mine") })).toMatchObject({ status: 0, stdout: "prometheus, version 9.9\n" });
    expect(installed()).toBe("prometheus, version 9.9\n");
  });

  it("says what is missing at a path", () => {
    expect(install({ path: "/nowhere/prometheus" })).toMatchObject({
      status: 1,
      stderr: "monitoring: no program stands at /nowhere/prometheus\n",
    });
  });

  it("takes the distribution's program where it is there already", () => {
    put("bin/prometheus", program, 0o755);
    expect(install(undefined, `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`)).toMatchObject({ status: 0 });
    expect(installed()).toBe("prometheus, version 9.9\n");
  });

  it("takes a release by its digest, and nothing else that stands there", () => {
    put("release/prometheus-9.9/prometheus", program, 0o755);
    spawnSync("tar", ["-czf", "release.tar.gz", "-C", "release", "prometheus-9.9"], { cwd: folder });
    const sha256 = createHash("sha256")
      .update(readFileSync(join(folder, "release.tar.gz")))
      .digest("hex");
    const url = `file://${folder}/release.tar.gz`;
    // A curl that reads files alone stands in for the network, and for hosts that have none of their own.
    put(
      "bin/curl",
      '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = -o ] && to=$2; shift; done\ncp "${1#file://}" "$to"\n',
      0o755,
    );
    const path = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
    expect(install({ url, sha256: "0".repeat(64) }, path)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("isn't the file with digest 000") as unknown,
    });
    expect(existsSync(join(folder, "monitoring/prometheus"))).toBe(false);
    expect(install({ url, sha256 }, path)).toMatchObject({ status: 0 });
    expect(installed()).toBe("prometheus, version 9.9\n");
  });
});
