import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyFigure } from "../analysis/figure.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { sha256Hex } from "../core/evidence/sha256.ts";
import { distFile } from "../engines/embedded/package-files.ts";

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
export async function loadExperimentModule(
  file: string,
  cacheFolder: string,
): Promise<{ readonly exports: Readonly<Record<string, unknown>>; readonly sourceSha256: string }> {
  const { build } = await import("esbuild");
  const built = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
    plugins: [
      {
        name: "reprise",
        setup: (setup) => {
          setup.onResolve({ filter: /^reprise\// }, ({ path }) => {
            const own = ownModules[path];
            if (own === undefined)
              return { errors: [{ text: `this package has no "${path}": import reprise/analysis or reprise/core` }] };
            return { path: pathToFileURL(distFile(own)).href, external: true };
          });
        },
      },
    ],
  }).catch((error: unknown) => {
    throw new FailureError({ class: "invalid", message: `${file}: ${messageOf(error)}` });
  });
  const text = built.outputFiles[0]?.text ?? "";
  // The installation's own path stands in the text: the digest must not know it.
  const sourceSha256 = sha256Hex(text.replaceAll(pathToFileURL(distFile("")).href, ""));
  await mkdir(cacheFolder, { recursive: true });
  const module = join(cacheFolder, `${sourceSha256.slice(0, 32)}.mjs`);
  await writeFile(module, text);
  const exports = (await import(pathToFileURL(module).href)) as Readonly<Record<string, unknown>>; // a module is a record of its exports
  return { exports, sourceSha256 };
}

const isFigure = (value: unknown): value is AnyFigure =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  "spec" in value &&
  "row" in value &&
  "caption" in value;
