import type { Cloud } from "./machine-type.ts";

/**
 * Cloud-neutral names of operating systems, and what each cloud calls the newest image of one.
 *
 * - AWS: `{owner}/{name}` with `*` at the end of the name: of the owner's images of that line the newest. Unlike an AMI id
 *   it means the same in every region.
 * - Azure: the marketplace URN `publisher:offer:sku:latest`.
 * - Google: the image family, `projects/{project}/global/images/family/{family}`.
 *
 * Names are those of Canonical's and Debian's pages on their cloud images and of the clouds' own documentation.
 */
type Architecture = "x86_64" | "arm64";

interface NeutralImage {
  readonly aws: (arch: Architecture) => string;
  /** Confidential sizes boot images of a line of their own. */
  readonly azure: (arch: Architecture, isConfidential: boolean) => string;
  readonly gcp: (arch: Architecture) => string;
}

const canonical = "099720109477";
const debian = "136693071363";
const debArch = (arch: Architecture): string => (arch === "arm64" ? "arm64" : "amd64");
const family = (project: string, name: string): string => `projects/${project}/global/images/family/${name}`;
const ubuntuAmi = (release: string, code: string, volume: string, arch: Architecture): string =>
  `${canonical}/ubuntu/images/${volume}/ubuntu-${code}-${release}-${debArch(arch)}-server-*`;

const images: Readonly<Record<string, NeutralImage>> = {
  "ubuntu-24.04": {
    aws: (arch) => ubuntuAmi("24.04", "noble", "hvm-ssd-gp3", arch),
    azure: (arch, isConfidential) =>
      `Canonical:ubuntu-24_04-lts:${isConfidential ? "cvm" : arch === "arm64" ? "server-arm64" : "server"}:latest`,
    gcp: (arch) => family("ubuntu-os-cloud", `ubuntu-2404-lts-${debArch(arch)}`),
  },
  "ubuntu-22.04": {
    aws: (arch) => ubuntuAmi("22.04", "jammy", "hvm-ssd", arch),
    azure: (arch, isConfidential) =>
      isConfidential
        ? "Canonical:0001-com-ubuntu-confidential-vm-jammy:22_04-lts-cvm:latest"
        : `Canonical:0001-com-ubuntu-server-jammy:${arch === "arm64" ? "22_04-lts-arm64" : "22_04-lts-gen2"}:latest`,
    gcp: (arch) => family("ubuntu-os-cloud", arch === "arm64" ? "ubuntu-2204-lts-arm64" : "ubuntu-2204-lts"),
  },
  "debian-12": {
    aws: (arch) => `${debian}/debian-12-${debArch(arch)}-*`,
    azure: (arch) => `Debian:debian-12:${arch === "arm64" ? "12-arm64" : "12-gen2"}:latest`,
    gcp: (arch) => family("debian-cloud", arch === "arm64" ? "debian-12-arm64" : "debian-12"),
  },
};

export const neutralImageNames: readonly string[] = Object.keys(images);
/** What a host gets whose definition names no image. */
export const defaultImage = "ubuntu-24.04";

/** A cloud's own image for a neutral name; undefined: the name isn't neutral, so it is taken for the cloud's own. */
export const findImage = (
  name: string,
  cloud: Cloud,
  architecture: Architecture,
  isConfidential = false,
): string | undefined => images[name]?.[cloud](architecture, isConfidential);
