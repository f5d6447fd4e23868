/** Bytes of a file or of an artifact in the store, a chunk at a time, unpacked where they are gzipped. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ParseError } from "./parsed.ts";

export type ByteSource = AsyncIterable<Uint8Array>;

/** A file's bytes, 1 MiB at a time. */
export const fileBytes = (path: string): ByteSource => createReadStream(path, { highWaterMark: 1 << 20 });

/**
 * The bytes as they are, or unpacked when they start with gzip's magic number, whatever the file is called.
 *
 * @throws {ParseError} when a gzip stream is cut short or broken: half a log is not a shorter experiment
 */
export async function* unpacked(source: ByteSource, file = "input"): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let head = new Uint8Array(0);
  while (head.length < 2) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = (async function* () {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* whole;
    return;
  }
  let unpackedBytes = 0;
  const input = Readable.from(whole);
  const gunzip = input.pipe(createGunzip({ chunkSize: 1 << 18 }));
  input.once("error", (error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip) {
      const bytes = chunk as Uint8Array; // A gunzip stream in its default mode gives buffers.
      unpackedBytes += bytes.length;
      yield bytes;
    }
  } catch (cause) {
    const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
    if (!code.startsWith("Z_")) throw cause;
    throw new ParseError(
      { file, lineNumber: 1, problem: `the gzip stream is broken or cut short after ${unpackedBytes} unpacked bytes` },
      { hint: "fetch the file again and compare its digest with the manifest's", cause },
    );
  } finally {
    input.destroy();
  }
}

/** All of a source as text. Only for what is known to be small. */
export async function readText(source: ByteSource, file = "input"): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of unpacked(source, file)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
