import type { Artifact, AttemptManifest } from "../evidence/attempt-manifest.ts";
import type { AttemptRef } from "../names/keys.ts";
import { attemptPrefix, runPrefix } from "../names/keys.ts";
import type { Key } from "../ports/object-store.ts";
import { landedArchive, landedNote, prometheusUnit } from "./names.ts";

/** What an attempt kept of its metrics. */
export type LandedMetrics =
  | {
      readonly kind: "kept";
      readonly bytes: number;
      readonly sha256: string;
      /** The objects that make the archive up, in order. */
      readonly keys: readonly Key[];
    }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "none" };

/** Reads from an attempt's manifest which metrics it kept. */
export function landedMetrics(manifest: AttemptRef & Pick<AttemptManifest, "artifacts">): LandedMetrics {
  const prefix = attemptPrefix(manifest).slice(runPrefix(manifest.runId).length + 1);
  const find = (file: string): Artifact | undefined =>
    manifest.artifacts.find(
      ({ key, complete }) => complete && key.startsWith(`${prefix}/`) && key.endsWith(`/${prometheusUnit}/${file}`),
    );
  const archive = find(landedArchive);
  if (archive === undefined) return { kind: find(landedNote) === undefined ? "none" : "tooLarge" };
  const { bytes, sha256, parts } = archive;
  return {
    kind: "kept",
    bytes,
    sha256,
    keys: (parts ?? [archive]).map(({ key }) => `${runPrefix(manifest.runId)}/${key}`),
  };
}
