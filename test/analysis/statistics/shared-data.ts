import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Published results and descriptions that stand beside the checkout; tests that need them are skipped where they aren't. */
export const sharedRoot = new URL("../../../../shared/", import.meta.url);

export const hasShared = existsSync(new URL("published/", sharedRoot));
/** `describe`, or a visibly skipped one where the published data is absent. */
export const describeShared = hasShared ? describe : describe.skip;

export function readShared(path: string): string {
  const bytes = readFileSync(new URL(path, sharedRoot));
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

/** A CSV without quotes, one record a row, all values as text. */
export function readSharedCsv(path: string): Record<string, string>[] {
  const [header = "", ...lines] = readShared(path).trimEnd().split(/\r?\n/);
  const names = header.split(",");
  return lines.map((line) => {
    const fields = line.split(",");
    return Object.fromEntries(names.map((name, i) => [name, fields[i] ?? ""]));
  });
}
