/**
 * SSH identities derived from one master secret: nothing per run is stored, and nothing has to be deleted.
 *
 * The same secret, run and host give the same pair for ever, so a host's key is pinned before the host exists. The
 * caller makes and keeps the master secret; whoever holds it can be every user and every host of its runs.
 */
import { createHash, createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";
import { RepriseError } from "../errors/reprise-error.ts";

/** Too short to derive anything from. */
export class MasterSecretError extends RepriseError {
  override readonly name = "MasterSecretError";
}

/** Whose key: the run's login on all its hosts, or one host's own. */
export type KeyOwner =
  | { readonly kind: "user"; readonly runId: string }
  | { readonly kind: "host"; readonly runId: string; readonly host: string };

/** One ed25519 pair in the forms that its readers want. */
export interface SshKeyPair {
  /** PKCS#8 PEM. */
  readonly pkcs8: string;
  /** OpenSSH's own private key format: what sshd, ssh and cloud-init's `ssh_keys` read. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA… comment`, as in `authorized_keys`. */
  readonly publicKey: string;
  /** `SHA256:…` of the public half, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

/** At least 32 bytes, as hex or raw. */
export const masterSecretBytes = 32;

/**
 * Bytes for one purpose from the master secret.
 *
 * @param context what the bytes are for; lists that differ anywhere give unrelated bytes
 * @throws {MasterSecretError} when the secret has fewer than 32 bytes
 */
export function deriveBytes(masterSecret: Uint8Array, context: readonly string[], bytes: number): Buffer {
  if (masterSecret.length < masterSecretBytes) {
    throw new MasterSecretError(`a master secret of ${masterSecret.length} bytes`, {
      hint: `it needs at least ${masterSecretBytes} random bytes`,
    });
  }
  // JSON keeps ["a", "bc"] and ["ab", "c"] apart.
  return Buffer.from(hkdfSync("sha256", masterSecret, "reprise/v1", JSON.stringify(context), bytes));
}

/** @throws {MasterSecretError} when the secret has fewer than 32 bytes */
export function deriveKeyPair(masterSecret: Uint8Array, owner: KeyOwner): SshKeyPair {
  const context = owner.kind === "user" ? ["ssh-user-key", owner.runId] : ["ssh-host-key", owner.runId, owner.host];
  const comment = owner.kind === "user" ? `reprise-${owner.runId}` : `reprise-${owner.runId}-${owner.host}`;
  const seed = deriveBytes(masterSecret, context, 32);
  const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex"); // RFC 8410, an ed25519 seed follows
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(key).export({ format: "jwk" });
  if (x === undefined) throw new Error("node:crypto exported an ed25519 key without its public half");
  const publicBytes = Buffer.from(x, "base64url");
  const blob = Buffer.concat([sshString(keyType), sshString(publicBytes)]);
  return {
    pkcs8: key.export({ format: "pem", type: "pkcs8" }).toString(),
    privateKey: opensshPrivateKey(seed, publicBytes, comment.replaceAll(/\s/g, "_")),
    publicKey: `${keyType} ${blob.toString("base64")} ${comment.replaceAll(/\s/g, "_")}`,
    fingerprint: fingerprintOf(blob),
  };
}

/** `SHA256:` and unpadded base64 of the SHA-256 of a public key in SSH's wire form. */
export const fingerprintOf = (publicBlob: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(publicBlob).digest("base64").replace(/=+$/, "")}`;

const keyType = "ssh-ed25519";

const sshUint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const sshString = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([sshUint32(bytes.length), bytes]);
};

/** @see OpenSSH's PROTOCOL.key: an unencrypted file still repeats a check number and is padded 1, 2, 3… to a block of 8. */
function opensshPrivateKey(seed: Buffer, publicBytes: Buffer, comment: string): string {
  const publicBlob = Buffer.concat([sshString(keyType), sshString(publicBytes)]);
  // Random elsewhere; here the same key must give the same file, and nobody decrypts it.
  const check = createHash("sha256").update(publicBytes).digest().subarray(0, 4);
  const secret = Buffer.concat([
    check,
    check,
    publicBlob,
    sshString(Buffer.concat([seed, publicBytes])),
    sshString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    sshString("none"),
    sshString("none"),
    sshString(""),
    sshUint32(1),
    sshString(publicBlob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
