import { z } from "zod";
import type { Key, ObjectStore } from "../ports/object-store.ts";
import { runKeys, runPrefix } from "../names/keys.ts";
import { canonicalBytes } from "./canonical-json.ts";
import { sumsName } from "./run-files.ts";
import { sha256Hex } from "./sha256.ts";

/**
 * The root of a run's evidence: it names every file by digest, directly or through an attempt's manifest, and one
 * digest names it all. What is published with a paper is `rootDigest`: 64 characters.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const fileSchema = z.object({ key: z.string(), bytes: z.number().int().min(0), sha256 });

export const runManifestSchema = z.object({
  schema: z.literal("reprise/run@1"),
  runId: z.string(),
  experiment: z.string(),
  definitionDigest: z.string(),
  planDigest: z.string(),
  repriseVersion: z.string(),
  /** Keys are relative to the run, here and below; lists are in key order. */
  attempts: z.array(
    fileSchema.extend({
      pointKey: z.string(),
      trialIndex: z.number().int(),
      attempt: z.number().int(),
      trialKey: z.string(),
      outcome: z.enum(["valid", "invalid", "failed"]),
    }),
  ),
  /** Results taken over from other runs (`--reuse`): where their manifests stand in the store, and their digests. */
  reused: z.array(z.object({ trialKey: z.string(), runId: z.string(), key: z.string(), sha256 })),
  receipts: z.array(fileSchema),
  histories: z.array(fileSchema),
  /** Everything else that was written down: plan, definition, outcomes, intents, facts, set-up's logs. */
  records: z.array(fileSchema),
  /** Files of attempts that have no manifest, or that theirs doesn't name. */
  unlisted: z.array(fileSchema),
  files: z.number().int().min(0),
  bytes: z.number().int().min(0),
  /** SHA-256 of `SHA256SUMS`, the list of all files above and all artifacts, in key order. */
  rootDigest: sha256,
  sealedAt: z.iso.datetime(),
  /** Of the root manifest that this one replaces: the run was resumed after it. */
  supersedes: sha256.optional(),
  /** SHA-256 of this very manifest without this member, in canonical JSON: damage to the root itself shows. */
  selfDigest: sha256,
});
export type RunManifest = z.infer<typeof runManifestSchema>;
export type SealedFile = z.infer<typeof fileSchema>;

export const selfDigestOf = (manifest: Omit<RunManifest, "selfDigest">): string =>
  sha256Hex(canonicalBytes({ ...manifest, selfDigest: undefined }));

export const sumsKey = (runId: string): Key => `${runPrefix(runId)}/${sumsName}`;

/** A line as sha256sum prints and checks it. Keys hold no character that it would escape. */
export const sumsLine = (file: { readonly key: string; readonly sha256: string }): string =>
  `${file.sha256}  ${file.key}\n`;

export function parseSumsLine(line: string): { readonly key: string; readonly sha256: string } | undefined {
  const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { sha256: match[1], key: match[2] };
}

export type ReadRoot =
  | { readonly kind: "sealed"; readonly manifest: RunManifest; readonly sha256: string; readonly etag: string }
  | { readonly kind: "unsealed" }
  | { readonly kind: "broken"; readonly key: Key; readonly reason: string };

/** Reads a run's root manifest and checks it against itself. */
export async function readRunManifest(store: Pick<ObjectStore, "get">, runId: string): Promise<ReadRoot> {
  const key = runKeys(runId).manifest;
  const stored = await store.get(key);
  if (stored === undefined) return { kind: "unsealed" };
  const parsed = parseStored(stored.body, runManifestSchema);
  if (parsed.kind === "broken") return { kind: "broken", key, reason: parsed.reason };
  const manifest = parsed.value;
  if (selfDigestOf(manifest) !== manifest.selfDigest || manifest.runId !== runId) {
    return { kind: "broken", key, reason: "its content is not what its own digest says" };
  }
  return { kind: "sealed", manifest, sha256: sha256Hex(stored.body), etag: stored.etag };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Parses stored JSON; a manifest that can't be read is a finding, not an exception. */
export function parseStored<S extends z.ZodType>(
  body: Uint8Array,
  schema: S,
): { readonly kind: "parsed"; readonly value: z.output<S> } | { readonly kind: "broken"; readonly reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(body)) as unknown;
  } catch {
    return { kind: "broken", reason: "it is not JSON" };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { kind: "parsed", value: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    kind: "broken",
    reason: `${issue?.path.join(".") ?? "?"}: ${issue?.message ?? "it does not fit the schema"}`,
  };
}
