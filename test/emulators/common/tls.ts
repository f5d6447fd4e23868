import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

/**
 * A throw-away certificate authority and a certificate for loopback, good for a day, made with node:crypto alone.
 *
 * Azure's SDK refuses plain http; callers trust `caPem` by NODE_EXTRA_CA_CERTS or an agent of their own.
 */
export interface LoopbackTls {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export function makeLoopbackTls(nowMs: number): LoopbackTls {
  const ca = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const leaf = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const caName = commonName("reprise emulator authority");
  const valid = { from: nowMs - 3_600_000, to: nowMs + 86_400_000 };
  const ca509 = certificate({
    subject: caName,
    issuer: caName,
    key: ca.publicKey,
    signer: ca.privateKey,
    valid,
    extensions: [extension("2.5.29.19", true, seq(boolean(true))), extension("2.5.29.15", true, keyUsage(0x06, 1))],
  });
  const leaf509 = certificate({
    subject: commonName("localhost"),
    issuer: caName,
    key: leaf.publicKey,
    signer: ca.privateKey,
    valid,
    extensions: [
      // subjectAltName: dNSName [2], iPAddress [7]
      extension(
        "2.5.29.17",
        false,
        seq(tlv(0x82, Buffer.from("localhost")), tlv(0x87, Buffer.from([127, 0, 0, 1])), tlv(0x87, ipv6Loopback)),
      ),
      extension("2.5.29.37", false, seq(oid("1.3.6.1.5.5.7.3.1"))), // extendedKeyUsage: serverAuth
    ],
  });
  return {
    caPem: pem(ca509),
    certPem: pem(leaf509),
    keyPem: leaf.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const ipv6Loopback = Buffer.concat([Buffer.alloc(15), Buffer.from([1])]);

interface CertificateParts {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly valid: { readonly from: number; readonly to: number };
  readonly extensions: readonly Buffer[];
}

/** X.509 v3 (RFC 5280), signed with ecdsa-with-SHA256. */
function certificate(parts: CertificateParts): Buffer {
  const algorithm = seq(oid("1.2.840.10045.4.3.2"));
  const serial = randomBytes(12);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, and no leading zero
  const body = seq(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    parts.issuer,
    seq(utcTime(parts.valid.from), utcTime(parts.valid.to)),
    parts.subject,
    parts.key.export({ type: "spki", format: "der" }),
    tlv(0xa3, seq(...parts.extensions)),
  );
  return seq(body, algorithm, bitString(sign("sha256", body, parts.signer)));
}

const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der
    .toString("base64")
    .replace(/(.{64})/g, "$1\n")
    .trimEnd()}\n-----END CERTIFICATE-----\n`;

// The few pieces of DER (X.690) that a certificate needs.
function tlv(tag: number, content: Buffer): Buffer {
  const n = content.length;
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
const seq = (...parts: readonly Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes);
const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.from([value ? 0xff : 0]));
const bitString = (bytes: Buffer): Buffer => tlv(0x03, Buffer.concat([Buffer.from([0]), bytes]));
const keyUsage = (bits: number, unused: number): Buffer => tlv(0x03, Buffer.from([unused, bits]));
const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  seq(oid(id), ...(critical ? [boolean(true)] : []), tlv(0x04, value));
const commonName = (name: string): Buffer => seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(0x0c, Buffer.from(name)))));
const utcTime = (epochMs: number): Buffer =>
  tlv(0x17, Buffer.from(`${new Date(epochMs).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));
function oid(dotted: string): Buffer {
  const [a = 0, b = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [a * 40 + b];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let n = part >> 7; n > 0; n >>= 7) digits.unshift((n & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tlv(0x06, Buffer.from(bytes));
}
