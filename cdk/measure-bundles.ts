/**
 * What a cold start of each function waits for: the size of its bundle, and the CPU time that importing it takes, each in
 * a fresh process, the least of five. Run it by `npx tsx cdk/measure-bundles.ts`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleFunctions } from "./bundle.ts";

const tries = 5;
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "reprise-bundles-"));

/** CPU time of the process' own threads, ms: what this machine is busy with otherwise doesn't count. */
function importCpuMs(file: string): number {
  const program = `
    const before = process.cpuUsage();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    const { user, system } = process.cpuUsage(before);
    process.stdout.write(String((user + system) / 1000));
    process.exit(0);`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }));
}

try {
  await bundleFunctions(root, folder, ["aws", "azure", "gcp"]);
  for (const name of readdirSync(folder)) {
    const file = join(folder, name, "index.mjs");
    const cpuMs = Math.min(...Array.from({ length: tries }, () => importCpuMs(file)));
    const row = [name.padEnd(14), (statSync(file).size / 1e6).toFixed(2).padStart(5), cpuMs.toFixed(0).padStart(5)];
    process.stdout.write(`${row.join("  ")}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
