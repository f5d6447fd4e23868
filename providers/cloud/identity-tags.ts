/**
 * What a resource says of itself in the cloud, in pairs that EC2 tags, Azure tags and Google labels all take.
 *
 * Google's rules are the narrowest: keys and values of lower-case letters, digits, `_` and `-`, at most 63 characters.
 * Texts are escaped to them reversibly, and one that is longer goes on under `{key}-2`, `{key}-3`. The reaper works from
 * these pairs alone, also for runs it never heard of.
 */
export interface ResourceIdentity {
  readonly deployment: string;
  readonly runId: string;
  readonly owner: string;
  /** Of the intent that made it. */
  readonly name: string;
  readonly round: number;
  readonly role?: string;
  /** ms since the epoch; tags hold seconds, `createdAt` rounded down and `expiresAt` up. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

export const tagKeys = {
  deployment: "reprise-deployment",
  runId: "reprise-run",
  owner: "reprise-owner",
  name: "reprise-name",
  round: "reprise-round",
  role: "reprise-role",
  createdAt: "reprise-created",
  expiresAt: "reprise-expires",
} as const;

/** Google's limit; EC2's is 256, Azure's 256. */
const valueLimit = 63;

export function toTags(identity: ResourceIdentity): Record<string, string> {
  return {
    ...textTags(tagKeys.deployment, identity.deployment),
    ...textTags(tagKeys.runId, identity.runId),
    ...textTags(tagKeys.owner, identity.owner),
    ...textTags(tagKeys.name, identity.name),
    [tagKeys.round]: String(identity.round),
    ...(identity.role === undefined ? {} : textTags(tagKeys.role, identity.role)),
    [tagKeys.createdAt]: String(Math.floor(identity.createdAt / 1000)),
    ...expiryTag(identity.expiresAt),
  };
}

/** The one pair that `extend` changes. */
export const expiryTag = (expiresAt: number): Record<string, string> => ({
  [tagKeys.expiresAt]: String(Math.ceil(expiresAt / 1000)),
});

/**
 * The pairs to look for in a listing; for what is longer than a value there are several, and all must match.
 *
 * Everything of ours has the key `tagKeys.deployment`, whatever its value.
 */
export const deploymentTags = (deployment: string): Record<string, string> => textTags(tagKeys.deployment, deployment);

/**
 * Reads what `toTags` wrote; members that are missing or aren't of that form are left out.
 *
 * @returns undefined for what isn't ours: no deployment is named
 */
export function fromTags(
  tags: Readonly<Record<string, string | undefined>>,
): (Partial<ResourceIdentity> & Pick<ResourceIdentity, "deployment">) | undefined {
  // Azure finds tag names without regard to case, and gives them back as some tool wrote them.
  const pairs = new Map(Object.entries(tags).map(([key, value]) => [key.toLowerCase(), value]));
  const deployment = readText(pairs, tagKeys.deployment);
  if (deployment === undefined) return undefined;
  return {
    deployment,
    ...member("runId", readText(pairs, tagKeys.runId)),
    ...member("owner", readText(pairs, tagKeys.owner)),
    ...member("name", readText(pairs, tagKeys.name)),
    ...member("round", readNumber(pairs, tagKeys.round)),
    ...member("role", readText(pairs, tagKeys.role)),
    ...member("createdAt", readSeconds(pairs, tagKeys.createdAt)),
    ...member("expiresAt", readSeconds(pairs, tagKeys.expiresAt)),
  };
}

type Pairs = ReadonlyMap<string, string | undefined>;

const member = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  // The one key is K by construction.
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);

function textTags(key: string, text: string): Record<string, string> {
  const pieces = cutEscaped(escapeTagValue(text));
  return Object.fromEntries(pieces.map((piece, index) => [index === 0 ? key : `${key}-${index + 1}`, piece]));
}

function readText(pairs: Pairs, key: string): string | undefined {
  const first = pairs.get(key);
  if (first === undefined) return undefined;
  let whole = first;
  for (let part = 2; ; part++) {
    const piece = pairs.get(`${key}-${part}`);
    if (piece === undefined) return unescapeTagValue(whole);
    whole += piece;
  }
}

function readNumber(pairs: Pairs, key: string): number | undefined {
  const text = pairs.get(key);
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

function readSeconds(pairs: Pairs, key: string): number | undefined {
  const seconds = readNumber(pairs, key);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** Lower-case letters, digits and `-` stand for themselves, every other byte of UTF-8 is `_` and two hexadecimal digits. */
export const escapeTagValue = (text: string): string =>
  [...new TextEncoder().encode(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[a-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");

/** @returns undefined for a text that `escapeTagValue` can't have written */
export function unescapeTagValue(escaped: string): string | undefined {
  if (!/^(?:[a-z0-9-]|_[0-9a-f]{2})*$/.test(escaped)) return undefined;
  const bytes = (escaped.match(/_[0-9a-f]{2}|[a-z0-9-]/g) ?? []).map((piece) =>
    piece.startsWith("_") ? parseInt(piece.slice(1), 16) : piece.charCodeAt(0),
  );
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}

/** Pieces of at most a value's length. Where one ends doesn't matter: they are joined before they are read. */
const cutEscaped = (escaped: string): string[] => escaped.match(new RegExp(`.{1,${valueLimit}}`, "g")) ?? [""];
