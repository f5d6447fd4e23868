import type { Clock } from "../../../core/effects/clock.ts";
import { seededRandom } from "../../../core/effects/random.ts";
import type { Random } from "../../../core/effects/random.ts";
import type { BootedVm, Guest, VmBackend, VmSpec } from "./backend.ts";
import { CallLog } from "./call-log.ts";
import type { CloudName } from "./cloud-name.ts";
import type { FaultScript } from "./faults.ts";
import { Ids } from "./ids.ts";
import { Timeline } from "./timeline.ts";
import type { ResolvedTimings } from "./timings.ts";
import type { Violation } from "./violations.ts";

/** What the three clouds share: time, chance, names, machines, and the record of everything. */
export class World {
  readonly clock: Clock;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly ids: Ids;
  readonly log = new CallLog();
  readonly faults: FaultScript;
  readonly timings: ResolvedTimings;
  readonly backend: VmBackend;
  readonly violations: Violation[] = [];
  /** Failures of the backend: the test's own trouble, not a cloud's. */
  readonly problems: string[] = [];
  private readonly addressBlock: number;
  private readonly booted = new Map<string, { readonly vm: VmSpec; endpoint: BootedVm | undefined }>();

  constructor(parts: {
    readonly clock: Clock;
    readonly seed: number;
    readonly faults: FaultScript;
    readonly timings: ResolvedTimings;
    readonly backend: VmBackend;
    readonly addressBlock: number;
  }) {
    this.clock = parts.clock;
    this.timeline = new Timeline(parts.clock);
    this.random = seededRandom(parts.seed);
    this.ids = new Ids(parts.seed);
    this.faults = parts.faults;
    this.timings = parts.timings;
    this.backend = parts.backend;
    this.addressBlock = parts.addressBlock;
  }

  now(): number {
    return this.timeline.now();
  }

  /** `2026-01-01T00:00:00.000Z` */
  isoNow(): string {
    return new Date(this.now()).toISOString();
  }

  /** A length of time between half of `ms` and `ms`: no two machines boot at the same pace. */
  about(ms: number): number {
    return Math.round(ms * (0.5 + this.random.next() / 2));
  }

  powerOn(vm: VmSpec, guest: Guest): void {
    const entry: { readonly vm: VmSpec; endpoint: BootedVm | undefined } = { vm, endpoint: undefined };
    this.booted.set(vm.id, entry);
    this.backend.boot(vm, guest).then(
      (endpoint) => {
        if (this.booted.get(vm.id) === entry) entry.endpoint = endpoint;
      },
      (reason: unknown) => {
        // One whose power was taken while it booted has not failed.
        if (this.booted.get(vm.id) === entry) this.problems.push(`boot of ${vm.id} failed: ${String(reason)}`);
      },
    );
  }

  powerOff(id: string): void {
    if (!this.booted.delete(id)) return;
    this.backend.kill(id).catch((reason: unknown) => {
      this.problems.push(`kill of ${id} failed: ${String(reason)}`);
    });
  }

  endpointOf(id: string): BootedVm | undefined {
    return this.booted.get(id)?.endpoint;
  }

  /** Who answers at this address now. */
  machineAt(address: string): { readonly vm: VmSpec; readonly endpoint: BootedVm | undefined } | undefined {
    for (const entry of this.booted.values())
      if (entry.vm.publicIp === address || entry.vm.privateIp === address) return entry;
    return undefined;
  }

  /** The next public address of this cloud; never one that is routed on the Internet. */
  publicIp(cloud: CloudName): string {
    const n = this.addressBlock * 1_000 + this.ids.next(`${cloud}/public-ip`);
    return `${publicRanges[cloud]}.${Math.floor(n / 250) % 250}.${(n % 250) + 1}`;
  }
}

/** 198.18.0.0/15 is kept for benchmarks (RFC 2544), 100.64.0.0/10 for carriers (RFC 6598). */
const publicRanges: Record<CloudName, string> = { aws: "198.18", azure: "198.19", gcp: "100.64" };
