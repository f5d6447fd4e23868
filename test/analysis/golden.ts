/** Compares a figure's text with the one kept in `goldens/`, and leaves what changed beside it to look at. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "goldens");

/**
 * Fails when `text` differs from `goldens/<name>.<extension>`; the new text is then in `<name>-changed.<extension>`.
 * With REPRISE_UPDATE_GOLDENS set, the golden is written instead.
 */
export function expectGolden(name: string, extension: string, text: string): void {
  const path = join(folder, `${name}.${extension}`);
  const changed = join(folder, `${name}-changed.${extension}`);
  if (process.env["REPRISE_UPDATE_GOLDENS"]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
    rmSync(changed, { force: true });
    return;
  }
  const golden = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  if (golden === text) {
    rmSync(changed, { force: true });
    return;
  }
  writeFileSync(changed, text);
  throw new Error(
    golden === undefined
      ? `there is no golden ${path}: look at ${changed} and run again with REPRISE_UPDATE_GOLDENS=1`
      : `${name}.${extension} changed: compare ${path} with ${changed}`,
  );
}

/** Coordinates to one decimal: a golden should move when a layout does, not when a sum is taken in another order. */
export const roundCoordinates = (svg: string): string =>
  svg.replace(/-?\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10)).replaceAll("><", ">\n<");
