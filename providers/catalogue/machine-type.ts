/** Clouds whose machines are known here by name. */
export const clouds = ["aws", "azure", "gcp"] as const;
export type Cloud = (typeof clouds)[number];

export const isCloud = (provider: string): provider is Cloud => clouds.some((cloud) => cloud === provider);

/** One machine type of one cloud: what doesn't change with place or day. */
export interface MachineType {
  readonly cloud: Cloud;
  /** The cloud's own name. */
  readonly type: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly architecture: "x86_64" | "arm64";
  /** Fast local disks that come with it, empty at each start. Google's are chosen at creation: `attachable`. */
  readonly localDisk: "none" | "attachable" | { readonly disks: number; readonly bytesEach: number };
  /** Shared or metered processors: what it gives depends on what was used before. Never chosen unless named. */
  readonly burstable: boolean;
  readonly confidential: "SEV-SNP" | "TDX" | undefined;
}

export const gib = 2 ** 30;
/** Clouds and disk makers count local disks in powers of ten. */
export const gb = 1e9;
