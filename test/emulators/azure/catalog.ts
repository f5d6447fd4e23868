/**
 * The part of Azure's catalogue that is emulated: each size has the shape of its real namesake, not every detail of it.
 */
export interface VmSize {
  readonly name: string;
  /** The quota that its cores count against. */
  readonly family: string;
  readonly vcpus: number;
  readonly memoryGb: number;
  readonly arch: "x64" | "Arm64";
  /** Local NVMe in GiB; 0 for none. */
  readonly nvmeGib: number;
  /** The temporary disk in GiB; 0 for none. */
  readonly tempGib: number;
  /** Sizes without an "s" take no premium disks. */
  readonly premiumDisks: boolean;
  readonly confidential: "SNP" | "TDX" | undefined;
  readonly acceleratedNetworking: boolean;
}

interface Line {
  readonly name: (vcpus: number) => string;
  readonly family: string;
  readonly gbPerVcpu: number;
  readonly cores: readonly number[];
  readonly arch?: "Arm64";
  readonly nvmeGibPerVcpu?: number;
  readonly tempGibPerVcpu?: number;
  readonly premiumDisks?: false;
  readonly confidential?: "SNP" | "TDX";
}
const usual = [2, 4, 8, 16, 32, 48, 64];
const lines: readonly Line[] = [
  { name: (n) => `Standard_D${n}s_v5`, family: "standardDSv5Family", gbPerVcpu: 4, cores: usual },
  { name: (n) => `Standard_D${n}as_v5`, family: "standardDASv5Family", gbPerVcpu: 4, cores: usual },
  {
    name: (n) => `Standard_D${n}ads_v5`,
    family: "standardDADSv5Family",
    gbPerVcpu: 4,
    cores: usual,
    tempGibPerVcpu: 37.5,
  },
  {
    name: (n) => `Standard_D${n}d_v4`,
    family: "standardDDv4Family",
    gbPerVcpu: 4,
    cores: usual,
    tempGibPerVcpu: 37.5,
    premiumDisks: false,
  },
  {
    name: (n) => `Standard_D${n}ds_v4`,
    family: "standardDDSv4Family",
    gbPerVcpu: 4,
    cores: usual,
    tempGibPerVcpu: 37.5,
  },
  {
    name: (n) => `Standard_D${n}ds_v5`,
    family: "standardDDSv5Family",
    gbPerVcpu: 4,
    cores: usual,
    tempGibPerVcpu: 37.5,
  },
  { name: (n) => `Standard_D${n}ds_v6`, family: "standardDdsv6Family", gbPerVcpu: 4, cores: usual, nvmeGibPerVcpu: 55 },
  { name: (n) => `Standard_E${n}s_v5`, family: "standardESv5Family", gbPerVcpu: 8, cores: usual },
  { name: (n) => `Standard_F${n}s_v2`, family: "standardFSv2Family", gbPerVcpu: 2, cores: usual },
  { name: (n) => `Standard_D${n}ps_v5`, family: "standardDPSv5Family", gbPerVcpu: 4, cores: usual, arch: "Arm64" },
  {
    name: (n) => `Standard_L${n}s_v3`,
    family: "standardLSv3Family",
    gbPerVcpu: 8,
    cores: [8, 16, 32, 48, 64],
    nvmeGibPerVcpu: 223.5,
  },
  {
    name: (n) => `Standard_DC${n}as_v5`,
    family: "standardDCASv5Family",
    gbPerVcpu: 4,
    cores: usual,
    confidential: "SNP",
  },
  {
    name: (n) => `Standard_DC${n}ads_v5`,
    family: "standardDCADSv5Family",
    gbPerVcpu: 4,
    cores: usual,
    tempGibPerVcpu: 37.5,
    confidential: "SNP",
  },
  {
    name: (n) => `Standard_DC${n}eds_v5`,
    family: "standardDCEDV5Family",
    gbPerVcpu: 4,
    cores: usual,
    tempGibPerVcpu: 37.5,
    confidential: "TDX",
  },
  {
    name: (n) => `Standard_DC${n}es_v5`,
    family: "standardDCEV5Family",
    gbPerVcpu: 4,
    cores: usual,
    confidential: "TDX",
  },
];

export const vmSizes: ReadonlyMap<string, VmSize> = new Map(
  [
    ...lines.flatMap((line) =>
      line.cores.map((vcpus): VmSize => ({
        name: line.name(vcpus),
        family: line.family,
        vcpus,
        memoryGb: vcpus * line.gbPerVcpu,
        arch: line.arch ?? "x64",
        nvmeGib: Math.round(vcpus * (line.nvmeGibPerVcpu ?? 0)),
        tempGib: Math.floor(vcpus * (line.tempGibPerVcpu ?? 0)),
        premiumDisks: line.premiumDisks ?? true,
        confidential: line.confidential,
        acceleratedNetworking: true,
      })),
    ),
    ...(
      [
        ["Standard_B1s", 1, 1],
        ["Standard_B1ms", 1, 2],
        ["Standard_B2s", 2, 4],
        ["Standard_B2ms", 2, 8],
      ] as const
    ).map(([name, vcpus, memoryGb]): VmSize => ({
      name,
      family: "standardBSFamily",
      vcpus,
      memoryGb,
      arch: "x64",
      nvmeGib: 0,
      tempGib: 4 * vcpus,
      premiumDisks: true,
      confidential: undefined,
      acceleratedNetworking: false,
    })),
  ].map((size) => [size.name.toLowerCase(), size]),
);

/** Locations and their zones; `westus` really has none. */
export const locations: Readonly<Record<string, readonly string[]>> = {
  eastus: ["1", "2", "3"],
  eastus2: ["1", "2", "3"],
  westus2: ["1", "2", "3"],
  westus: [],
  northeurope: ["1", "2", "3"],
  westeurope: ["1", "2", "3"],
  japaneast: ["1", "2", "3"],
};

/** Where a size can be had: confidential sizes in few locations, storage sizes not in every zone. */
export function zonesOffering(size: VmSize, location: string): readonly string[] | undefined {
  const zones = locations[location];
  if (zones === undefined) return undefined;
  if (size.confidential !== undefined && !["eastus", "northeurope", "westeurope"].includes(location)) return undefined;
  return size.nvmeGib > 0 ? zones.slice(0, 2) : zones;
}

export interface ImageLine {
  readonly publisher: string;
  readonly offer: string;
  readonly sku: string;
  readonly arch: "x64" | "Arm64";
  readonly confidential: boolean;
  readonly osName: string;
  readonly diskGb: number;
}
const ubuntu24 = { publisher: "Canonical", offer: "ubuntu-24_04-lts", osName: "ubuntu", diskGb: 30 };
const ubuntu22 = { publisher: "Canonical", offer: "0001-com-ubuntu-server-jammy", osName: "ubuntu", diskGb: 30 };
const debian12 = { publisher: "Debian", offer: "debian-12", osName: "debian", diskGb: 30 };
export const imageLines: readonly ImageLine[] = [
  { ...ubuntu24, sku: "server", arch: "x64", confidential: false },
  { ...ubuntu24, sku: "server-arm64", arch: "Arm64", confidential: false },
  { ...ubuntu24, sku: "cvm", arch: "x64", confidential: true },
  { ...ubuntu22, sku: "22_04-lts-gen2", arch: "x64", confidential: false },
  { ...ubuntu22, sku: "22_04-lts-arm64", arch: "Arm64", confidential: false },
  { ...debian12, sku: "12-gen2", arch: "x64", confidential: false },
  { ...debian12, sku: "12-arm64", arch: "Arm64", confidential: false },
];
/** Every line has these versions, oldest first. */
export const imageVersions = ["24.04.202508200", "24.04.202509100", "24.04.202511030"];

export const findImageLine = (publisher: string, offer: string, sku: string): ImageLine | undefined =>
  imageLines.find(
    (l) =>
      l.publisher.toLowerCase() === publisher.toLowerCase() &&
      l.offer.toLowerCase() === offer.toLowerCase() &&
      l.sku.toLowerCase() === sku.toLowerCase(),
  );
