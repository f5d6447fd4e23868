import { FailureError } from "../../core/errors/failure.ts";
import type { FailureClass } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { Key } from "../../core/ports/object-store.ts";

/** What S3 answered: its own word for it and the HTTP status; both undefined when no answer came. */
export interface S3Answer {
  readonly name: string | undefined;
  readonly status: number | undefined;
}

/** Reads an SDK error by its shape; its classes differ between SDK versions and bundles. */
export function s3AnswerOf(error: unknown): S3Answer {
  if (typeof error !== "object" || error === null) return { name: undefined, status: undefined };
  const name = "name" in error && typeof error.name === "string" ? error.name : undefined;
  const metadata = "$metadata" in error ? error.$metadata : undefined;
  const hasStatus = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata;
  const status = hasStatus && typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
  return { name, status };
}

/** The condition of a conditional write didn't hold. */
export const isPreconditionFailed = (error: unknown): boolean => s3AnswerOf(error).status === 412;
/** Another conditional write to the key was under way: ask again. */
export const isConflict = (error: unknown): boolean => s3AnswerOf(error).status === 409;
export const isNotFound = (error: unknown): boolean => {
  const { name, status } = s3AnswerOf(error);
  return status === 404 && name !== "NoSuchBucket";
};

/** What went wrong, in our vocabulary, once the SDK's own retries are used up. */
export function s3Failure(operation: string, key: Key, error: unknown): FailureError {
  if (error instanceof FailureError) return error;
  const { name, status } = s3AnswerOf(error);
  const what = `S3 ${operation} ${key}: ${name ?? "error"}${status === undefined ? "" : ` (${status})`}: ${messageOf(error)}`;
  return new FailureError(
    { class: classOf(name, status), message: what, hint: hintOf(status, name), evidence: key },
    { cause: error },
  );
}

function classOf(name: string | undefined, status: number | undefined): FailureClass {
  if (status === 503 || status === 429 || name === "SlowDown") return "throttled";
  if (status === undefined || status >= 500) return "transport";
  if (status === 401 || status === 403) return "auth";
  return "defect";
}

function hintOf(status: number | undefined, name: string | undefined): string | undefined {
  if (name === "NoSuchBucket") return "is the stack deployed in this account and region?";
  if (status === 403) return "are the credentials valid, and may they use this bucket?";
  return undefined;
}
