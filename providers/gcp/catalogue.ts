import { FailureError } from "../../core/errors/failure.ts";
import type { MachineShape, Place, QuotaUse } from "../../core/ports/provider.ts";
import type { ComputeApi } from "./compute-api.ts";
import { Image, MachineType, pathInProject, Region } from "./wire.ts";
import { zonesIn } from "./zones.ts";

export interface QuotaRow extends QuotaUse {
  /** What the shapes asked about add to `used`. */
  readonly needed: number;
}

export interface MachineDescription {
  readonly type: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly architecture: "x86_64" | "arm64";
}

/** The region's quotas that hosts of these shapes draw from; metrics that it doesn't list can't be told. */
export async function readQuota(place: Place, shapes: readonly MachineShape[], api: ComputeApi): Promise<QuotaRow[]> {
  const region = await api.get(`regions/${place.region}`, Region);
  if (region === undefined)
    throw new FailureError({ class: "invalid", message: `Google has no region "${place.region}"` });
  const limits = new Map(region.quotas.map(({ metric, limit }) => [metric, limit]));
  const needs = quotaNeeds(shapes, limits);
  return region.quotas.flatMap(({ metric, usage, limit }) => {
    const needed = needs.get(metric);
    return needed === undefined ? [] : [{ metric, used: usage, limit, needed }];
  });
}

const gib = 1024 ** 3;

/** What hosts of these shapes count against, by Google's metrics. @param limits those that the region lists */
export function quotaNeeds(
  shapes: readonly MachineShape[],
  limits: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const needs = new Map<string, number>();
  const need = (metric: string, amount: number): void => void needs.set(metric, (needs.get(metric) ?? 0) + amount);
  // A project without a quota for spot machines counts them with the others.
  const market = (spot: boolean, own: string, usual: string): string =>
    spot && (limits.get(own) ?? 0) > 0 ? own : usual;
  for (const shape of shapes) {
    const family = `${(shape.type.split("-")[0] ?? "").toUpperCase()}_CPUS`;
    // Families without a metric of their own (E2, N1) share one.
    need(market(shape.spot, "PREEMPTIBLE_CPUS", limits.has(family) ? family : "CPUS"), shape.vcpus);
    need("INSTANCES", 1);
    need("IN_USE_ADDRESSES", 1);
    for (const disk of shape.disks) {
      if (disk.kind === "localNvme")
        need(market(shape.spot, "PREEMPTIBLE_LOCAL_SSD_GB", "LOCAL_SSD_TOTAL_GB"), localSsdGb);
      if (disk.kind !== "boot" && disk.kind !== "data") continue;
      const type = shape.options[disk.kind === "boot" ? "bootDiskType" : "dataDiskType"] ?? "pd-balanced";
      const isSolid = type === "pd-balanced" || type === "pd-ssd";
      if (isSolid || type === "pd-standard")
        need(isSolid ? "SSD_TOTAL_GB" : "DISKS_TOTAL_GB", Math.ceil((disk.bytes ?? 10 * gib) / gib));
    }
  }
  return needs;
}

/** Every local SSD has this size. */
const localSsdGb = 375;

/** What Google says of these types, in the place's zone or the first of its zones that has them; others are left out. */
export async function describeMachines(
  place: Place,
  types: readonly string[],
  api: ComputeApi,
): Promise<MachineDescription[]> {
  const zones = await zonesIn(place, api);
  const described = await Promise.all(
    [...new Set(types)].map(async (type): Promise<MachineDescription | undefined> => {
      for (const zone of zones) {
        const found = await api.get(`zones/${zone}/machineTypes/${type}`, MachineType);
        if (found === undefined) continue;
        return {
          type,
          vcpus: found.guestCpus,
          memoryBytes: found.memoryMb * 1024 ** 2,
          architecture: found.architecture === "ARM64" ? "arm64" : "x86_64",
        };
      }
      return undefined;
    }),
  );
  return described.filter((machine) => machine !== undefined);
}

/**
 * The one image that a reference means today: a family (`projects/p/global/images/family/f`) or an image, in full or by
 * its name in our own project.
 *
 * @returns `projects/p/global/images/i`
 */
export async function resolveImage(
  image: string,
  architecture: MachineShape["architecture"],
  ownProject: string,
  api: ComputeApi,
): Promise<string> {
  const [, project = ownProject, path = image] = /(?:^|\/)projects\/([^/]+)\/global\/images\/(.+)$/.exec(image) ?? [];
  const found = await api.getIn(project, `global/images/${path}`, Image);
  if (found === undefined)
    throw new FailureError({
      class: "invalid",
      message: `Google has no image "${image}"`,
      hint: "`gcloud compute images list` shows public ones; others as `projects/…/global/images/…`",
    });
  const isArm = found.architecture === "ARM64";
  if (found.architecture !== undefined && isArm !== (architecture === "arm64"))
    throw new FailureError({
      class: "invalid",
      message: `the image ${found.name} is for ${isArm ? "arm64" : "x86_64"}, the machine is ${architecture}`,
    });
  return `projects/${project}/${pathInProject(found.selfLink)}`;
}
