import type { AttemptRef } from "../names/keys.ts";
import { attemptKeys, attemptPrefix, runKeys, runPrefix } from "../names/keys.ts";
import type { Key, ObjectStore } from "../ports/object-store.ts";
import { outcomeRecordSchema } from "../records/schemas.ts";
import type { Artifact } from "./attempt-manifest.ts";
import { attemptManifestSchema } from "./attempt-manifest.ts";
import { partPath } from "./parts.ts";
import { classifyRunFile, finalFiles } from "./run-files.ts";
import type { ReadRoot, RunManifest } from "./run-manifest.ts";
import { parseStored, parseSumsLine, readRunManifest, sumsKey } from "./run-manifest.ts";
import { digestStream, sha256Hex } from "./sha256.ts";

/** What reading evidence needs: a store, or a fetched copy of one run (`stores/folder/plain-tree.ts`). */
export type EvidenceReader = Pick<ObjectStore, "get" | "head" | "read" | "list">;

/** What a file should be. Sums alone know no length. */
export interface Expectation {
  readonly sha256: string;
  readonly bytes: number | undefined;
}

export type EvidenceItem =
  | {
      readonly kind: "file";
      readonly key: Key;
      readonly bytes: number;
      /** Undefined: nothing says what it should be, the run isn't sealed. */
      readonly expected: Expectation | undefined;
      /** The file that this is a part of. */
      readonly whole: Artifact | undefined;
    }
  | { readonly kind: "missing"; readonly key: Key; readonly expected: Expectation }
  | { readonly kind: "extra"; readonly key: Key }
  | { readonly kind: "broken"; readonly key: Key; readonly reason: string };

/**
 * Everything that is evidence in a run, in key order, with what it should be; and what is missing or shouldn't be there.
 *
 * Reads names and manifests only: the caller reads the files. Memory holds the root manifest and one attempt's, never a
 * listing. Expectations come from the root manifest and each attempt's; an attempt manifest that isn't what the root
 * says is not believed, then `SHA256SUMS` answers for its files.
 */
export async function* walkEvidence(store: EvidenceReader, runId: string): AsyncGenerator<EvidenceItem, ReadRoot> {
  const root = await readRunManifest(store, runId);
  if (root.kind === "broken") yield { kind: "broken", key: root.key, reason: root.reason };
  const sealed = root.kind === "sealed" ? root.manifest : undefined;
  const expected = expectationsOf(runId, sealed);
  const hasFinal = finalFiles(store);
  let attempt: OpenAttempt | undefined;
  const isMissing = (of: Key): boolean =>
    [of, partPath(of, 0)].some((key) => expected.has(key) || attempt?.files.has(key) === true);

  for await (const { key, bytes } of store.list(`${runPrefix(runId)}/`)) {
    if (attempt !== undefined && !key.startsWith(attempt.prefix)) {
      yield* missingOf(attempt.files);
      attempt = undefined;
    }
    const file = classifyRunFile(runId, key);
    const ref = "attempt" in file ? file.attempt : undefined;
    if (attempt === undefined && ref !== undefined) {
      attempt = await openAttempt(store, ref, { sealed, expected });
      if (attempt.problem !== undefined) yield attempt.problem;
    }
    const ofAttempt = attempt?.files.get(key);
    const known = ofAttempt?.expected ?? expected.get(key);
    attempt?.files.delete(key);
    expected.delete(key);
    if (known !== undefined) {
      yield { kind: "file", key, bytes, expected: known, whole: ofAttempt?.whole };
    } else if (key === runKeys(runId).manifest || file.kind === "bookkeeping") {
      continue; // the root proved itself, or was reported
    } else if (file.kind === "live" && (isMissing(file.of) || (await hasFinal(file.of)))) {
      continue; // superseded, even when what superseded it got lost
    } else if (sealed !== undefined) {
      yield { kind: "extra", key };
    } else {
      yield { kind: "file", key, bytes, expected: undefined, whole: undefined };
    }
  }
  if (attempt !== undefined) yield* missingOf(attempt.files);
  for (const [key, expectation] of expected) yield { kind: "missing", key, expected: expectation };
  return root;
}

interface ExpectedFile {
  readonly expected: Expectation;
  readonly whole: Artifact | undefined;
}

interface OpenAttempt {
  readonly prefix: string;
  readonly files: Map<Key, ExpectedFile>;
  readonly problem: EvidenceItem | undefined;
}

/** All that the root names by itself: everything but the artifacts of attempts. */
function expectationsOf(runId: string, root: RunManifest | undefined): Map<Key, Expectation> {
  const expected = new Map<Key, Expectation>();
  if (root === undefined) return expected;
  for (const files of [root.attempts, root.receipts, root.histories, root.records, root.unlisted]) {
    for (const { key, sha256, bytes } of files) expected.set(`${runPrefix(runId)}/${key}`, { sha256, bytes });
  }
  expected.set(sumsKey(runId), { sha256: root.rootDigest, bytes: undefined });
  return expected;
}

async function openAttempt(
  store: EvidenceReader,
  ref: AttemptRef,
  root: { readonly sealed: RunManifest | undefined; readonly expected: ReadonlyMap<Key, Expectation> },
): Promise<OpenAttempt> {
  const prefix = `${attemptPrefix(ref)}/`;
  const key = attemptKeys(ref).manifest;
  const stored = await store.get(key);
  const expected = root.expected.get(key);
  const files = new Map<Key, ExpectedFile>();
  if (stored === undefined) {
    // Gone from a sealed run: the end of the walk reports it, the sums tell what else should be here.
    if (expected !== undefined) await addFromSums(store, { runId: ref.runId, prefix, sealed: root.sealed }, files);
    return { prefix, files, problem: undefined };
  }
  if (expected !== undefined && sha256Hex(stored.body) !== expected.sha256) {
    await addFromSums(store, { runId: ref.runId, prefix, sealed: root.sealed }, files);
    return { prefix, files, problem: undefined }; // hashing it names it
  }
  const parsed = parseStored(stored.body, attemptManifestSchema);
  if (parsed.kind === "broken") return { prefix, files, problem: { kind: "broken", key, reason: parsed.reason } };
  if (root.sealed === undefined) {
    // A valid attempt's outcome vouches for its manifest before the run is sealed.
    const vouched = await outcomeDigest(store, ref, parsed.value.trialKey);
    if (vouched !== undefined) files.set(key, { expected: { sha256: vouched, bytes: undefined }, whole: undefined });
    if (vouched !== undefined && vouched !== sha256Hex(stored.body)) return { prefix, files, problem: undefined };
  }
  for (const artifact of parsed.value.artifacts) {
    const whole = artifact.parts === undefined ? undefined : artifact;
    for (const { key: path, sha256, bytes } of artifact.parts ?? [artifact]) {
      files.set(`${runPrefix(ref.runId)}/${path}`, { expected: { sha256, bytes }, whole });
    }
  }
  return { prefix, files, problem: undefined };
}

async function outcomeDigest(store: EvidenceReader, ref: AttemptRef, trialKey: string): Promise<string | undefined> {
  if (!/^[A-Za-z0-9._=+@-]+$/.test(trialKey)) return undefined; // a damaged manifest may hold anything
  const stored = await store.get(runKeys(ref.runId).outcome(trialKey));
  const parsed = stored === undefined ? undefined : parseStored(stored.body, outcomeRecordSchema);
  if (parsed?.kind !== "parsed") return undefined;
  const { runId, pointKey, trialIndex, attempt, manifestSha256 } = parsed.value;
  const isSame = attemptPrefix({ runId, pointKey, trialIndex, attempt }) === attemptPrefix(ref);
  return isSame ? manifestSha256 : undefined;
}

/** The second witness, for when an attempt's manifest can't be believed; reads the sums once for it. */
async function addFromSums(
  store: EvidenceReader,
  what: { readonly runId: string; readonly prefix: string; readonly sealed: RunManifest | undefined },
  files: Map<Key, ExpectedFile>,
): Promise<void> {
  const key = sumsKey(what.runId);
  const body = await store.read(key);
  if (what.sealed === undefined || body === undefined) return;
  if ((await digestStream(body)).sha256 !== what.sealed.rootDigest) return;
  for await (const line of linesOf((await store.read(key)) ?? [])) {
    const sum = parseSumsLine(line);
    const path = `${runPrefix(what.runId)}/${sum?.key ?? ""}`;
    if (sum === undefined || !path.startsWith(what.prefix) || path === `${what.prefix}manifest.json`) continue;
    files.set(path, { expected: { sha256: sum.sha256, bytes: undefined }, whole: undefined });
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array> | readonly Uint8Array[]): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

function* missingOf(files: ReadonlyMap<Key, ExpectedFile>): Generator<EvidenceItem> {
  for (const [key, { expected }] of files) yield { kind: "missing", key, expected };
}
