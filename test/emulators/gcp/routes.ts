import { z } from "zod";
import { accept } from "../common/accept.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { images, isOffered, isZone, machineTypes, regionOf, regions, zonesOf } from "./catalog.ts";
import type { ImageInfo, MachineTypeInfo } from "./catalog.ts";
import { machineFields } from "./instance-body.ts";
import { imageLink } from "./instances.ts";
import type { Machines } from "./instances.ts";
import { aggregatedRoute, listRoute } from "./lists.ts";
import { networkRoutes, refuseInUse, remove } from "./network.ts";
import { checkLabels, fingerprint, notFound, pathOf } from "./project.ts";
import type { GcpResource, Project, Scope } from "./project.ts";
import type { GcpContext, GcpRoute } from "./route.ts";

/** `wait` answers after two minutes at the latest, done or not. */
const waitMs = 120_000;

const SetLabels = z.strictObject({
  labels: z.record(z.string(), z.string()).default({}),
  labelFingerprint: z.string(),
});

export function routesOf(machines: Machines): readonly GcpRoute[] {
  return [
    ...networkRoutes,
    ...instanceRoutes(machines),
    ...diskRoutes(machines),
    ...operationRoutes,
    ...catalogRoutes(machines),
  ];
}

const instancePath = "zones/{zone}/instances/{instance}";
const allZones = (): string[] =>
  Object.keys(regions)
    .flatMap(zonesOf)
    .map((zone) => `zones/${zone}`);

const instanceRoutes = (machines: Machines): readonly GcpRoute[] => [
  {
    id: "compute.instances.insert",
    method: "POST",
    path: "zones/{zone}/instances",
    query: ["requestId"],
    mutate: (c) => machines.insert(c),
  },
  {
    id: "compute.instances.bulkInsert",
    method: "POST",
    path: "zones/{zone}/instances/bulkInsert",
    query: ["requestId"],
    mutate: (c) => machines.bulkInsert(c),
  },
  { id: "compute.instances.get", method: "GET", path: instancePath, read: (c) => machines.view(needInstance(c)) },
  listRoute("compute.instances.list", "zones/{zone}/instances", "instanceList", ({ project, path }) =>
    project.visible("instances", `zones/${path["zone"] ?? ""}`).map((i) => machines.view(i)),
  ),
  aggregatedRoute("compute.instances.aggregatedList", "instances", "instanceAggregatedList", {
    scopes: allZones,
    all: ({ project }) => project.visible("instances").map((i) => ({ scope: i.scope, item: machines.view(i) })),
  }),
  {
    id: "compute.instances.delete",
    method: "DELETE",
    path: instancePath,
    query: ["requestId"],
    mutate: (c) => machines.delete(c),
  },
  {
    id: "compute.instances.setLabels",
    method: "POST",
    path: `${instancePath}/setLabels`,
    query: ["requestId"],
    mutate: (c) => setLabels(machines, c, needInstance(c)),
  },
  {
    id: "compute.instances.setMetadata",
    method: "POST",
    path: `${instancePath}/setMetadata`,
    query: ["requestId"],
    mutate: (c) => setMetadata(machines, c, needInstance(c)),
  },
  {
    id: "compute.instances.setScheduling",
    method: "POST",
    path: `${instancePath}/setScheduling`,
    query: ["requestId"],
    mutate: (c) => machines.setScheduling(c),
  },
  {
    id: "compute.instances.getSerialPortOutput",
    method: "GET",
    path: `${instancePath}/serialPort`,
    query: ["port", "start"],
    read: (c) => serialPort(c),
  },
];

const needInstance = ({ project, path }: GcpContext): GcpResource =>
  project.need(`zones/${path["zone"] ?? ""}/instances/${path["instance"] ?? ""}`);

function serialPort(context: GcpContext): WireObject {
  const { project, query } = context;
  if ((query.get("port") ?? "1") !== "1") throw new NotImplemented(`serial port ${query.get("port") ?? ""}`);
  const instance = needInstance(context);
  const hostKey = project.world.endpointOf(instance.id)?.hostKey;
  const whole =
    hostKey === undefined ? "" : `-----BEGIN SSH HOST KEY KEYS-----\n${hostKey}\n-----END SSH HOST KEY KEYS-----\n`;
  const start = Number(query.get("start") ?? "0");
  return {
    kind: "compute#serialPortOutput",
    selfLink: project.link(`${pathOf(instance)}/serialPort`),
    contents: whole.slice(start),
    start: String(start),
    next: String(whole.length),
  };
}

/** Refused when somebody else has changed them since they were read. */
function setLabels(machines: Machines, context: GcpContext, resource: GcpResource) {
  const input = accept(
    SetLabels,
    context.body,
    (message) => new CloudError(400, "invalid", `Invalid value for field ${message}`),
  );
  checkLabels(input.labels);
  if (input.labelFingerprint !== fingerprint(resource.labels))
    throw new CloudError(412, "conditionNotMet", "Labels fingerprint either invalid or resource labels have changed");
  // The change is seen at once: two writers with the same fingerprint can't both win.
  resource.labels = input.labels;
  return machines.change(context, resource, "setLabels", () => undefined);
}

const SetMetadata = z.strictObject({
  kind: z.literal("compute#metadata").optional(),
  fingerprint: z.string(),
  items: machineFields.metadata.unwrap().shape.items,
});

/** All items are replaced, on a running machine too; refused as labels are when they have changed since they were read. */
function setMetadata(machines: Machines, context: GcpContext, instance: GcpResource) {
  const { items, fingerprint: read } = accept(
    SetMetadata,
    context.body,
    (message) => new CloudError(400, "invalid", `Invalid value for field ${message}`),
  );
  if (read !== fingerprint(instance.body["metadata"] ?? {}))
    throw new CloudError(412, "conditionNotMet", "Supplied fingerprint does not match current metadata fingerprint.");
  instance.body = { ...instance.body, metadata: { items } };
  return machines.change(context, instance, "setMetadata", () => undefined);
}

const diskPath = "zones/{zone}/disks/{disk}";
const diskRoutes = (machines: Machines): readonly GcpRoute[] => {
  const view = (project: Project, disk: GcpResource): WireObject => {
    const user = machines.userOfDisk(disk);
    return {
      kind: "compute#disk",
      id: disk.id,
      creationTimestamp: new Date(disk.createdAtMs).toISOString(),
      name: disk.name,
      ...disk.body,
      status: disk.isDeleting ? "DELETING" : "READY",
      zone: project.link(disk.scope),
      selfLink: project.link(pathOf(disk)),
      labels: disk.labels,
      labelFingerprint: fingerprint(disk.labels),
      physicalBlockSizeBytes: "4096",
      ...(user === undefined ? {} : { users: [`https://www.googleapis.com/compute/v1/${user}`] }),
    };
  };
  const need = ({ project, path }: GcpContext): GcpResource =>
    project.need(`zones/${path["zone"] ?? ""}/disks/${path["disk"] ?? path["resource"] ?? ""}`);
  return [
    { id: "compute.disks.get", method: "GET", path: diskPath, read: (c) => view(c.project, need(c)) },
    listRoute("compute.disks.list", "zones/{zone}/disks", "diskList", ({ project, path }) =>
      project.visible("disks", `zones/${path["zone"] ?? ""}`).map((d) => view(project, d)),
    ),
    aggregatedRoute("compute.disks.aggregatedList", "disks", "diskAggregatedList", {
      scopes: allZones,
      all: ({ project }) => project.visible("disks").map((d) => ({ scope: d.scope, item: view(project, d) })),
    }),
    {
      id: "compute.disks.delete",
      method: "DELETE",
      path: diskPath,
      query: ["requestId"],
      mutate: (c) => {
        const disk = need(c);
        refuseInUse(c.project, disk, machines.userOfDisk(disk));
        return remove(c, disk);
      },
    },
    {
      id: "compute.disks.setLabels",
      method: "POST",
      path: "zones/{zone}/disks/{resource}/setLabels",
      query: ["requestId"],
      mutate: (c) => setLabels(machines, c, need(c)),
    },
  ];
};

const operationScopes: readonly {
  readonly resource: string;
  readonly prefix: string;
  readonly scope: (c: GcpContext) => Scope;
}[] = [
  { resource: "zoneOperations", prefix: "zones/{zone}", scope: (c) => `zones/${c.path["zone"] ?? ""}` },
  { resource: "regionOperations", prefix: "regions/{region}", scope: (c) => `regions/${c.path["region"] ?? ""}` },
  { resource: "globalOperations", prefix: "global", scope: () => "global" },
];
const operationRoutes: readonly GcpRoute[] = operationScopes.flatMap(({ resource, prefix, scope }): GcpRoute[] => [
  {
    id: `compute.${resource}.get`,
    method: "GET",
    path: `${prefix}/operations/{operation}`,
    read: (c) => c.project.viewOperation(c.project.needOperation(scope(c), c.path["operation"] ?? "")),
  },
  {
    id: `compute.${resource}.wait`,
    method: "POST",
    path: `${prefix}/operations/{operation}/wait`,
    read: async (c) => {
      const { project } = c;
      const operation = project.needOperation(scope(c), c.path["operation"] ?? "");
      const until = project.world.now() + waitMs;
      // Waits in steps, since nobody knows beforehand when an operation ends.
      while (operation.endedAtMs === undefined && project.world.now() < until) {
        await project.world.clock.sleep(Math.min(250, Math.max(1, until - project.world.now())));
        project.world.timeline.settle();
      }
      return project.viewOperation(operation);
    },
  },
  listRoute(`compute.${resource}.list`, `${prefix}/operations`, "operationList", (c) =>
    c.project.operations.filter((o) => o.scope === scope(c)).map((o) => c.project.viewOperation(o)),
  ),
]);

const catalogRoutes = (machines: Machines): readonly GcpRoute[] => [
  {
    id: "compute.machineTypes.get",
    method: "GET",
    path: "zones/{zone}/machineTypes/{machineType}",
    read: ({ project, path }) => {
      const zone = path["zone"] ?? "";
      const type = machineTypes.get(path["machineType"] ?? "");
      if (type === undefined || !isOffered(type, zone))
        throw notFound(project.fullName(`zones/${zone}/machineTypes/${path["machineType"] ?? ""}`));
      return viewType(project, zone, type);
    },
  },
  listRoute("compute.machineTypes.list", "zones/{zone}/machineTypes", "machineTypeList", ({ project, path }) =>
    [...machineTypes.values()]
      .filter((type) => isOffered(type, path["zone"] ?? ""))
      .map((type) => viewType(project, path["zone"] ?? "", type)),
  ),
  {
    id: "compute.zones.get",
    method: "GET",
    path: "zones/{zone}",
    read: ({ project, path }) => {
      if (!isZone(path["zone"] ?? "")) throw notFound(project.fullName(`zones/${path["zone"] ?? ""}`));
      return viewZone(project, path["zone"] ?? "");
    },
  },
  listRoute("compute.zones.list", "zones", "zoneList", ({ project }) =>
    Object.keys(regions)
      .flatMap(zonesOf)
      .map((zone) => viewZone(project, zone)),
  ),
  {
    id: "compute.regions.get",
    method: "GET",
    path: "regions/{region}",
    read: ({ project, path }) => {
      if (!((path["region"] ?? "") in regions)) throw notFound(project.fullName(`regions/${path["region"] ?? ""}`));
      return viewRegion(project, machines, path["region"] ?? "");
    },
  },
  listRoute("compute.regions.list", "regions", "regionList", ({ project }) =>
    Object.keys(regions).map((region) => viewRegion(project, machines, region)),
  ),
];

const viewType = (project: Project, zone: string, type: MachineTypeInfo): WireObject => ({
  kind: "compute#machineType",
  id: String(type.vcpus * 1000 + type.name.length),
  name: type.name,
  description: `${type.vcpus} vCPUs, ${type.memoryMb / 1024} GB RAM`,
  guestCpus: type.vcpus,
  memoryMb: type.memoryMb,
  maximumPersistentDisks: 128,
  maximumPersistentDisksSizeGb: "263168",
  zone,
  selfLink: project.link(`zones/${zone}/machineTypes/${type.name}`),
  isSharedCpu: type.sharedCore,
  architecture: type.arch,
});

const viewZone = (project: Project, zone: string): WireObject => ({
  kind: "compute#zone",
  id: "2000",
  name: zone,
  description: zone,
  status: "UP",
  region: project.link(`regions/${regionOf(zone)}`),
  selfLink: project.link(`zones/${zone}`),
  availableCpuPlatforms: [
    ...new Set([...machineTypes.values()].filter((t) => isOffered(t, zone)).map((t) => t.platform)),
  ],
});

function viewRegion(project: Project, machines: Machines, region: string): WireObject {
  const usage = machines.usage(region);
  const { quotas } = project;
  const limits: readonly (readonly [string, number])[] = [
    ...[...new Set([...machineTypes.values()].map((t) => t.metric))].map((m) => [m, quotas.cpus] as const),
    ["PREEMPTIBLE_CPUS", quotas.preemptibleCpus],
    ["IN_USE_ADDRESSES", quotas.inUseAddresses],
    ["INSTANCES", quotas.instances],
  ];
  return {
    kind: "compute#region",
    id: "1000",
    name: region,
    description: region,
    status: "UP",
    zones: zonesOf(region).map((zone) => project.link(`zones/${zone}`)),
    quotas: limits.map(([metric, limit]) => ({ metric, limit, usage: usage.get(metric) ?? 0 })),
    selfLink: project.link(`regions/${region}`),
  };
}

/** Public images live in projects of their own. */
export const imageRoutes: readonly GcpRoute[] = [
  {
    id: "compute.images.getFromFamily",
    method: "GET",
    path: "global/images/family/{family}",
    read: ({ project, path }) => {
      const found = images.findLast((i) => i.project === project.name && i.family === path["family"]);
      if (found === undefined) throw notFound(project.fullName(`global/images/family/${path["family"] ?? ""}`));
      return viewImage(found);
    },
  },
  {
    id: "compute.images.get",
    method: "GET",
    path: "global/images/{image}",
    read: ({ project, path }) => {
      const found = images.find((i) => i.project === project.name && i.name === path["image"]);
      if (found === undefined) throw notFound(project.fullName(`global/images/${path["image"] ?? ""}`));
      return viewImage(found);
    },
  },
];

const viewImage = (image: ImageInfo): WireObject => ({
  kind: "compute#image",
  id: String(images.indexOf(image) + 1_000_000),
  creationTimestamp: image.createdAt,
  name: image.name,
  family: image.family,
  status: "READY",
  architecture: image.arch,
  diskSizeGb: String(image.diskGb),
  selfLink: imageLink(image),
});
