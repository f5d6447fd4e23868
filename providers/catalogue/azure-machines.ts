import type { MachineType } from "./machine-type.ts";
import { gib } from "./machine-type.ts";

/**
 * Azure VM sizes: those that the reproduced systems use (MAGE: D16d_v4; Pirateship: DC16ads_v5, DC16eds_v5, D16ads_v5,
 * D8ds_v6 or v5) and the usual sizes of common families. Shapes and quota families are those of Microsoft's size pages.
 */
interface Family {
  readonly name: (vcpus: number) => string;
  readonly quota: string;
  readonly gibPerVcpu: number;
  readonly vcpus: readonly number[];
  readonly arch?: "arm64";
  /** The temporary disk, GiB for each processor. */
  readonly tempGibPerVcpu?: number;
  /** NVMe disks beside it: processors for each disk, and its size in bytes. */
  readonly nvme?: { readonly vcpusPerDisk: number; readonly bytesEach: number };
  readonly confidential?: "SEV-SNP" | "TDX";
}

const usual = [2, 4, 8, 16, 32, 48, 64];
const families: readonly Family[] = [
  { name: (n) => `Standard_D${n}s_v5`, quota: "standardDSv5Family", gibPerVcpu: 4, vcpus: usual },
  { name: (n) => `Standard_D${n}as_v5`, quota: "standardDASv5Family", gibPerVcpu: 4, vcpus: usual },
  {
    name: (n) => `Standard_D${n}ads_v5`,
    quota: "standardDADSv5Family",
    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
  },
  { name: (n) => `Standard_D${n}d_v4`, quota: "standardDDv4Family", gibPerVcpu: 4, vcpus: usual, tempGibPerVcpu: 37.5 },
  {
    name: (n) => `Standard_D${n}ds_v4`,
    quota: "standardDDSv4Family",
    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
  },
  {
    name: (n) => `Standard_D${n}ds_v5`,
    quota: "standardDDSv5Family",
    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
  },
  {
    name: (n) => `Standard_D${n}ds_v6`,
    quota: "StandardDdsv6Family",
    gibPerVcpu: 4,
    vcpus: usual,
    nvme: { vcpusPerDisk: 8, bytesEach: 440 * gib },
  },
  {
    name: (n) => `Standard_D${n}ps_v5`,
    quota: "standardDPSv5Family",
    gibPerVcpu: 4,
    vcpus: [2, 4, 8, 16, 32, 48],
    arch: "arm64",
  },
  { name: (n) => `Standard_F${n}s_v2`, quota: "standardFSv2Family", gibPerVcpu: 2, vcpus: usual },
  { name: (n) => `Standard_E${n}s_v5`, quota: "standardESv5Family", gibPerVcpu: 8, vcpus: usual },
  {
    name: (n) => `Standard_L${n}s_v3`,
    quota: "standardLSv3Family",
    gibPerVcpu: 8,
    vcpus: [8, 16, 32, 48, 64],
    nvme: { vcpusPerDisk: 8, bytesEach: 1.92e12 },
  },
  {
    name: (n) => `Standard_DC${n}as_v5`,
    quota: "standardDCASv5Family",
    gibPerVcpu: 4,
    vcpus: usual,
    confidential: "SEV-SNP",
  },
  {
    name: (n) => `Standard_DC${n}ads_v5`,
    quota: "standardDCADSv5Family",
    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
    confidential: "SEV-SNP",
  },
  {
    name: (n) => `Standard_DC${n}es_v5`,
    quota: "standardDCEV5Family",
    gibPerVcpu: 4,
    vcpus: usual,
    confidential: "TDX",
  },
  {
    name: (n) => `Standard_DC${n}eds_v5`,
    quota: "standardDCEDV5Family",
    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
    confidential: "TDX",
  },
];

/** Spot machines of all families share one limit; every machine also counts against the region's total. */
const quotaOf = (family: string): MachineType["quota"] => ({
  onDemand: [family, "cores"],
  spot: ["lowPriorityCores"],
});

const burstable = (type: string, vcpus: number, memoryGib: number): MachineType => ({
  cloud: "azure",
  type,
  vcpus,
  memoryBytes: memoryGib * gib,
  architecture: "x86_64",
  localDisk: "none",
  burstable: true,
  confidential: undefined,
  quota: quotaOf("standardBSFamily"),
});

export const azureMachines: readonly MachineType[] = [
  burstable("Standard_B1s", 1, 1),
  burstable("Standard_B1ms", 1, 2),
  burstable("Standard_B2s", 2, 4),
  burstable("Standard_B2ms", 2, 8),
  ...families.flatMap((family) =>
    family.vcpus.map((vcpus): MachineType => ({
      cloud: "azure",
      type: family.name(vcpus),
      vcpus,
      memoryBytes: vcpus * family.gibPerVcpu * gib,
      architecture: family.arch ?? "x86_64",
      localDisk: localDiskOf(family, vcpus),
      burstable: false,
      confidential: family.confidential,
      quota: quotaOf(family.quota),
    })),
  ),
];

/** The temporary disk is a local SSD, if not by NVMe: it serves where a fast local disk is asked for. */
function localDiskOf(family: Family, vcpus: number): MachineType["localDisk"] {
  if (family.nvme !== undefined)
    return { disks: Math.max(1, Math.floor(vcpus / family.nvme.vcpusPerDisk)), bytesEach: family.nvme.bytesEach };
  if (family.tempGibPerVcpu === undefined) return "none";
  return { disks: 1, bytesEach: Math.floor(vcpus * family.tempGibPerVcpu) * gib };
}
