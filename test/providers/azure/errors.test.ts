import { FailureError } from "../../../core/errors/failure.ts";
import { errorCodes } from "../../../providers/azure/error-codes.ts";
import { toAzureError } from "../../../providers/azure/errors.ts";

/** As the SDKs throw what ARM answers. */
function restError(status: number, code: string, message = "no", headers: Record<string, string> = {}): Error {
  const response = { status, headers: { get: (name: string) => headers[name] } };
  return Object.assign(new Error(message), { name: "RestError", code, statusCode: status, response });
}

const quotaText =
  "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Current Limit: 10";

describe("toAzureError", () => {
  it.each([
    ["SkuNotAvailable", 409, "", "refused", "capacity"],
    ["AllocationFailed", 409, "", "refused", "capacity"],
    ["ZonalAllocationFailed", 409, "", "refused", "capacity"],
    ["OverconstrainedAllocationRequest", 409, "", "refused", "capacity"],
    ["OverconstrainedZonalAllocationRequest", 409, "", "refused", "capacity"],
    ["SpotPriceGreaterThanProvidedMaxPrice", 409, "", "refused", "capacity"],
    ["OperationNotAllowed", 409, quotaText, "refused", "quota"],
    ["QuotaExceeded", 409, "", "refused", "quota"],
    ["ResourceQuotaExceeded", 409, "", "refused", "quota"],
    ["PublicIPCountLimitReached", 400, "", "refused", "quota"],
    ["OperationNotAllowed", 409, "The VM is deallocated", "refused", "invalid"],
    ["OperationNotAllowed", 429, "too many requests", "throttled", "throttled"],
    ["TooManyRequests", 429, "", "throttled", "throttled"],
    ["SubscriptionRequestsThrottled", 429, "", "throttled", "throttled"],
    ["AnotherOperationInProgress", 409, "", "busy", "throttled"],
    ["ReferencedResourceNotProvisioned", 409, "", "busy", "throttled"],
    ["Conflict", 409, "conflict with a concurrent request", "busy", "throttled"],
    ["Conflict", 409, "disks can't shrink", "refused", "invalid"],
    ["NicReservedForAnotherVm", 400, "", "busy", "throttled"],
    ["InternalServerError", 500, "", "transient", "throttled"],
    ["ServiceUnavailable", 503, "", "transient", "throttled"],
    ["SomethingNew", 502, "", "transient", "throttled"],
    ["RequestTimeout", 408, "", "transient", "throttled"],
    ["NotImplemented", 501, "", "refused", "invalid"],
    ["AuthenticationFailed", 401, "", "refused", "auth"],
    ["AuthorizationFailed", 403, "", "refused", "auth"],
    ["ExpiredAuthenticationToken", 401, "", "refused", "auth"],
    ["SubscriptionNotFound", 404, "", "refused", "auth"],
    ["MissingSubscriptionRegistration", 409, "", "refused", "auth"],
    ["RequestDisallowedByPolicy", 403, "", "refused", "auth"],
    ["ScopeLocked", 409, "", "refused", "auth"],
    ["Unheard", 403, "", "refused", "auth"],
    ["OSProvisioningTimedOut", 409, "", "refused", "boot"],
    ["ResourceGroupNotFound", 404, "", "missing", "cancelled"],
    ["ResourceNotFound", 404, "", "missing", "cancelled"],
    ["ResourceGroupBeingDeleted", 409, "", "deleting", "cancelled"],
    ["PreconditionFailed", 412, "", "exists", "defect"],
    ["PlatformImageNotFound", 404, "", "refused", "invalid"],
    ["InvalidParameter", 400, "", "refused", "invalid"],
    ["PropertyChangeNotAllowed", 409, "", "refused", "invalid"],
  ])("takes %s (%i, %j) as %s, class %s", (code, status, message, kind, failureClass) => {
    const error = toAzureError(restError(status, code, message), "virtual machine a");
    expect([error.kind, error.failure.class]).toEqual([kind, failureClass]);
    expect(error.failure.message).toBe(`virtual machine a: ${code}: ${message}`);
  });

  it("keeps the wait that Azure asked for, and the request's id", () => {
    const error = toAzureError(
      restError(429, "TooManyRequests", "slow down", { "retry-after": "17", "x-ms-request-id": "r-1" }),
      "reading",
    );
    expect(error.answer.retryAfterMs).toBe(17_000);
    expect(error.failure.evidence).toBe("x-ms-request-id r-1");
  });

  it("reads the code of an operation that failed later out of its text", () => {
    const error = toAzureError(
      new Error("The long-running operation has failed. ZonalAllocationFailed. Allocation failed. No room."),
      "virtual machine a",
    );
    expect(error.failure).toMatchObject({
      class: "capacity",
      message: "virtual machine a: ZonalAllocationFailed: Allocation failed. No room.",
    });
    expect(error.failure.hint).toMatch(/other zones/);
  });

  it("looks into an envelope for the code that says something", () => {
    const envelope = Object.assign(restError(400, "InvalidTemplateDeployment", "see details"), {
      details: { error: { details: [{ code: "SkuNotAvailable", message: "none" }] } },
    });
    expect(toAzureError(envelope, "a").failure.class).toBe("capacity");
  });

  it.each(["CredentialUnavailableError", "AuthenticationError", "AggregateAuthenticationError"])(
    "says what to set when there are no credentials (%s)",
    (name) => {
      const error = toAzureError(Object.assign(new Error("none found"), { name }), "resource groups");
      expect(error.failure.class).toBe("auth");
      expect(error.failure.hint).toMatch(/AZURE_CLIENT_ID/);
    },
  );

  it("takes a connection that broke for one to try again", () => {
    const broken = Object.assign(new Error("socket hang up"), { name: "RestError", code: "ECONNRESET" });
    expect(toAzureError(broken, "a")).toMatchObject({ kind: "transient", failure: { class: "throttled" } });
    expect(toAzureError("not even an error", "a").kind).toBe("transient");
  });

  it("wraps once, as an exception that state machines know by name", () => {
    const once = toAzureError(restError(409, "QuotaExceeded"), "a");
    expect(toAzureError(once, "b")).toBe(once);
    expect(once).toBeInstanceOf(FailureError);
    expect(once.name).toBe("QuotaFailure");
  });
});

describe("errorCodes", () => {
  it("names a source for each", () => {
    for (const { code, source } of errorCodes)
      expect([code, source]).toEqual([code, expect.stringMatching(/^\w+\.\w/)]);
  });

  it("has no entry that another before it hides", () => {
    const plain = errorCodes.flatMap(({ code, message }) =>
      typeof code === "string" && message === undefined ? [code] : [],
    );
    expect(new Set(plain).size).toBe(plain.length);
  });
});
