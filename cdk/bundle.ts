import { cpSync, mkdirSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BuildOptions, Plugin } from "esbuild";
import { build } from "esbuild";
import type { FunctionSpec } from "../lambdas/functions.ts";
import { cloudFunctions, serviceFunctions, taskFunctions } from "../lambdas/functions.ts";
import { azureCallsInUse } from "./bundle-azure.ts";
import { kebabCase } from "./kebab-case.ts";

/**
 * Bundles one function's entry into a folder that Lambda takes as it is: `index.mjs`, and the supervisor's files where
 * hosts are logged in to. Same sources, same bytes: an asset's hash changes only with the code that is in it.
 */
export interface FunctionBundle {
  /** Below `lambdas/entries/`, without `.ts`. */
  readonly entry: string;
  readonly outDir: string;
  /** The supervisor travels with whoever arms hosts. */
  readonly withSupervisor: boolean;
  /** A larger one fails: size is what a cold start waits for. @default 2,000,000 */
  readonly mostBytes?: number;
}

const mostBundleBytes = 2_000_000;

export async function bundleFunction(root: string, bundle: FunctionBundle): Promise<void> {
  rmSync(bundle.outDir, { recursive: true, force: true });
  mkdirSync(bundle.outDir, { recursive: true });
  const outfile = join(bundle.outDir, "index.mjs");
  await build({
    ...bundleOptions(root),
    entryPoints: [join(root, "lambdas", "entries", `${bundle.entry}.ts`)],
    outfile,
  });
  const bytes = statSync(outfile).size;
  const mostBytes = bundle.mostBytes ?? mostBundleBytes;
  if (bytes > mostBytes) throw new Error(`the bundle of ${bundle.entry} has ${bytes} bytes, more than ${mostBytes}`);
  if (!bundle.withSupervisor) return;
  for (const file of ["supervisor.sh", "put.mjs"]) cpSync(join(root, "supervisor", file), join(bundle.outDir, file));
}

/** Bundles every function that a deployment for these providers has, a folder each. */
export async function bundleFunctions(root: string, folder: string, providers: readonly string[]): Promise<void> {
  const specs: Readonly<Record<string, FunctionSpec>> = {
    ...taskFunctions,
    ...serviceFunctions,
    ...Object.fromEntries(
      Object.entries(cloudFunctions).flatMap(([cloud, spec]) =>
        providers.includes(cloud) ? [[`cloud-${cloud}`, spec]] : [],
      ),
    ),
  };
  await Promise.all(
    Object.entries(specs).map(([name, spec]) =>
      bundleFunction(root, {
        entry: kebabCase(name),
        outDir: join(folder, kebabCase(name)),
        withSupervisor: spec.needs.includes("hosts"),
      }),
    ),
  );
}

export const bundleOptions = (root: string): BuildOptions => ({
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node22",
  format: "esm",
  // The SDKs' ES modules can be cut down to the calls that are used; their CommonJS can't.
  mainFields: ["module", "main"],
  minifySyntax: true,
  minifyWhitespace: true,
  minifyIdentifiers: true,
  keepNames: true, // errors are told apart by name
  legalComments: "none",
  logLevel: "warning",
  // ssh2 runs as well without its native helpers.
  external: ["cpu-features"],
  loader: { ".node": "empty" },
  // CommonJS packages inside ask for Node's own modules by require, and where they are.
  banner: {
    js: [
      'import{createRequire as __repriseRequire}from"node:module";import{fileURLToPath as __reprisePath}from"node:url";',
      'const require=__repriseRequire(import.meta.url),__filename=__reprisePath(import.meta.url),__dirname=__reprisePath(new URL(".",import.meta.url));',
    ].join(""),
  },
  plugins: [ownFilesArePure(root), zodByName(root), oneLanguage, credentialsFromEnvironment, azureCallsInUse(root)],
});

/** zod's error messages in fifty languages: 300 kB of each bundle, of which ours is read from its own file anyway. */
const oneLanguage: Plugin = {
  name: "one-language",
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes("/node_modules/zod/") ? { path: "locales", namespace: "empty" } : undefined,
    );
    esbuild.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "export {};" }));
  },
};

/** `z` as an object is all of zod; as a namespace it is what is named: the same words in the source, less in the bundle. */
function zodByName(root: string): Plugin {
  const modules = resolve(root, "node_modules");
  return {
    name: "zod-by-name",
    setup: (esbuild) => {
      esbuild.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path.startsWith(modules)) return undefined;
        const text = await readFile(path, "utf8");
        return { contents: text.replace('import { z } from "zod";', 'import * as z from "zod";'), loader: "ts" };
      });
    },
  };
}

/** A function's credentials are in its environment: the ways of laptops (profiles, single sign-on) are 100 kB unused. */
const credentialsFromEnvironment: Plugin = {
  name: "credentials-from-environment",
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ resolveDir }) => ({
      path: "credentials",
      namespace: "environment",
      pluginData: resolveDir,
    }));
    esbuild.onLoad({ filter: /.*/, namespace: "environment" }, ({ pluginData }) => ({
      contents: 'export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";',
      resolveDir: String(pluginData),
    }));
  },
};

/** None of our modules does anything when it is loaded, so that what isn't used stays out with all it imports. */
function ownFilesArePure(root: string): Plugin {
  const modules = `${resolve(root, "node_modules")}/`;
  return {
    name: "own-files-are-pure",
    setup: (esbuild) => {
      esbuild.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, importer }) => {
        if (importer === "" || importer.startsWith(modules)) return undefined;
        return { path: resolve(dirname(importer), path), sideEffects: false };
      });
    },
  };
}
