import { createReadStream, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FetchFiles } from "../../core/evidence/fetch-run.ts";
import { digestStream } from "../../core/evidence/sha256.ts";
import { absent, unless } from "../folder/errno.ts";
import { receiveFile } from "../folder/receive-file.ts";

/** A folder on this machine as the place that a run is fetched into. */
export function localFiles(folder: string): FetchFiles {
  return {
    async digest(path) {
      const full = join(folder, path);
      if (unless(absent, () => statSync(full))?.isFile() !== true) return undefined;
      const body: AsyncIterable<Uint8Array> = createReadStream(full, { highWaterMark: 1 << 19 });
      return digestStream(body);
    },
    async write(path, body, expected) {
      const full = join(folder, path);
      // Never a part of a run's file: `%` is in no key.
      const partial = `${full}%partial`;
      mkdirSync(dirname(full), { recursive: true });
      rmSync(partial, { force: true });
      try {
        const actual = await receiveFile(partial, body, { durable: false });
        if (expected === undefined || actual.sha256 === expected.sha256) renameSync(partial, full);
        return actual;
      } finally {
        rmSync(partial, { force: true });
      }
    },
  };
}
