import type { MachineType } from "./machine-type.ts";
import { gib } from "./machine-type.ts";

/**
 * Azure VM sizes: those that the reproduced systems use (MAGE: D16d_v4; Pirateship: DC16ads_v5, DC16eds_v5, D16ads_v5,
 * D8ds_v6 or v5) and the usual sizes of common families. Shapes are those of Microsoft's size pages.
 */
interface Family {
  readonly name: (vcpus: number) => string;
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
  { name: (n) => `Standard_D${n}s_v5`, gibPerVcpu: 4, vcpus: usual },
  { name: (n) => `Standard_D${n}as_v5`, gibPerVcpu: 4, vcpus: usual },
  {
    name: (n) => `Standard_D${n}ads_v5`,

    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
  },
  { name: (n) => `Standard_D${n}d_v4`, gibPerVcpu: 4, vcpus: usual, tempGibPerVcpu: 37.5 },
  {
    name: (n) => `Standard_D${n}ds_v4`,

    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
  },
  {
    name: (n) => `Standard_D${n}ds_v5`,

    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
  },
  {
    name: (n) => `Standard_D${n}ds_v6`,

    gibPerVcpu: 4,
    vcpus: usual,
    nvme: { vcpusPerDisk: 8, bytesEach: 440 * gib },
  },
  {
    name: (n) => `Standard_D${n}ps_v5`,

    gibPerVcpu: 4,
    vcpus: [2, 4, 8, 16, 32, 48],
    arch: "arm64",
  },
  { name: (n) => `Standard_F${n}s_v2`, gibPerVcpu: 2, vcpus: usual },
  { name: (n) => `Standard_E${n}s_v5`, gibPerVcpu: 8, vcpus: usual },
  {
    name: (n) => `Standard_L${n}s_v3`,

    gibPerVcpu: 8,
    vcpus: [8, 16, 32, 48, 64],
    nvme: { vcpusPerDisk: 8, bytesEach: 1.92e12 },
  },
  {
    name: (n) => `Standard_DC${n}as_v5`,

    gibPerVcpu: 4,
    vcpus: usual,
    confidential: "SEV-SNP",
  },
  {
    name: (n) => `Standard_DC${n}ads_v5`,

    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
    confidential: "SEV-SNP",
  },
  {
    name: (n) => `Standard_DC${n}es_v5`,

    gibPerVcpu: 4,
    vcpus: usual,
    confidential: "TDX",
  },
  {
    name: (n) => `Standard_DC${n}eds_v5`,

    gibPerVcpu: 4,
    vcpus: usual,
    tempGibPerVcpu: 37.5,
    confidential: "TDX",
  },
];

const burstable = (type: string, vcpus: number, memoryGib: number): MachineType => ({
  cloud: "azure",
  type,
  vcpus,
  memoryBytes: memoryGib * gib,
  architecture: "x86_64",
  localDisk: "none",
  burstable: true,
  confidential: undefined,
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
