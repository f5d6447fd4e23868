import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

/** Definitions of a folder, `experiment.yaml` first: the files that say which version of the language they are in. */
export async function definitionsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(?:ya?ml|json)$/.test(name)).sort();
  const found: string[] = [];
  for (const name of [...names.filter(isCalledExperiment), ...names.filter((name) => !isCalledExperiment(name))]) {
    const text = await readFile(join(folder, name), "utf8").catch(() => "");
    if (/^reprise:|^\s*\{?\s*"reprise"\s*:/m.test(text)) found.push(join(folder, name));
  }
  return found;
}

/**
 * Every definition in the folders of `experiments/`; then, of this folder and those in it, such as `reprise init` makes,
 * the one that is called after what it is: `experiment.yaml`.
 */
export async function experimentsHere(root = "."): Promise<string[]> {
  const found: string[] = [];
  for (const name of await foldersIn(join(root, "experiments")))
    found.push(...(await definitionsIn(join(root, "experiments", name))));
  for (const name of [".", ...(await foldersIn(root))]) {
    const definitions = await definitionsIn(join(root, name));
    found.push(...definitions.filter((file) => isCalledExperiment(basename(file))));
  }
  return found;
}

const foldersIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map(({ name }) => name)
    .sort();

const isCalledExperiment = (name: string): boolean => /^experiment\.\w+$/.test(name);

/** The definition here that has this name of its own, where no folder has it: `frankenpaxos-nsdi`. */
export async function definitionNamed(name: string): Promise<string | undefined> {
  for (const file of await experimentsHere()) {
    const text = await readFile(file, "utf8");
    if (/(?:^name|"name"\s*):\s*["']?([\w.-]+)/m.exec(text)?.[1] === name) return file;
  }
  return undefined;
}
