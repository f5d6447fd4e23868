import { failureClasses } from "../../../core/errors/failure.ts";
import {
  failureOfOperation,
  failureOfRefusal,
  GoogleRefusal,
  meaningOfReason,
  operationMeanings,
  reasonMeanings,
} from "../../../providers/gcp/errors.ts";
import { Operation } from "../../../providers/gcp/wire.ts";

const ended = (...errors: { code: string; message: string }[]) =>
  Operation.parse({ name: "operation-1", operationType: "insert", status: "DONE", error: { errors } });

describe("failureOfRefusal", () => {
  it.each<[number, string, string]>([
    [403, "quotaExceeded", "quota"],
    [403, "rateLimitExceeded", "throttled"],
    [429, "rateLimitExceeded", "throttled"],
    [429, "somethingNew", "throttled"],
    [401, "authError", "auth"],
    [401, "required", "auth"],
    [400, "required", "invalid"],
    [403, "forbidden", "auth"],
    [403, "somethingNew", "auth"],
    [412, "conditionNotMet", "auth"],
    [400, "invalid", "invalid"],
    [400, "resourceNotReady", "throttled"],
    [404, "notFound", "invalid"],
    [503, "backendError", "transport"],
    [500, "somethingNew", "transport"],
    [400, "", "invalid"],
  ])("reads %i %s as %s", (status, reason, failureClass) => {
    expect(meaningOfReason(status, reason).class).toBe(failureClass);
    const failure = failureOfRefusal(new GoogleRefusal(status, reason, "Google's own words"), "create x");
    expect(failure.class).toBe(failureClass);
    expect(failure.message).toBe(`Google refused to create x: Google's own words (${status} ${reason})`);
  });
});

describe("failureOfOperation", () => {
  it.each(Object.keys(operationMeanings))("keeps the code %s and its words", (code) => {
    const failure = failureOfOperation(ended({ code, message: "Google's own words" }));
    expect(failure).toMatchObject({
      class: operationMeanings[code]?.class,
      message: `Google could not insert: Google's own words (${code})`,
      evidence: "operation-1",
    });
  });

  it("takes an unknown code for a machine that did not come up", () => {
    expect(failureOfOperation(ended({ code: "SOMETHING_NEW", message: "" }))?.class).toBe("boot");
  });

  it("finds want of room behind an error that only tells of it", () => {
    const failure = failureOfOperation(
      ended(
        { code: "INTERNAL_ERROR", message: "one of them failed" },
        { code: "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", message: "no n2" },
      ),
    );
    expect(failure).toMatchObject({ class: "capacity", hint: expect.stringContaining("zones") as string });
  });

  it("says nothing of operations that run or have succeeded", () => {
    expect(failureOfOperation(Operation.parse({ name: "o", status: "RUNNING" }))).toBeUndefined();
    expect(failureOfOperation(ended())).toBeUndefined();
  });
});

describe("the tables", () => {
  it("know only classes that there are, and tell what to do about what a user can mend", () => {
    for (const [code, meaning] of Object.entries({ ...reasonMeanings, ...operationMeanings })) {
      expect(failureClasses).toContain(meaning.class);
      if (["capacity", "quota", "auth"].includes(meaning.class))
        expect([code, meaning.hint]).not.toEqual([code, undefined]);
    }
  });
});
