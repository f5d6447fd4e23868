// Bundles what users start into dist/: one file a program, npm packages left outside. Runs after `npm ci`.
import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const shared = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  packages: "external",
  sourcemap: true,
  logLevel: "warning",
};

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist", { recursive: true });
await build({
  ...shared,
  entryPoints: {
    cli: "cli/main.ts",
    engine: "engines/embedded/engine-process.ts",
    analysis: "analysis/index.ts",
    core: "core/index.ts",
  },
  outdir: "dist",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
});
// One process a local host: a single small file that loads nothing but ssh2.
await build({ ...shared, entryPoints: { "local-host": "providers/local/host-process.ts" }, outdir: "dist" });
for (const file of ["supervisor.sh", "put.mjs"]) cpSync(`supervisor/${file}`, `dist/${file}`);
cpSync("statemachines", "dist/statemachines", { recursive: true });
chmodSync("bin/reprise.mjs", 0o755);
