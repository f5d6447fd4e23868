import type { MachineType } from "./machine-type.ts";
import { gb, gib } from "./machine-type.ts";

/**
 * EC2 instance types: those that the reproduced systems use (Halfmoon: c5d; FrankenPaxos: m5; duet: t3) and the usual
 * sizes of common families. Shapes are those of AWS's public instance type pages.
 */
interface Family {
  readonly name: string;
  readonly gibPerVcpu: number;
  readonly vcpus: readonly number[];
  readonly arch?: "arm64";
  /** Local NVMe by number of processors: disks and GB of each. */
  readonly nvme?: Readonly<Record<number, readonly [disks: number, gbEach: number]>>;
}

const usual = [2, 4, 8, 16, 32, 48, 64];
const families: readonly Family[] = [
  { name: "c5", gibPerVcpu: 2, vcpus: [2, 4, 8, 16, 36, 48, 72, 96] },
  {
    name: "c5d",
    gibPerVcpu: 2,
    vcpus: [2, 4, 8, 16, 36],
    nvme: { 2: [1, 50], 4: [1, 100], 8: [1, 200], 16: [1, 400], 36: [1, 900] },
  },
  { name: "c6i", gibPerVcpu: 2, vcpus: usual },
  { name: "c6a", gibPerVcpu: 2, vcpus: usual },
  {
    name: "c6id",
    gibPerVcpu: 2,
    vcpus: [2, 4, 8, 16, 32],
    nvme: { 2: [1, 118], 4: [1, 237], 8: [1, 474], 16: [1, 950], 32: [1, 1_900] },
  },
  { name: "c7g", gibPerVcpu: 2, vcpus: [2, 4, 8, 16, 32, 48, 64], arch: "arm64" },
  { name: "m5", gibPerVcpu: 4, vcpus: [2, 4, 8, 16, 32, 48, 64, 96] },
  { name: "m6i", gibPerVcpu: 4, vcpus: usual },
  { name: "m6a", gibPerVcpu: 4, vcpus: usual },
  {
    name: "m6id",
    gibPerVcpu: 4,
    vcpus: [2, 4, 8, 16, 32],
    nvme: { 2: [1, 118], 4: [1, 237], 8: [1, 474], 16: [1, 950], 32: [1, 1_900] },
  },
  { name: "m7g", gibPerVcpu: 4, vcpus: [2, 4, 8, 16, 32, 48, 64], arch: "arm64" },
  { name: "r5", gibPerVcpu: 8, vcpus: [2, 4, 8, 16, 32, 48, 64, 96] },
  { name: "r6i", gibPerVcpu: 8, vcpus: usual },
  {
    name: "i4i",
    gibPerVcpu: 8,
    vcpus: [2, 4, 8, 16, 32],
    nvme: { 2: [1, 468], 4: [1, 937], 8: [1, 1_875], 16: [1, 3_750], 32: [2, 3_750] },
  },
];

const sizeOf = (vcpus: number): string => (vcpus === 2 ? "large" : vcpus === 4 ? "xlarge" : `${vcpus / 4}xlarge`);

const burstable = (type: string, memoryGib: number, architecture: "x86_64" | "arm64" = "x86_64"): MachineType => ({
  cloud: "aws",
  type,
  vcpus: 2,
  memoryBytes: memoryGib * gib,
  architecture,
  localDisk: "none",
  burstable: true,
  confidential: undefined,
});

export const awsMachines: readonly MachineType[] = [
  burstable("t3.micro", 1),
  burstable("t3.small", 2),
  burstable("t3.medium", 4),
  burstable("t3.large", 8),
  burstable("t4g.micro", 1, "arm64"),
  burstable("t4g.small", 2, "arm64"),
  burstable("t4g.medium", 4, "arm64"),
  // 1 vCPU exists on Graviton alone.
  {
    ...burstable("c7g.medium", 2, "arm64"),
    vcpus: 1,
    burstable: false,
  },
  { ...burstable("m7g.medium", 4, "arm64"), vcpus: 1, burstable: false },
  ...families.flatMap((family) =>
    family.vcpus.map((vcpus): MachineType => {
      const nvme = family.nvme?.[vcpus];
      return {
        cloud: "aws",
        type: `${family.name}.${sizeOf(vcpus)}`,
        vcpus,
        memoryBytes: vcpus * family.gibPerVcpu * gib,
        architecture: family.arch ?? "x86_64",
        localDisk: nvme === undefined ? "none" : { disks: nvme[0], bytesEach: nvme[1] * gb },
        burstable: false,
        confidential: undefined,
      };
    }),
  ),
];
