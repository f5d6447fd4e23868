import { isDoneKey, parseAttemptPrefix, runPrefix } from "../names/keys.ts";
import type { AttemptRef } from "../names/keys.ts";
import type { Key, ObjectStore } from "../ports/object-store.ts";
import { partPath } from "./parts.ts";

/**
 * What a file of a run is, by its name alone.
 *
 * seal: the root manifest and its list of sums. manifest: of an attempt. artifact: what hosts left. record: what the
 * control side wrote down for good. live: a piece of an artifact that came while it grew; evidence only when the whole
 * never came. bookkeeping: what the flow needs while it runs; proves nothing and may change.
 */
export type RunFile =
  | { readonly kind: "seal" | "record" | "bookkeeping" }
  | { readonly kind: "manifest" | "artifact"; readonly attempt: AttemptRef }
  | { readonly kind: "live"; readonly attempt: AttemptRef | undefined; readonly of: Key; readonly chunk: number };

/** The list of all sealed files, in the form of sha256sum. */
export const sumsName = "SHA256SUMS";

const bookkeepingFolders = new Set(["epochs", "tickets", "boards", "stops", "events"]);
const livePattern = /^(.*\/(?:attempt-\d+))\/live\/(.+)\/(\d{6,})$/;

/** @param key below the run's prefix */
export function classifyRunFile(runId: string, key: Key): RunFile {
  const path = key.slice(runPrefix(runId).length + 1);
  if (path === "manifest.json" || path === sumsName) return { kind: "seal" };
  const segments = path.split("/");
  if (bookkeepingFolders.has(segments[0] ?? "")) return { kind: "bookkeeping" };

  const attempt = attemptOf(runId, segments);
  const live = livePattern.exec(key);
  if (live?.[1] !== undefined) {
    return { kind: "live", attempt, of: `${live[1]}/${live[2] ?? ""}`, chunk: Number(live[3]) };
  }
  if (attempt !== undefined) {
    const name = segments[3];
    if (name === "manifest.json" && segments.length === 4) return { kind: "manifest", attempt };
    const isBookkeeping = name === "phases" || (name === "claim.json" && segments.length === 4);
    return isBookkeeping ? { kind: "bookkeeping" } : { kind: "artifact", attempt };
  }
  // Set-up has no manifest: what its hosts reported is kept as it came, the rest of its phases is not.
  const isSetUpPhase = segments[0] === "deployments" && segments[4] === "phases";
  return { kind: isSetUpPhase && !isDoneKey(key) ? "bookkeeping" : "record" };
}

function attemptOf(runId: string, segments: readonly string[]): AttemptRef | undefined {
  const [pointKey, trial, attempt] = segments;
  if (segments.length < 4 || !/^trial-\d+$/.test(trial ?? "") || !/^attempt-\d+$/.test(attempt ?? "")) return undefined;
  return parseAttemptPrefix(`${runPrefix(runId)}/${pointKey ?? ""}/${trial ?? ""}/${attempt ?? ""}`);
}

/** Whether the whole of a live piece's file has come; asks the store once a file, since pieces are neighbours in key order. */
export function finalFiles(store: Pick<ObjectStore, "head">): (of: Key) => Promise<boolean> {
  let last: { readonly of: Key; readonly exists: boolean } | undefined;
  return async (of) => {
    if (last?.of !== of) {
      const exists = (await store.head(of)) !== undefined || (await store.head(partPath(of, 0))) !== undefined;
      last = { of, exists };
    }
    return last.exists;
  };
}
