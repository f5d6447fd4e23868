// Bundles what users start into dist/: one file a program, npm packages left outside, some aside. Runs after `npm ci`.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Hundreds of small files, which Node takes twice as long to find and link as to read in one piece. */
const bundledPackages = new Set(["zod"]);
/** What is bundled has Vega as a script of its own, compiled already. */
const vegaAside = {
  name: "vega-aside",
  setup: (setup) => {
    setup.onResolve({ filter: /\/vega-packages\.ts$/ }, ({ resolveDir }) => ({
      path: join(resolveDir, "vega-script.ts"),
    }));
  },
};
const packagesOutside = {
  name: "packages-outside",
  setup: (setup) => {
    setup.onResolve({ filter: /^[^./]/ }, ({ kind, path, importer }) =>
      kind === "entry-point" || bundledPackages.has(path) || relative(".", importer).includes("node_modules/")
        ? undefined
        : { path, external: true },
    );
  },
};

const shared = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  plugins: [vegaAside, packagesOutside],
  sourcemap: true,
  logLevel: "warning",
};

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist", { recursive: true });
const { metafile } = await build({
  ...shared,
  metafile: true,
  entryPoints: {
    cli: "cli/main.ts",
    engine: "engines/embedded/engine-process.ts",
    analysis: "analysis/index.ts",
    core: "core/index.ts",
    "vega-script": "analysis/render/vega-script.ts",
    // What experiments import by this name.
    zod: fileURLToPath(import.meta.resolve("zod")),
  },
  outdir: "dist",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
});
const vega = await build({
  ...{ bundle: true, platform: "node", target: "node20", format: "cjs", legalComments: "none", logLevel: "warning" },
  stdin: { contents: 'export * as vega from "vega"; export * as vegaLite from "vega-lite";', resolveDir: "." },
  // Node's looks for a canvas library with an await that a script can't hold; text is measured by our own fonts.
  alias: { "vega-canvas": fileURLToPath(new URL("vega-canvas.browser.js", import.meta.resolve("vega-canvas"))) },
  metafile: true,
  outfile: "dist/vega.cjs",
});
execFileSync(process.execPath, ["scripts/compile-vega.mjs", "dist"], { stdio: "inherit" });
writeFileSync(
  "dist/THIRD-PARTY-LICENSES.txt",
  licensesOf([metafile, vega.metafile].flatMap(({ inputs }) => Object.keys(inputs))),
);
// One process a local host: a single small file that loads nothing but ssh2.
await build({ ...shared, entryPoints: { "local-host": "providers/local/host-process.ts" }, outdir: "dist" });
for (const file of ["supervisor.sh", "put.mjs"]) cpSync(`supervisor/${file}`, `dist/${file}`);
cpSync("statemachines", "dist/statemachines", { recursive: true });
chmodSync("bin/reprise.mjs", 0o755);

/** The licences of the packages that files were bundled from. */
function licensesOf(files) {
  const folders = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name} ${version}: ${license}\n\n${file === undefined ? "" : readFileSync(join(folder, file), "utf8")}`;
    })
    .join("\n\n");
}
