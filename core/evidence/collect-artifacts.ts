import type { AttemptRef } from "../names/keys.ts";
import { attemptPrefix, runPrefix } from "../names/keys.ts";
import type { StepResult } from "../ports/host-agent.ts";
import type { FileDigest, Key, ObjectStore } from "../ports/object-store.ts";
import type { Artifact } from "./attempt-manifest.ts";
import { parsePartPath, partBytes, partPath } from "./parts.ts";
import { classifyRunFile } from "./run-files.ts";
import { createDigester, digestStream } from "./sha256.ts";

export interface CollectedArtifacts {
  /** In key order. */
  readonly artifacts: readonly Artifact[];
  /** Promised by a host, not landed, or landed with other bytes; and rules that matched nothing. */
  readonly missing: readonly { readonly host: string; readonly path: string }[];
}

interface LandedObject {
  readonly key: Key;
  readonly bytes: number;
}

/**
 * Finds what an attempt left in the store and holds it against what its hosts said they would send.
 *
 * A file that was promised isn't read again: the store verified it when it landed, and is asked whether it holds that
 * digest. What nobody promised (the host was lost before it reported) is hashed here. Live pieces count where the whole
 * never came.
 *
 * @param results of all phases, in their order: a later promise for a path replaces an earlier one
 */
export async function collectArtifacts(
  store: ObjectStore,
  ref: AttemptRef,
  results: readonly StepResult[],
  options: { readonly partBytes: number } = { partBytes },
): Promise<CollectedArtifacts> {
  const prefix = `${attemptPrefix(ref)}/`;
  const promised = new Map<Key, FileDigest & { readonly host: string; readonly path: string }>();
  for (const { host, artifacts } of results) {
    for (const { path, sha256, bytes } of artifacts) {
      promised.set(`${prefix}${host}/${path}`, { host, path, sha256, bytes });
    }
  }

  const landed = new Map<Key, LandedObject>();
  const live = new Map<Key, LandedObject[]>();
  for await (const { key, bytes } of store.list(prefix)) {
    const file = classifyRunFile(ref.runId, key);
    if (file.kind === "artifact") landed.set(key, { key, bytes });
    else if (file.kind === "live") live.set(file.of, [...(live.get(file.of) ?? []), { key, bytes }]);
  }

  const parts = groupParts(landed, promised, options.partBytes);

  const relative = (key: Key): string => key.slice(runPrefix(ref.runId).length + 1);
  const artifacts: Artifact[] = [];
  const used = new Set<Key>();
  const digestOf = async (object: LandedObject): Promise<FileDigest | undefined> => {
    const promise = promised.get(object.key);
    if (promise !== undefined && (await holdsFile(store, object.key, promise))) {
      return { sha256: promise.sha256, bytes: promise.bytes };
    }
    const body = await store.read(object.key);
    return body === undefined ? undefined : digestStream(body);
  };

  for (const [key, pieces] of parts) {
    const digests: { key: string; bytes: number; sha256: string }[] = [];
    for (const piece of pieces) {
      const digest = await digestOf(piece);
      if (digest !== undefined) digests.push({ key: relative(piece.key), ...digest });
    }
    const promise = promised.get(key);
    // The host that cut it knows the whole's digest; where it doesn't tell, the parts are read for it.
    const { sha256, bytes } = promise ?? (await digestStream(readAll(store, pieces)));
    if (digests.reduce((sum, piece) => sum + piece.bytes, 0) !== bytes) continue; // some are still to come
    for (const piece of pieces) used.add(piece.key);
    used.add(key);
    artifacts.push({ key: relative(key), bytes, sha256, complete: true, parts: digests });
  }
  for (const object of landed.values()) {
    if (used.has(object.key)) continue;
    const digest = await digestOf(object);
    if (digest === undefined) continue;
    const promise = promised.get(object.key);
    if (promise === undefined || promise.sha256 === digest.sha256) used.add(object.key);
    artifacts.push({ key: relative(object.key), ...digest, complete: true });
  }
  for (const [key, pieces] of live) {
    if (landed.has(key) || used.has(key)) continue;
    artifacts.push(await digestLive(store, key, pieces, relative));
  }

  const missing = [...promised].filter(([key]) => !used.has(key)).map(([, { host, path }]) => ({ host, path }));
  const unmatched = results.flatMap(({ host, missing: paths }) => paths.map((path) => ({ host, path })));
  return { artifacts: artifacts.sort((a, b) => (a.key < b.key ? -1 : 1)), missing: [...missing, ...unmatched] };
}

/**
 * Parts by the file that they make up: one that was promised as a whole, or one whose parts say themselves that they were
 * cut by us: numbered from 0 without a gap, all of full size but the last. Other files that happen to be named like parts
 * are just files.
 */
function groupParts(
  landed: ReadonlyMap<Key, LandedObject>,
  promised: ReadonlyMap<Key, FileDigest>,
  fullBytes: number,
): ReadonlyMap<Key, readonly LandedObject[]> {
  const named = new Map<Key, LandedObject[]>();
  for (const object of landed.values()) {
    const whole = parsePartPath(object.key)?.path;
    if (whole !== undefined && !landed.has(whole)) named.set(whole, [...(named.get(whole) ?? []), object]);
  }
  const isCut = (whole: Key, pieces: readonly LandedObject[]): boolean =>
    pieces.length > 1 &&
    pieces.every(({ key, bytes }, n) => {
      const isLast = n === pieces.length - 1;
      return key === partPath(whole, n) && (isLast ? bytes <= fullBytes : bytes === fullBytes);
    });
  return new Map([...named].filter(([whole, pieces]) => promised.has(whole) || isCut(whole, pieces)));
}

async function* readAll(store: ObjectStore, pieces: readonly LandedObject[]): AsyncGenerator<Uint8Array> {
  for (const { key } of pieces) {
    const body = await store.read(key);
    if (body !== undefined) yield* body;
  }
}

async function digestLive(
  store: ObjectStore,
  key: Key,
  pieces: readonly LandedObject[],
  relative: (key: Key) => string,
): Promise<Artifact> {
  const whole = createDigester();
  const parts: { key: string; bytes: number; sha256: string }[] = [];
  for (const piece of pieces) {
    const body = await store.read(piece.key);
    if (body === undefined) continue;
    const digester = createDigester();
    for await (const chunk of body) {
      digester.update(chunk);
      whole.update(chunk);
    }
    parts.push({ key: relative(piece.key), ...digester.done() });
  }
  return { key: relative(key), ...whole.done(), complete: false, parts };
}

/**
 * Whether the store holds exactly this file, without reading it.
 *
 * Every store keeps the digest of what it verified and compares it before it takes a body: so offering the file without
 * its bytes answers "mine" or "other", and can't create anything.
 */
export async function holdsFile(
  store: Pick<ObjectStore, "head" | "putFile">,
  key: Key,
  digest: FileDigest,
): Promise<boolean> {
  const entry = await store.head(key);
  if (entry?.bytes !== digest.bytes) return false;
  if (digest.bytes === 0) return true; // there is only one empty file, and offering it would create it
  return (await store.putFile(key, noBytes(), digest)) !== "other";
}

async function* noBytes(): AsyncGenerator<Uint8Array> {
  // Nothing to give.
}
