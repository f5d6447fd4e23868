import { readFile, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { BundledFile } from "../core/bundle/tar.ts";
import { FailureError } from "../core/errors/failure.ts";
import { definitionNamed, definitionsIn } from "./definitions-here.ts";

/** An experiment as it lies on disk. */
export interface ExperimentFolder {
  readonly folder: string;
  readonly definitionFile: string;
  readonly definitionText: string;
  /** What is shipped to hosts. */
  readonly files: readonly BundledFile[];
}

const definitionNames = ["experiment.yaml", "experiment.yml", "experiment.json"];
/** Never shipped: other people's code, results, and what only draws. */
const leftOut = new Set([
  "node_modules",
  ".git",
  ".reprise",
  "figures",
  "results",
  "dist",
  "__pycache__",
  ".venv",
  "target",
]);
/** A bundle travels to every host: large inputs belong into `sources:` or a set-up step that downloads them. */
const mostBundleBytes = 256 * 1024 ** 2;

/** Finds and reads an experiment by its folder, its definition file, or its folder's or definition's name below `experiments/`. */
export async function readExperimentFolder(name: string): Promise<ExperimentFolder> {
  const definitionFile = await findDefinition(name);
  const folder = dirname(definitionFile);
  const files: BundledFile[] = [];
  let bytes = 0;
  for await (const path of walk(folder, "")) {
    const full = join(folder, path);
    const info = await stat(full);
    bytes += info.size;
    if (bytes > mostBundleBytes) {
      throw new FailureError({
        class: "invalid",
        message: `${folder} holds more than ${mostBundleBytes / 1024 ** 2} MiB at ${path}`,
        hint: "keep large inputs outside the experiment's folder, or fetch them in a set-up step",
      });
    }
    files.push({ path, body: await readFile(full), executable: (info.mode & 0o111) !== 0 });
  }
  return { folder, definitionFile, definitionText: await readFile(definitionFile, "utf8"), files };
}

async function findDefinition(name: string): Promise<string> {
  for (const candidate of [name, join("experiments", name)]) {
    const path = resolve(candidate);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile() === true) return path;
    if (info?.isDirectory() !== true) continue;
    for (const file of definitionNames) {
      const definition = join(path, file);
      if ((await stat(definition).catch(() => undefined))?.isFile() === true) return definition;
    }
    const others = await definitionsIn(path);
    throw new FailureError({
      class: "invalid",
      message: `${candidate} has no ${definitionNames.join(" or ")}`,
      hint:
        others.length === 0
          ? "`reprise init FOLDER` makes one"
          : `name one of its definitions: ${others.map((file) => join(candidate, basename(file))).join(", ")}`,
    });
  }
  const named = await definitionNamed(name);
  if (named !== undefined) return resolve(named);
  throw new FailureError({
    class: "invalid",
    message: `there is no experiment at "${name}"`,
    hint: "name its folder, its definition file, or a definition below experiments/",
  });
}

async function* walk(root: string, below: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (leftOut.has(basename(entry.name)) || entry.name.startsWith(".reprise")) continue;
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) yield path;
  }
}
