import type { z } from "zod";
import type { Guest, VmSpec } from "../common/backend.ts";
import { accept } from "../common/accept.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { HttpResponse } from "../common/http.ts";
import { textAt } from "../common/wire.ts";
import type { WireObject } from "../common/wire.ts";
import { images, isOffered, isZone, machineTypes, regionOf } from "./catalog.ts";
import type { ImageInfo, MachineTypeInfo } from "./catalog.ts";
import { BulkInsertBody, InstanceBody } from "./instance-body.ts";
import { remove } from "./network.ts";
import { checkLabels, fingerprint, invalid, OperationError, pathOf } from "./project.ts";
import type { GcpOperation, GcpResource, Project } from "./project.ts";
import type { GcpContext } from "./route.ts";

/** How long before a preemption the machine is told. */
export const preemptionNoticeMs = 30_000;

type Status = "PROVISIONING" | "STAGING" | "RUNNING" | "STOPPING" | "TERMINATED";

/** What a machine has beyond its resource. */
interface Machine {
  readonly resource: GcpResource;
  readonly zone: string;
  readonly type: MachineTypeInfo;
  readonly spot: boolean;
  readonly image: ImageInfo;
  scheduling: InstanceBody["scheduling"];
  readonly networkIp: string;
  readonly unreachable: boolean;
  natIp: string | undefined;
  status: Status;
  /** Will come to nothing: takes no room from others. */
  readonly doom: OperationError | undefined;
  isPreempted: boolean;
  startedAtMs: number | undefined;
  terminationAtMs: number | undefined;
  callOff: (() => void) | undefined;
}

/** A request whose every reference has been found. */
interface Admitted {
  readonly zone: string;
  readonly body: InstanceBody;
  readonly type: MachineTypeInfo;
  readonly image: ImageInfo;
  readonly subnet: GcpResource;
  readonly network: string;
}

/** All machines of a project: how they come up, fail, end by timer or preemption, and go with their disks. */
export class Machines {
  private readonly project: Project;
  private readonly machines = new Map<string, Machine>();

  constructor(project: Project) {
    this.project = project;
  }

  insert(context: GcpContext): GcpOperation {
    const { project } = this;
    const { world } = project;
    const admitted = this.admit(context.path["zone"] ?? "", accept(InstanceBody, context.body, badBody));
    this.checkQuota(admitted, 1);
    const machine = this.place(admitted);
    context.call.mutations.push(`created ${pathOf(machine.resource)}`);
    const ms = world.about(machine.doom === undefined ? world.timings.launchMs : world.timings.failureMs);
    world.timeline.after(ms / 2, () => {
      if (machine.status === "PROVISIONING" && machine.doom === undefined) machine.status = "STAGING";
    });
    return project.begin(
      {
        type: "insert",
        scope: machine.resource.scope,
        target: project.target(machine.resource),
        requestId: context.query.get("requestId"),
      },
      ms,
      () => {
        if (machine.doom !== undefined) {
          this.discard(machine);
          throw machine.doom;
        }
        this.start(machine);
      },
    );
  }

  /** Makes `count` machines, or at least `minCount`, or none and an error. */
  bulkInsert(context: GcpContext): GcpOperation {
    const { project } = this;
    const { world } = project;
    const body = accept(BulkInsertBody, context.body, badBody);
    const zone = context.path["zone"] ?? "";
    const count = Number(body.count);
    const min = Number(body.minCount ?? body.count);
    const names = this.bulkNames(body, zone, count);
    const { resourceManagerTags: _none, ...properties } = body.instanceProperties;
    const admitted = names.map((name) => this.admit(zone, { ...properties, name, deletionProtection: false }));
    const [first] = admitted;
    if (first === undefined) throw invalid("resource.count", body.count, "Must be positive.");
    for (const one of admitted)
      project.refuseTaken({ collection: "instances", scope: `zones/${zone}`, name: one.body.name });
    this.checkQuota(first, count);
    const machines = admitted.map((one) => this.place(one));
    const good = machines.filter((m) => m.doom === undefined);
    const enough = good.length >= min;
    context.call.mutations.push(...machines.map((m) => `created ${pathOf(m.resource)}`));
    const operation = project.begin(
      {
        type: "bulkInsert",
        scope: `zones/${zone}`,
        target: { link: project.link(`zones/${zone}/instances`), id: "0" },
        requestId: context.query.get("requestId"),
        group: world.ids.uuid("gcp/group"),
      },
      world.about(enough ? world.timings.launchMs : world.timings.failureMs),
      () => {
        for (const machine of machines)
          if (enough && machine.doom === undefined) this.start(machine);
          else this.discard(machine);
        operation.metadata = {
          perLocationStatus: {
            [`zones/${zone}`]: {
              status: "DONE",
              targetVmCount: count,
              createdVmCount: enough ? good.length : 0,
              failedToCreateVmCount: machines.length - good.length,
              deletedVmCount: enough ? 0 : good.length,
            },
          },
        };
        if (!enough)
          throw machines.find((m) => m.doom !== undefined)?.doom ?? new Error("no machine is short of nothing");
      },
    );
    return operation;
  }

  private bulkNames(body: z.infer<typeof BulkInsertBody>, zone: string, count: number): string[] {
    if (body.perInstanceProperties !== undefined && Object.keys(body.perInstanceProperties).length > 0) {
      const names = Object.keys(body.perInstanceProperties);
      if (names.length !== count)
        throw invalid(
          "resource.perInstanceProperties",
          String(names.length),
          "Must have as many entries as count says.",
        );
      return names;
    }
    const [, stem = "", hashes = ""] = /^([^#]*)(#{1,18})$/.exec(body.namePattern ?? "") ?? [];
    if (hashes === "")
      throw invalid("resource.namePattern", body.namePattern ?? "", "Must end in one sequence of hash characters.");
    const taken = this.project
      .all("instances", `zones/${zone}`)
      .map((i) => (i.name.startsWith(stem) ? Number(i.name.slice(stem.length)) : 0))
      .filter((n) => Number.isInteger(n));
    const from = Math.max(0, ...taken) + 1;
    return Array.from({ length: count }, (_, i) => stem + String(from + i).padStart(hashes.length, "0"));
  }

  /** @throws {CloudError} for the first thing that's missing or doesn't fit together */
  private admit(zone: string, body: InstanceBody): Admitted {
    const { project } = this;
    if (!isZone(zone)) throw invalid("zone", zone, "Unknown zone.");
    const typeName = body.machineType.split("/").at(-1) ?? "";
    const typeZone = /zones\/([^/]+)\//.exec(body.machineType)?.[1];
    const type = machineTypes.get(typeName);
    if (type === undefined || typeZone !== zone)
      throw invalid("resource.machineType", body.machineType, "The URL is malformed.");
    if (!isOffered(type, zone))
      throw invalid(
        "resource.machineType",
        body.machineType,
        `Machine type with name '${typeName}' does not exist in zone '${zone}'.`,
      );
    checkLabels(body.labels);
    const boot = body.disks.filter((d) => d.boot);
    const image = findImage(boot[0]?.initializeParams.sourceImage ?? "");
    if (boot.length !== 1 || image === undefined)
      throw invalid(
        "resource.disks[0].initializeParams.sourceImage",
        boot[0]?.initializeParams.sourceImage ?? "",
        "The referenced image resource cannot be found.",
      );
    if (image.arch !== type.arch)
      throw new CloudError(
        400,
        "badRequest",
        `Requested boot disk architecture (${image.arch}) is not compatible with machine type architecture (${type.arch}).`,
      );
    const asked = Number(boot[0]?.initializeParams.diskSizeGb ?? boot[0]?.diskSizeGb ?? image.diskGb);
    if (asked < image.diskGb)
      throw invalid(
        "resource.disks[0].initializeParams.diskSizeGb",
        String(asked),
        `Requested disk size cannot be smaller than the image size (${image.diskGb} GB)`,
      );
    checkScheduling(body.scheduling, this.project.world.now());
    checkFeatures(body, type);
    const nic = body.networkInterfaces[0];
    const subnet = this.subnetOf(nic?.subnetwork, nic?.network ?? "global/networks/default", regionOf(zone));
    for (const policy of body.resourcePolicies ?? [])
      project.needReferenced("resource.resourcePolicies", policy, "resource_policy");
    return { zone, body, type, image, subnet, network: textAt(subnet.body, "network") };
  }

  private subnetOf(reference: string | undefined, network: string, region: string): GcpResource {
    const { project } = this;
    if (reference !== undefined)
      return project.needReferenced("resource.networkInterfaces[0].subnetwork", reference, "subnetwork");
    const parent = project.needReferenced("resource.networkInterfaces[0].network", network, "network");
    const subnet = project
      .all("subnetworks", `regions/${region}`)
      .find((s) => s.body["network"] === project.link(pathOf(parent)));
    if (subnet === undefined || parent.body["autoCreateSubnetworks"] !== true)
      throw new CloudError(
        400,
        "badRequest",
        `Network interface must specify a subnet if the network resource is in custom subnet mode.`,
      );
    return subnet;
  }

  private checkQuota(admitted: Admitted, count: number): void {
    const { project } = this;
    const region = regionOf(admitted.zone);
    const usage = this.usage(region);
    const spot = isSpot(admitted.body);
    const refuse = (metric: string, limit: number, added: number): void => {
      if ((usage.get(metric) ?? 0) + added <= limit) return;
      throw new CloudError(
        403,
        "quotaExceeded",
        `Quota '${metric}' exceeded.  Limit: ${limit.toFixed(1)} in region ${region}.`,
      );
    };
    const { quotas } = project;
    refuse("INSTANCES", quotas.instances, count);
    if (spot) refuse("PREEMPTIBLE_CPUS", quotas.preemptibleCpus, count * admitted.type.vcpus);
    else refuse(admitted.type.metric, quotas.cpus, count * admitted.type.vcpus);
    if ((admitted.body.networkInterfaces[0]?.accessConfigs ?? []).length > 0)
      refuse("IN_USE_ADDRESSES", quotas.inUseAddresses, count);
  }

  /** Stopped machines use no processors and no ephemeral addresses. */
  usage(region: string): Map<string, number> {
    const usage = new Map<string, number>();
    const add = (metric: string, n: number): void => void usage.set(metric, (usage.get(metric) ?? 0) + n);
    for (const m of this.machines.values()) {
      if (regionOf(m.zone) !== region) continue;
      add("INSTANCES", 1);
      if (m.status === "TERMINATED") continue;
      add(m.spot ? "PREEMPTIBLE_CPUS" : m.type.metric, m.type.vcpus);
      if (m.natIp !== undefined) add("IN_USE_ADDRESSES", 1);
    }
    return usage;
  }

  /** Writes a machine and its disks down, and knows already whether it will come up. */
  private place(admitted: Admitted): Machine {
    const { project } = this;
    const { world } = project;
    const { body, zone, type, image, subnet } = admitted;
    const spot = isSpot(body);
    const kind = { type: type.name, zone, spot };
    project.refuseTaken({ collection: "instances", scope: `zones/${zone}`, name: body.name });
    const fault = world.faults.onMachine({ cloud: "gcp", ...kind });
    const live = [...this.machines.values()]
      .filter((m) => m.doom === undefined && m.status !== "TERMINATED")
      .map((m) => ({ type: m.type.name, zone: m.zone, spot: m.spot }));
    const full = fault?.kind === "stockOut" || project.capacity.left(kind, live) <= 0;
    const doom = full
      ? exhausted(project, zone, type)
      : fault?.kind === "fails"
        ? new OperationError(
            fault.code ?? "INTERNAL_ERROR",
            fault.message ?? "Internal error. Please try again or contact Google Support.",
            { status: 500, message: "INTERNAL SERVER ERROR" },
          )
        : undefined;
    const networkIp = this.freeAddress(subnet);
    const hasNat = (body.networkInterfaces[0]?.accessConfigs ?? []).length > 0;
    const { name, labels, networkInterfaces: _nics, disks: _disks, ...rest } = body;
    const resource = project.add({ collection: "instances", scope: `zones/${zone}`, name, body: {}, labels });
    resource.body = {
      ...rest,
      machineType: project.link(`zones/${zone}/machineTypes/${type.name}`),
      networkInterfaces: [{ network: admitted.network, subnetwork: project.link(pathOf(subnet)) }],
      ...(body.resourcePolicies === undefined
        ? {}
        : { resourcePolicies: body.resourcePolicies.map((p) => project.link(project.pathOf(p))) }),
      disks: this.makeDisks(admitted, resource),
    };
    const machine: Machine = {
      resource,
      zone,
      type,
      spot,
      image,
      scheduling: body.scheduling,
      networkIp,
      unreachable: fault?.kind === "unreachable",
      natIp: hasNat ? world.publicIp("gcp") : undefined,
      status: "PROVISIONING",
      doom,
      isPreempted: false,
      startedAtMs: undefined,
      terminationAtMs: undefined,
      callOff: undefined,
    };
    this.machines.set(resource.id, machine);
    if (fault?.kind === "interrupt")
      world.timeline.after(world.timings.launchMs + fault.afterMs, () => this.preempt(machine));
    return machine;
  }

  /** Disks that aren't scratch are resources of their own. */
  private makeDisks(admitted: Admitted, instance: GcpResource): WireObject[] {
    const { project } = this;
    const { zone, body, image } = admitted;
    return body.disks.map((disk, index): WireObject => {
      const { initializeParams: params } = disk;
      const deviceName =
        disk.deviceName ?? (disk.type === "SCRATCH" ? `local-ssd-${index - 1}` : `persistent-disk-${index}`);
      const sizeGb = disk.type === "SCRATCH" ? "375" : (params.diskSizeGb ?? disk.diskSizeGb ?? String(image.diskGb));
      const common = {
        kind: "compute#attachedDisk",
        type: disk.type,
        mode: disk.mode,
        deviceName,
        index,
        boot: disk.boot,
        autoDelete: disk.type === "SCRATCH" ? true : disk.autoDelete,
        interface: disk.interface ?? "SCSI",
        diskSizeGb: sizeGb,
      };
      if (disk.type === "SCRATCH") return common;
      const name = params.diskName ?? (disk.boot ? instance.name : `${instance.name}-${index}`);
      checkLabels(params.labels);
      const resource = project.add({
        collection: "disks",
        scope: `zones/${zone}`,
        name,
        labels: params.labels,
        body: {
          sizeGb,
          type: project.link(`zones/${zone}/diskTypes/${params.diskType?.split("/").at(-1) ?? "pd-standard"}`),
          ...(disk.boot ? { sourceImage: imageLink(image) } : {}),
        },
      });
      resource.isReady = true;
      return { ...common, source: project.link(pathOf(resource)), architecture: image.arch };
    });
  }

  private freeAddress(subnet: GcpResource): string {
    const range = textAt(subnet.body, "ipCidrRange");
    const [address = "", bits = "20"] = range.split("/");
    const base = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    const taken = new Set([...this.machines.values()].map((m) => m.networkIp));
    for (let n = base + 2; n < base + 2 ** (32 - Number(bits)) - 2; n++) {
      const ip = [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");
      if (!taken.has(ip)) return ip;
    }
    throw new CloudError(400, "badRequest", `IP space of '${this.project.fullName(pathOf(subnet))}' is exhausted.`);
  }

  private start(machine: Machine): void {
    const { world } = this.project;
    if (machine.status !== "PROVISIONING" && machine.status !== "STAGING") return;
    machine.resource.isReady = true;
    machine.status = "RUNNING";
    machine.startedAtMs = world.now();
    this.armTimer(machine);
    if (!machine.unreachable) world.powerOn(this.vmSpec(machine), this.guestOf(machine));
  }

  /** The dead man's switch: Google ends the machine at its time, whoever else is alive. */
  private armTimer(machine: Machine): void {
    const { maxRunDuration, terminationTime, instanceTerminationAction } = machine.scheduling;
    const { world } = this.project;
    const at =
      terminationTime === undefined
        ? maxRunDuration === undefined
          ? undefined
          : world.now() + Number(maxRunDuration.seconds) * 1000
        : Date.parse(terminationTime);
    if (at === undefined) return;
    machine.terminationAtMs = at;
    machine.callOff = world.timeline.after(at - world.now(), () => {
      machine.terminationAtMs = undefined;
      if (instanceTerminationAction === "STOP") this.stop(machine);
      else this.beginDelete(machine, { type: "compute.instances.deletedByTermination", user: "system" });
    });
  }

  private stop(machine: Machine): void {
    const { world } = this.project;
    if (machine.status !== "RUNNING") return;
    machine.callOff?.();
    machine.terminationAtMs = undefined;
    machine.status = "STOPPING";
    world.powerOff(machine.resource.id);
    world.timeline.after(world.about(world.timings.terminateMs), () => {
      if (machine.status !== "STOPPING") return;
      machine.status = "TERMINATED";
      machine.natIp = undefined;
    });
  }

  /** Takes a spot machine back, half a minute after saying so. */
  preempt(machine: Machine): void {
    const { project } = this;
    const { world } = project;
    if (!machine.spot || machine.status !== "RUNNING" || machine.isPreempted) return;
    machine.isPreempted = true;
    project.begin(
      {
        type: "compute.instances.preempted",
        scope: machine.resource.scope,
        target: project.target(machine.resource),
        user: "system",
      },
      preemptionNoticeMs,
      () => undefined,
    );
    world.timeline.after(preemptionNoticeMs, () => {
      if (machine.scheduling.instanceTerminationAction === "DELETE")
        this.beginDelete(machine, { type: "delete", user: "system" });
      else this.stop(machine);
    });
  }

  preemptByName(name: string): void {
    const machine = [...this.machines.values()].find((m) => m.resource.name === name);
    if (machine === undefined) throw new Error(`no instance ${name}`);
    this.preempt(machine);
  }

  delete(context: GcpContext): GcpOperation {
    const { project, path } = context;
    const resource = project.need(`zones/${path["zone"] ?? ""}/instances/${path["instance"] ?? ""}`);
    if (resource.body["deletionProtection"] === true)
      throw new CloudError(
        400,
        "invalid",
        `Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion. Disable deletion protection to delete the resource.'.`,
      );
    const machine = this.machines.get(resource.id)!; // every instance has one
    const operation = remove(context, resource, {
      ms: project.world.about(project.world.timings.terminateMs),
      onGone: () => this.discard(machine),
    });
    this.shutDown(machine);
    return operation;
  }

  private beginDelete(machine: Machine, by: { readonly type: string; readonly user: string }): void {
    const { project } = this;
    const { resource } = machine;
    if (resource.isDeleting) return;
    resource.isDeleting = true;
    this.shutDown(machine);
    project.begin(
      { type: by.type, scope: resource.scope, target: project.target(resource), user: by.user },
      project.world.about(project.world.timings.terminateMs),
      () => this.discard(machine),
    );
  }

  private shutDown(machine: Machine): void {
    machine.callOff?.();
    machine.status = "STOPPING";
    this.project.world.powerOff(machine.resource.id);
  }

  /** Gone, with the disks that go with it. */
  private discard(machine: Machine): void {
    const { project } = this;
    project.world.powerOff(machine.resource.id);
    this.machines.delete(machine.resource.id);
    project.remove(machine.resource);
    const disks = machine.resource.body["disks"];
    for (const disk of Array.isArray(disks) ? (disks as readonly WireObject[]) : []) {
      const source = disk["source"];
      // A machine that never came up leaves no disk behind, whatever autoDelete says.
      if (typeof source !== "string" || (disk["autoDelete"] !== true && machine.doom === undefined)) continue;
      const resource = project.at(project.pathOf(source));
      if (resource !== undefined) project.remove(resource);
    }
  }

  /** The full name of the machine that has a disk. */
  userOfDisk(disk: GcpResource): string | undefined {
    const link = this.project.link(pathOf(disk));
    for (const { resource } of this.machines.values()) {
      const disks = resource.body["disks"];
      if (Array.isArray(disks) && disks.some((d: WireObject) => d["source"] === link))
        return this.project.fullName(pathOf(resource));
    }
    return undefined;
  }

  need(context: GcpContext): Machine {
    const { path } = context;
    const resource = this.project.need(`zones/${path["zone"] ?? ""}/instances/${path["instance"] ?? ""}`);
    return this.machines.get(resource.id)!; // every instance has one
  }

  statusOf(resource: GcpResource): Status {
    return this.machines.get(resource.id)?.status ?? "TERMINATED";
  }

  setScheduling(context: GcpContext): GcpOperation {
    const machine = this.need(context);
    if (machine.status !== "TERMINATED")
      throw new CloudError(
        400,
        "invalid",
        `Invalid resource usage: 'The scheduling of instance '${machine.resource.name}' can only be set while it is TERMINATED.'.`,
      );
    const scheduling = accept(InstanceBody.shape.scheduling, context.body, badBody);
    checkScheduling(scheduling, this.project.world.now());
    return this.change(context, machine.resource, "setScheduling", () => {
      machine.scheduling = scheduling;
    });
  }

  /** A change of one field that takes a moment. */
  change(context: GcpContext, resource: GcpResource, type: string, effect: () => void): GcpOperation {
    const { project } = this;
    context.call.mutations.push(`${type} ${pathOf(resource)}`);
    return project.begin(
      { type, scope: resource.scope, target: project.target(resource), requestId: context.query.get("requestId") },
      project.world.about(project.world.timings.operationMs),
      effect,
    );
  }

  view(resource: GcpResource): WireObject {
    const { project } = this;
    const machine = this.machines.get(resource.id)!; // every instance has one
    const { metadata, tags, scheduling: _scheduling, networkInterfaces, ...body } = resource.body;
    const [nic] = Array.isArray(networkInterfaces) ? (networkInterfaces as readonly WireObject[]) : [];
    const spot = machine.spot;
    return {
      kind: "compute#instance",
      id: resource.id,
      creationTimestamp: new Date(resource.createdAtMs).toISOString(),
      name: resource.name,
      ...body,
      status: machine.status,
      zone: project.link(resource.scope),
      selfLink: project.link(pathOf(resource)),
      cpuPlatform: machine.status === "RUNNING" ? machine.type.platform : "Unknown CPU Platform",
      labels: resource.labels,
      labelFingerprint: fingerprint(resource.labels),
      tags: { fingerprint: fingerprint(tags ?? {}), ...(tags as WireObject | undefined) },
      metadata: {
        kind: "compute#metadata",
        fingerprint: fingerprint(metadata ?? {}),
        ...(metadata as WireObject | undefined),
      },
      fingerprint: fingerprint([resource.id, machine.status]),
      startRestricted: false,
      networkInterfaces: [
        {
          kind: "compute#networkInterface",
          name: "nic0",
          fingerprint: fingerprint(machine.networkIp),
          ...nic,
          networkIP: machine.networkIp,
          stackType: "IPV4_ONLY",
          ...(machine.natIp === undefined
            ? {}
            : {
                accessConfigs: [
                  {
                    kind: "compute#accessConfig",
                    type: "ONE_TO_ONE_NAT",
                    name: "External NAT",
                    natIP: machine.natIp,
                    networkTier: "PREMIUM",
                  },
                ],
              }),
        },
      ],
      scheduling: {
        onHostMaintenance: spot ? "TERMINATE" : "MIGRATE",
        automaticRestart: !spot,
        preemptible: spot,
        ...machine.scheduling,
      },
      ...(machine.startedAtMs === undefined ? {} : { lastStartTimestamp: new Date(machine.startedAtMs).toISOString() }),
      ...(machine.terminationAtMs === undefined
        ? {}
        : {
            resourceStatus: { scheduling: { terminationTimestamp: new Date(machine.terminationAtMs).toISOString() } },
          }),
    };
  }

  private vmSpec(machine: Machine): VmSpec {
    const { resource, type, zone } = machine;
    const attributes = this.attributes(machine);
    return {
      cloud: "gcp",
      id: resource.id,
      name: resource.name,
      region: regionOf(zone),
      zone,
      machineType: type.name,
      arch: type.arch === "ARM64" ? "arm64" : "x86_64",
      vcpus: type.vcpus,
      image: imageLink(machine.image),
      userData: attributes.get("user-data") ?? "",
      sshPublicKeys: (attributes.get("ssh-keys") ?? "")
        .split("\n")
        .filter((l) => l.trim() !== "")
        .map((l) => l.replace(/^[^:\s]+:/, "")),
      privateIp: machine.networkIp,
      publicIp: machine.natIp,
      tags: resource.labels,
    };
  }

  private attributes(machine: Machine): ReadonlyMap<string, string> {
    const metadata = machine.resource.body["metadata"] as
      { readonly items?: readonly { key: string; value: string }[] } | undefined; // as InstanceBody has parsed it
    return new Map((metadata?.items ?? []).map(({ key, value }) => [key, value]));
  }

  private guestOf(machine: Machine): Guest {
    const { world } = this.project;
    return {
      poweredOff: () => {
        world.timeline.settle();
        this.stop(machine);
      },
      metadata: (request) => {
        world.timeline.settle();
        return this.metadata(machine, request);
      },
    };
  }

  private metadata(
    machine: Machine,
    request: { readonly path: string; readonly headers: Readonly<Record<string, string>> },
  ): HttpResponse {
    const headers = { "metadata-flavor": "Google", "content-type": "application/text" };
    if (request.headers["metadata-flavor"] !== "Google") return { status: 403, headers, body: "" };
    const { resource } = machine;
    const values: Readonly<Record<string, string | undefined>> = {
      id: resource.id,
      name: resource.name,
      zone: `projects/${this.project.name}/zones/${machine.zone}`,
      "machine-type": `projects/${this.project.name}/machineTypes/${machine.type.name}`,
      preempted: machine.isPreempted ? "TRUE" : "FALSE",
      "network-interfaces/0/ip": machine.networkIp,
      "network-interfaces/0/access-configs/0/external-ip": machine.natIp,
    };
    const [, key = ""] = /^\/computeMetadata\/v1\/instance\/([^?]+)/.exec(request.path) ?? [];
    const value = key.startsWith("attributes/")
      ? this.attributes(machine).get(key.slice("attributes/".length))
      : values[key];
    return value === undefined ? { status: 404, headers, body: "" } : { status: 200, headers, body: value };
  }
}

const badBody = (message: string): CloudError => new CloudError(400, "invalid", `Invalid value for field ${message}`);

const isSpot = (body: InstanceBody): boolean =>
  body.scheduling.provisioningModel === "SPOT" || body.scheduling.preemptible === true;

const exhausted = (project: Project, zone: string, type: MachineTypeInfo): OperationError =>
  new OperationError(
    "ZONE_RESOURCE_POOL_EXHAUSTED",
    `The zone '${project.fullName(`zones/${zone}`)}' does not have enough resources available to fulfill the request (${type.name}).  Try a different zone, or try again later.`,
    { status: 503, message: "SERVICE UNAVAILABLE" },
  );

export const imageLink = (image: ImageInfo): string =>
  `https://www.googleapis.com/compute/v1/projects/${image.project}/global/images/${image.name}`;

/** By name, or the newest of a family. */
function findImage(reference: string): ImageInfo | undefined {
  const [, project = "", family, name] =
    /projects\/([^/]+)\/global\/images\/(?:family\/([^/]+)|([^/]+))$/.exec(reference) ?? [];
  return images.findLast(
    (i) => i.project === project && (family === undefined ? i.name === name : i.family === family),
  );
}

function checkScheduling(scheduling: InstanceBody["scheduling"], nowMs: number): void {
  const { maxRunDuration, terminationTime, instanceTerminationAction, provisioningModel } = scheduling;
  const limited = maxRunDuration !== undefined || terminationTime !== undefined;
  if (maxRunDuration !== undefined && terminationTime !== undefined)
    throw invalid("resource.scheduling", "", "maxRunDuration and terminationTime cannot both be set.");
  if (limited && instanceTerminationAction === undefined)
    throw invalid("resource.scheduling.instanceTerminationAction", "", "A time limit needs a termination action.");
  if (instanceTerminationAction !== undefined && !limited && provisioningModel !== "SPOT")
    throw invalid(
      "resource.scheduling.instanceTerminationAction",
      instanceTerminationAction,
      "Instance termination action is only for spot and time-limited instances.",
    );
  const seconds = Number(maxRunDuration?.seconds ?? 30);
  if (seconds < 30 || seconds > 120 * 86_400)
    throw invalid("resource.scheduling.maxRunDuration", String(seconds), "Must be between 30 seconds and 120 days.");
  if (terminationTime !== undefined && Date.parse(terminationTime) < nowMs + 30_000)
    throw invalid("resource.scheduling.terminationTime", terminationTime, "Must be at least 30 seconds in the future.");
  if (
    provisioningModel === "SPOT" &&
    (scheduling.automaticRestart === true || scheduling.onHostMaintenance === "MIGRATE")
  )
    throw invalid("resource.scheduling", "SPOT", "Spot instances neither restart nor migrate.");
}

function checkFeatures(body: InstanceBody, type: MachineTypeInfo): void {
  const confidential = body.confidentialInstanceConfig?.confidentialInstanceType;
  if (confidential !== undefined && !type.confidential.includes(confidential))
    throw new CloudError(
      400,
      "badRequest",
      `Confidential VM of type ${confidential} is not supported on machine type ${type.name}.`,
    );
  if (body.disks.some((d) => d.type === "SCRATCH") && !type.localSsd)
    throw new CloudError(
      400,
      "badRequest",
      `[${type.name}, local-ssd] features are not compatible for creating instance.`,
    );
  if ((body.resourcePolicies ?? []).length > 0 && !type.compactPlacement)
    throw new CloudError(
      400,
      "badRequest",
      `Machine type ${type.name} cannot be used with a compact placement policy.`,
    );
}
