import type { Failure, FailureClass } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";

/** Where a row of the table comes from. */
export type ErrorSource =
  /** "Error codes for the Amazon EC2 API", docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
  | "ec2-codes"
  /** "State reason codes" of DescribeInstances: API reference, StateReason */
  | "state-reason"
  /** "Spot Instance request status", EC2 user guide */
  | "spot-status"
  /** The SDK's own names for what its HTTP handler and credential chain met */
  | "sdk"
  /** "Common errors" of the Systems Manager API reference */
  | "ssm-codes";

export interface ErrorRow {
  readonly class: FailureClass;
  readonly hint?: string;
  readonly source: ErrorSource;
  /** Asking again in a moment may do. */
  readonly isTransient?: true;
}

const otherZone = "list more zones or regions, or another machine type";
const raiseQuota = (what: string): string =>
  `ask for a higher quota of ${what} (console: Service Quotas, Amazon EC2), or list another region`;
const checkCredentials =
  "check the AWS credentials and their region: `aws sts get-caller-identity` must work with them";
const grantPermission = "grant the action to the credentials in use: docs/clouds.md has the policy to paste";

/**
 * What AWS's codes mean for a run, one row a code. A code ending in `*` stands for all that begin so.
 *
 * Codes in `Client.`/`Server.` form are the reasons that DescribeInstances gives for an instance's end.
 */
export const errorTable: Readonly<Record<string, ErrorRow>> = {
  InsufficientInstanceCapacity: { class: "capacity", hint: otherZone, source: "ec2-codes" },
  InsufficientHostCapacity: { class: "capacity", hint: otherZone, source: "ec2-codes" },
  InsufficientReservedInstanceCapacity: { class: "capacity", hint: otherZone, source: "ec2-codes" },
  InsufficientCapacityOnHost: { class: "capacity", hint: otherZone, source: "ec2-codes" },
  InsufficientFreeAddressesInSubnet: { class: "capacity", hint: otherZone, source: "ec2-codes" },
  // The type isn't offered in this zone: to another zone, like a lack of it.
  Unsupported: { class: "capacity", hint: otherZone, source: "ec2-codes" },
  SpotMaxPriceTooLow: {
    class: "capacity",
    hint: "raise option spotMaxDollarsPerHour, leave it out, or use on-demand machines",
    source: "ec2-codes",
  },

  VcpuLimitExceeded: { class: "quota", hint: raiseQuota("on-demand vCPUs of this family"), source: "ec2-codes" },
  InstanceLimitExceeded: { class: "quota", hint: raiseQuota("instances"), source: "ec2-codes" },
  MaxSpotInstanceCountExceeded: { class: "quota", hint: raiseQuota("spot vCPUs of this family"), source: "ec2-codes" },
  MaxSpotFleetRequestCountExceeded: { class: "quota", hint: raiseQuota("spot requests"), source: "ec2-codes" },
  VolumeLimitExceeded: { class: "quota", hint: raiseQuota("EBS volumes"), source: "ec2-codes" },
  MaxIOPSLimitExceeded: { class: "quota", hint: raiseQuota("EBS IOPS"), source: "ec2-codes" },
  VolumeIOPSLimit: { class: "quota", hint: raiseQuota("EBS IOPS"), source: "ec2-codes" },
  SecurityGroupLimitExceeded: { class: "quota", hint: raiseQuota("security groups"), source: "ec2-codes" },
  RulesPerSecurityGroupLimitExceeded: {
    class: "quota",
    hint: "each host of another cloud needs a rule: fewer hosts there, or a higher quota of rules per security group",
    source: "ec2-codes",
  },
  SecurityGroupsPerInstanceLimitExceeded: { class: "quota", source: "ec2-codes" },
  PlacementGroupLimitExceeded: { class: "quota", hint: raiseQuota("placement groups"), source: "ec2-codes" },
  PrivateIpAddressLimitExceeded: { class: "quota", source: "ec2-codes" },
  ResourceLimitExceeded: { class: "quota", source: "ec2-codes" },
  PendingVerification: {
    class: "quota",
    hint: "AWS is still checking the account for this region: usually minutes, at most four hours",
    source: "ec2-codes",
  },

  RequestLimitExceeded: { class: "throttled", source: "ec2-codes", isTransient: true },
  RequestResourceCountExceeded: { class: "throttled", source: "ec2-codes", isTransient: true },
  EC2ThrottledException: { class: "throttled", source: "sdk", isTransient: true },
  Throttling: { class: "throttled", source: "sdk", isTransient: true },
  ThrottlingException: { class: "throttled", source: "ssm-codes", isTransient: true },
  ThrottledException: { class: "throttled", source: "sdk", isTransient: true },
  TooManyRequestsException: { class: "throttled", source: "sdk", isTransient: true },
  SlowDown: { class: "throttled", source: "sdk", isTransient: true },
  // A server's own trouble: asked again later by the states' Retry, like a lost connection.
  InternalError: { class: "transport", source: "ec2-codes", isTransient: true },
  InternalFailure: { class: "transport", source: "ec2-codes", isTransient: true },
  InternalServerError: { class: "transport", source: "ssm-codes", isTransient: true },
  ServiceUnavailable: { class: "transport", source: "ec2-codes", isTransient: true },
  Unavailable: { class: "transport", source: "ec2-codes", isTransient: true },
  RequestTimeout: { class: "transport", source: "sdk", isTransient: true },
  RequestTimeoutException: { class: "transport", source: "sdk", isTransient: true },
  TimeoutError: { class: "transport", source: "sdk", isTransient: true },
  NetworkingError: { class: "transport", source: "sdk", isTransient: true },
  ConcurrentTagAccess: { class: "transport", source: "ec2-codes", isTransient: true },
  // Of things that we have just made: the API is eventually consistent.
  "InvalidGroup.NotFound": { class: "transport", source: "ec2-codes", isTransient: true },
  "InvalidPlacementGroup.Unknown": { class: "transport", source: "ec2-codes", isTransient: true },
  "InvalidInstanceID.NotFound": { class: "transport", source: "ec2-codes", isTransient: true },
  // "In use" at once after its creation, while several launches take it for the first time.
  "InvalidPlacementGroup.InUse": { class: "transport", source: "ec2-codes", isTransient: true },
  DependencyViolation: { class: "transport", source: "ec2-codes", isTransient: true },

  AuthFailure: { class: "auth", hint: checkCredentials, source: "ec2-codes" },
  UnauthorizedOperation: { class: "auth", hint: grantPermission, source: "ec2-codes" },
  AccessDeniedException: { class: "auth", hint: grantPermission, source: "ssm-codes" },
  AccessDenied: { class: "auth", hint: grantPermission, source: "sdk" },
  InvalidClientTokenId: { class: "auth", hint: checkCredentials, source: "ec2-codes" },
  UnrecognizedClientException: { class: "auth", hint: checkCredentials, source: "ssm-codes" },
  IncompleteSignature: { class: "auth", hint: checkCredentials, source: "ec2-codes" },
  SignatureDoesNotMatch: { class: "auth", hint: checkCredentials, source: "sdk" },
  ExpiredToken: { class: "auth", hint: "the session's credentials have expired: log in again", source: "sdk" },
  ExpiredTokenException: { class: "auth", hint: "the session's credentials have expired: log in again", source: "sdk" },
  RequestExpired: {
    class: "auth",
    hint: "set this machine's clock: AWS refuses requests that are minutes off",
    source: "ec2-codes",
  },
  CredentialsProviderError: { class: "auth", hint: checkCredentials, source: "sdk" },
  OptInRequired: {
    class: "auth",
    hint: "enable the region, or subscribe to the image, for this account",
    source: "ec2-codes",
  },
  Blocked: { class: "auth", hint: "AWS has blocked the account: its support knows why", source: "ec2-codes" },

  "InvalidAMIID.NotFound": {
    class: "invalid",
    hint: "image ids differ from region to region: name the image (`ubuntu-24.04`, or `{owner}/{name}`) instead",
    source: "ec2-codes",
  },
  "InvalidAMIID.Unavailable": { class: "invalid", hint: "the image was deregistered", source: "ec2-codes" },
  VPCIdNotSpecified: {
    class: "invalid",
    hint: "the region has no default VPC: make one with `aws ec2 create-default-vpc`",
    source: "ec2-codes",
  },
  MissingInput: {
    class: "invalid",
    hint: "the region may have no default VPC or subnet: `aws ec2 create-default-vpc` makes both",
    source: "ec2-codes",
  },
  DefaultSubnetDoesNotExist: {
    class: "invalid",
    hint: "the zone has no default subnet: make one with `aws ec2 create-default-subnet`, or list another zone",
    source: "ec2-codes",
  },
  DefaultVpcDoesNotExist: {
    class: "invalid",
    hint: "make one with `aws ec2 create-default-vpc`",
    source: "ec2-codes",
  },
  OperationNotPermitted: {
    class: "invalid",
    hint: "somebody protected the instance from termination: that is for them to undo",
    source: "ec2-codes",
  },
  "Invalid*": { class: "invalid", source: "ec2-codes" },
  "Missing*": { class: "invalid", source: "ec2-codes" },
  IdempotentParameterMismatch: { class: "defect", source: "ec2-codes" },
  UnsupportedOperation: { class: "invalid", source: "ec2-codes" },
  UnsupportedHibernationConfiguration: { class: "invalid", source: "ec2-codes" },
  UnknownParameter: { class: "defect", source: "ec2-codes" },
  ValidationError: { class: "defect", source: "ec2-codes" },
  MalformedQueryString: { class: "defect", source: "ec2-codes" },

  "Server.InsufficientInstanceCapacity": { class: "capacity", hint: otherZone, source: "state-reason" },
  "Server.SpotInstanceTermination": { class: "preempted", source: "state-reason" },
  "Server.SpotInstanceShutdown": { class: "preempted", source: "state-reason" },
  "Server.ScheduledStop": { class: "preempted", source: "state-reason" },
  "Server.InternalError": { class: "boot", source: "state-reason" },
  "Client.VolumeLimitExceeded": { class: "quota", hint: raiseQuota("EBS volumes"), source: "state-reason" },
  "Client.InvalidSnapshot.NotFound": { class: "invalid", source: "state-reason" },
  "Client.InternalError": {
    class: "invalid",
    hint: "usually an encrypted disk whose KMS key the credentials may not use",
    source: "state-reason",
  },
  "Client.UserInitiatedShutdown": {
    class: "boot",
    hint: "somebody terminated it from outside",
    source: "state-reason",
  },
  "Client.InstanceInitiatedShutdown": {
    class: "boot",
    hint: "it shut itself down: at the end of its lease, or by a command of the experiment",
    source: "state-reason",
  },
  "Client.UserInitiatedHibernate": { class: "boot", source: "state-reason" },

  "marked-for-termination": { class: "preempted", source: "spot-status" },
  "marked-for-stop": { class: "preempted", source: "spot-status" },
  "instance-terminated-no-capacity": { class: "preempted", source: "spot-status" },
  "instance-terminated-by-price": { class: "preempted", source: "spot-status" },
  "instance-terminated-capacity-oversubscribed": { class: "preempted", source: "spot-status" },
  "instance-terminated-by-service": { class: "preempted", source: "spot-status" },
};

/** What a code means; undefined for one that the table doesn't know. */
export function lookUpCode(code: string): ErrorRow | undefined {
  const exact = Object.hasOwn(errorTable, code) ? errorTable[code] : undefined;
  if (exact !== undefined) return exact;
  return Object.entries(errorTable).find(([key]) => key.endsWith("*") && code.startsWith(key.slice(0, -1)))?.[1];
}

/** An error of a call, read. */
export interface CloudFailure {
  /** AWS's own code, or the SDK's or Node's name for a call that got no answer. */
  readonly code: string;
  readonly failure: Failure;
  readonly isTransient: boolean;
  readonly retryAfterMs: number | undefined;
}

/** Node's names for connections that failed before, in or after a request. */
const lostConnection = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ETIMEDOUT",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/**
 * Reads what an AWS SDK's `send` threw: class, the cloud's own code and message, and whether to ask again.
 *
 * @param operation the call, for the message: `RunInstances in us-east-1a`
 */
export function readAwsError(error: unknown, operation: string): CloudFailure {
  if (error instanceof FailureError)
    return { code: error.name, failure: error.failure, isTransient: false, retryAfterMs: undefined };
  const { name, code: nodeCode, status, requestId, retryAfter } = fieldsOf(error);
  const isLost = nodeCode !== undefined && lostConnection.has(nodeCode);
  const code = isLost ? nodeCode : name;
  const row = isLost
    ? ({ class: "transport", source: "sdk", isTransient: true } as const)
    : (lookUpCode(name) ?? byStatus(status));
  return {
    code,
    failure: {
      class: row.class,
      message: `${operation}: ${code}: ${messageOf(error)}`,
      hint: row.hint,
      evidence: requestId === undefined ? undefined : `AWS request ${requestId}`,
    },
    isTransient: row.isTransient ?? false,
    retryAfterMs: readRetryAfter(retryAfter),
  };
}

/** A code that nobody wrote down yet is judged by its HTTP status, as the SDK's own retries do. */
const byStatus = (status: number | undefined): ErrorRow =>
  status === 429
    ? { class: "throttled", source: "sdk", isTransient: true }
    : status !== undefined && status >= 500
      ? { class: "transport", source: "sdk", isTransient: true }
      : status === 401 || status === 403
        ? { class: "auth", hint: grantPermission, source: "sdk" }
        : status !== undefined && status >= 400
          ? { class: "invalid", source: "sdk" }
          : { class: "defect", source: "sdk" };

interface ErrorFields {
  readonly name: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfter: string | undefined;
}

function fieldsOf(error: unknown): ErrorFields {
  const metadata = member(error, "$metadata");
  const status = member(metadata, "httpStatusCode");
  const headers = member(member(error, "$response"), "headers");
  return {
    name: text(member(error, "name")) ?? "Error",
    code: text(member(error, "code")),
    status: typeof status === "number" ? status : undefined,
    requestId: text(member(metadata, "requestId")),
    retryAfter: text(member(headers, "retry-after")),
  };
}

const member = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Seconds; AWS gives no dates there. */
const readRetryAfter = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,6}(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1000) : undefined;
