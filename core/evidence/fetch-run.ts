import { FailureError } from "../errors/failure.ts";
import { runKeys, runPrefix } from "../names/keys.ts";
import type { FileDigest, Key } from "../ports/object-store.ts";
import { attemptManifestSchema } from "./attempt-manifest.ts";
import { parseStored } from "./run-manifest.ts";
import { sha256Hex } from "./sha256.ts";
import type { EvidenceReader, Expectation } from "./walk-evidence.ts";
import { walkEvidence } from "./walk-evidence.ts";

/** The folder that a run is fetched into: `stores/export/local-files.ts`, or a fake. Paths are relative to it. */
export interface FetchFiles {
  /** What is there already, read and hashed; undefined when nothing is. */
  digest(path: string): Promise<FileDigest | undefined>;
  /**
   * Puts a file there, whole or not at all; what stood there is replaced.
   *
   * @returns what the stream really held; a file that isn't `expected` is not kept
   */
  write(path: string, body: AsyncIterable<Uint8Array>, expected: Expectation | undefined): Promise<FileDigest>;
}

export interface FetchOptions {
  /** How many files at once. @default 8 */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onFile?: (file: {
    readonly path: string;
    readonly bytes: number;
    readonly outcome: "fetched" | "present";
  }) => void;
}

export interface Fetched {
  readonly fetchedFiles: number;
  readonly fetchedBytes: number;
  /** Were there already, with the right digest. */
  readonly presentFiles: number;
  /** Files of the store that are missing or not what they should be: fetched is the rest. */
  readonly damaged: readonly Key[];
}

/** Where files of other runs go, that this one's results were taken over from: `other-runs/{runId}/…`. */
export const otherRunsFolder = "other-runs";

/** Path in a fetched copy of `runId`; undefined for what belongs to no run. */
export function fetchedPath(runId: string, key: Key): string | undefined {
  const match = /^runs\/([^/]+)\/(.+)$/.exec(key);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return match[1] === runId ? match[2] : `${otherRunsFolder}/${match[1]}/${match[2]}`;
}

/** The key that a path of a fetched copy stands for. */
export function fetchedKey(runId: string, path: string): Key {
  return path.startsWith(`${otherRunsFolder}/`)
    ? `runs/${path.slice(otherRunsFolder.length + 1)}`
    : `${runPrefix(runId)}/${path}`;
}

/**
 * Copies a run's evidence into a folder, raw: what is there with the right digest stays, everything is verified on its
 * way. Interrupted at any point, the next call goes on. The folder is then checked by `verifyRun`, or by hand with
 * `sha256sum -c SHA256SUMS`.
 *
 * @throws {FailureError} class collect, when the store has nothing of this run
 */
export async function fetchRun(
  store: EvidenceReader,
  runId: string,
  files: FetchFiles,
  options: FetchOptions = {},
): Promise<Fetched> {
  const damaged: Key[] = [];
  const counts = { fetchedFiles: 0, fetchedBytes: 0, presentFiles: 0 };

  const copy = async (key: Key, expected: Expectation | undefined): Promise<void> => {
    options.signal?.throwIfAborted();
    const path = fetchedPath(runId, key);
    if (path === undefined) return;
    const present = expected === undefined ? undefined : await files.digest(path);
    if (present !== undefined && present.sha256 === expected?.sha256) {
      counts.presentFiles += 1;
      options.onFile?.({ path, bytes: present.bytes, outcome: "present" });
      return;
    }
    const body = await store.read(key);
    if (body === undefined) {
      damaged.push(key);
      return;
    }
    const actual = await files.write(path, until(body, options.signal), expected);
    if (expected !== undefined && actual.sha256 !== expected.sha256) {
      damaged.push(key);
      return;
    }
    counts.fetchedFiles += 1;
    counts.fetchedBytes += actual.bytes;
    options.onFile?.({ path, bytes: actual.bytes, outcome: "fetched" });
  };

  await eachBounded(filesOf(store, runId, damaged), options.concurrency ?? 8, (file) => copy(file.key, file.expected));
  if (counts.fetchedFiles + counts.presentFiles + damaged.length === 0) {
    throw new FailureError({
      class: "collect",
      message: `the store has no run ${runId}`,
      hint: "`reprise list` names the runs in this store",
    });
  }
  return { ...counts, damaged: damaged.sort() };
}

/** All files to copy, the root manifest last: a copy that has it was complete once. */
async function* filesOf(
  store: EvidenceReader,
  runId: string,
  damaged: Key[],
): AsyncGenerator<{ readonly key: Key; readonly expected: Expectation | undefined }> {
  const items = walkEvidence(store, runId);
  let next = await items.next();
  for (; next.done !== true; next = await items.next()) {
    const item = next.value;
    if (item.kind === "file" || item.kind === "extra") {
      yield { key: item.key, expected: item.kind === "file" ? item.expected : undefined };
    } else {
      damaged.push(item.key);
    }
  }
  const root = next.value;
  if (root.kind !== "sealed") return;
  for (const reused of root.manifest.reused) {
    const stored = await store.get(reused.key);
    if (stored === undefined) continue;
    yield { key: reused.key, expected: { sha256: reused.sha256, bytes: undefined } };
    const parsed = parseStored(stored.body, attemptManifestSchema);
    for (const artifact of parsed.kind === "parsed" ? parsed.value.artifacts : []) {
      for (const { key, sha256, bytes } of artifact.parts ?? [artifact]) {
        yield { key: `${runPrefix(reused.runId)}/${key}`, expected: { sha256, bytes } };
      }
    }
  }
  const manifest = await store.get(runKeys(runId).manifest);
  if (manifest !== undefined) {
    yield {
      key: runKeys(runId).manifest,
      expected: { sha256: sha256Hex(manifest.body), bytes: manifest.body.byteLength },
    };
  }
}

async function* until(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** Works on a stream of items, at most `concurrency` at once; the first error stops taking more and is thrown. */
async function eachBounded<T>(
  items: AsyncIterator<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let failed: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    try {
      for (let next = await items.next(); next.done !== true; next = await items.next()) {
        if (failed !== undefined) return;
        await work(next.value);
      }
    } catch (error) {
      failed ??= { error };
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  if (failed !== undefined) throw failed.error;
}
