import type { Key } from "../ports/object-store.ts";

/** What one upload carries at most; S3 takes 5 GiB, but a part that breaks off is sent again whole. */
export const partBytes = 1024 ** 3;

/** `{path}.part{n}`: the n-th piece of a file of more than `partBytes`, n from 0. Sorted by key they are in order. */
export const partPath = (path: string, part: number): Key => `${path}.part${part.toString().padStart(4, "0")}`;

/** The file and number of a piece, or undefined when the path names none. */
export function parsePartPath(path: string): { readonly path: string; readonly part: number } | undefined {
  const match = /^(.+)\.part(\d{4})$/.exec(path);
  return match?.[1] === undefined ? undefined : { path: match[1], part: Number(match[2]) };
}

/** The pieces that a file of so many bytes travels in; one that covers it all when it is small enough. */
export function splitIntoParts(bytes: number): readonly { readonly from: number; readonly bytes: number }[] {
  const count = Math.max(1, Math.ceil(bytes / partBytes));
  return Array.from({ length: count }, (_, part) => ({
    from: part * partBytes,
    bytes: Math.min(partBytes, bytes - part * partBytes),
  }));
}
