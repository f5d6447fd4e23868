import { runPrefix } from "../names/keys.ts";
import type { Key } from "../ports/object-store.ts";
import type { Artifact } from "./attempt-manifest.ts";
import { attemptManifestSchema } from "./attempt-manifest.ts";
import type { RunManifest } from "./run-manifest.ts";
import { parseStored } from "./run-manifest.ts";
import type { Digester } from "./sha256.ts";
import { createDigester, digestStream, sha256Hex } from "./sha256.ts";
import type { EvidenceReader, Expectation } from "./walk-evidence.ts";
import { walkEvidence } from "./walk-evidence.ts";

/** What is wrong with a run's evidence; `key` names the file. */
export type EvidenceProblem =
  | { readonly kind: "flipped"; readonly key: Key; readonly expectedSha256: string; readonly actualSha256: string }
  | {
      readonly kind: "truncated" | "extended";
      readonly key: Key;
      readonly expectedBytes: number;
      readonly actualBytes: number;
      readonly expectedSha256: string;
      readonly actualSha256: string;
    }
  | { readonly kind: "missing"; readonly key: Key; readonly expectedSha256: string }
  | { readonly kind: "extra"; readonly key: Key }
  | { readonly kind: "broken"; readonly key: Key; readonly reason: string };

export interface Verification {
  readonly runId: string;
  /** "unsealed": the run hasn't ended; only what its attempts' manifests name was checked. */
  readonly seal: "sealed" | "unsealed" | "broken";
  /** To be held against the published one. */
  readonly rootDigest: string | undefined;
  readonly checkedFiles: number;
  readonly checkedBytes: number;
  /** Files that nothing vouches for yet; none in a sealed run. */
  readonly unvouchedFiles: number;
  /** Results taken over from runs that aren't here. */
  readonly elsewhere: readonly string[];
  /** The first `maxProblems`, in key order. */
  readonly problems: readonly EvidenceProblem[];
  readonly problemCount: number;
}

export interface VerifyOptions {
  /** @default 1,000 */
  readonly maxProblems?: number;
  readonly onFile?: (file: { readonly key: Key; readonly bytes: number }) => void;
}

/**
 * Reads every byte of a run's evidence and names each file that isn't what was recorded. Needs nothing but the files:
 * works offline, on the store or on a fetched copy, in memory that doesn't grow with the logs.
 */
export async function verifyRun(
  store: EvidenceReader,
  runId: string,
  options: VerifyOptions = {},
): Promise<Verification> {
  const maxProblems = options.maxProblems ?? 1_000;
  const problems: EvidenceProblem[] = [];
  let problemCount = 0;
  const report = (problem: EvidenceProblem | undefined): void => {
    if (problem === undefined) return;
    problemCount += 1;
    if (problems.length < maxProblems) problems.push(problem);
  };
  let checkedFiles = 0;
  let checkedBytes = 0;
  let unvouchedFiles = 0;
  const wholes = new WholeFiles(runId);

  const items = walkEvidence(store, runId);
  let next = await items.next();
  for (; next.done !== true; next = await items.next()) {
    const item = next.value;
    if (item.kind === "missing") {
      report({ kind: "missing", key: item.key, expectedSha256: item.expected.sha256 });
    } else if (item.kind !== "file") {
      report(item);
    } else if (item.expected === undefined) {
      unvouchedFiles += 1;
    } else {
      const body = await store.read(item.key);
      const digester = createDigester();
      const whole = item.whole === undefined ? undefined : wholes.of(item.whole);
      for await (const chunk of body ?? []) {
        digester.update(chunk);
        whole?.update(chunk);
      }
      const actual = digester.done();
      report(compare(item.key, item.expected, actual));
      if (item.whole !== undefined) report(wholes.partDone(item.whole));
      checkedFiles += 1;
      checkedBytes += actual.bytes;
      options.onFile?.({ key: item.key, bytes: actual.bytes });
    }
  }

  const root = next.value;
  const elsewhere: string[] = [];
  for (const reused of root.kind === "sealed" ? root.manifest.reused : []) {
    const checked = await verifyReused(store, reused);
    if (checked === "elsewhere") elsewhere.push(reused.key);
    else for (const problem of checked) report(problem);
  }
  return {
    runId,
    seal: root.kind,
    rootDigest: root.kind === "sealed" ? root.manifest.rootDigest : undefined,
    checkedFiles,
    checkedBytes,
    unvouchedFiles,
    elsewhere,
    problems,
    problemCount,
  };
}

/** A result taken over from another run rests on that run's manifest and artifacts. */
async function verifyReused(
  store: EvidenceReader,
  reused: RunManifest["reused"][number],
): Promise<readonly (EvidenceProblem | undefined)[] | "elsewhere"> {
  const stored = await store.get(reused.key);
  if (stored === undefined) return "elsewhere";
  const manifest = compare(reused.key, { sha256: reused.sha256, bytes: undefined }, digestOfBody(stored.body));
  if (manifest !== undefined) return [manifest];
  const parsed = parseStored(stored.body, attemptManifestSchema);
  if (parsed.kind === "broken") return [{ kind: "broken", key: reused.key, reason: parsed.reason }];
  const problems: (EvidenceProblem | undefined)[] = [];
  for (const artifact of parsed.value.artifacts) {
    for (const file of artifact.parts ?? [artifact]) {
      const key = `${runPrefix(reused.runId)}/${file.key}`;
      const body = await store.read(key);
      const missing = { kind: "missing", key, expectedSha256: file.sha256 } as const;
      problems.push(body === undefined ? missing : compare(key, file, await digestStream(body)));
    }
  }
  return problems;
}

const digestOfBody = (body: Uint8Array) => ({ sha256: sha256Hex(body), bytes: body.byteLength });

function compare(
  key: Key,
  expected: Expectation,
  actual: { readonly sha256: string; readonly bytes: number },
): EvidenceProblem | undefined {
  if (actual.sha256 === expected.sha256) return undefined;
  const digests = { expectedSha256: expected.sha256, actualSha256: actual.sha256 };
  if (expected.bytes === undefined || actual.bytes === expected.bytes) return { kind: "flipped", key, ...digests };
  const kind = actual.bytes < expected.bytes ? "truncated" : "extended";
  return { kind, key, expectedBytes: expected.bytes, actualBytes: actual.bytes, ...digests };
}

/** Files that came in parts are hashed as wholes too, while their parts go by: those are neighbours in key order. */
class WholeFiles {
  private readonly runId: string;
  private current: { readonly artifact: Artifact; readonly digester: Digester; left: number } | undefined;

  constructor(runId: string) {
    this.runId = runId;
  }

  of(artifact: Artifact): Digester {
    if (this.current?.artifact.key !== artifact.key) {
      this.current = { artifact, digester: createDigester(), left: artifact.parts?.length ?? 0 };
    }
    return this.current.digester;
  }

  /** @returns a problem when all parts are through and don't make the whole that the manifest names */
  partDone(artifact: Artifact): EvidenceProblem | undefined {
    if (this.current === undefined || --this.current.left > 0) return undefined;
    const actual = this.current.digester.done();
    this.current = undefined;
    return compare(`${runPrefix(this.runId)}/${artifact.key}`, artifact, actual);
  }
}
