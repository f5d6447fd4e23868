import { FailureError } from "../core/errors/failure.ts";
import type { FileDigest, Key } from "../core/ports/object-store.ts";

/** The error of a file that isn't what its digest says. */
export function wrongFile(key: Key, expected: FileDigest, actual: FileDigest): FailureError {
  const what =
    actual.bytes === expected.bytes
      ? `has SHA-256 ${actual.sha256}, not ${expected.sha256}`
      : `has ${actual.bytes} bytes, not ${expected.bytes}`;
  return new FailureError({
    class: "integrity",
    message: `the file for ${key} ${what}; nothing was stored`,
    hint: "it was cut on its way or changed after it was hashed: send it again with a fresh digest",
    evidence: key,
  });
}
