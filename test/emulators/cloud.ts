import type { Clock } from "../../core/effects/clock.ts";
import { AwsEmulator } from "./aws/service.ts";
import type { AwsOptions } from "./aws/service.ts";
import { AzureEmulator } from "./azure/service.ts";
import type { AzureOptions } from "./azure/service.ts";
import { GcpEmulator } from "./gcp/service.ts";
import type { GcpOptions } from "./gcp/service.ts";
import { MemoryBackend } from "./common/backend.ts";
import type { BootedVm, VmBackend, VmSpec } from "./common/backend.ts";
import type { CallLog } from "./common/call-log.ts";
import type { CloudName } from "./common/cloud-name.ts";
import { FaultScript } from "./common/faults.ts";
import type { FaultRule } from "./common/faults.ts";
import type { InventoryItem } from "./common/inventory.ts";
import { listenLoopback } from "./common/server.ts";
import { resolveTimings } from "./common/timings.ts";
import type { Timings } from "./common/timings.ts";
import { makeLoopbackTls } from "./common/tls.ts";
import type { LoopbackTls } from "./common/tls.ts";
import type { Violation } from "./common/violations.ts";
import { World } from "./common/world.ts";

export interface EmulatorOptions {
  readonly clock: Clock;
  /** Decides ids and the spread of all times. @default 1 */
  readonly seed?: number;
  readonly faults?: readonly FaultRule[];
  /** @default machines that are only written down */
  readonly backend?: VmBackend;
  /** Of 62: emulators whose machines are real hosts at the same time need one each, for their public addresses. @default 0 */
  readonly addressBlock?: number;
  readonly timings?: Timings;
  /** Whether calls are refused beyond the clouds' rates. @default true */
  readonly throttling?: boolean;
  readonly aws?: AwsOptions;
  readonly azure?: AzureOptions;
  readonly gcp?: GcpOptions;
}

/** Three clouds in one process, one clock, one log. */
export interface Emulator {
  readonly aws: AwsEmulator;
  readonly azure: AzureEmulator;
  readonly gcp: GcpEmulator;
  readonly faults: FaultScript;
  readonly log: CallLog;
  /** Requests and answers that don't fit the clouds' descriptions, and calls for what isn't emulated. Should stay empty. */
  readonly violations: readonly Violation[];
  /** Failures of the machine backend. Should stay empty. */
  readonly problems: readonly string[];
  /** Everything that exists beyond an unused account's own, in all clouds or one. */
  inventory(cloud?: CloudName): InventoryItem[];
  /**
   * Which machine answers at a cloud's address now, and where it really listens. Public addresses are unique; private
   * ones repeat from network to network, and then the first machine is meant.
   */
  machineAt(address: string): { readonly vm: VmSpec; readonly endpoint: BootedVm | undefined } | undefined;
  /** Makes things happen at their moment although nobody asks: for machines that are real or simulated. */
  drive(signal: AbortSignal): Promise<void>;
  /**
   * Serves the three clouds on loopback ports, and drives until closed.
   *
   * @param tls serves all three over https, with this certificate; without it Azure alone, with one made for it
   */
  listen(tls?: LoopbackTls): Promise<ListeningEmulator>;
}

/** Where the clouds can be reached: Azure over https with a throw-away authority, AWS and Google over http or as Azure. */
export interface ListeningEmulator {
  readonly aws: { readonly url: string; readonly port: number };
  readonly azure: { readonly url: string; readonly port: number; readonly caPem: string };
  readonly gcp: { readonly url: string; readonly port: number };
  /** Ends all connections and calls. */
  close(): Promise<void>;
}

export function createEmulator(options: EmulatorOptions): Emulator {
  const faults = new FaultScript(options.faults);
  const world = new World({
    clock: options.clock,
    seed: options.seed ?? 1,
    faults,
    timings: resolveTimings(options.timings),
    backend: options.backend ?? new MemoryBackend(),
    addressBlock: options.addressBlock ?? 0,
  });
  const throttling = options.throttling ?? true;
  const aws = new AwsEmulator(world, options.aws ?? {}, throttling);
  const azure = new AzureEmulator(world, options.azure ?? {}, throttling);
  const gcp = new GcpEmulator(world, options.gcp ?? {}, throttling);
  return {
    aws,
    azure,
    gcp,
    faults,
    log: world.log,
    violations: world.violations,
    problems: world.problems,
    inventory: (cloud) =>
      [aws, azure, gcp].flatMap((c) => c.inventory()).filter((item) => (cloud ?? item.cloud) === item.cloud),
    machineAt: (address) => {
      world.timeline.settle();
      return world.machineAt(address);
    },
    drive: (signal) => world.timeline.drive(signal),
    listen: async (given) => {
      const tls = given ?? makeLoopbackTls(Date.now());
      const servers = {
        aws: await listenLoopback(aws.handle, given),
        azure: await listenLoopback(azure.handle, tls),
        gcp: await listenLoopback(gcp.handle, given),
      };
      const stop = new AbortController();
      const driving = world.timeline.drive(stop.signal);
      return {
        aws: servers.aws,
        azure: { url: servers.azure.url, port: servers.azure.port, caPem: tls.caPem },
        gcp: servers.gcp,
        close: async () => {
          stop.abort();
          await Promise.all([driving, ...Object.values(servers).map((server) => server.close())]);
        },
      };
    },
  };
}
