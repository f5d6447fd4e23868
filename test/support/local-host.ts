import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";

/**
 * Bundles a local host's process as the build does, and gives the command that starts it.
 *
 * The folder is the caller's to remove, after its last host has ended.
 */
export function buildLocalHost(): { readonly command: readonly [string, ...string[]]; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "reprise-local-host-"));
  const outfile = join(folder, "local-host.cjs");
  buildSync({
    entryPoints: [join(import.meta.dirname, "../../providers/local/host-process.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["cpu-features"],
    loader: { ".node": "empty" },
    logLevel: "error",
    outfile,
  });
  return { command: [process.execPath, outfile], remove: () => rmSync(folder, { recursive: true, force: true }) };
}
