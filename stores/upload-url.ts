import { createHmac, timingSafeEqual } from "node:crypto";
import type { FileDigest, Key, SignedPut } from "../core/ports/object-store.ts";
import { FailureError } from "../core/errors/failure.ts";
import { hexToBase64 } from "../core/evidence/sha256.ts";
import { assertKey } from "./object-key.ts";

/**
 * Upload URLs of our own, for the stores that aren't S3, with the same meaning as a presigned PUT: they carry key,
 * length, digest and expiry under an HMAC, and ask for the same headers, so that hosts upload alike everywhere.
 */

/** Larger files travel as parts, each an object with its own digest (design decision 5). */
export const maxUploadBytes = 1024 ** 3;

/** Why an upload is refused; each its own code, so that a host knows whether asking again can help. */
export type UploadRefusal =
  | "NotAnUploadUrl" // no key, expiry or signature in it
  | "ForeignSignature" // not signed by this store, or changed since
  | "Expired" // ask for a new URL
  | "MissingIfNoneMatch"
  | "WrongLength" // Content-Length isn't what was signed
  | "WrongDigest" // the checksum header isn't what was signed, or the body isn't what it says
  | "Truncated" // the body ended early
  | "DifferentBytesThere" // evidence is never overwritten
  | "DiskFull"
  | "StoreFailed";

export const uploadRefusalStatus: Readonly<Record<UploadRefusal, number>> = {
  NotAnUploadUrl: 404,
  ForeignSignature: 403,
  Expired: 403,
  MissingIfNoneMatch: 428,
  WrongLength: 400,
  WrongDigest: 400,
  Truncated: 400,
  DifferentBytesThere: 412,
  DiskFull: 507,
  StoreFailed: 503,
};

export interface UploadGrant {
  readonly key: Key;
  readonly digest: FileDigest;
}

export type UploadCheck =
  | ({ readonly kind: "granted" } & UploadGrant)
  | { readonly kind: "refused"; readonly code: UploadRefusal; readonly detail: string };

const signatureOf = (secret: Uint8Array, grant: UploadGrant, expiresAt: number): Buffer =>
  createHmac("sha256", secret)
    .update(["PUT", grant.key, expiresAt, grant.digest.bytes, grant.digest.sha256, "if-none-match:*"].join("\n"))
    .digest();

/** @throws {FailureError} class invalid, when the file must be cut into parts first */
export function signUpload(options: {
  readonly secret: Uint8Array;
  /** `http://127.0.0.1:4711/uploads`, no slash at its end. */
  readonly baseUrl: string;
  readonly grant: UploadGrant;
  readonly expiresAt: number;
}): SignedPut {
  const { secret, baseUrl, grant, expiresAt } = options;
  assertKey(grant.key);
  assertUploadable(grant);
  const query = new URLSearchParams({
    bytes: String(grant.digest.bytes),
    sha256: grant.digest.sha256,
    expires: String(expiresAt),
    signature: signatureOf(secret, grant, expiresAt).toString("hex"),
  });
  return { url: `${baseUrl}/${grant.key}?${query.toString()}`, headers: uploadHeaders(grant.digest), expiresAt };
}

export const uploadHeaders = (digest: FileDigest): Record<string, string> => ({
  "content-length": String(digest.bytes),
  "if-none-match": "*",
  "x-amz-checksum-sha256": hexToBase64(digest.sha256),
});

export function assertUploadable({ key, digest }: UploadGrant): void {
  if (!/^[0-9a-f]{64}$/.test(digest.sha256) || !Number.isSafeInteger(digest.bytes) || digest.bytes < 0) {
    throw new FailureError({ class: "invalid", message: `not a file digest for ${key}: ${JSON.stringify(digest)}` });
  }
  if (digest.bytes > maxUploadBytes) {
    throw new FailureError({
      class: "invalid",
      message: `${key} has ${digest.bytes} bytes; one upload carries at most ${maxUploadBytes}`,
      hint: "cut it into parts, each with its own digest (core/evidence/parts.ts)",
    });
  }
}

/** Judges an upload by its URL and headers, before its body travels. */
export function checkUpload(options: {
  readonly secret: Uint8Array;
  /** The path below the base URL, without its leading slash, and the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
  readonly now: number;
}): UploadCheck {
  const { secret, path, query, header, now } = options;
  const refused = (code: UploadRefusal, detail: string): UploadCheck => ({ kind: "refused", code, detail });

  const expiresAt = Number(query.get("expires") ?? NaN);
  const bytes = Number(query.get("bytes") ?? NaN);
  const sha256 = query.get("sha256") ?? "";
  const signature = query.get("signature") ?? "";
  if (!Number.isFinite(expiresAt) || !Number.isFinite(bytes) || sha256 === "" || signature === "") {
    return refused("NotAnUploadUrl", "expires, bytes, sha256 and signature must be in the query");
  }
  try {
    assertKey(path);
  } catch {
    return refused("NotAnUploadUrl", `not a key: ${path}`);
  }
  const grant: UploadGrant = { key: path, digest: { sha256, bytes } };
  const expected = signatureOf(secret, grant, expiresAt);
  const given = Buffer.from(signature, "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return refused("ForeignSignature", "the signature is not this store's, or the URL was changed");
  }
  if (now >= expiresAt) {
    return refused("Expired", `expired at ${new Date(expiresAt).toISOString()}`);
  }
  if (header("if-none-match") !== "*") return refused("MissingIfNoneMatch", "send if-none-match: *");
  if (header("content-length") !== String(bytes)) {
    return refused("WrongLength", `content-length ${header("content-length") ?? "missing"}, signed for ${bytes}`);
  }
  if (header("x-amz-checksum-sha256") !== hexToBase64(sha256)) {
    return refused("WrongDigest", "x-amz-checksum-sha256 is not what was signed");
  }
  return { kind: "granted", ...grant };
}
