import type { MachineRequest } from "../../../core/plan/catalogue.ts";
import { composeCatalogues, ownMachines } from "../../../core/plan/catalogue.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import {
  Prices,
  cloudMachines,
  clouds,
  findMachineType,
  fittingTypes,
  knownPrices,
  machineTypes,
} from "../../../providers/catalogue/index.ts";
import { definitionText, loadText, planInputs } from "../../core/definition/load.ts";

const gib = 2 ** 30;
const prices = new Prices(knownPrices());
const machines = cloudMachines(prices);

const request = (over: Partial<MachineRequest>): MachineRequest => ({
  provider: "aws",
  place: { region: "us-east-1" },
  vcpu: undefined,
  memoryBytes: undefined,
  architecture: undefined,
  type: undefined,
  image: undefined,
  spot: false,
  disks: [],
  options: {},
  ...over,
});

describe("machineTypes", () => {
  it("names each type once, with sizes that can be", () => {
    const names = machineTypes.map(({ cloud, type }) => `${cloud} ${type.toLowerCase()}`);
    expect(new Set(names).size).toBe(names.length);
    for (const machine of machineTypes) {
      expect(machine.vcpus).toBeGreaterThan(0);
      expect(machine.memoryBytes).toBeGreaterThanOrEqual(gib);
    }
  });

  it.each([
    ["aws", "c5d.2xlarge", 8, 16],
    ["aws", "c5d.xlarge", 4, 8],
    ["aws", "m5.xlarge", 4, 16],
    ["aws", "t3.medium", 2, 4],
    ["azure", "Standard_D16d_v4", 16, 64],
    ["azure", "Standard_DC16ads_v5", 16, 64],
    ["azure", "Standard_DC16eds_v5", 16, 64],
    ["azure", "Standard_D16ads_v5", 16, 64],
    ["azure", "Standard_D8ds_v6", 8, 32],
    ["gcp", "n2-highcpu-2", 2, 2],
    ["gcp", "n2-highmem-4", 4, 32],
  ] as const)("knows %s %s, which a reproduced system uses", (cloud, type, vcpus, memoryGib) => {
    expect(findMachineType(cloud, type)).toMatchObject({ vcpus, memoryBytes: memoryGib * gib });
  });
});

describe("cloudMachines", () => {
  it.each([
    ["aws", "c6a.xlarge"],
    ["azure", "Standard_D4as_v5"],
    ["gcp", "e2-standard-4"],
  ] as const)("resolves one neutral machine to the cheapest that fits on %s", (provider, type) => {
    const place = machines.defaultPlaces(provider)[0] ?? { region: "" };
    // 4 vCPUs and 8 GiB: at Google nothing between 4 and 16 GiB is in the table.
    expect(machines.resolve(request({ provider, place, vcpu: 4, memoryBytes: 8 * gib }))).toMatchObject({
      type,
      vcpus: 4,
      architecture: "x86_64",
    });
  });

  it("chooses by the reference region where a region's prices aren't known, and the same every time", () => {
    const far = { vcpu: 2, place: { region: "af-south-1" } };
    expect(machines.resolve(request(far))).toMatchObject({ type: "c6a.large" });
    const backwards = new Prices(knownPrices().map((t) => ({ ...t, entries: [...t.entries].reverse() })));
    expect(cloudMachines(backwards).resolve(request(far))).toEqual(machines.resolve(request(far)));
  });

  it("breaks ties by size and name, and puts what has no price last", () => {
    const none = new Prices([]);
    const neutral = { vcpu: 2, memoryBytes: undefined, architecture: undefined, localDisk: false };
    const names = fittingTypes("aws", neutral, "us-east-1", none).map(({ type }) => type);
    expect(names.slice(0, 5)).toEqual(["c5.large", "c5d.large", "c6a.large", "c6i.large", "c6id.large"]);
    const one = new Prices([
      { ...priceTable, entries: [{ cloud: "aws", region: "us-east-1", type: "r5.4xlarge", onDemand: 9 }] },
    ]);
    expect(fittingTypes("aws", neutral, "us-east-1", one)[0]?.type).toBe("r5.4xlarge");
  });

  it("takes arm64 and local disks only where they are asked for", () => {
    expect(machines.resolve(request({ vcpu: 2, architecture: "arm64" }))).toMatchObject({ type: "c7g.large" });
    const disk = { kind: "localNvme", bytes: undefined, mount: "/data", fileSystem: "ext4" } as const;
    expect(machines.resolve(request({ vcpu: 2, disks: [disk] }))).toMatchObject({ type: "c5d.large", disks: [disk] });
  });

  it("never chooses a burstable type, but takes one that is named", () => {
    for (const cloud of clouds) {
      const place = machines.defaultPlaces(cloud)[0] ?? { region: "" };
      const chosen = machines.resolve(request({ provider: cloud, place }));
      expect(findMachineType(cloud, "type" in chosen ? chosen.type : "")?.burstable).toBe(false);
    }
    expect(machines.resolve(request({ type: "t3.micro" }))).toMatchObject({ type: "t3.micro", vcpus: 2 });
  });

  it("says what a named type lacks, and which name was meant", () => {
    expect(machines.resolve(request({ type: "c5.large", vcpu: 4 }))).toEqual({
      refused: "c5.large has 2 vCPUs, and 4 are asked for",
    });
    expect(machines.resolve(request({ type: "c5.large", architecture: "arm64" }))).toMatchObject({
      refused: "c5.large has x86_64 processors, and arm64 is asked for",
    });
    expect(machines.resolve(request({ type: "c5d.2xlarg" }))).toMatchObject({
      hint: expect.stringContaining("is it c5d.2xlarge?") as unknown,
    });
    expect(machines.resolve(request({ vcpu: 1_000 }))).toMatchObject({
      refused: "no machine of aws in the table has 1000 vCPUs",
    });
  });

  it("takes a type it doesn't know from someone who says what it is, and knows no price of it", () => {
    const answer = machines.resolve(request({ type: "x9.huge", vcpu: 12, memoryBytes: 7 * gib }));
    expect(answer).toMatchObject({ type: "x9.huge", vcpus: 12, memoryBytes: 7 * gib });
    if ("refused" in answer) throw new Error(answer.refused);
    expect(machines.dollarsPerHour("aws", { region: "us-east-1" }, answer)).toBe("unknown");
  });

  it("gives each cloud its own image for a neutral name, and leaves a cloud's own alone", () => {
    const image = (over: Partial<MachineRequest>): string => {
      const answer = machines.resolve(request({ vcpu: 2, ...over }));
      return "refused" in answer ? answer.refused : answer.image;
    };
    expect(image({ image: "ubuntu-22.04" })).toBe(
      "099720109477/ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*",
    );
    expect(image({ image: "debian-12", architecture: "arm64" })).toBe("136693071363/debian-12-arm64-*");
    expect(image({ provider: "azure" })).toBe("Canonical:ubuntu-24_04-lts:server:latest");
    expect(image({ provider: "azure", type: "Standard_DC16ads_v5" })).toBe("Canonical:ubuntu-24_04-lts:cvm:latest");
    expect(image({ image: "ami-0123" })).toBe("ami-0123");
    expect(image({ image: "ubuntu-20.04" })).toBe("ubuntu-20.04 is not an image that every cloud has");
  });

  it.each([
    ["debian-12", "debian-12 has no cloud-init on gcp", "aws and azure have it with"],
    ["projects/debian-cloud/global/images/family/debian-12", "project debian-cloud have no cloud-init", "ubuntu-24.04"],
    [
      "https://www.googleapis.com/compute/v1/projects/almalinux-cloud/global/images/x",
      "project almalinux-cloud",
      "ubuntu",
    ],
  ])("refuses what Google has without cloud-init: %s", (image, refused, hint) => {
    expect(machines.resolve(request({ provider: "gcp", vcpu: 2, image }))).toEqual({
      refused: expect.stringContaining(refused) as string,
      hint: expect.stringContaining(hint) as string,
    });
    expect(machines.resolve(request({ vcpu: 2, image: "debian-12" }))).toHaveProperty("image");
    expect(
      machines.resolve(request({ provider: "gcp", vcpu: 2, image: "projects/mine/global/images/x" })),
    ).toMatchObject({ image: "projects/mine/global/images/x" });
  });

  it("plans a definition for each cloud beside machines of our own", () => {
    const own = ownMachines({ vcpus: 2, memoryBytes: gib, architecture: "x86_64" });
    const catalogue = composeCatalogues(own, [{ providers: clouds, catalogue: machines }]);
    const definition = loadText(
      definitionText({ deployments: "{ cluster: { roles: { client: { machine: { vcpu: 2 } } } } }" }),
    );
    const typeOn = (on: string): string | undefined =>
      planExperiment(definition, planInputs(definition, { catalogue, on })).deployments[0]?.hosts[0]?.shape.type;
    expect(["local", ...clouds].map(typeOn)).toEqual(["local", "c6a.large", "Standard_D2as_v5", "e2-highcpu-2"]);
  });
});

const priceTable = {
  schema: "reprise/prices@1",
  cloud: "aws",
  status: "confirmed",
  source: "test",
  date: "2026-11-01",
} as const;

describe("Prices", () => {
  it("prefers the first table, and says unknown, never 0, for what none has", () => {
    const entry = { cloud: "aws", region: "us-east-1", type: "m5.xlarge", onDemand: 1 } as const;
    const both = new Prices([{ ...priceTable, entries: [entry] }, ...knownPrices()]);
    expect(both.find("aws", "us-east-1", "m5.xlarge")).toEqual({
      onDemand: 1,
      spot: "unknown",
      status: "confirmed",
      source: "test",
      date: "2026-11-01",
    });
    expect(both.find("aws", "us-east-1", "m5.large")).toMatchObject({ onDemand: 0.096, status: "unconfirmed" });
    expect(both.find("aws", "mars-1", "m5.large")).toMatchObject({ onDemand: "unknown", status: "unknown" });
  });

  it("ships only prices of types that are in the table, none confirmed by anything it read", () => {
    for (const table of knownPrices()) {
      expect(table.status).toBe("unconfirmed");
      expect(table.source.length).toBeGreaterThan(20);
      for (const entry of table.entries) expect(findMachineType(entry.cloud, entry.type)).toBeDefined();
    }
  });
});
