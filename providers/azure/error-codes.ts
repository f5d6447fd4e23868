/**
 * What Azure's error codes mean, each with the page it was taken from.
 *
 * Codes are open-ended: every resource provider has its own. What isn't listed is judged by its HTTP status.
 */
export type CodeMeaning =
  | "missing"
  | "deleting"
  | "exists"
  | "busy"
  | "transient"
  | "throttled"
  | "capacity"
  | "quota"
  | "auth"
  | "boot"
  | "preempted"
  | "invalid";

export interface CodeEntry {
  readonly code: string | RegExp;
  /** For codes that mean several things: the text that tells them apart. */
  readonly message?: RegExp;
  readonly means: CodeMeaning;
  readonly hint?: string;
  readonly source: string;
}

const arm = "learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors";
const quota = "learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-resource-quota";
const sku = "learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-sku-not-available";
const allocation = "learn.microsoft.com/troubleshoot/azure/virtual-machines/allocation-failure";
const compute = "learn.microsoft.com/troubleshoot/azure/virtual-machines/error-messages";
const spot = "learn.microsoft.com/azure/virtual-machines/error-codes-spot";
const armLimits = "learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling";
const computeLimits = "learn.microsoft.com/troubleshoot/azure/virtual-machines/troubleshooting-throttling-errors";
const ips = "learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses";
const nics = "learn.microsoft.com/azure/virtual-network/virtual-network-network-interface";
const locks = "learn.microsoft.com/azure/azure-resource-manager/management/lock-resources";
const sdkCore = "github.com/Azure/azure-sdk-for-js sdk/core/core-rest-pipeline";

const registerHint =
  "register the resource provider once: `az provider register --namespace Microsoft.Compute` (and Microsoft.Network)";
const busyHint = "another program may be changing the same resources";

/** Read from the front: the first entry that fits decides. */
export const errorCodes: readonly CodeEntry[] = [
  // Capacity: nothing was made, another place may have room.
  { code: "SkuNotAvailable", means: "capacity", source: sku },
  { code: "AllocationFailed", means: "capacity", source: allocation },
  { code: "ZonalAllocationFailed", means: "capacity", source: allocation },
  {
    code: "OverconstrainedAllocationRequest",
    means: "capacity",
    hint: "the proximity group, spot or accelerated networking may rule out what has room: list other places, or ask for less",
    source: allocation,
  },
  {
    code: "OverconstrainedZonalAllocationRequest",
    means: "capacity",
    hint: "the proximity group, spot or accelerated networking may rule out what has room: list other places, or ask for less",
    source: allocation,
  },
  { code: "RegionDoesNotAllowProvisioning", means: "capacity", source: arm },
  {
    code: /^(Spot|Variable)PriceGreaterThanProvidedMaxPrice$/,
    means: "capacity",
    hint: "the spot price is above `maxPrice`: raise it, or use on-demand machines",
    source: spot,
  },

  // Quota: OperationNotAllowed has several meanings, told apart by its text.
  { code: "OperationNotAllowed", message: /exceeding approved|quota/i, means: "quota", source: quota },
  { code: "QuotaExceeded", means: "quota", source: quota },
  { code: "ResourceQuotaExceeded", means: "quota", source: arm },
  { code: "ResourceGroupQuotaExceeded", means: "quota", source: arm },
  { code: /CountLimitReached$/, means: "quota", source: ips },

  // Throttling that doesn't come as 429.
  { code: "TooManyRequests", means: "throttled", source: armLimits },
  { code: "SubscriptionRequestsThrottled", means: "throttled", source: armLimits },
  { code: "ResourceRequestsThrottled", means: "throttled", source: armLimits },
  { code: "RetryableErrorDueToTooManyCalls", means: "throttled", source: computeLimits },

  // The same again in a moment.
  { code: "AnotherOperationInProgress", means: "busy", hint: busyHint, source: arm },
  { code: "ReferencedResourceNotProvisioned", means: "busy", hint: busyHint, source: nics },
  { code: "CanceledAndSupersededDueToAnotherOperation", means: "busy", hint: busyHint, source: nics },
  { code: "OperationPreempted", means: "busy", hint: busyHint, source: compute },
  { code: "Conflict", message: /concurrent request/i, means: "busy", hint: busyHint, source: compute },
  { code: "NicReservedForAnotherVm", means: "busy", source: nics },

  // Azure's own trouble.
  { code: "InternalServerError", means: "transient", source: arm },
  { code: "InternalExecutionError", means: "transient", source: compute },
  { code: "InternalOperationError", means: "transient", source: compute },
  { code: "NetworkingInternalOperationError", means: "transient", source: compute },
  { code: "RetryableError", means: "transient", source: nics },
  { code: "ServerTimeout", means: "transient", source: arm },
  { code: "ServiceUnavailable", means: "transient", source: arm },
  { code: "GatewayTimeout", means: "transient", source: arm },
  {
    code: /^(REQUEST_SEND_ERROR|PARSE_ERROR|ECONN\w+|ETIMEDOUT|EPIPE|EAI_AGAIN|ENOTFOUND)$/,
    means: "transient",
    source: sdkCore,
  },

  // Who may what.
  { code: "AuthenticationFailed", means: "auth", source: arm },
  { code: "AuthorizationFailed", means: "auth", source: arm },
  { code: "LinkedAuthorizationFailed", means: "auth", source: arm },
  { code: /^(Invalid|Expired)AuthenticationToken/, means: "auth", source: arm },
  {
    code: /^(Invalid)?SubscriptionNotFound$|^InvalidSubscriptionId$/,
    means: "auth",
    hint: "look at AZURE_SUBSCRIPTION_ID",
    source: arm,
  },
  {
    code: "ScopeLocked",
    means: "auth",
    hint: "a lock on the subscription or group forbids it: remove the lock",
    source: locks,
  },
  { code: "ReadOnlyDisabledSubscription", means: "auth", hint: "the subscription is disabled", source: arm },
  { code: "RequestDisallowedByPolicy", means: "auth", hint: "a policy of the organisation forbids it", source: arm },
  {
    code: /^(MissingSubscriptionRegistration|MissingRegistrationForLocation|SubscriptionNotRegistered|NoRegisteredProviderFound|InvalidSubscriptionRegistrationState)$/,
    means: "auth",
    hint: registerHint,
    source: arm,
  },

  // Made, but never came up.
  { code: /^OSProvisioning(TimedOut|ClientError|InternalError)$/, means: "boot", source: compute },
  { code: "VMStartTimedOut", means: "boot", source: compute },

  { code: "ResourceNotFound", means: "missing", source: arm },
  { code: "ResourceGroupNotFound", means: "missing", source: arm },
  { code: "ResourceGroupBeingDeleted", means: "deleting", source: arm },
  { code: "PreconditionFailed", means: "exists", source: arm },

  // A no that the user can turn into a yes.
  {
    code: /^(MarketplacePurchaseEligibilityFailed|ResourcePurchaseValidationFailed)$/,
    means: "invalid",
    hint: "accept the image's terms once: `az vm image terms accept --urn …`",
    source: compute,
  },
  {
    code: "PlatformImageNotFound",
    means: "invalid",
    hint: "an image is named publisher:offer:sku:version",
    source: compute,
  },
  {
    code: /^(VariablePricing|AzureSpot)Is(NotSupportedForThisVMSize|NotSupportedForThisAPIVersion)$/,
    means: "invalid",
    hint: "this machine type isn't sold as spot",
    source: spot,
  },
];

export function meaningOf(code: string, message: string): CodeEntry | undefined {
  return errorCodes.find(
    (entry) =>
      (typeof entry.code === "string" ? entry.code === code : entry.code.test(code)) &&
      (entry.message?.test(message) ?? true),
  );
}
