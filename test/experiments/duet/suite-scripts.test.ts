import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const scripts = join(import.meta.dirname, "../../../experiments/duet-suites/src");
const folder = mkdtempSync(join(tmpdir(), "reprise-suites-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (script: string, ...args: readonly string[]): { readonly status: number | null; readonly stderr: string } =>
  spawnSync("sh", ["-e", join(scripts, script), ...args], { cwd: folder, encoding: "utf8" });

describe("download.sh", () => {
  const from = join(folder, "licensed.iso");
  writeFileSync(from, "a suite\n");
  const digest = (algorithm: string): string =>
    `${algorithm}:${createHash(algorithm).update("a suite\n").digest("hex")}`;

  it.each([
    ["a path", from, "sha256"],
    ["a file: URL", `file://${from}`, "sha512"],
  ])("takes %s, and leaves the original where it was", (_, url, algorithm) => {
    const to = join(folder, algorithm);
    expect(run("download.sh", url, digest(algorithm), to)).toMatchObject({ status: 0 });
    expect(readFileSync(to, "utf8")).toBe("a suite\n");
    expect(existsSync(from)).toBe(true);
    // Again there is nothing to do, even where the source is gone.
    expect(run("download.sh", "/nowhere", digest(algorithm), to)).toMatchObject({ status: 0 });
  });

  it.each([
    ["a file of another digest", from, `sha256:${"0".repeat(64)}`, /and not the one that was stated/],
    ["a file that nobody stated", from, "", /say which file it is/],
    ["a file that isn't there", "/nowhere/suite.iso", digest("sha256"), /no file at \/nowhere\/suite\.iso/],
  ])("refuses %s", (_, url, stated, message) => {
    const to = join(folder, "refused");
    const { status, stderr } = run("download.sh", url, stated, to);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(to)).toBe(false);
  });
});

describe("need.sh", () => {
  it("is content with a command that is there, and installs nothing on somebody's own machine", () => {
    expect(run("need.sh", "local", "sh", "dash")).toMatchObject({ status: 0 });
    const { status, stderr } = run("need.sh", "local", "no-such-engine", "docker.io");
    expect(status).toBe(1);
    expect(stderr).toContain("this machine has no no-such-engine: install it first (Debian's packages: docker.io)");
  });
});
