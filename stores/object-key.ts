import { NameError } from "../core/names/keys.ts";
import type { Key } from "../core/ports/object-store.ts";

const segmentPattern = /^[A-Za-z0-9._=+@-]+$/;
/** S3's limit for a key, and every common file system's for one name; a folder must hold whatever a bucket holds. */
const maxKeyLength = 1024;
const maxSegmentLength = 255;

/**
 * @throws {NameError} when `key` isn't a path of plain segments: nothing outside the store can be meant by it
 */
export function assertKey(key: Key): void {
  if (key.length > maxKeyLength) throw new NameError(`key of ${key.length} characters: "${key.slice(0, 80)}…"`);
  for (const segment of key.split("/")) {
    if (segment === "." || segment === ".." || segment.length > maxSegmentLength || !segmentPattern.test(segment)) {
      throw new NameError(`not a key: "${key}" (segment "${segment}")`, {
        hint: "segments of A-Z a-z 0-9 . _ = + @ - joined by /, none of them empty, . or ..",
      });
    }
  }
}

/** @throws {NameError} when `prefix` can't be the beginning of a key */
export function assertPrefix(prefix: string): void {
  if (prefix === "") return;
  const segments = prefix.split("/");
  const last = segments.pop() ?? "";
  if (segments.length > 0) assertKey(segments.join("/"));
  if (last !== "" && !segmentPattern.test(last)) throw new NameError(`not a prefix of keys: "${prefix}"`);
}
