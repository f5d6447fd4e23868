import { FailureError } from "../errors/failure.ts";
import { blobKey, runKeys } from "../names/keys.ts";
import type { Plan } from "../plan/types.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { RunRecord } from "../records/schemas.ts";
import { listKeys, toBytes } from "./effects.ts";

export interface Submission {
  readonly record: Omit<RunRecord, "schema" | "planDigest">;
  readonly definitionText: string;
  readonly plan: Plan;
  readonly bundle: Uint8Array;
  /** SHA-256 of text or bytes, hex: the adapter's, since the core has no crypto of its own. */
  readonly sha256: (body: Uint8Array) => string;
}

/** Puts everything an engine needs to drive the run into the store; what is there afterwards never changes. */
export async function submitRun(submission: Submission, store: ObjectStore): Promise<void> {
  const { record, plan, bundle, sha256 } = submission;
  const keys = runKeys(record.runId);
  const writer = `submit:${record.owner}:${record.createdAt}`;
  const planBytes = toBytes(plan);
  await store.putIfAbsent(blobKey(plan.bundle.sha256), bundle, "blob");
  await store.putIfAbsent(keys.definition, new TextEncoder().encode(submission.definitionText), writer);
  await store.putIfAbsent(keys.plan, planBytes, writer);
  const run: RunRecord = { ...record, schema: "reprise/run-record@1", planDigest: sha256(planBytes) };
  if ((await store.putIfAbsent(keys.run, toBytes(run), writer)) === "other") {
    throw new FailureError({ class: "invalid", message: `run ${record.runId} is already in the store` });
  }
}

/** The epoch that a resume takes: one after the newest. */
export async function nextEpoch(runId: string, store: ObjectStore): Promise<number> {
  return (await listKeys(store, runKeys(runId).epochs)).length + 1;
}
