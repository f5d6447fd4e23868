import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of this test's own; `remove` when it ends. */
export function tempFolder(name: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `reprise-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
