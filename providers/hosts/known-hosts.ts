import { createHash, createHmac } from "node:crypto";

/** A line of a `known_hosts` file that vouches for a key. */
export interface KnownHost {
  readonly patterns: readonly string[];
  readonly keyType: string;
  readonly fingerprint: string;
  readonly isRevoked: boolean;
}

export interface KnownHosts {
  readonly entries: readonly KnownHost[];
  /** Lines that aren't understood, from 1: certificate authorities among them. */
  readonly skipped: readonly { readonly lineNumber: number; readonly line: string }[];
}

/** @see sshd(8), SSH_KNOWN_HOSTS FILE FORMAT */
export function parseKnownHosts(text: string): KnownHosts {
  const entries: KnownHost[] = [];
  const skipped: { lineNumber: number; line: string }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]?.startsWith("#")) continue;
    const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
    const [patterns, keyType, blob] = words;
    const key = Buffer.from(blob ?? "", "base64");
    if (patterns === undefined || keyType === undefined || key.length < 8 || marker === "@cert-authority") {
      skipped.push({ lineNumber: index + 1, line });
      continue;
    }
    entries.push({
      patterns: patterns.split(","),
      keyType,
      fingerprint: `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`,
      isRevoked: marker === "@revoked",
    });
  }
  return { entries, skipped };
}

/** In the order in which our SSH transport asks a host for its key: the first that both have is the one it will show. */
const preference = [/^ssh-ed25519$/, /^ecdsa-/, /^ssh-rsa$/];

/** The fingerprint that `address` will show, or undefined where the file doesn't know it (or revokes its key). */
export function findHostKey(known: KnownHosts, address: string, port: number): string | undefined {
  const name = port === 22 ? address : `[${address}]:${port}`;
  const matching = known.entries.filter((entry) => matches(entry.patterns, name));
  const revoked = new Set(known.entries.filter(({ isRevoked }) => isRevoked).map(({ fingerprint }) => fingerprint));
  for (const keyType of preference) {
    const entry = matching.find((each) => keyType.test(each.keyType) && !revoked.has(each.fingerprint));
    if (entry !== undefined) return entry.fingerprint;
  }
  return undefined;
}

function matches(patterns: readonly string[], name: string): boolean {
  let isMatch = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("!") && globMatches(pattern.slice(1), name)) return false;
    if (pattern.startsWith("|1|")) {
      const [, , salt, hash] = pattern.split("|");
      const mac = createHmac("sha1", Buffer.from(salt ?? "", "base64"))
        .update(name)
        .digest("base64");
      isMatch ||= mac === hash;
    } else {
      isMatch ||= globMatches(pattern, name);
    }
  }
  return isMatch;
}

function globMatches(pattern: string, name: string): boolean {
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "i").test(name);
}
