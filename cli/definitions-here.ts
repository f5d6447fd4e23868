import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Definitions of a folder, `experiment.yaml` first: the files that say which version of the language they are in. */
export async function definitionsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(?:ya?ml|json)$/.test(name)).sort();
  const isFirst = (name: string): boolean => /^experiment\.\w+$/.test(name);
  const found: string[] = [];
  for (const name of [...names.filter(isFirst), ...names.filter((name) => !isFirst(name))]) {
    const text = await readFile(join(folder, name), "utf8").catch(() => "");
    if (/^reprise:|^\s*\{?\s*"reprise"\s*:/m.test(text)) found.push(join(folder, name));
  }
  return found;
}

/** Every definition in the folders of `experiments/`. */
export async function experimentsHere(): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir("experiments", { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) found.push(...(await definitionsIn(join("experiments", entry.name))));
  return found;
}

/** The definition in `experiments/` that has this name of its own, where no folder has it: `frankenpaxos-nsdi`. */
export async function definitionNamed(name: string): Promise<string | undefined> {
  for (const file of await experimentsHere()) {
    const text = await readFile(file, "utf8");
    if (/(?:^name|"name"\s*):\s*["']?([\w.-]+)/m.exec(text)?.[1] === name) return file;
  }
  return undefined;
}
