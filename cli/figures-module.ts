import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildOptions, Plugin } from "esbuild";
import type { AnyFigure } from "../analysis/figure.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { sha256Hex } from "../core/evidence/sha256.ts";
import { distFile, packageRoot } from "../engines/embedded/package-files.ts";

export interface FiguresModule {
  readonly figures: readonly AnyFigure[];
  /** Digest of the module with everything it imports, this package aside. */
  readonly sourceSha256: string;
}

/** What a figures module may import of this package. */
const ownModules: Readonly<Record<string, string>> = { "reprise/analysis": "analysis.js", "reprise/core": "core.js" };

/**
 * Loads an experiment's figures module, TypeScript or JavaScript, wherever the experiment lies.
 *
 * It is bundled into `cacheFolder` under its digest, with `reprise/…` left to this very installation.
 */
export async function loadFiguresModule(file: string, cacheFolder: string): Promise<FiguresModule> {
  const { exports, sourceSha256 } = await loadExperimentModule(file, cacheFolder);
  const figures = Object.values(exports).flat().filter(isFigure);
  if (figures.length > 0) return { figures, sourceSha256 };
  throw new FailureError({
    class: "invalid",
    message: `${file} exports no figure`,
    hint: "export what `defineFigure` gives",
  });
}

/** Any module of an experiment, with the digest of its source. */
export async function loadExperimentModule(file: string, cacheFolder: string): Promise<LoadedModule> {
  const path = resolve(file);
  return bundleModule({ entryPoints: [path], absWorkingDir: dirname(path) }, file, cacheFolder);
}

/** A module that is given as text, with imports as from `folder`. */
export const loadTextModule = (
  text: string,
  { folder, name, cacheFolder }: { readonly folder: string; readonly name: string; readonly cacheFolder: string },
): Promise<LoadedModule> =>
  bundleModule(
    { stdin: { contents: text, resolveDir: resolve(folder), loader: "js" }, absWorkingDir: resolve(folder) },
    name,
    cacheFolder,
  );

interface LoadedModule {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly sourceSha256: string;
}

/** How many bundles are being made. */
let bundling = 0;

/** `absWorkingDir`: the bundle names its files from there, and so does its digest, wherever anybody calls from. */
async function bundleModule(
  entry: Pick<BuildOptions, "entryPoints" | "stdin"> & { readonly absWorkingDir: string },
  file: string,
  cacheFolder: string,
): Promise<LoadedModule> {
  const esbuild = await import("esbuild");
  bundling++;
  const built = await esbuild
    .build({
      ...entry,
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
      plugins: [ownPackages],
    })
    .catch((error: unknown) => {
      throw new FailureError({ class: "invalid", message: `${file}: ${messageOf(error)}` });
    })
    // Its process would stay, with 16 MB, until this one ends.
    .finally(() => (--bundling === 0 ? esbuild.stop() : undefined));
  const text = built.outputFiles[0]?.text ?? "";
  // The installation's own path stands in the text: the digest must not know it.
  const sourceSha256 = sha256Hex(text.replaceAll(pathToFileURL(packageRoot()).href, ""));
  await mkdir(cacheFolder, { recursive: true });
  const module = join(cacheFolder, `${sourceSha256.slice(0, 32)}.mjs`);
  await writeFile(module, text);
  const exports = (await import(pathToFileURL(module).href)) as Readonly<Record<string, unknown>>; // a module is a record of its exports
  return { exports, sourceSha256 };
}

/** `reprise/…` is this very installation, and zod its own: an experiment may lie where no package is installed. */
const ownPackages: Plugin = {
  name: "reprise",
  setup: (setup) => {
    setup.onResolve({ filter: /^reprise\// }, ({ path }) => {
      const own = ownModules[path];
      if (own === undefined)
        return { errors: [{ text: `this package has no "${path}": import reprise/analysis or reprise/core` }] };
      return { path: pathToFileURL(distFile(own)).href, external: true };
    });
    setup.onResolve({ filter: /^zod$/ }, () => ({ path: pathToFileURL(distFile("zod.js")).href, external: true }));
  },
};

const isFigure = (value: unknown): value is AnyFigure =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  "spec" in value &&
  "row" in value &&
  "caption" in value;
