import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The CLI as users start it, bounded. */
const reprise = (home: string, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, "bin/reprise.mjs"), "--home", home, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 540_000,
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, ...output }));
  });

/** Redis servers whose folder is below `home`: Redis writes its title over its environment, which can't tell. */
const serversOf = (home: string): string[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("redis-server") &&
          readlinkSync(`/proc/${pid}/cwd`).startsWith(home)
        );
      } catch {
        return false; // it ended meanwhile
      }
    });

describe("experiments/redis on this machine", () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "redis-extra-")));
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it("measures a point against a real Redis, with every check passed and nothing left", async () => {
    const only = "clients:pipeline=1,clients=2";
    const seen = new Set<string>();
    const look = setInterval(() => serversOf(home).forEach((pid) => seen.add(pid)), 100);
    const run = await reprise(home, "run", "experiments/redis", "--only", only, "--yes");
    clearInterval(look);
    expect({ status: run.status, stderr: run.status === 0 ? "" : `${run.stdout}${run.stderr}` }).toEqual({
      status: 0,
      stderr: "",
    });
    const results = await reprise(home, "--json", "results", "last");
    const rows = JSON.parse(results.stdout) as readonly Readonly<Record<string, unknown>>[];
    expect(rows.map(({ outcome, clients, trialIndex }) => [outcome, clients, trialIndex])).toEqual([
      ["valid", 2, 0],
      ["valid", 2, 1],
      ["valid", 2, 2],
    ]);
    for (const row of rows)
      for (const metric of ["setPerSec", "getPerSec", "getP50Ms", "setP99Ms", "getP99Ms"])
        expect([metric, Number(row[metric]) > 0]).toEqual([metric, true]);
    expect((await reprise(home, "verify", "last")).status).toBe(0);
    expect(seen.size).toBeGreaterThan(0); // or finding none left would say nothing
    expect(serversOf(home)).toEqual([]);
  });
});
