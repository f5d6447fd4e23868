import type { Failure, FailureClass } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { Operation } from "./wire.ts";

/**
 * A refusal in Google's words: the HTTP status and the first error's `reason`, or the code of a failed operation.
 *
 * It stays inside this provider: whoever calls it sees a `FailureError` or a `Refusal`.
 */
export class GoogleRefusal extends Error {
  override readonly name = "GoogleRefusal";
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

interface Meaning {
  readonly class: FailureClass;
  readonly hint?: string;
}

const hints = {
  capacity: "list more zones or other machine types; Google tells nobody when there will be room",
  quota: "ask for more at https://console.cloud.google.com/iam-admin/quotas, or list a region where there is some left",
  login: "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
  permission: "docs/clouds.md lists the permissions that the account needs",
  enable: "run `gcloud services enable compute.googleapis.com`, and see that the project has a billing account",
} as const;

const capacity: Meaning = { class: "capacity", hint: hints.capacity };
const quota: Meaning = { class: "quota", hint: hints.quota };
const throttled: Meaning = { class: "throttled" };
const invalid: Meaning = { class: "invalid" };

/**
 * Reasons of HTTP refusals (`error.errors[0].reason`).
 *
 * Sources: [1] https://cloud.google.com/compute/docs/api/how-tos/api-requests-responses and the general table
 * https://cloud.google.com/storage/docs/json_api/v1/status-codes that it follows; [2] recorded answers in the golden
 * logs of GoogleCloudPlatform/k8s-config-connector; [3] https://cloud.google.com/compute/api-quota.
 */
export const reasonMeanings: Readonly<Record<string, Meaning>> = {
  quotaExceeded: quota, // [2]: 403, "Quota 'CPUS' exceeded.  Limit: 24.0 in region us-central1."
  limitExceeded: quota, // [1]
  rateLimitExceeded: throttled, // [3]: 403, sometimes 429
  userRateLimitExceeded: throttled, // [3]
  concurrentOperationQuotaExceeded: throttled, // [3]: too many operations under way
  operationRateExceeded: throttled, // [3]
  resourceNotReady: throttled, // [2]: "The resource 'projects/p/…' is not ready": it is being made, or being deleted
  required: { class: "auth", hint: hints.login }, // [1]: 401, "Login Required."; with 400 it is a missing field
  authError: { class: "auth", hint: hints.login }, // [1]: 401, "Invalid Credentials"
  forbidden: { class: "auth", hint: hints.permission }, // [2]: 403, "Required 'compute.instances.create' permission for …"
  insufficientPermissions: { class: "auth", hint: hints.permission }, // [1]: 403, the token's scopes
  accessNotConfigured: { class: "auth", hint: hints.enable }, // [1]: 403, the API isn't enabled
  conditionNotMet: { class: "auth", hint: "an organisation policy forbids it; ask who administers the project" }, // [1]: 412
  invalid, // [2]: 400, "Invalid value for field 'resource.name': …"
  badRequest: invalid, // [2]
  parseError: invalid, // [1]
  notFound: invalid, // [2]: 404 of something that the request names
  alreadyExists: invalid, // [2]: 409
  resourceInUseByAnotherResource: invalid, // [2]: 400
  conflict: { class: "transport" }, // [1]: 409, two changes at once
  backendError: { class: "transport" }, // [1]: 503
  internalError: { class: "transport" }, // [1]: 500
};

/**
 * Codes of failed operations (`operation.error.errors[].code`).
 *
 * Sources: [1] https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation and
 * …/troubleshooting-resource-availability; [2] as above; [3] google/syzkaller #4385, CCExtractor/sample-platform #1165,
 * which met the forms with details; [4] kubernetes-sigs/gcp-compute-persistent-disk-csi-driver #1261, which lists what a
 * user causes.
 */
export const operationMeanings: Readonly<Record<string, Meaning>> = {
  ZONE_RESOURCE_POOL_EXHAUSTED: capacity, // [1]
  ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS: capacity, // [3]
  REGION_RESOURCE_POOL_EXHAUSTED: capacity, // [1]
  RESOURCE_POOL_EXHAUSTED: capacity, // [1]
  RESOURCE_AVAILABILITY: capacity, // [1]
  VM_MIN_COUNT_NOT_REACHED: capacity, // [1]: of bulk requests
  QUOTA_EXCEEDED: quota, // [4]: an insert may be accepted, and fail for quota afterwards
  LIMIT_EXCEEDED: quota, // [4]
  RESOURCE_OPERATION_RATE_EXCEEDED: throttled, // [1]
  OPERATION_RATE_EXCEEDED: throttled, // [1]
  PERMISSIONS_ERROR: { class: "auth", hint: hints.permission }, // [1]
  CONDITION_NOT_MET: { class: "auth", hint: "an organisation policy forbids it" }, // [1]
  INVALID_USAGE: invalid, // [4]
  INVALID_FIELD_VALUE: invalid, // [1]
  UNSUPPORTED_OPERATION: invalid, // [4]
  RESOURCE_NOT_FOUND: invalid, // [4]
  RESOURCE_ALREADY_EXISTS: invalid, // [1]
  RESOURCE_IN_USE_BY_ANOTHER_RESOURCE: invalid, // [2]
  OPERATION_CANCELED_BY_USER: { class: "cancelled" }, // [4]
  INTERNAL_ERROR: { class: "boot" }, // [1]: "Internal error. Please try again or contact Google Support."
};

/** The class of an HTTP refusal; what isn't in the table is told by its status. */
export function meaningOfReason(status: number, reason: string): Meaning {
  if (reason === "required" && status === 400) return invalid; // a field is missing, not a login
  const known = reasonMeanings[reason];
  if (known !== undefined) return known;
  if (status === 401) return { class: "auth", hint: hints.login };
  if (status === 403) return { class: "auth", hint: hints.permission };
  if (status === 429) return throttled;
  return status >= 500 || status === 408 ? { class: "transport" } : invalid;
}

/** As data, with the cloud's own code and words kept. @param doing such as "create rp-…" */
export function failureOfRefusal(refusal: GoogleRefusal, doing: string): Failure {
  const meaning = meaningOfReason(refusal.status, refusal.reason);
  return {
    class: meaning.class,
    message: `Google refused to ${doing}: ${refusal.message} (${refusal.status} ${refusal.reason})`,
    ...(meaning.hint === undefined ? {} : { hint: meaning.hint }),
  };
}

/** Why an operation failed, undefined when it hasn't: failed operations answer 200, and say so in their body. */
export function failureOfOperation(operation: Operation): Failure | undefined {
  const [first, ...others] = operation.error?.errors ?? [];
  if (first === undefined) return undefined;
  // An error that decides (capacity, quota) may stand behind one that only tells of it.
  const decisive =
    [first, ...others].find((e) => ["capacity", "quota"].includes(operationMeanings[e.code]?.class ?? "")) ?? first;
  const meaning: Meaning = operationMeanings[decisive.code] ?? { class: "boot" };
  return {
    class: meaning.class,
    message: `Google could not ${operation.operationType || "do it"}: ${decisive.message} (${decisive.code})`,
    ...(meaning.hint === undefined ? {} : { hint: meaning.hint }),
    evidence: operation.name,
  };
}

/** Codes of an operation that failed because somebody had made the thing before. */
export const isTakenName = (operation: Operation): boolean =>
  operation.error?.errors.some((e) => e.code === "RESOURCE_ALREADY_EXISTS") ?? false;

/** What a caller of the provider may see of anything thrown inside. */
export function toFailureError(error: unknown, doing: string): FailureError {
  if (error instanceof FailureError) return error;
  if (error instanceof GoogleRefusal) return new FailureError(failureOfRefusal(error, doing), { cause: error });
  throw error; // ours, or the caller's own abort
}

/** The thing waits for another: it is made, deleted or used at this moment, and asking later will do. */
export const isBusy = (error: unknown): boolean =>
  error instanceof GoogleRefusal &&
  ["resourceNotReady", "resourceInUseByAnotherResource", "conflict"].includes(error.reason);

export const isMissing = (error: unknown): boolean => error instanceof GoogleRefusal && error.status === 404;
export const isTaken = (error: unknown): boolean =>
  error instanceof GoogleRefusal && error.status === 409 && error.reason === "alreadyExists";
