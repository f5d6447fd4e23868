import { FailureError } from "../../core/errors/failure.ts";

/**
 * `ssh-ed25519 AAAA…` of an unencrypted private key in OpenSSH's own format: its public half stands in it in clear.
 *
 * @throws FailureError class defect, for anything else
 * @see OpenSSH's PROTOCOL.key
 */
export function openSshPublicKey(privateKey: string): string {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+)-----END OPENSSH PRIVATE KEY-----/.exec(privateKey)?.[1];
  const bytes = Buffer.from(body ?? "", "base64");
  const magic = "openssh-key-v1\0";
  if (bytes.subarray(0, magic.length).toString("latin1") !== magic) throw notAKey();
  let offset = magic.length;
  const next = (): Buffer => {
    if (offset + 4 > bytes.length) throw notAKey();
    const length = bytes.readUInt32BE(offset);
    const value = bytes.subarray(offset + 4, offset + 4 + length);
    if (value.length !== length) throw notAKey();
    offset += 4 + length;
    return value;
  };
  for (let skipped = 0; skipped < 3; skipped++) next(); // cipher, key derivation, its options
  offset += 4; // how many keys: one
  const blob = next();
  const typeLength = blob.length < 4 ? 0 : blob.readUInt32BE(0);
  return `${blob.subarray(4, 4 + typeLength).toString("latin1")} ${blob.toString("base64")}`;
}

const notAKey = (): FailureError =>
  new FailureError({ class: "defect", message: "a host's private key is not in OpenSSH's format" });
