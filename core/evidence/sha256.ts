import { createHash } from "node:crypto";
import type { FileDigest } from "../ports/object-store.ts";

/**
 * SHA-256 as lower-case hex. `node:crypto` is the one thing that the core takes from its platform here: a pure function,
 * about 1.5 GB/s where the CPU helps, which no code of our own would reach.
 */
export const sha256Hex = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** The form of S3's checksum headers. */
export const hexToBase64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");

/** A digest that grows with the bytes it is fed. */
export interface Digester {
  update(chunk: Uint8Array): void;
  /** Ends it: length and digest of all that was fed. */
  done(): FileDigest;
}

export function createDigester(): Digester {
  const hash = createHash("sha256");
  let bytes = 0;
  return {
    update(chunk) {
      hash.update(chunk);
      bytes += chunk.byteLength;
    },
    done: () => ({ sha256: hash.digest("hex"), bytes }),
  };
}

/** Reads a stream to its end and gives its length and digest; one chunk in memory at a time. */
export async function digestStream(chunks: AsyncIterable<Uint8Array>): Promise<FileDigest> {
  const digester = createDigester();
  for await (const chunk of chunks) digester.update(chunk);
  return digester.done();
}
