import { isoTime } from "../effects/clock.ts";
import { FailureError } from "../errors/failure.ts";
import { attemptKeys, attemptPrefix, runKeys, runPrefix } from "../names/keys.ts";
import type { AttemptRef } from "../names/keys.ts";
import type { Key, ObjectStore } from "../ports/object-store.ts";
import { outcomeRecordSchema, runRecordSchema } from "../records/schemas.ts";
import { attemptManifestSchema } from "./attempt-manifest.ts";
import { canonicalBytes } from "./canonical-json.ts";
import { classifyRunFile, finalFiles } from "./run-files.ts";
import type { ReadRoot, RunManifest, SealedFile } from "./run-manifest.ts";
import { parseStored, readRunManifest, selfDigestOf, sumsKey, sumsLine } from "./run-manifest.ts";
import { digestStream, sha256Hex } from "./sha256.ts";

export interface Sealed {
  readonly rootDigest: string;
  readonly manifestSha256: string;
  readonly files: number;
  readonly bytes: number;
  /** "same": nothing changed since the last seal, which stands. */
  readonly outcome: "sealed" | "resealed" | "same";
}

/**
 * Writes a run's root manifest and `SHA256SUMS`, after its last file: at the end of the run, and again after a resume.
 *
 * Artifacts aren't read again: their digests stand in the attempts' manifests. Everything else is small and is hashed.
 * Sealing twice gives the same root digest; the earlier root is named in the later one.
 *
 * @throws {FailureError} class defect, when the run's own record is missing; class transport, when somebody else seals
 * at the same time
 */
export async function sealRun(
  store: ObjectStore,
  runId: string,
  options: { readonly now: () => number; readonly writer: string },
): Promise<Sealed> {
  for (let tries = 0; tries < 5; tries++) {
    const found = await gather(store, runId);
    const sums = new TextEncoder().encode(found.sums.join(""));
    const content = { rootDigest: sha256Hex(sums), files: found.sums.length, bytes: found.bytes };
    const root = await readRunManifest(store, runId);
    const standing = await standingSeal(store, root, content.rootDigest);
    if (standing !== undefined) return { ...content, manifestSha256: standing, outcome: "same" };

    // The sums first: the root is what makes them count.
    await overwrite(store, sumsKey(runId), sums, options.writer);
    const body = await buildRoot(store, runId, { found, content, root, now: options.now() });
    await overwrite(store, runKeys(runId).manifest, body, options.writer);
    // Somebody else may have sealed between the two writes: whoever writes last sees it and goes round again.
    const written = await standingSeal(store, await readRunManifest(store, runId), content.rootDigest);
    if (written !== undefined) {
      return { ...content, manifestSha256: written, outcome: root.kind === "unsealed" ? "sealed" : "resealed" };
    }
  }
  throw new FailureError({
    class: "transport",
    message: `${runId} is being sealed by somebody else`,
    hint: "seal again",
  });
}

/** Digest of the root manifest when it and the sums both are those of `rootDigest`. */
async function standingSeal(store: ObjectStore, root: ReadRoot, rootDigest: string): Promise<string | undefined> {
  if (root.kind !== "sealed" || root.manifest.rootDigest !== rootDigest) return undefined;
  const sums = await store.get(sumsKey(root.manifest.runId));
  return sums !== undefined && sha256Hex(sums.body) === rootDigest ? root.sha256 : undefined;
}

async function buildRoot(
  store: ObjectStore,
  runId: string,
  what: {
    readonly found: Lists;
    readonly content: { readonly rootDigest: string; readonly files: number; readonly bytes: number };
    readonly root: ReadRoot;
    readonly now: number;
  },
): Promise<Uint8Array> {
  const record = await requireRunRecord(store, runId);
  const { attempts, reused, receipts, histories, records, unlisted } = what.found;
  const manifest: Omit<RunManifest, "selfDigest"> = {
    schema: "reprise/run@1",
    runId,
    experiment: record.experiment,
    definitionDigest: record.definitionDigest,
    planDigest: record.planDigest,
    repriseVersion: record.repriseVersion,
    attempts,
    reused,
    receipts,
    histories,
    records,
    unlisted,
    ...what.content,
    sealedAt: isoTime(what.now),
    ...(what.root.kind === "sealed" ? { supersedes: what.root.sha256 } : {}),
  };
  return canonicalBytes({ ...manifest, selfDigest: selfDigestOf(manifest) });
}

type Lists = {
  readonly [K in "attempts" | "reused" | "receipts" | "histories" | "records" | "unlisted"]: RunManifest[K];
};

async function gather(
  store: ObjectStore,
  runId: string,
): Promise<Lists & { readonly sums: readonly string[]; readonly bytes: number }> {
  const lists: Lists = { attempts: [], reused: [], receipts: [], histories: [], records: [], unlisted: [] };
  const sums: string[] = [];
  let bytes = 0;
  const hasFinal = finalFiles(store);
  let attempt: { readonly prefix: string; readonly named: ReadonlyMap<Key, SealedFile> } | undefined;

  for await (const entry of store.list(`${runPrefix(runId)}/`)) {
    const file = classifyRunFile(runId, entry.key);
    if (file.kind === "seal" || file.kind === "bookkeeping") continue;
    const ref = "attempt" in file ? file.attempt : undefined;
    if (ref !== undefined && attempt?.prefix !== attemptPrefix(ref)) {
      attempt = { prefix: attemptPrefix(ref), named: await openAttempt(store, ref, lists) };
    }
    const named = ref === undefined ? undefined : attempt?.named.get(entry.key);
    if (named === undefined && file.kind === "live" && (await hasFinal(file.of))) continue;
    const sealed = named ?? (await hash(store, runId, entry.key));
    if (sealed === undefined) continue;
    sums.push(sumsLine(sealed));
    bytes += sealed.bytes;
    if (named !== undefined) continue;
    if (ref !== undefined) lists.unlisted.push(sealed);
    else if (sealed.key.endsWith("/receipt.json")) lists.receipts.push(sealed);
    else if (sealed.key.startsWith("history/")) lists.histories.push(sealed);
    else lists.records.push(sealed);
    if (sealed.key.startsWith("outcomes/")) await addReused(store, { runId, key: entry.key }, lists);
  }
  return { ...lists, sums, bytes };
}

/** Reads an attempt's manifest: notes it in `lists`, and gives the files that it vouches for, itself included. */
async function openAttempt(store: ObjectStore, ref: AttemptRef, lists: Lists): Promise<ReadonlyMap<Key, SealedFile>> {
  const named = new Map<Key, SealedFile>();
  const key = attemptKeys(ref).manifest;
  const stored = await store.get(key);
  if (stored === undefined) return named; // it was cut off: its files are sealed as unlisted
  const parsed = parseStored(stored.body, attemptManifestSchema);
  if (parsed.kind === "broken") return named;
  const manifest = parsed.value;
  const path = key.slice(runPrefix(ref.runId).length + 1);
  const self: SealedFile = { key: path, bytes: stored.body.byteLength, sha256: sha256Hex(stored.body) };
  named.set(key, self);
  lists.attempts.push({
    ...self,
    pointKey: ref.pointKey,
    trialIndex: ref.trialIndex,
    attempt: ref.attempt,
    trialKey: manifest.trialKey,
    outcome: manifest.outcome.kind,
  });
  for (const artifact of manifest.artifacts) {
    for (const file of artifact.parts ?? [artifact]) {
      named.set(`${runPrefix(ref.runId)}/${file.key}`, { key: file.key, bytes: file.bytes, sha256: file.sha256 });
    }
  }
  return named;
}

async function hash(store: ObjectStore, runId: string, key: Key): Promise<SealedFile | undefined> {
  const body = await store.read(key);
  return body === undefined
    ? undefined
    : { key: key.slice(runPrefix(runId).length + 1), ...(await digestStream(body)) };
}

async function addReused(
  store: ObjectStore,
  what: { readonly runId: string; readonly key: Key },
  lists: Lists,
): Promise<void> {
  const stored = await store.get(what.key);
  if (stored === undefined) return;
  const parsed = parseStored(stored.body, outcomeRecordSchema);
  if (parsed.kind === "broken" || parsed.value.runId === what.runId) return;
  const { trialKey, runId, manifestSha256 } = parsed.value;
  lists.reused.push({ trialKey, runId, key: attemptKeys(parsed.value).manifest, sha256: manifestSha256 });
}

async function requireRunRecord(store: ObjectStore, runId: string) {
  const key = runKeys(runId).run;
  const stored = await store.get(key);
  const parsed = stored === undefined ? undefined : parseStored(stored.body, runRecordSchema);
  if (parsed?.kind === "parsed") return parsed.value;
  throw new FailureError({
    class: "defect",
    message: `${key} ${parsed === undefined ? "is missing" : `can't be read: ${parsed.reason}`}; the run can't be sealed`,
  });
}

async function overwrite(store: ObjectStore, key: Key, body: Uint8Array, writer: string): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const there = await store.head(key);
    if (there === undefined) {
      if ((await store.putIfAbsent(key, body, writer)) === "created") return;
    } else if ((await store.replace(key, body, there.etag)) !== "conflict") {
      return;
    }
  }
  throw new FailureError({
    class: "transport",
    message: `${key} is being written by somebody else`,
    hint: "seal again",
  });
}
