import type { DiskShape, MachineShape, Place } from "../ports/provider.ts";

/** A machine as the definition asks for it. */
export interface MachineRequest {
  readonly provider: string;
  /** The first place in the user's order. */
  readonly place: Place;
  readonly vcpu: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly architecture: "x86_64" | "arm64" | undefined;
  readonly type: string | undefined;
  readonly image: string | undefined;
  readonly spot: boolean;
  readonly disks: readonly DiskShape[];
  readonly options: MachineShape["options"];
}

/** What a machine costs an hour in one region; "unknown" is never taken for 0. */
export interface HostRate {
  readonly region: string;
  readonly onDemand: number | "unknown";
  readonly spot: number | "unknown";
}

/** An image as it was asked for: a name or family that may mean another one tomorrow, or an exact one. */
export interface ImageRequest {
  readonly provider: string;
  readonly image: string;
  readonly architecture: MachineShape["architecture"];
}

export type MachineAnswer = MachineShape | { readonly refused: string; readonly hint?: string | undefined };

/** What is known of providers' machines when planning; asked before, so that it answers at once. */
export interface MachineCatalogue {
  /** The provider's own type and image for a request. */
  resolve(request: MachineRequest): MachineAnswer;
  /** Where a deployment goes that names no place. */
  defaultPlaces(provider: string): readonly Place[];
  /** By dated prices, spot where the shape says so; "unknown" is never taken for 0. */
  dollarsPerHour(provider: string, place: Place, shape: MachineShape): number | "unknown";
  /** Frozen into the plan, for a deployment that moves: what the machine costs in each of these regions. @default none known */
  rates?(provider: string, regions: readonly string[], shape: MachineShape): readonly HostRate[];
}

/** One catalogue of several: each speaks for its providers, `own` for all others. */
export function composeCatalogues(
  own: MachineCatalogue,
  others: readonly { readonly providers: readonly string[]; readonly catalogue: MachineCatalogue }[],
): MachineCatalogue {
  const of = (provider: string): MachineCatalogue =>
    others.find((other) => other.providers.includes(provider))?.catalogue ?? own;
  return {
    resolve: (request) => of(request.provider).resolve(request),
    defaultPlaces: (provider) => of(provider).defaultPlaces(provider),
    dollarsPerHour: (provider, place, shape) => of(provider).dollarsPerHour(provider, place, shape),
    rates: (provider, regions, shape) => of(provider).rates?.(provider, regions, shape) ?? [],
  };
}

/** The machines of providers that create none: this one (`local`), given ones (`hosts`) and those of simulations (`sim`). */
export const ownMachines = (machine: {
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly architecture: "x86_64" | "arm64";
}): MachineCatalogue => ({
  resolve(request) {
    if (!["local", "hosts", "sim"].includes(request.provider)) {
      return {
        refused: `machines of ${request.provider} aren't known here`,
        hint: "give each role a `machine: {type: …}`, or run where the provider can be asked",
      };
    }
    return {
      type: request.provider === "hosts" ? "given" : request.provider,
      image: request.provider === "hosts" ? "given" : request.provider,
      architecture: machine.architecture,
      vcpus: request.vcpu ?? machine.vcpus,
      memoryBytes: request.memoryBytes ?? machine.memoryBytes,
      spot: false,
      disks: request.disks,
      options: request.options,
    };
  },
  defaultPlaces: (provider) => [{ region: provider, zone: undefined }],
  dollarsPerHour: () => 0,
});
