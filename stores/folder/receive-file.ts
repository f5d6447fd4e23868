import { createHash } from "node:crypto";
import { close, open, openSync, writeSync, writev } from "node:fs";
import { promisify } from "node:util";
import type { FileDigest } from "../../core/ports/object-store.ts";
import { syncFile } from "./folder-syncs.ts";

const openFile = promisify(open);
const closeFile = promisify(close);
const writeAll = promisify(writev);

/** Up to here a file is written by the event loop itself, in less time than one way through Node's thread pool takes. */
const smallBytes = 1 << 18;

/** One write a mebibyte: sockets hand over 64 KiB at a time, and a write each would cost more than the hashing. */
const batchBytes = 1 << 20;

/**
 * Writes a stream to a new file and hashes it on the way: one batch is hashed while the one before is written.
 *
 * @returns what was really written; the caller compares. The file is on the disk itself when `durable`.
 */
export async function receiveFile(
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: { readonly durable: boolean },
): Promise<FileDigest> {
  const hash = createHash("sha256");
  let bytes = 0;
  let file: number | undefined;
  try {
    let batch: Uint8Array[] = [];
    let batched = 0;
    let writing: Promise<void> = Promise.resolve();
    const flush = async (): Promise<void> => {
      await writing; // one write in flight: order kept, memory bounded by two batches
      const next = batch;
      batch = [];
      batched = 0;
      file ??= await openFile(path, "wx", 0o644);
      writing = writeBatch(file, next);
      writing.catch(() => undefined); // thrown by the await above, in the next turn
    };
    for await (const chunk of body) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      batch.push(chunk);
      batched += chunk.byteLength;
      if (batched >= batchBytes) await flush();
    }
    if (bytes <= smallBytes) {
      file = openSync(path, "wx", 0o644);
      for (const chunk of batch) for (let at = 0; at < chunk.byteLength;) at += writeSync(file, chunk, at);
    } else {
      await flush();
      await writing;
    }
    if (options.durable && file !== undefined) await syncFile(file);
  } finally {
    if (file !== undefined) await closeFile(file);
  }
  return { sha256: hash.digest("hex"), bytes };
}

async function writeBatch(file: number, batch: readonly Uint8Array[]): Promise<void> {
  let rest: readonly Uint8Array[] = batch;
  while (rest.length > 0) {
    let { bytesWritten: written } = await writeAll(file, rest);
    // A short write is legal; go on behind it.
    const left: Uint8Array[] = [];
    for (const chunk of rest) {
      if (written < chunk.byteLength) left.push(chunk.subarray(written));
      written = Math.max(0, written - chunk.byteLength);
    }
    rest = left;
  }
}
