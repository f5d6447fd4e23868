import type { Cloud } from "./machine-type.ts";
import { clouds } from "./machine-type.ts";

/**
 * Cloud-neutral names of operating systems, and what each cloud calls the newest image of one.
 *
 * - AWS: `{owner}/{name}` with `*` at the end of the name: of the owner's images of that line the newest. Unlike an AMI id
 *   it means the same in every region.
 * - Azure: the marketplace URN `publisher:offer:sku:latest`.
 * - Google: the image family, `projects/{project}/global/images/family/{family}`.
 *
 * Names are those of Canonical's and Debian's pages on their cloud images and of the clouds' own documentation. Only images
 * that act on user data are here: machines are set up by cloud-init alone.
 */
type Architecture = "x86_64" | "arm64";

interface NeutralImage {
  readonly aws: (arch: Architecture) => string;
  /** Confidential sizes boot images of a line of their own. */
  readonly azure: (arch: Architecture, isConfidential: boolean) => string;
  /** undefined: what Google has of it comes without cloud-init. */
  readonly gcp: ((arch: Architecture) => string) | undefined;
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
    gcp: undefined,
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
): string | undefined => images[name]?.[cloud]?.(architecture, isConfidential);

/** Clouds that have a neutral name's image, and it can be set up there; none for a name that isn't neutral. */
export const cloudsWith = (name: string): Cloud[] => {
  const image = images[name];
  return image === undefined ? [] : clouds.filter((cloud) => image[cloud] !== undefined);
};

/**
 * Google's projects whose images have Google's guest agent in place of cloud-init, and so leave user data unread.
 *
 * @see https://github.com/andsens/bootstrap-vz/pull/469 Google on Debian: cloud-init conflicts with its own software
 * @see https://github.com/AlmaLinux/cloud-images/issues/325
 */
const withoutCloudInit = /(?:^|\/)projects\/(debian-cloud|almalinux-cloud)\//;

/** Why machines can't be set up from an image, or undefined. */
export function whyNotSetUp(
  cloud: Cloud,
  image: string,
): { readonly refused: string; readonly hint: string } | undefined {
  const project = cloud === "gcp" ? withoutCloudInit.exec(image)?.[1] : undefined;
  if (project === undefined) return undefined;
  return {
    refused: `images of Google's project ${project} have no cloud-init, with which hosts are set up`,
    hint: "ubuntu-24.04 and ubuntu-22.04 have it, and so may an image of your own",
  };
}
