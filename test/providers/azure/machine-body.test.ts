import type { Intent, MachineShape, Place } from "../../../core/ports/provider.ts";
import { wantHost } from "../../../providers/azure/machine-body.ts";
import { deploymentIntents } from "./azure-world.ts";

const gib = 1024 ** 3;

function bodyOf(shape: Partial<MachineShape>, place: Place = { region: "East US" }, bid?: number) {
  const [, intent] = deploymentIntents("d1", 1, { shape, place });
  if (intent?.host === undefined) throw new Error("no host");
  const bidding: Intent = bid === undefined ? intent : { ...intent, host: { ...intent.host, maxDollarsPerHour: bid } };
  return wantHost(bidding, { userData: "#cloud-config\n", tags: { a: "b" } }).body;
}

describe("wantHost", () => {
  it("asks for an on-demand machine without a zone, whose parts go with it", () => {
    expect(bodyOf({})).toMatchObject({
      location: "eastus",
      tags: { a: "b" },
      hardwareProfile: { vmSize: "Standard_D2s_v5" },
      storageProfile: {
        osDisk: { deleteOption: "Delete", managedDisk: { storageAccountType: "Premium_LRS" } },
        dataDisks: [],
      },
      osProfile: { computerName: "server-0", customData: Buffer.from("#cloud-config\n").toString("base64") },
    });
    for (const absent of ["zones", "priority", "securityProfile", "identity"])
      expect(bodyOf({})).not.toHaveProperty(absent);
  });

  it.each(["1", "eastus/1", "eastus-1"])("reads zone %j as the first", (zone) => {
    expect(bodyOf({}, { region: "eastus", zone }).zones).toEqual(["1"]);
  });

  it.each([
    ["nothing", {}, undefined, -1],
    ["the definition", { maxPrice: 0.3 }, undefined, 0.3],
    ["the budget", {}, 0.2, 0.2],
    ["both, the budget tighter", { maxPrice: 0.3 }, 0.2, 0.2],
    ["both, the definition tighter", { maxPrice: 0.1 }, 0.2, 0.1],
    ["the budget where the definition sets no limit", { maxPrice: -1 }, 0.2, 0.2],
  ])("bids as %s says", (_, options, bid, maxPrice) => {
    expect(bodyOf({ spot: true, options }, undefined, bid)).toMatchObject({
      priority: "Spot",
      evictionPolicy: "Deallocate",
      billingProfile: { maxPrice },
    });
  });

  it.each([
    ["Standard_DC4as_v5", {}, "ConfidentialVM"],
    ["Standard_DC4es_v5", { confidential: "tdx" }, "ConfidentialVM"],
    ["Standard_D4s_v5", { trustedLaunch: true }, "TrustedLaunch"],
    ["Standard_D4s_v5", { encryptionAtHost: true }, undefined],
  ])("secures %s with %j", (type, options, securityType) => {
    expect(bodyOf({ type, options }).securityProfile?.securityType).toBe(securityType);
  });

  it("numbers data disks in their order, and leaves local and swap to the host", () => {
    const disk = (kind: "data" | "localNvme" | "swap" | "boot", bytes: number | undefined) => ({
      kind,
      bytes,
      mount: undefined,
      fileSystem: undefined,
    });
    const disks = [disk("data", 10 * gib), disk("swap", gib), disk("data", 20 * gib - 1), disk("localNvme", undefined)];
    const { storageProfile } = bodyOf({
      disks: [...disks, disk("boot", 50 * gib)],
      options: { storage: "PremiumV2_LRS" },
    });
    expect(storageProfile?.dataDisks).toMatchObject([
      { lun: 0, diskSizeGB: 10, name: "server-0-data-0", managedDisk: { storageAccountType: "PremiumV2_LRS" } },
      { lun: 1, diskSizeGB: 20, name: "server-0-data-1" },
    ]);
    // It can't be booted from.
    expect(storageProfile?.osDisk).toMatchObject({
      diskSizeGB: 50,
      managedDisk: { storageAccountType: "Premium_LRS" },
    });
    expect(() => bodyOf({ disks: [disk("data", undefined)] })).toThrow(/data disk without a size/);
  });
});
