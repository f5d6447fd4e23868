/**
 * `npm run test:real [-- aws azure gcp]`: see docs/testing.md. REPRISE_REAL_DOLLARS bounds what each cloud's run may cost
 * (@default 0.50). Ends with 0 when every cloud that could be tested passed, also where none could be.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { clouds } from "../../providers/catalogue/machine-type.ts";
import { isConfigured } from "../../providers/cloud/open-cloud.ts";
import type { CommandEnd } from "./real-runs.ts";
import { testRealClouds } from "./real-runs.ts";

const environment = z
  .object({ REPRISE_REAL_DOLLARS: z.coerce.number().positive().max(20).default(0.5) })
  .parse(process.env);
const asked = z.array(z.enum(clouds)).parse(process.argv.slice(2));
const bin = join(import.meta.dirname, "../../bin/reprise.mjs");
const scratch = mkdtempSync(join(tmpdir(), "reprise-real-"));
const home = join(scratch, "home");

/** Shows progress as it comes: the run is somebody's money. */
function run(args: readonly string[], { timeoutSec }: { readonly timeoutSec: number }): Promise<CommandEnd> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, REPRISE_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    process.stderr.write(chunk);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutSec * 1_000);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

const results = await testRealClouds(asked.length === 0 ? clouds : asked, environment.REPRISE_REAL_DOLLARS, {
  isConfigured: (cloud) => isConfigured(cloud, process.env, existsSync),
  run,
  home,
  scratch,
  say: (line) => void process.stdout.write(`${line}\n`),
});
const failed = results.some(({ verdict }) => verdict === "failed");
if (results.every(({ verdict }) => verdict === "not tested")) process.stdout.write("nothing was tested\n");
// What a failed run left behind is what says why.
if (failed) process.stdout.write(`its home is kept: REPRISE_HOME=${home}\n`);
else rmSync(scratch, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;
