/**
 * Vega in one piece, with the machine code's first half: `scripts/build.mjs` bundles both packages into one script and
 * keeps what V8 compiled of it while it drew. Node 20 does so for modules not at all, and compiling takes as long as five
 * figures. Code of another V8, or for other flags, is refused by V8 itself; then the script is compiled as ever.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import type { VegaPackages } from "./vega-packages.ts";

export { setDrawingFlags } from "./drawing-flags.ts";

/** The name of what V8 compiled, beside the script: for one V8 and processor. */
export const codeNameOf = (script: string): string => `${script}.${process.versions.v8}-${process.arch}`;

/** A CommonJS script, run, and what V8 has compiled of it by the time that is asked. */
export interface LoadedScript {
  readonly exports: object;
  readonly compiledCode: () => Uint8Array;
  /** Whether code that had been kept was of use. */
  readonly hadCode: boolean;
}

export function loadScript(file: string): LoadedScript {
  const codeFile = codeNameOf(file);
  const cachedData = existsSync(codeFile) ? readFileSync(codeFile) : undefined;
  const text = `(function (exports, require, module) {${readFileSync(file, "utf8")}\n})`;
  const script = new Script(text, { filename: file, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  // What the text above evaluates to.
  const run = script.runInThisContext() as (exports: object, require: NodeJS.Require, module: object) => void;
  run(module.exports, createRequire(file), module);
  return {
    exports: module.exports,
    compiledCode: () => script.createCachedData(),
    hadCode: cachedData !== undefined && script.cachedDataRejected !== true,
  };
}

let loaded: LoadedScript | undefined;

/** The bundle beside this module's own, or a folder above its chunk. */
export function loadVegaScript(): LoadedScript {
  if (loaded) return loaded;
  const candidates = ["./vega.cjs", "../vega.cjs"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Error(`dist/vega.cjs is missing: \`npm run build\` makes it`);
  return (loaded = loadScript(file));
}

export const loadPackages = (): Promise<VegaPackages> =>
  // The build bundles exactly these two.
  Promise.resolve(loadVegaScript().exports as VegaPackages);
