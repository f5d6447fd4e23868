import { readdirSync } from "node:fs";
import { absent, unless } from "./errno.ts";

/**
 * Paths of all files below `root`, relative to it and joined by `/`, in the order of their bytes: S3's key order.
 *
 * Memory is bounded by the widest folder. Folders sort as if their names ended with `/`, which is what makes depth-first
 * order the order of keys. Files that come or go meanwhile may or may not appear.
 *
 * @param range only paths that begin with `prefix` and come after `after`
 */
export function* walkFiles(
  root: string,
  range: { readonly prefix: string; readonly after: string },
): Generator<string> {
  const slash = range.prefix.lastIndexOf("/") + 1;
  yield* walkFolder(root, range.prefix.slice(0, slash), range);
}

function* walkFolder(
  root: string,
  path: string,
  range: { readonly prefix: string; readonly after: string },
): Generator<string> {
  const children = unless(absent, () => readdirSync(`${root}/${path}`, { withFileTypes: true })) ?? [];
  const names: string[] = [];
  for (const child of children) {
    const name = child.isDirectory() ? `${path}${child.name}/` : `${path}${child.name}`;
    // A folder is of use when it may hold paths after `after`: it comes later, or `after` points into it.
    if (name.startsWith(range.prefix) && (name > range.after || (name.endsWith("/") && range.after.startsWith(name)))) {
      names.push(name);
    }
  }
  names.sort();
  for (const name of names) {
    if (name.endsWith("/")) yield* walkFolder(root, name, range);
    else yield name;
  }
}
