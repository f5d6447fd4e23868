/** What experiments and tools may use of the core: records, manifests, rows and errors. */
export { parseShare } from "./definition/quantities.ts";
export { readDefinition } from "./definition/read-definition.ts";
export type { Json, JsonObject } from "./effects/json.ts";
export { seededRandom, shuffled } from "./effects/random.ts";
export type { Random } from "./effects/random.ts";
export { exitCodes, FailureError, failureClasses } from "./errors/failure.ts";
export type { Failure, FailureClass } from "./errors/failure.ts";
export { RepriseError } from "./errors/reprise-error.ts";
export { attemptManifestSchema } from "./evidence/attempt-manifest.ts";
export type { AttemptManifest } from "./evidence/attempt-manifest.ts";
export { resultRows } from "./evidence/result-rows.ts";
export type { ResultRow } from "./evidence/result-rows.ts";
export { verifyRun } from "./evidence/verify-run.ts";
export { attemptKeys, attemptPrefix, runKeys } from "./names/keys.ts";
