import { machineTypes as known } from "../../providers/catalogue/index.ts";
import { instanceTypes } from "./aws/catalog.ts";
import { vmSizes } from "./azure/catalog.ts";
import { machineTypes as gcpTypes } from "./gcp/catalog.ts";

type Shape = readonly [vcpus: number, gib: number, architecture: "x86_64" | "arm64"];

const emulated = (cloud: string, type: string): Shape | undefined => {
  const aws = cloud === "aws" ? instanceTypes.get(type) : undefined;
  if (aws !== undefined) return [aws.vcpus, aws.memoryMib / 1024, aws.arch];
  const azure = cloud === "azure" ? vmSizes.get(type.toLowerCase()) : undefined;
  if (azure !== undefined) return [azure.vcpus, azure.memoryGb, azure.arch === "Arm64" ? "arm64" : "x86_64"];
  const gcp = cloud === "gcp" ? gcpTypes.get(type) : undefined;
  return gcp === undefined ? undefined : [gcp.vcpus, gcp.memoryMb / 1024, gcp.arch === "ARM64" ? "arm64" : "x86_64"];
};

describe("the emulated clouds", () => {
  it("sell every machine type that a plan may choose, in the shape that plans take it for", () => {
    const planned = known.map(({ cloud, type, vcpus, memoryBytes, architecture }) => [
      `${cloud} ${type}`,
      [vcpus, memoryBytes / 2 ** 30, architecture],
    ]);
    expect(planned.length).toBeGreaterThan(250);
    expect(known.map(({ cloud, type }) => [`${cloud} ${type}`, emulated(cloud, type)])).toEqual(planned);
  });
});
