import { createHash } from "node:crypto";
import { z } from "zod";
import type { Random } from "../../core/effects/random.ts";
import type { Intent, Place } from "../../core/ports/provider.ts";

/**
 * Names and marks on Google: `rp-{stem}--r{round}-{rest}`, 63 characters of `[-a-z0-9]` at most.
 *
 * The stem stands for the deployment: its id where that fits, else a piece of it and a hash. No stem has `--` in it, so
 * that one deployment's names never begin like another's. The rest is a host's name, or `{expiry}-{place}-{kind}` for the
 * kinds that take no labels; those also say everything in their description, but a name can't be edited away.
 */
const nameLimit = 63;
const stemLimit = 36;

/** What stands for a deployment in every name of it. */
export function stemOf(deployment: string): string {
  const isName = /^[a-z0-9][a-z0-9-]*$/.test(deployment) && !deployment.includes("--") && !deployment.endsWith("-");
  if (isName && deployment.length <= stemLimit) return deployment;
  return `${slug(deployment, stemLimit - 9)}-${hash(deployment, 8)}`.replace(/^-/, "");
}

const slug = (text: string, limit: number): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, limit)
    .replaceAll(/^-|-$/g, "");

const hash = (text: string, length: number): string => createHash("sha256").update(text).digest("hex").slice(0, length);

/** The network tag of a deployment's machines, which its firewalls are for. */
export const networkTag = (deployment: string): string => `rp-${stemOf(deployment)}`;

/** A filter that finds a deployment's names: RE2, for the whole of a field. */
export const namesOf = (deployment: string): string => `rp-${stemOf(deployment)}--r.*`;
export const allNames = "rp-.*--r.*";

/** The name of a host among its deployment's, from its intent's: `server-0`. */
export function hostOf(intent: Pick<Intent, "name" | "deployment" | "round" | "host">): string {
  const prefix = `${intent.deployment}-r${intent.round}-`;
  if (intent.name.startsWith(prefix)) return intent.name.slice(prefix.length);
  return intent.host === undefined ? intent.name : `${intent.host.role}-${intent.host.index}`;
}

/** Room is kept behind it for the names of its disks. */
export function instanceName(intent: Pick<Intent, "name" | "deployment" | "round" | "host">): string {
  const prefix = `rp-${stemOf(intent.deployment)}--r${intent.round}-`;
  const host = hostOf(intent);
  const room = nameLimit - prefix.length - "-d99".length;
  const isName = /^[a-z0-9-]*[a-z0-9]$/.test(host) && host.length <= room;
  return `${prefix}${isName ? host : `${slug(host, room - 7)}-${hash(host, 6)}`}`;
}

export const unlabelledKinds = ["ssh", "lan", "peer", "net", "sub", "pol"] as const;
export type UnlabelledKind = (typeof unlabelledKinds)[number];

/** Google's words for them. */
export const wordFor = {
  ssh: "firewall",
  lan: "firewall",
  peer: "firewall",
  net: "network",
  sub: "subnetwork",
  pol: "resourcePolicy",
} as const;

/** `rp-{stem}--r{round}-{unix seconds in base 36}-{place}-{kind}` */
export function unlabelledName(
  { deployment, round, expiresAt, place }: Pick<Intent, "deployment" | "round" | "expiresAt" | "place">,
  kind: UnlabelledKind,
): string {
  const expiry = Math.ceil(expiresAt / 1000).toString(36);
  return `rp-${stemOf(deployment)}--r${round}-${expiry}-${placeCode(scopeOf(kind, place))}-${kind}`;
}

/** What one round has once: its network, a subnetwork in each region, and the rest in each place. */
function scopeOf(kind: UnlabelledKind, place: Place): Partial<Place> {
  if (kind === "net") return {};
  return kind === "sub" ? { region: place.region } : place;
}

/** Whether a name's place code is that of this place, or of what it shares with others. */
export const isOfPlace = (code: string | undefined, place: Place): boolean =>
  [{}, { region: place.region }, place].some((scope) => placeCode(scope) === code);

/** Hosts of one round may be in several places at once; of what belongs to no place, like firewalls, each has its own. */
export const placeCode = ({ region, zone }: Partial<Place>): string =>
  BigInt(`0x${hash(JSON.stringify([region ?? null, zone ?? null]), 12)}`)
    .toString(36)
    .padStart(5, "0")
    .slice(-5);

/**
 * The range of an own network's subnetwork in a region: one of the 4096 of 20 bits in 10.0.0.0/8, by hashing, so that
 * whoever makes one needn't know the others. A test holds the ranges of Google's regions apart.
 */
export function subnetRange(region: string): string {
  const n = parseInt(hash(`subnet ${region}`, 8), 16) % 4096;
  return `10.${n >> 4}.${(n & 15) << 4}.0/20`;
}

export interface ReadName {
  readonly stem: string;
  readonly round: number;
  readonly kind: UnlabelledKind | undefined;
  /** ms since the epoch; of unlabelled kinds only. */
  readonly expiresAt: number | undefined;
  /** As `placeCode` gives it; of unlabelled kinds only. */
  readonly place: string | undefined;
  /** What follows the round: a host's name. */
  readonly rest: string;
}

/** Reads any name of ours; undefined for others'. */
export function parseName(name: string): ReadName | undefined {
  const match = /^rp-(.+?)--r(\d{1,3})-(.+)$/.exec(name);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined;
  const unlabelled = /^([0-9a-z]{6,7})-([0-9a-z]{5})-([a-z]+)$/.exec(match[3]);
  const kind = unlabelledKinds.find((k) => k === unlabelled?.[3]);
  return {
    stem: match[1],
    round: Number(match[2]),
    kind,
    expiresAt: kind === undefined ? undefined : parseInt(unlabelled?.[1] ?? "", 36) * 1000,
    place: kind === undefined ? undefined : unlabelled?.[2],
    rest: match[3],
  };
}

const Description = z.object({
  deployment: z.string(),
  runId: z.string(),
  owner: z.string(),
  name: z.string(),
  createdAt: z.number(),
  region: z.string(),
  zone: z.string().optional(),
});
export type Description = z.infer<typeof Description>;

const descriptionMark = "reprise ";

/** What an unlabelled resource says of itself; 2048 characters at most, which its parts' own limits keep. */
export const describe = (intent: Intent, createdAt: number): string =>
  descriptionMark +
  JSON.stringify({
    deployment: intent.deployment,
    runId: intent.runId,
    owner: intent.owner,
    name: intent.name,
    createdAt,
    region: intent.place.region,
    zone: intent.place.zone,
  } satisfies Record<keyof Description, unknown>);

export function parseDescription(text: string | undefined): Description | undefined {
  if (text?.startsWith(descriptionMark) !== true) return undefined;
  try {
    return Description.safeParse(JSON.parse(text.slice(descriptionMark.length))).data;
  } catch {
    return undefined; // somebody edited it: the name still tells
  }
}

/**
 * The request id of a create: the same intent asks with the same, so that a repeated call is one call.
 *
 * @returns a UUID in form (version 8, RFC 9562), never the zero one
 */
export function requestIdOf(clientToken: string, resource: string): string {
  const digest = createHash("sha256").update(`${clientToken}\n${resource}`).digest();
  return toUuid(digest, 0x80);
}

/**
 * The request id of any other change: drawn for each, since Google answers a repeated id with the first operation, also
 * with one that failed because something was still in use.
 */
export function newRequestId(random: Random): string {
  return toUuid(
    Uint8Array.from({ length: 16 }, () => Math.floor(random.next() * 256)),
    0x40,
  );
}

function toUuid(bytes: Uint8Array, version: number): string {
  const b = Array.from(bytes.subarray(0, 16), (byte, i) =>
    i === 6 ? (byte & 0x0f) | version : i === 8 ? (byte & 0x3f) | 0x80 : byte,
  );
  const hex = b.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
