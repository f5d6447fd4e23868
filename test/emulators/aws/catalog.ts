/**
 * The part of AWS's catalogue that is emulated: enough families to choose among, each with the shape of its real
 * namesake. Prices are of the right order only and belong to no date: never quote from here.
 */
export interface InstanceTypeInfo {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly arch: "x86_64" | "arm64";
  /** Local NVMe in GB; 0 for none. */
  readonly nvmeGb: number;
  readonly burstable: boolean;
  /** Whether a cluster placement group takes it. */
  readonly clusterPlacement: boolean;
  readonly sevSnp: boolean;
  readonly onDemandDollarsPerHour: number;
}

interface Family {
  readonly gibPerVcpu: number;
  readonly arch: "x86_64" | "arm64";
  readonly nvmeGbPerVcpu: number;
  readonly dollarsPerVcpu: number;
  readonly sevSnp?: boolean;
  /** @default the usual ones */
  readonly vcpus?: readonly number[];
}
/** Sizes of c5 differ: its machines have 36 processors and not 32. */
const c5Vcpus = [2, 4, 8, 16, 36, 48, 72, 96];
const fifthVcpus = [2, 4, 8, 16, 32, 48, 64, 96];
const usualVcpus = [2, 4, 8, 16, 32, 48, 64];
const families: Readonly<Record<string, Family>> = {
  c5: { gibPerVcpu: 2, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.0425, vcpus: c5Vcpus },
  c5d: { gibPerVcpu: 2, arch: "x86_64", nvmeGbPerVcpu: 25, dollarsPerVcpu: 0.048, vcpus: c5Vcpus },
  m5: { gibPerVcpu: 4, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.048, vcpus: fifthVcpus },
  m5d: { gibPerVcpu: 4, arch: "x86_64", nvmeGbPerVcpu: 37.5, dollarsPerVcpu: 0.0565, vcpus: fifthVcpus },
  r5: { gibPerVcpu: 8, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.063, vcpus: fifthVcpus },
  c6i: { gibPerVcpu: 2, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.0425 },
  c6a: { gibPerVcpu: 2, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.03825, sevSnp: true },
  c7g: { gibPerVcpu: 2, arch: "arm64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.03625 },
  c6id: { gibPerVcpu: 2, arch: "x86_64", nvmeGbPerVcpu: 59.25, dollarsPerVcpu: 0.0504 },
  m6i: { gibPerVcpu: 4, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.048 },
  m6a: { gibPerVcpu: 4, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.0432, sevSnp: true },
  m7g: { gibPerVcpu: 4, arch: "arm64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.0408 },
  m6id: { gibPerVcpu: 4, arch: "x86_64", nvmeGbPerVcpu: 59.25, dollarsPerVcpu: 0.05933 },
  r6i: { gibPerVcpu: 8, arch: "x86_64", nvmeGbPerVcpu: 0, dollarsPerVcpu: 0.063 },
  i4i: { gibPerVcpu: 8, arch: "x86_64", nvmeGbPerVcpu: 234, dollarsPerVcpu: 0.0858 },
};
const sizeOf = (vcpus: number): string =>
  vcpus === 1 ? "medium" : vcpus === 2 ? "large" : vcpus === 4 ? "xlarge" : `${vcpus / 4}xlarge`;

const burstable = (name: string, memoryMib: number, dollars: number): InstanceTypeInfo => ({
  name,
  vcpus: 2,
  memoryMib,
  arch: name.startsWith("t4g") ? "arm64" : "x86_64",
  nvmeGb: 0,
  burstable: true,
  clusterPlacement: false,
  sevSnp: false,
  onDemandDollarsPerHour: dollars,
});

export const instanceTypes: ReadonlyMap<string, InstanceTypeInfo> = new Map(
  [
    burstable("t3.micro", 1024, 0.0104),
    burstable("t3.small", 2048, 0.0208),
    burstable("t3.medium", 4096, 0.0416),
    burstable("t3.large", 8192, 0.0832),
    burstable("t4g.micro", 1024, 0.0084),
    burstable("t4g.small", 2048, 0.0168),
    burstable("t4g.medium", 4096, 0.0336),
    ...Object.entries(families).flatMap(([family, f]) =>
      // One processor is Graviton's alone.
      [...(f.arch === "arm64" ? [1] : []), ...(f.vcpus ?? usualVcpus)].map((vcpus): InstanceTypeInfo => ({
        name: `${family}.${sizeOf(vcpus)}`,
        vcpus,
        memoryMib: vcpus * f.gibPerVcpu * 1024,
        arch: f.arch,
        nvmeGb: Math.round(vcpus * f.nvmeGbPerVcpu),
        burstable: false,
        clusterPlacement: true,
        sevSnp: f.sevSnp ?? false,
        onDemandDollarsPerHour: Number((vcpus * f.dollarsPerVcpu).toFixed(5)),
      })),
    ),
  ].map((type) => [type.name, type]),
);

/** Zone letters of each region. */
export const regions: Readonly<Record<string, { readonly code: string; readonly zones: string }>> = {
  "us-east-1": { code: "use1", zones: "abcdf" },
  "us-east-2": { code: "use2", zones: "abc" },
  "us-west-2": { code: "usw2", zones: "abcd" },
  "eu-west-1": { code: "euw1", zones: "abc" },
  "eu-central-1": { code: "euc1", zones: "abc" },
  "ap-northeast-1": { code: "apne1", zones: "acd" },
};
export const zonesOf = (region: string): string[] =>
  Array.from(regions[region]?.zones ?? "", (letter) => region + letter);

/** Not every zone has every type: the fifth and later zones lack the newest and the storage families. */
export function isOffered(type: string, zone: string): boolean {
  const region = zone.slice(0, -1);
  const index = zonesOf(region).indexOf(zone);
  return index >= 0 && (index < 4 || !/^(c7g|m7g|i4i|c6id|m6id)\./.test(type));
}

/** Differs by zone, stays the same over time. */
export function spotPrice(type: InstanceTypeInfo, zone: string): string {
  const share = 0.3 + ((zone.charCodeAt(zone.length - 1) * 7) % 10) / 50;
  return (type.onDemandDollarsPerHour * share).toFixed(6);
}

export interface ImageInfo {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly ownerAlias: string | undefined;
  readonly arch: "x86_64" | "arm64";
  readonly createdAt: string;
  readonly rootDevice: string;
  readonly rootGib: number;
  readonly description: string;
  /** Where SSM's public parameters point at it; only the newest of a line. */
  readonly parameter: string | undefined;
}

const canonical = "099720109477";
const debian = "136693071363";
const amazon = "137112412989";
interface Line {
  readonly ownerId: string;
  readonly alias?: string;
  readonly arch: "x86_64" | "arm64";
  readonly name: (date: string) => string;
  readonly parameter: string;
  readonly rootDevice: string;
  readonly rootGib: number;
  readonly description: string;
}
const ubuntu = (release: string, code: string, arch: "x86_64" | "arm64"): Line => {
  const a = arch === "arm64" ? "arm64" : "amd64";
  const volume = release === "22.04" ? "hvm-ssd" : "hvm-ssd-gp3";
  return {
    ownerId: canonical,
    arch,
    name: (date) => `ubuntu/images/${volume}/ubuntu-${code}-${release}-${a}-server-${date.replaceAll("-", "")}`,
    parameter: `/aws/service/canonical/ubuntu/server/${release}/stable/current/${a}/hvm/ebs-${release === "22.04" ? "gp2" : "gp3"}/ami-id`,
    rootDevice: "/dev/sda1",
    rootGib: 8,
    description: `Canonical, Ubuntu, ${release}, ${a} ${code} image`,
  };
};
const lines: readonly Line[] = [
  ubuntu("24.04", "noble", "x86_64"),
  ubuntu("24.04", "noble", "arm64"),
  ubuntu("22.04", "jammy", "x86_64"),
  ubuntu("22.04", "jammy", "arm64"),
  ...(["x86_64", "arm64"] as const).map((arch): Line => {
    const a = arch === "arm64" ? "arm64" : "amd64";
    return {
      ownerId: debian,
      arch,
      name: (date) => `debian-12-${a}-${date.replaceAll("-", "")}-1871`,
      parameter: `/aws/service/debian/release/12/latest/${a}`,
      rootDevice: "/dev/xvda",
      rootGib: 8,
      description: "Debian 12 (20240901-1871)",
    };
  }),
  ...(["x86_64", "arm64"] as const).map((arch): Line => ({
    ownerId: amazon,
    alias: "amazon",
    arch,
    name: (date) => `al2023-ami-2023.5.${date.replaceAll("-", "")}.0-kernel-6.1-${arch}`,
    parameter: `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${arch}`,
    rootDevice: "/dev/xvda",
    rootGib: 8,
    description: "Amazon Linux 2023 AMI HVM kernel-6.1",
  })),
];
/** Two of each line, so that "newest" means something. */
const dates = ["2025-09-01", "2025-11-03"];

/** Image ids differ from region to region, as they do at AWS. */
export function imagesOf(region: string): readonly ImageInfo[] {
  return lines.flatMap((line, l) =>
    dates.map((date, d): ImageInfo => {
      const serial = (Object.keys(regions).indexOf(region) + 1) * 256 + l * 16 + d;
      return {
        id: `ami-0${serial.toString(16).padStart(16, "0")}`,
        name: line.name(date),
        ownerId: line.ownerId,
        ownerAlias: line.alias,
        arch: line.arch,
        createdAt: `${date}T06:00:00.000Z`,
        rootDevice: line.rootDevice,
        rootGib: line.rootGib,
        description: line.description,
        parameter: d === dates.length - 1 ? line.parameter : undefined,
      };
    }),
  );
}
