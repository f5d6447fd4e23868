import type { MachineType } from "./machine-type.ts";
import { gib } from "./machine-type.ts";

/**
 * Compute Engine machine types: those that MAGE uses (n2-highcpu-2, n2-highmem-4) and the usual sizes of common
 * families. Shapes are those of Google's machine family pages; local SSDs are attached at creation, 375 GB each.
 */
export interface GcpFamily {
  readonly name: string;
  readonly gibPerVcpu: number;
  readonly vcpus: readonly number[];
  readonly arch?: "arm64";
  readonly localSsd: boolean;
  /** What its price is made of: `{core} Instance Core` and `Ram` in Google's price list. */
  readonly series: string;
}

const usual = [2, 4, 8, 16, 32, 48, 64];
export const gcpFamilies: readonly GcpFamily[] = [
  { name: "e2-standard", series: "E2", gibPerVcpu: 4, vcpus: [2, 4, 8, 16, 32], localSsd: false },
  { name: "e2-highcpu", series: "E2", gibPerVcpu: 1, vcpus: [2, 4, 8, 16, 32], localSsd: false },
  { name: "e2-highmem", series: "E2", gibPerVcpu: 8, vcpus: [2, 4, 8, 16], localSsd: false },
  { name: "n2-standard", series: "N2", gibPerVcpu: 4, vcpus: usual, localSsd: true },
  { name: "n2-highcpu", series: "N2", gibPerVcpu: 1, vcpus: usual, localSsd: true },
  { name: "n2-highmem", series: "N2", gibPerVcpu: 8, vcpus: usual, localSsd: true },
  { name: "n2d-standard", series: "N2D AMD", gibPerVcpu: 4, vcpus: usual, localSsd: true },
  { name: "n2d-highcpu", series: "N2D AMD", gibPerVcpu: 1, vcpus: usual, localSsd: true },
  {
    name: "c2-standard",
    series: "Compute optimized",
    gibPerVcpu: 4,
    vcpus: [4, 8, 16, 30, 60],

    localSsd: true,
  },
  { name: "c3-standard", series: "C3", gibPerVcpu: 4, vcpus: [4, 8, 22, 44, 88], localSsd: false },
  {
    name: "t2a-standard",
    series: "T2A Arm",
    gibPerVcpu: 4,
    vcpus: [1, 2, 4, 8, 16, 32, 48],

    arch: "arm64",
    localSsd: false,
  },
];

const shared = (type: string, memoryGib: number): MachineType => ({
  cloud: "gcp",
  type,
  vcpus: 2,
  memoryBytes: memoryGib * gib,
  architecture: "x86_64",
  localDisk: "none",
  burstable: true,
  confidential: undefined,
});

export const gcpMachines: readonly MachineType[] = [
  shared("e2-micro", 1),
  shared("e2-small", 2),
  shared("e2-medium", 4),
  ...gcpFamilies.flatMap((family) =>
    family.vcpus.map((vcpus): MachineType => ({
      cloud: "gcp",
      type: `${family.name}-${vcpus}`,
      vcpus,
      memoryBytes: vcpus * family.gibPerVcpu * gib,
      architecture: family.arch ?? "x86_64",
      localDisk: family.localSsd ? "attachable" : "none",
      burstable: false,
      confidential: undefined,
    })),
  ),
];
