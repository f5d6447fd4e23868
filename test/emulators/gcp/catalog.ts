/** The part of Google's catalogue that is emulated; each type has the shape of its real namesake. */
export interface MachineTypeInfo {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly arch: "X86_64" | "ARM64";
  readonly sharedCore: boolean;
  /** The quota metric that its processors count against, besides the preemptible one. */
  readonly metric: string;
  readonly compactPlacement: boolean;
  readonly localSsd: boolean;
  readonly confidential: readonly ("SEV" | "SEV_SNP" | "TDX")[];
  readonly platform: string;
}

interface Family {
  readonly prefix: string;
  readonly mbPerVcpu: number;
  readonly sizes: readonly number[];
  readonly metric: string;
  readonly platform: string;
  readonly arch?: "ARM64";
  readonly compact?: boolean;
  readonly localSsd?: boolean;
  readonly confidential?: readonly ("SEV" | "SEV_SNP" | "TDX")[];
}
const usual = [2, 4, 8, 16, 32, 48, 64];
const families: readonly Family[] = [
  { prefix: "e2-standard", mbPerVcpu: 4096, sizes: [2, 4, 8, 16, 32], metric: "CPUS", platform: "Intel Broadwell" },
  { prefix: "e2-highcpu", mbPerVcpu: 1024, sizes: [2, 4, 8, 16, 32], metric: "CPUS", platform: "Intel Broadwell" },
  { prefix: "e2-highmem", mbPerVcpu: 8192, sizes: [2, 4, 8, 16], metric: "CPUS", platform: "Intel Broadwell" },
  {
    prefix: "n2-standard",
    mbPerVcpu: 4096,
    sizes: usual,
    metric: "N2_CPUS",
    platform: "Intel Ice Lake",
    compact: true,
    localSsd: true,
  },
  {
    prefix: "n2-highcpu",
    mbPerVcpu: 1024,
    sizes: usual,
    metric: "N2_CPUS",
    platform: "Intel Ice Lake",
    compact: true,
    localSsd: true,
  },
  {
    prefix: "n2-highmem",
    mbPerVcpu: 8192,
    sizes: usual,
    metric: "N2_CPUS",
    platform: "Intel Ice Lake",
    compact: true,
    localSsd: true,
  },
  {
    prefix: "n2d-standard",
    mbPerVcpu: 4096,
    sizes: usual,
    metric: "N2D_CPUS",
    platform: "AMD Milan",
    compact: true,
    localSsd: true,
    confidential: ["SEV", "SEV_SNP"],
  },
  {
    prefix: "n2d-highcpu",
    mbPerVcpu: 1024,
    sizes: usual,
    metric: "N2D_CPUS",
    platform: "AMD Milan",
    compact: true,
    localSsd: true,
    confidential: ["SEV", "SEV_SNP"],
  },
  {
    prefix: "c2-standard",
    mbPerVcpu: 4096,
    sizes: [4, 8, 16, 30, 60],
    metric: "C2_CPUS",
    platform: "Intel Cascade Lake",
    compact: true,
    localSsd: true,
  },
  {
    prefix: "c3-standard",
    mbPerVcpu: 4096,
    sizes: [4, 8, 22, 44, 88],
    metric: "C3_CPUS",
    platform: "Intel Sapphire Rapids",
    compact: true,
    confidential: ["TDX"],
  },
  {
    prefix: "t2a-standard",
    mbPerVcpu: 4096,
    sizes: [1, 2, 4, 8, 16, 32, 48],
    metric: "T2A_CPUS",
    platform: "Ampere Altra",
    arch: "ARM64",
  },
];

export const machineTypes: ReadonlyMap<string, MachineTypeInfo> = new Map(
  [
    ...families.flatMap((f) =>
      f.sizes.map((vcpus): MachineTypeInfo => ({
        name: `${f.prefix}-${vcpus}`,
        vcpus,
        memoryMb: vcpus * f.mbPerVcpu,
        arch: f.arch ?? "X86_64",
        sharedCore: false,
        metric: f.metric,
        compactPlacement: f.compact ?? false,
        localSsd: f.localSsd ?? false,
        confidential: f.confidential ?? [],
        platform: f.platform,
      })),
    ),
    ...(
      [
        ["e2-micro", 1024],
        ["e2-small", 2048],
        ["e2-medium", 4096],
      ] as const
    ).map(([name, memoryMb]): MachineTypeInfo => ({
      name,
      vcpus: 2,
      memoryMb,
      arch: "X86_64",
      sharedCore: true,
      metric: "CPUS",
      compactPlacement: false,
      localSsd: false,
      confidential: [],
      platform: "Intel Broadwell",
    })),
  ].map((type) => [type.name, type]),
);

/** Regions, their zones' letters, and the subnet that the default network has there. */
export const regions: Readonly<Record<string, { readonly zones: string; readonly defaultRange: string }>> = {
  "us-central1": { zones: "abcf", defaultRange: "10.128.0.0/20" },
  "us-east1": { zones: "bcd", defaultRange: "10.142.0.0/20" },
  "us-west1": { zones: "abc", defaultRange: "10.138.0.0/20" },
  "europe-west1": { zones: "bcd", defaultRange: "10.132.0.0/20" },
  "europe-west4": { zones: "abc", defaultRange: "10.164.0.0/20" },
  "asia-northeast1": { zones: "abc", defaultRange: "10.146.0.0/20" },
};
export const zonesOf = (region: string): string[] =>
  Array.from(regions[region]?.zones ?? "", (letter) => `${region}-${letter}`);
export const regionOf = (zone: string): string => zone.replace(/-[a-z]$/, "");
export const isZone = (zone: string): boolean => zonesOf(regionOf(zone)).includes(zone);

/** Arm in two regions, the newest platform not in every zone. */
export function isOffered(type: MachineTypeInfo, zone: string): boolean {
  if (type.name.startsWith("t2a-")) return ["us-central1", "europe-west4"].includes(regionOf(zone));
  if (type.name.startsWith("c3-")) return zonesOf(regionOf(zone)).indexOf(zone) < 2;
  return isZone(zone);
}

export interface ImageInfo {
  readonly project: string;
  readonly family: string;
  readonly name: string;
  readonly arch: "X86_64" | "ARM64";
  readonly diskGb: number;
  readonly createdAt: string;
}
const dates = ["20250901", "20251103"];
const line = (project: string, family: string, stem: string, arch: "X86_64" | "ARM64"): ImageInfo[] =>
  dates.map((date) => ({
    project,
    family,
    name: `${stem}-v${date}`,
    arch,
    diskGb: 10,
    createdAt: `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T00:00:00.000-07:00`,
  }));
/** Oldest first within a family. */
export const images: readonly ImageInfo[] = [
  ...line("ubuntu-os-cloud", "ubuntu-2404-lts-amd64", "ubuntu-2404-noble-amd64", "X86_64"),
  ...line("ubuntu-os-cloud", "ubuntu-2404-lts-arm64", "ubuntu-2404-noble-arm64", "ARM64"),
  ...line("ubuntu-os-cloud", "ubuntu-2204-lts", "ubuntu-2204-jammy", "X86_64"),
  ...line("ubuntu-os-cloud", "ubuntu-2204-lts-arm64", "ubuntu-2204-jammy-arm64", "ARM64"),
  ...line("debian-cloud", "debian-12", "debian-12-bookworm", "X86_64"),
  ...line("debian-cloud", "debian-12-arm64", "debian-12-bookworm-arm64", "ARM64"),
];
