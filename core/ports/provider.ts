import type { Failure } from "../errors/failure.ts";
import type { Reach } from "../names/reach.ts";
import type { HostAddress } from "./transport.ts";

export type DeploymentId = string;

/** A machine as the definition asks for it, after planning froze it: nothing here is looked up again. */
export interface MachineShape {
  /** The provider's own type name (`c5d.2xlarge`, `Standard_D16d_v4`, `n2-highcpu-2`); "local" for this machine. */
  readonly type: string;
  readonly image: string; // resolved id, not a family
  readonly architecture: "x86_64" | "arm64";
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly spot: boolean;
  readonly disks: readonly DiskShape[];
  /** Rare options of one cloud (confidential, proximity, compact), validated by its provider and passed through. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export interface DiskShape {
  readonly kind: "boot" | "data" | "localNvme" | "swap";
  readonly bytes: number | undefined;
  readonly mount: string | undefined;
  readonly fileSystem: "ext4" | "xfs" | undefined;
}

/** What a host is given at birth, whatever the cloud: rendered to cloud-init by the clouds' providers. */
export interface HostSetup {
  readonly user: string;
  readonly authorizedKey: string; // OpenSSH public key line
  /** The host's own key pair, derived (HKDF) and pinned: PEM private half, `SHA256:` fingerprint of the public half. */
  readonly hostPrivateKey: string;
  readonly hostKey: string;
  readonly packages: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly swapBytes: number | undefined;
  readonly mounts: readonly { readonly device: string; readonly path: string; readonly options: string }[];
  /** An absolute timer on the host itself, ms since the epoch: the killer that needs nobody. */
  readonly expiresAt: number;
}

/** Written before the call that it announces (design decision 6). */
export interface Intent {
  readonly deployment: DeploymentId;
  readonly runId: string;
  readonly provider: string;
  readonly place: Place;
  readonly kind: "network" | "host" | "resource";
  /** Deterministic: the same deployment, round and index give the same name. */
  readonly name: string;
  /** For clouds that take one; carries the placement round. */
  readonly clientToken: string;
  readonly round: number;
  readonly owner: string;
  readonly expiresAt: number;
  /** After this instant no call for this intent is made any more: the receipt may close later than it, never before. */
  readonly notAfter: number;
  readonly host?: {
    readonly role: string;
    readonly index: number;
    readonly shape: MachineShape;
    readonly setup: HostSetup;
    /** For spot: the most to bid, in dollars an hour. @default the cloud's own limit, the on-demand price */
    readonly maxDollarsPerHour?: number | undefined;
    /** @default the provider's own: what its control plane was set up for */
    readonly reach?: Reach | undefined;
  };
}

export interface Place {
  readonly region: string;
  readonly zone?: string | undefined;
}

/** The cloud's no, with its class: capacity and quota move the deployment, the rest is told. */
export interface Refusal {
  readonly kind: "refused";
  readonly failure: Failure;
  /** The cloud asked to wait so long before the next try. */
  readonly retryAfterMs?: number | undefined;
}

export type ResourceState = {
  readonly name: string; // of the intent that made it
  readonly resourceKind: string; // the cloud's word: "instance", "networkSecurityGroup"
  readonly id: string; // the cloud's own id
} & (
  | { readonly state: "pending"; readonly since: number | undefined }
  | {
      readonly state: "ready";
      readonly address?: HostAddress;
      readonly privateAddress?: string;
      readonly facts?: Readonly<Record<string, string>>;
    }
  | { readonly state: "failed"; readonly failure: Failure }
  | { readonly state: "deleting" }
  | { readonly state: "gone" }
);

export interface TaggedResource {
  readonly resourceKind: string;
  readonly id: string;
  readonly place: Place;
  readonly deployment: DeploymentId | undefined;
  readonly runId: string | undefined;
  readonly owner: string | undefined;
  readonly createdAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** What the intent called it, where the cloud keeps that. */
  readonly name?: string | undefined;
  /** For machines: what they cost an hour can be looked up by it. */
  readonly machineType?: string | undefined;
  readonly spot?: boolean | undefined;
}

export type SweepScope =
  | { readonly kind: "deployment"; readonly deployment: DeploymentId }
  | { readonly kind: "expired"; readonly now: number }
  | { readonly kind: "all" };

export interface Capabilities {
  readonly spot: boolean;
  /** Something on or for the host ends it at `expiresAt` with nobody's help. */
  readonly hostKiller: boolean;
  /** `observe` and `beginDestroy` act on machines we made; false where they were given to us. */
  readonly createsHosts: boolean;
  /** Hosts can open connections to the control side: they push. */
  readonly reachesControl: boolean;
  readonly nameLimit: number;
  /** How long after a successful create a listing may still miss it, ms. */
  readonly visibilityDelayMs: number;
}

/** One quota of an account as the cloud tells it; names are the cloud's own (`N2_CPUS`, `standardDSv5Family`). */
export interface QuotaUse {
  readonly metric: string;
  readonly used: number;
  readonly limit: number;
  /** What the shapes asked about add to `used`; left out where the cloud's rules for that aren't known. */
  readonly needed?: number | undefined;
}

/**
 * One cloud, or this machine. Every call is idempotent and under a minute; it begins and observes, it never blocks.
 */
export interface Provider {
  readonly name: string;
  readonly capabilities: Capabilities;
  ensure(intents: readonly Intent[], signal: AbortSignal): Promise<readonly EnsureOutcome[]>;
  observe(deployment: DeploymentId, place: Place): Promise<readonly ResourceState[]>;
  /** Lets all hosts of the deployment reach each other and these peers; again whenever a host was replaced. */
  connect(deployment: DeploymentId, place: Place, peers: readonly string[]): Promise<void>;
  /** Renews the lease in tags and on-host timers. */
  extend(deployment: DeploymentId, place: Place, expiresAt: number): Promise<void>;
  beginDestroy(deployment: DeploymentId, place: Place): Promise<void>;
  sweep(scope: SweepScope): AsyncIterable<TaggedResource>;
  /** Deletes one swept resource, whoever made it; for the reaper. */
  destroyResource(resource: TaggedResource): Promise<void>;
  /**
   * The one image that a name, a family or "latest" stands for in this place now, under a name that means the same in the
   * cloud's other regions; one that is exact already comes back as it is. Left out where there are no images.
   *
   * @throws FailureError class invalid, where there is none for this architecture
   */
  resolveImage?(place: Place, image: string, architecture: MachineShape["architecture"]): Promise<string>;
  /** The quotas that machines of these shapes draw from; left out, or without one, where the cloud doesn't tell. */
  quota?(place: Place, shapes: readonly MachineShape[]): Promise<readonly QuotaUse[]>;
}

export type EnsureOutcome =
  { readonly kind: "accepted"; readonly name: string } | (Refusal & { readonly name: string });
