import type { Failure, FailureClass } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { meaningOf } from "./error-codes.ts";
import type { CodeMeaning } from "./error-codes.ts";

/** What Azure said, in its own words; `status` is undefined where nothing was heard at all. */
export interface AzureAnswer {
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
}

/**
 * What an error means for the caller.
 *
 * missing: it isn't there. deleting: its group is on its way out. exists: a create-if-absent found it. busy: another change runs on it, or on what it depends
 * on; again in a moment. transient: Azure's own trouble or a lost connection, and the effect is unknown. throttled: too
 * many calls. refused: a no that asking again doesn't change.
 */
export type AzureErrorKind = "missing" | "deleting" | "exists" | "busy" | "transient" | "throttled" | "refused";

/** An error of Azure's as a failure of ours; `kind` decides what the provider does, `failure.class` what the flow does. */
export class AzureError extends FailureError {
  readonly kind: AzureErrorKind;
  readonly answer: AzureAnswer;
  constructor(kind: AzureErrorKind, answer: AzureAnswer, failure: Failure, cause?: unknown) {
    super(failure, { cause });
    this.kind = kind;
    this.answer = answer;
  }
}

/**
 * Reads anything that an SDK call threw.
 *
 * @param doing what was asked, for the message: `virtual machine server-0 in eastus`
 */
export function toAzureError(error: unknown, doing: string): AzureError {
  if (error instanceof AzureError) return error;
  const answer = readAnswer(error);
  const { kind, failureClass, hint } = judge(answer, error);
  const said = answer.message.startsWith(answer.code) ? answer.message : `${answer.code}: ${answer.message}`;
  return new AzureError(
    kind,
    answer,
    {
      class: failureClass,
      message: `${doing}: ${said}`,
      hint,
      evidence: answer.requestId === undefined ? undefined : `x-ms-request-id ${answer.requestId}`,
    },
    error,
  );
}

interface Judgement {
  readonly kind: AzureErrorKind;
  readonly failureClass: FailureClass;
  readonly hint?: string | undefined;
}

function judge(answer: AzureAnswer, error: unknown): Judgement {
  // Throttling has many codes, OperationNotAllowed among them; the status is the same for all.
  if (answer.status === 429) return judgements.throttled;
  if (isCredentialError(error)) return { ...judgements.auth, hint: credentialHint };
  const meaning = meaningOf(answer.code, answer.message);
  if (meaning !== undefined)
    return { ...judgements[meaning.means], hint: meaning.hint ?? judgements[meaning.means].hint };
  // 501 is a no for good; every other 5xx may be different in a moment.
  if (answer.status === undefined || answer.status === 408 || (answer.status >= 500 && answer.status !== 501))
    return judgements.transient;
  switch (answer.status) {
    case 401:
    case 403:
      return judgements.auth;
    case 404:
      return judgements.missing;
    case 412:
      return judgements.exists;
    default:
      return judgements.invalid;
  }
}

/**
 * What is asked again by itself, and was asked in vain, becomes "throttled": of all classes it is the one that the flow
 * answers by waiting and asking the same again.
 */
const judgements: Readonly<Record<CodeMeaning, Judgement>> = {
  // What we build on is there while nobody takes the deployment down.
  missing: { kind: "missing", failureClass: "cancelled" },
  deleting: { kind: "deleting", failureClass: "cancelled" },
  exists: { kind: "exists", failureClass: "defect" },
  busy: { kind: "busy", failureClass: "throttled" },
  transient: { kind: "transient", failureClass: "throttled" },
  throttled: {
    kind: "throttled",
    failureClass: "throttled",
    hint: "other programs may use up the subscription's request rate; the calls are repeated by themselves",
  },
  capacity: {
    kind: "refused",
    failureClass: "capacity",
    hint: "list other zones or regions after this one, or another machine type",
  },
  quota: {
    kind: "refused",
    failureClass: "quota",
    hint: "ask for more in the portal (Quotas), delete what is left over (`reprise resources`), or list another region",
  },
  auth: {
    kind: "refused",
    failureClass: "auth",
    hint: "the identity needs Contributor on the subscription: see docs/clouds.md",
  },
  boot: {
    kind: "refused",
    failureClass: "boot",
    hint: "see the machine's boot diagnostics; the image may lack cloud-init",
  },
  preempted: { kind: "refused", failureClass: "preempted" },
  invalid: { kind: "refused", failureClass: "invalid" },
};

const credentialHint =
  "set AZURE_SUBSCRIPTION_ID and AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, or run `az login`";

/** Names of @azure/identity's errors: https://learn.microsoft.com/javascript/api/@azure/identity */
const credentialErrors: ReadonlySet<string> = new Set([
  "AggregateAuthenticationError",
  "AuthenticationError",
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
]);
const isCredentialError = (error: unknown): boolean => error instanceof Error && credentialErrors.has(error.name);

/** Operations that failed after they had been accepted reach the caller as a text alone: "… has failed. <Code>. <message>". */
const inText = /long-running operation has failed\.\s*(\w+)\.\s*(.*)$/s;

function readAnswer(error: unknown): AzureAnswer {
  const message = messageOf(error);
  const asynchronous = inText.exec(message);
  const status = numberAt(error, "statusCode");
  return {
    code: asynchronous?.[1] ?? innermost(error) ?? textAt(error, "code") ?? nameOf(error),
    status,
    message: asynchronous?.[2] ?? message,
    retryAfterMs: retryAfter(header(error, "retry-after")),
    requestId: header(error, "x-ms-request-id") ?? header(error, "x-ms-correlation-request-id"),
  };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "Error");

/** Envelopes say nothing themselves: the first code inside them does. */
function innermost(error: unknown): string | undefined {
  const code = textAt(error, "code");
  if (code === undefined || !/^(DeploymentFailed|InvalidTemplateDeployment|ResourceDeploymentFailure)$/.test(code))
    return undefined;
  const details = isObject(error) ? error["details"] : undefined;
  const inner = isObject(details) && isObject(details["error"]) ? details["error"]["details"] : details;
  return Array.isArray(inner) ? textAt(inner[0], "code") : undefined;
}

function header(error: unknown, name: string): string | undefined {
  const response = isObject(error) ? error["response"] : undefined;
  const headers = isObject(response) ? response["headers"] : undefined;
  if (!isObject(headers) || typeof headers["get"] !== "function") return undefined;
  const value: unknown = Reflect.apply(headers["get"], headers, [name]);
  return typeof value === "string" ? value : undefined;
}

/** Seconds, as ARM sends; a date is not used by it and is left unread. */
const retryAfter = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,6}$/.test(value.trim()) ? Number(value) * 1000 : undefined;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function textAt(value: unknown, key: string): string | undefined {
  const text = isObject(value) ? value[key] : undefined;
  return typeof text === "string" && text !== "" ? text : undefined;
}

function numberAt(value: unknown, key: string): number | undefined {
  const number = isObject(value) ? value[key] : undefined;
  return typeof number === "number" ? number : undefined;
}
