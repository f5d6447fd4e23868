import { createReadStream, readFileSync, statSync } from "node:fs";
import { fetchedKey, fetchedPath } from "../../core/evidence/fetch-run.ts";
import type { EvidenceReader } from "../../core/evidence/walk-evidence.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import { runPrefix } from "../../core/names/keys.ts";
import type { Entry, Key, Stored } from "../../core/ports/object-store.ts";
import { absent, unless } from "./errno.ts";
import { walkFiles } from "./walk-files.ts";

/**
 * A fetched copy of one run as a store to read from: just files, with no metadata beside them.
 *
 * An entry's etag is its size and time here, since a listing mustn't read every file; `get`'s is the content's digest.
 * Files whose names can't be keys are listed too: they are what `verify` calls extra.
 */
export function plainTree(folder: string, runId: string): EvidenceReader {
  const pathOf = (key: Key): string | undefined => {
    const path = fetchedPath(runId, key);
    return path === undefined || path.split("/").includes("..") ? undefined : `${folder}/${path}`;
  };
  const entryOf = (key: Key): Entry | undefined => {
    const path = pathOf(key);
    const stat = path === undefined ? undefined : unless(absent, () => statSync(path, { bigint: true }));
    if (stat?.isFile() !== true) return undefined;
    const modifiedAt = Number(stat.mtimeNs / 1_000_000n);
    return { key, bytes: Number(stat.size), etag: `${stat.size}-${stat.mtimeNs}`, modifiedAt };
  };
  return {
    async get(key): Promise<Stored | undefined> {
      const entry = entryOf(key);
      const path = pathOf(key);
      if (entry === undefined || path === undefined) return undefined;
      const body = readFileSync(path);
      return { body, etag: sha256Hex(body), modifiedAt: entry.modifiedAt };
    },
    head: async (key) => entryOf(key),
    async read(key, from = 0) {
      const path = pathOf(key);
      return path === undefined || entryOf(key) === undefined ? undefined : readFrom(path, from);
    },
    async *list(prefix, after = "") {
      const own = `${runPrefix(runId)}/`;
      if (!prefix.startsWith(own)) return; // other runs' files are read by name only
      const range = { prefix: prefix.slice(own.length), after: after.startsWith(own) ? after.slice(own.length) : "" };
      for (const path of walkFiles(folder, range)) {
        const key = fetchedKey(runId, path);
        const entry = key.startsWith(own) ? entryOf(key) : undefined;
        if (entry !== undefined && key > after) yield entry;
      }
    },
  };
}

async function* readFrom(path: string, from: number): AsyncGenerator<Uint8Array> {
  const stream: AsyncIterable<Uint8Array> = createReadStream(path, { start: from, highWaterMark: 1 << 19 });
  yield* stream;
}
