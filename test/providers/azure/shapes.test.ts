import { FailureError } from "../../../core/errors/failure.ts";
import { describeImage, imageReference } from "../../../providers/azure/image.ts";
import { groupName, vmName } from "../../../providers/azure/names.ts";
import { addressSpaceOf, canonicalRegion } from "../../../providers/azure/regions.ts";
import { confidentialKind, readShapeOptions, takesPremium } from "../../../providers/azure/shape-options.ts";
import { deploymentIntents, shapeFixture } from "./azure-world.ts";

function classOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof FailureError ? error.failure.class : String(error);
  }
}

describe("readShapeOptions", () => {
  it.each([
    ["an unknown option", { speed: "high" }, {}, /speed|Unrecognized/],
    ["a wrong type", { acceleratedNetworking: "yes" }, {}, /options\.acceleratedNetworking/],
    ["another value", { storage: "Floppy" }, {}, /options\.storage/],
    ["a price without spot", { maxPrice: 0.1 }, {}, /maxPrice without spot/],
    ["a plain size said to be confidential", { confidential: "sev-snp" }, {}, /no confidential size/],
    ["the other technology", { confidential: "tdx" }, { type: "Standard_DC2as_v5" }, /is a sev-snp size/],
    [
      "a confidential machine without its boot chain",
      { confidential: "tdx", trustedLaunch: false },
      { type: "Standard_DC2es_v5" },
      /always has trusted launch/,
    ],
    ["an identity that is no resource", { identity: "me" }, {}, /options\.identity/],
  ])("refuses %s, and says which machine", (_, options, shape, message) => {
    const read = (): unknown => readShapeOptions(shapeFixture({ ...shape, options }), "server-0");
    expect(read).toThrow(message);
    expect(read).toThrow(/^server-0: /);
    expect(classOf(read)).toBe("invalid");
  });

  it("takes what makes sense as it is", () => {
    const options = { acceleratedNetworking: true, proximityGroup: true, storage: "UltraSSD_LRS", maxPrice: 0.5 };
    expect(readShapeOptions(shapeFixture({ spot: true, options }), "a")).toEqual(options);
  });
});

describe("confidentialKind", () => {
  it.each([
    ["Standard_DC2as_v5", "sev-snp"],
    ["Standard_EC96iads_v5", "sev-snp"],
    ["Standard_NCC40ads_H100_v5", "sev-snp"],
    ["Standard_DC8es_v5", "tdx"],
    ["Standard_EC4eds_v5", "tdx"],
    ["Standard_DC4s_v3", undefined], // SGX
    ["Standard_D2s_v5", undefined],
    ["Standard_NC24ads_A100_v4", undefined],
  ])("%s is %s", (type, kind) => {
    expect(confidentialKind(type)).toBe(kind);
  });
});

describe("takesPremium", () => {
  it.each([
    ["Standard_D2s_v5", true],
    ["Standard_E8-4ads_v5", true],
    ["Standard_DS2_v2", true],
    ["Standard_L8s_v3", true],
    ["Standard_DC2as_v5", true],
    ["Standard_D2_v5", false],
    ["Standard_D4ad_v5", false],
    ["Standard_A2_v2", false],
  ])("%s: %s", (type, does) => {
    expect(takesPremium(type)).toBe(does);
  });
});

describe("imageReference", () => {
  it.each([
    ["Canonical:ubuntu-24_04-lts:server:latest"],
    ["/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i"],
    ["/CommunityGalleries/g/Images/i/Versions/1.0.0"],
    ["/SharedGalleries/g/Images/i/Versions/1.0.0"],
  ])("reads %s, and describes it as the same", (image) => {
    expect(describeImage(imageReference(image))).toBe(image);
  });

  it("tells which version latest was", () => {
    expect(describeImage({ publisher: "p", offer: "o", sku: "s", version: "latest", exactVersion: "1.2" })).toBe(
      "p:o:s:1.2",
    );
  });

  it.each(["ubuntu-24.04", "a:b:c", "a:b::d", "a:b:c:d:e", ""])("refuses %j", (image) => {
    expect(() => imageReference(image)).toThrow(/not an image of Azure's/);
  });
});

describe("groupName", () => {
  it("tells rounds and regions of a deployment apart, whatever the deployment is called", () => {
    const deployments = ["run-1-a-1", "x".repeat(100), `${"x".repeat(99)}y`, "Ä. b/c", "a_b", "a-b"];
    const names = deployments.flatMap((deployment) =>
      [0, 1].flatMap((round) => ["eastus", "westeurope"].map((region) => groupName({ deployment, round, region }))),
    );
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,90}$/);
    expect(names[0]).toBe("reprise-run-1-a-1-r0-eastus");
  });
});

describe("vmName", () => {
  it("is the host's name in the deployment, cut where a machine's must be shorter", () => {
    const [, intent] = deploymentIntents("run-1-a-1", 1);
    if (intent === undefined) throw new Error("no host");
    expect(vmName(intent)).toBe("server-0");
    expect(vmName({ ...intent, name: "run-1-a-1-r0-l2-server-0" })).toBe("l2-server-0");
    const long = ["a", "b"].map((end) => vmName({ ...intent, name: `run-1-a-1-r0-${"n".repeat(80)}${end}` }));
    expect(long[0]).not.toBe(long[1]);
    for (const name of long) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,52}[a-z0-9])$/);
  });
});

describe("addressSpaceOf", () => {
  it("gives known regions spaces of their own, the same for ever", () => {
    expect(addressSpaceOf("East US")).toEqual(addressSpaceOf("eastus"));
    expect(addressSpaceOf("eastus")).toEqual({ network: "10.1.0.0/16", subnet: "10.1.0.0/17" });
    const regions = ["eastus", "westus", "westeurope", "northeurope", "japaneast", "taiwannorth"];
    expect(new Set(regions.map((region) => addressSpaceOf(region).network)).size).toBe(regions.length);
  });

  it("keeps regions it doesn't know out of those", () => {
    const second = Number(/^10\.(\d+)\./.exec(addressSpaceOf("moonbase").network)?.[1]);
    expect(second).toBeGreaterThanOrEqual(128);
    expect(second).toBeLessThan(254);
  });

  it("reads regions as the portal writes them", () => {
    expect(canonicalRegion("Germany West Central")).toBe("germanywestcentral");
  });
});
