import { FailureError } from "../../core/errors/failure.ts";
import type { FailureClass } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";

/** Systems Manager's no to a call. */
export class SsmCallError extends FailureError {
  readonly code: string;
  constructor(operation: string, code: string, failureClass: FailureClass, cause: unknown) {
    super(
      {
        class: failureClass,
        message: `${operation}: ${code}: ${messageOf(cause)}`,
        hint: failureClass === "auth" ? "the credentials need the ssm permissions of docs/clouds.md" : undefined,
      },
      { cause },
    );
    this.code = code;
  }
}

/** @see Systems Manager API reference, SendCommand, "Errors", and its "Common errors" */
const classes: Readonly<Record<string, FailureClass>> = {
  ThrottlingException: "throttled",
  Throttling: "throttled",
  TooManyRequestsException: "throttled",
  RequestLimitExceeded: "throttled",
  InternalServerError: "transport",
  InternalFailure: "transport",
  ServiceUnavailable: "transport",
  TimeoutError: "transport",
  AccessDeniedException: "auth",
  UnrecognizedClientException: "auth",
  ExpiredTokenException: "auth",
  InvalidClientTokenId: "auth",
  CredentialsProviderError: "auth",
  InvalidInstanceId: "transport",
  InvocationDoesNotExist: "transport",
  DuplicateInstanceId: "defect",
  MaxDocumentSizeExceeded: "invalid",
  InvalidParameters: "invalid",
  InvalidOutputFolder: "invalid",
  UnsupportedPlatformType: "invalid",
};
const networkCodes = new Set(["ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EPIPE", "ENOTFOUND", "EAI_AGAIN"]);
/** An answer about an instance or a command, not a hiccup. */
const answers = new Set(["InvalidInstanceId", "InvocationDoesNotExist"]);

export interface SsmFailure {
  readonly error: SsmCallError;
  readonly isTransient: boolean;
}

/** Reads what the SDK threw. */
export function readSsmError(operation: string, cause: unknown): SsmFailure {
  const name = textMember(cause, "name") ?? "Error";
  const nodeCode = textMember(cause, "code");
  const isNetwork = nodeCode !== undefined && networkCodes.has(nodeCode);
  const code = isNetwork ? nodeCode : name;
  const known = isNetwork ? "transport" : classes[name];
  const failureClass = known ?? byStatus(statusOf(cause));
  return {
    error: new SsmCallError(operation, code, failureClass, cause),
    isTransient: !answers.has(code) && (failureClass === "throttled" || failureClass === "transport"),
  };
}

const byStatus = (status: number | undefined): FailureClass =>
  status === undefined
    ? "defect"
    : status === 429
      ? "throttled"
      : status >= 500
        ? "transport"
        : status === 403 || status === 401
          ? "auth"
          : "invalid";

const member = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
const textMember = (value: unknown, key: string): string | undefined => {
  const found = member(value, key);
  return typeof found === "string" ? found : undefined;
};
const statusOf = (cause: unknown): number | undefined => {
  const status = member(member(cause, "$metadata"), "httpStatusCode");
  return typeof status === "number" ? status : undefined;
};
