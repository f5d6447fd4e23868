import { FailureError } from "../../../core/errors/failure.ts";
import { readOn, readPlace } from "../../../core/plan/place.ts";

describe("readPlace", () => {
  it.each<readonly [string, Parameters<typeof readPlace>[1], string, string | undefined]>([
    ["aws", "eu-west-1", "eu-west-1", undefined],
    ["aws", "us-gov-west-1b", "us-gov-west-1", "us-gov-west-1b"],
    ["gcp", "us-west1", "us-west1", undefined],
    ["gcp", "us-west1-b", "us-west1", "us-west1-b"],
    ["azure", "westus2/2", "westus2", "2"],
    ["azure", "westus2", "westus2", undefined],
    ["aws", { region: "r", zone: "z" }, "r", "z"],
    ["hosts", "rack-1", "rack-1", undefined],
  ])("%s %j", (provider, place, region, zone) => {
    expect(readPlace(provider, place)).toEqual({ region, zone });
  });
});

describe("readOn", () => {
  it.each([
    ["aws", { provider: "aws", places: [] }],
    ["gcp:us-west1-b", { provider: "gcp", places: [{ region: "us-west1", zone: "us-west1-b" }] }],
    [
      "azure:westus2/2,eastus",
      {
        provider: "azure",
        places: [
          { region: "westus2", zone: "2" },
          { region: "eastus", zone: undefined },
        ],
      },
    ],
  ])("%s", (text, expected) => {
    expect(readOn(text)).toEqual(expected);
  });

  it("tells the provider that was probably meant", () => {
    let hint: string | undefined;
    try {
      readOn("asw:us-east-1");
    } catch (error) {
      hint = error instanceof FailureError ? error.hint : undefined;
    }
    expect(hint).toBe("did you mean `aws`?");
  });

  it.each(["foo", "", "aws:", ":us-east-1", "aws:us-east-1,", "my cloud"])("refuses %j", (text) => {
    expect(() => readOn(text)).toThrow(/is no provider/);
  });
});
