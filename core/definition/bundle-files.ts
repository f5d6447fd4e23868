import type { Definition } from "./schema.ts";
import { globPattern } from "./glob.ts";

/**
 * Which of the files beside a definition are shipped to hosts, sorted: those that `bundle:` names.
 *
 * @param paths all files of the folder, relative to it, with `/`
 */
export function selectBundleFiles(definition: Pick<Definition, "bundle">, paths: readonly string[]): string[] {
  const patterns = definition.bundle.map(globPattern);
  return paths.filter((path) => patterns.some((pattern) => pattern.test(path))).sort();
}
