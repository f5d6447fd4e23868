import { FailureError } from "../../../core/errors/failure.ts";
import { errorTable, lookUpCode, readAwsError } from "../../../providers/aws/errors.ts";

const awsError = (name: string, status: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`message of ${name}`), {
    name,
    $metadata: { httpStatusCode: status, requestId: "req-1" },
    $response: { headers },
  });

describe("readAwsError", () => {
  it.each<[string, number, string, boolean]>([
    ["InsufficientInstanceCapacity", 500, "capacity", false],
    ["InsufficientHostCapacity", 500, "capacity", false],
    ["Unsupported", 400, "capacity", false],
    ["SpotMaxPriceTooLow", 400, "capacity", false],
    ["VcpuLimitExceeded", 400, "quota", false],
    ["MaxSpotInstanceCountExceeded", 400, "quota", false],
    ["RulesPerSecurityGroupLimitExceeded", 400, "quota", false],
    ["PendingVerification", 400, "quota", false],
    ["RequestLimitExceeded", 503, "throttled", true],
    ["EC2ThrottledException", 400, "throttled", true],
    ["UnauthorizedOperation", 403, "auth", false],
    ["AuthFailure", 401, "auth", false],
    ["ExpiredToken", 400, "auth", false],
    ["OptInRequired", 401, "auth", false],
    ["InvalidAMIID.NotFound", 400, "invalid", false],
    ["InvalidParameterValue", 400, "invalid", false],
    ["MissingParameter", 400, "invalid", false],
    ["VPCIdNotSpecified", 400, "invalid", false],
    ["IdempotentParameterMismatch", 400, "defect", false],
    ["InvalidGroup.NotFound", 400, "transport", true],
    ["InternalError", 500, "transport", true],
    ["Unavailable", 503, "transport", true],
    // Nobody wrote these down: the status decides.
    ["NewServerTrouble", 500, "transport", true],
    ["NewRefusal", 400, "invalid", false],
    ["NewThrottle", 429, "throttled", true],
    ["NewDenial", 403, "auth", false],
  ])("reads %s (%i) as %s", (code, status, failureClass, isTransient) => {
    const read = readAwsError(awsError(code, status), "RunInstances in us-east-1");
    expect(read.failure.class).toBe(failureClass);
    expect(read.isTransient).toBe(isTransient);
    expect(read.failure.message).toBe(`RunInstances in us-east-1: ${code}: message of ${code}`);
    expect(read.failure.evidence).toBe("AWS request req-1");
  });

  it.each(["ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "ENOTFOUND"])("takes %s for a lost connection", (code) => {
    const lost = Object.assign(new Error("socket hang up"), { name: "TimeoutError", code });
    expect(readAwsError(lost, "x")).toMatchObject({ code, failure: { class: "transport" }, isTransient: true });
  });

  it("carries the wait that was asked for", () => {
    const error = awsError("RequestLimitExceeded", 503, { "retry-after": "12" });
    expect(readAwsError(error, "x").retryAfterMs).toBe(12_000);
    expect(readAwsError(awsError("RequestLimitExceeded", 503), "x").retryAfterMs).toBeUndefined();
    const date = awsError("RequestLimitExceeded", 503, { "retry-after": "Wed, 21 Oct" });
    expect(readAwsError(date, "x").retryAfterMs).toBeUndefined();
  });

  it("leaves our own failures as they are, and takes the rest for a defect", () => {
    const own = new FailureError({ class: "budget", message: "spent" });
    expect(readAwsError(own, "x").failure).toBe(own.failure);
    expect(readAwsError(new TypeError("x is not a function"), "x").failure.class).toBe("defect");
    expect(readAwsError("text", "x").failure.class).toBe("defect");
  });
});

describe("errorTable", () => {
  it("tells the user what to change wherever the user can", () => {
    const without = Object.entries(errorTable).filter(
      ([, row]) => ["capacity", "auth"].includes(row.class) && row.hint === undefined,
    );
    expect(without).toEqual([]);
  });

  it.each([
    ["Server.SpotInstanceTermination", "preempted"],
    ["Server.InsufficientInstanceCapacity", "capacity"],
    ["Client.VolumeLimitExceeded", "quota"],
    ["Client.InstanceInitiatedShutdown", "boot"],
    ["marked-for-termination", "preempted"],
    ["instance-terminated-no-capacity", "preempted"],
  ])("knows the end %s as %s", (code, failureClass) => {
    expect(lookUpCode(code)?.class).toBe(failureClass);
  });

  it("knows nothing of states in which all is well, nor of what every object has", () => {
    for (const code of ["fulfilled", "pending-evaluation", "", "constructor", "toString"])
      expect(lookUpCode(code)).toBeUndefined();
  });
});
