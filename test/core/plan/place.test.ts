import { readPlace } from "../../../core/plan/place.ts";

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
