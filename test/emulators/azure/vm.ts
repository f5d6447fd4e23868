import type { Guest, VmSpec } from "../common/backend.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { MachineFault } from "../common/faults.ts";
import { jsonResponse } from "../common/http.ts";
import type { HttpResponse } from "../common/http.ts";
import type { WireObject } from "../common/wire.ts";
import { findImageLine, imageVersions, vmSizes, zonesOffering } from "./catalog.ts";
import type { VmSize } from "./catalog.ts";
import { isSame, needReferenced } from "./kind.ts";
import type { ArmKind, Put } from "./kind.ts";
import { nicReserved, readNic, readPublicIp, types } from "./network.ts";
import { placementType } from "./placement.ts";
import { subscriptionId } from "./subscription.ts";
import type { ArmOperation, ArmResource, Subscription } from "./subscription.ts";
import { VmBody } from "./vm-body.ts";

export const diskType = "Microsoft.Compute/disks";
export const computeApiVersion = "2026-03-01";
/** How long before an eviction the scheduled event appears. */
export const evictionNoticeMs = 30_000;

export type PowerState = "starting" | "running" | "stopped" | "deallocated";

/** What a VM has beyond its resource. */
interface Machine {
  power: PowerState;
  creation: ArmOperation | undefined;
  evictionAtMs: number | undefined;
  failure: CloudError | undefined;
  unreachable: boolean;
  poweredAtMs: number | undefined;
}

/** All virtual machines of a subscription: how they come up, fail, are evicted and go, and what they take with them. */
export class VirtualMachines {
  private readonly subscription: Subscription;
  private readonly machines = new Map<string, Machine>();
  private readonly doomed = new Map<string, Exclude<MachineFault, { readonly kind: "stockOut" }>>();
  private readonly reservations = new Map<string, { readonly vmId: string; readonly untilMs: number }>();
  readonly kind: ArmKind;

  constructor(subscription: Subscription) {
    this.subscription = subscription;
    this.kind = {
      type: types.vm,
      apiVersion: computeApiVersion,
      name: /^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9_-])?$/i,
      busyCode: "Conflict",
      body: VmBody,
      check: (put) => this.check(put),
      complete: (put) => this.admit(put),
      immutable: (before, after) => changedProperty(VmBody.parse(before), VmBody.parse(after)),
      properties: (vm) => this.properties(vm),
      beside: (vm) => this.beside(vm),
    };
  }

  vmOf(nic: ArmResource): ArmResource | undefined {
    return this.subscription.ofType(types.vm).find((vm) => this.keepsNic(vm) && isSame(nicIdOf(vm), nic.id));
  }

  reservation(nic: ArmResource): { readonly vmId: string; readonly untilMs: number } | undefined {
    return this.reservations.get(nic.id.toLowerCase());
  }

  /** A VM that failed to be created has lost its NIC, which stays reserved for three minutes. */
  private keepsNic(vm: ArmResource): boolean {
    return this.machines.get(vm.id.toLowerCase())?.failure === undefined;
  }

  private check(put: Put): void {
    const body = VmBody.parse(put.body);
    const { properties } = body;
    const size = sizeOf(put, body);
    checkImage(body, size);
    checkDisks(body, size);
    const nic = needReferenced(put, nicIdIn(body), types.nic);
    const holder = this.vmOf(nic);
    if (holder !== undefined && !isSame(holder.id, put.id))
      throw new CloudError(
        400,
        "NicInUse",
        `Network Interface ${nic.id} is used by existing resource ${holder.id}. In order to delete the network interface, it must be dissociated from the resource.`,
      );
    const held = this.reservation(nic);
    if (held !== undefined && held.untilMs > this.subscription.world.now() && !isSame(held.vmId, put.id))
      throw nicReserved(nic, held.vmId);
    if (properties.proximityPlacementGroup !== undefined)
      needReferenced(put, properties.proximityPlacementGroup.id, placementType);
    if (properties.evictionPolicy !== undefined && properties.priority !== "Spot")
      throw new CloudError(
        400,
        "InvalidParameter",
        "The eviction policy can be set only on Azure Spot Virtual Machines.",
      );
    if (this.isNew(put)) this.checkQuota(put, body, size);
  }

  /** A PUT on a failed VM makes it anew. */
  private isNew(put: Put): boolean {
    return put.existing === undefined || put.existing.state === "Failed";
  }

  /** The last word before a VM is written down: whether there's room, and what its fate is to be. */
  private admit(put: Put): WireObject {
    if (!this.isNew(put)) return put.body;
    const body = VmBody.parse(put.body);
    const { properties, zones } = body;
    const size = sizeOf(put, body);
    const zone = zones?.[0] ?? "";
    const fault = this.subscription.world.faults.onMachine({
      cloud: "azure",
      type: size.name,
      zone: `${put.location ?? ""}/${zone}`,
      spot: properties.priority === "Spot",
    });
    if (fault?.kind === "stockOut") throw skuNotAvailable(size, put.location ?? "", zones);
    this.machines.set(put.id.toLowerCase(), {
      power: "starting",
      creation: undefined,
      evictionAtMs: undefined,
      failure: undefined,
      unreachable: fault?.kind === "unreachable",
      poweredAtMs: undefined,
    });
    if (fault !== undefined) this.doomed.set(put.id.toLowerCase(), fault);
    return put.body;
  }

  private checkQuota(put: Put, body: VmBody, size: VmSize): void {
    const { quotas } = this.subscription;
    const location = put.location ?? "";
    const spot = body.properties.priority === "Spot";
    const usage = this.usage(location, put.id);
    const refuse = (quota: string, limit: number, used: number): void => {
      if (used + size.vcpus <= limit) return;
      throw new CloudError(
        409,
        "OperationNotAllowed",
        `Operation could not be completed as it results in exceeding approved ${quota} quota. Additional details - Deployment Model: Resource Manager, Location: ${location}, Current Limit: ${limit}, Current Usage: ${used}, Additional Required: ${size.vcpus}, (Minimum) New Limit Required: ${used + size.vcpus}. Setup Alerts when Quota reaches threshold. Learn more at https://aka.ms/quotamonitoringalerting . Submit a request for Quota increase.`,
      );
    };
    if (spot) {
      refuse("LowPriorityCores", quotas.lowPriorityCores, usage.lowPriorityCores);
      return;
    }
    refuse(`${size.family} Cores`, quotas.familyCores, usage.families.get(size.family) ?? 0);
    refuse("Total Regional Cores", quotas.regionalCores, usage.cores);
  }

  /** Deallocated machines count too, as do failed ones until they are deleted. */
  usage(location: string, except?: string) {
    const families = new Map<string, number>();
    let cores = 0;
    let lowPriorityCores = 0;
    let machines = 0;
    for (const vm of this.subscription.ofType(types.vm)) {
      if (vm.location !== location || isSame(vm.id, except)) continue;
      const body = VmBody.parse(vm.body);
      const size = vmSizes.get(body.properties.hardwareProfile.vmSize.toLowerCase());
      if (size === undefined) continue;
      machines++;
      if (body.properties.priority === "Spot") lowPriorityCores += size.vcpus;
      else {
        cores += size.vcpus;
        families.set(size.family, (families.get(size.family) ?? 0) + size.vcpus);
      }
    }
    return { families, cores, lowPriorityCores, machines };
  }

  /** Takes a VM that a PUT has just made (or made again after a failure) through its creation. */
  create(vm: ArmResource): ArmOperation {
    const { world } = this.subscription;
    const key = vm.id.toLowerCase();
    const machine = this.machines.get(key)!; // `check` has just made it
    const doom = this.doomed.get(key);
    this.doomed.delete(key);
    this.makeDisks(vm);
    const failure = doom?.kind === "fails" ? failureOf(doom) : this.lackOfRoom(vm);
    const ms = world.about(failure === undefined ? world.timings.launchMs : world.timings.failureMs);
    const operation = this.subscription.begin(ms, () => {
      machine.creation = undefined;
      if (failure !== undefined) {
        vm.state = "Failed";
        machine.failure = failure;
        this.reserveNic(vm);
        throw failure;
      }
      vm.state = "Succeeded";
      this.powerOn(vm);
      if (doom?.kind === "interrupt") world.timeline.after(doom.afterMs, () => this.evict(vm));
    });
    machine.creation = operation;
    return operation;
  }

  private lackOfRoom(vm: ArmResource): CloudError | undefined {
    const body = VmBody.parse(vm.body);
    const zoned = (body.zones ?? []).length > 0;
    const kindOf = (r: ArmResource) => {
      const b = VmBody.parse(r.body);
      return {
        type: b.properties.hardwareProfile.vmSize,
        zone: `${r.location ?? ""}/${b.zones?.[0] ?? ""}`,
        spot: b.properties.priority === "Spot",
      };
    };
    const others = this.subscription
      .ofType(types.vm)
      .filter((r) => r !== vm && r.state !== "Failed" && this.powerOf(r) !== "deallocated");
    if (this.subscription.capacity.left(kindOf(vm), others.map(kindOf)) > 0) return undefined;
    const grouped = body.properties.proximityPlacementGroup !== undefined;
    const code = grouped
      ? zoned
        ? "OverconstrainedZonalAllocationRequest"
        : "OverconstrainedAllocationRequest"
      : zoned
        ? "ZonalAllocationFailed"
        : "AllocationFailed";
    return new CloudError(409, code, allocationMessage(code));
  }

  private makeDisks(vm: ArmResource): void {
    const { storageProfile, proximityPlacementGroup: _ } = VmBody.parse(vm.body).properties;
    const { osDisk, dataDisks } = storageProfile;
    const disks = [
      {
        name: this.diskName(vm, "OsDisk", 1, osDisk.name),
        sizeGb: osDisk.diskSizeGB ?? 30,
        sku: osDisk.managedDisk?.storageAccountType,
        os: true,
      },
      ...dataDisks.map((d) => ({
        name: this.diskName(vm, "DataDisk", d.lun, d.name),
        sizeGb: d.diskSizeGB,
        sku: d.managedDisk?.storageAccountType,
        os: false,
      })),
    ];
    for (const disk of disks) {
      const id = `/subscriptions/${subscriptionId}/resourceGroups/${vm.group}/providers/${diskType}/${disk.name}`;
      if (this.subscription.find(id) !== undefined) continue; // the VM is made again after a failure
      this.subscription.add({
        id,
        type: diskType,
        name: disk.name,
        group: vm.group,
        location: vm.location,
        tags: vm.tags,
        body: {
          sku: { name: disk.sku ?? "Premium_LRS", tier: "Premium" },
          zones: VmBody.parse(vm.body).zones,
          properties: {
            osType: disk.os ? "Linux" : undefined,
            diskSizeGB: disk.sizeGb,
            creationData: { createOption: disk.os ? "FromImage" : "Empty" },
          },
        },
        state: "Succeeded",
        etag: this.subscription.newEtag(),
        guid: this.subscription.world.ids.uuid("azure/guid"),
        createdAtMs: this.subscription.world.now(),
        listedAtMs: this.subscription.listedAt(),
      });
    }
  }

  private diskName(vm: ArmResource, role: string, n: number, given: string | undefined): string {
    return given ?? `${vm.name}_${role}_${n}_${vm.guid.replaceAll("-", "")}`;
  }

  private diskIds(vm: ArmResource): { readonly id: string; readonly deleteOption: "Delete" | "Detach" }[] {
    const { osDisk, dataDisks } = VmBody.parse(vm.body).properties.storageProfile;
    const path = `/subscriptions/${subscriptionId}/resourceGroups/${vm.group}/providers/${diskType}/`;
    return [
      { id: path + this.diskName(vm, "OsDisk", 1, osDisk.name), deleteOption: osDisk.deleteOption },
      ...dataDisks.map((d) => ({
        id: path + this.diskName(vm, "DataDisk", d.lun, d.name),
        deleteOption: d.deleteOption,
      })),
    ];
  }

  /** Which VM a disk belongs to. */
  ownerOfDisk(disk: ArmResource): ArmResource | undefined {
    return this.subscription.ofType(types.vm).find((vm) => this.diskIds(vm).some((d) => isSame(d.id, disk.id)));
  }

  powerOf(vm: ArmResource): PowerState {
    return this.machines.get(vm.id.toLowerCase())?.power ?? "deallocated";
  }

  setPower(vm: ArmResource, power: "running" | "stopped" | "deallocated"): void {
    const machine = this.machines.get(vm.id.toLowerCase());
    if (machine === undefined) return;
    if (power === "running") this.powerOn(vm);
    else {
      machine.power = power;
      this.subscription.world.powerOff(vm.id.toLowerCase());
    }
  }

  private powerOn(vm: ArmResource): void {
    const machine = this.machines.get(vm.id.toLowerCase());
    if (machine === undefined) return;
    machine.power = "running";
    machine.poweredAtMs = this.subscription.world.now();
    if (!machine.unreachable) this.subscription.world.powerOn(this.vmSpec(vm), this.guestOf(vm));
  }

  /** Begins the deletion; a creation under way is called off. */
  beginDelete(vm: ArmResource): ArmOperation {
    const { world } = this.subscription;
    const machine = this.machines.get(vm.id.toLowerCase());
    if (machine?.creation?.status === "InProgress")
      this.subscription.end(machine.creation, "Canceled", {
        code: "OperationPreempted",
        message: "Operation execution has been preempted by a more recent operation.",
      });
    vm.state = "Deleting";
    world.powerOff(vm.id.toLowerCase());
    return this.subscription.begin(world.about(world.timings.terminateMs), () => this.remove(vm));
  }

  /** What goes with a VM: NIC, its public address, disks, each as its deleteOption says. */
  remove(vm: ArmResource): void {
    const { subscription } = this;
    if (subscription.find(vm.id) !== vm) return;
    const hadNic = this.keepsNic(vm);
    subscription.remove(vm);
    subscription.world.powerOff(vm.id.toLowerCase());
    for (const { id, deleteOption } of this.diskIds(vm)) {
      const disk = subscription.find(id);
      if (disk !== undefined && deleteOption === "Delete") subscription.remove(disk);
    }
    const reference = VmBody.parse(vm.body).properties.networkProfile.networkInterfaces[0];
    const nic = subscription.find(reference?.id ?? "");
    if (nic !== undefined && reference?.properties?.deleteOption === "Delete") {
      const address = readNic(nic).ipConfigurations[0]?.properties.publicIPAddress;
      const ip = subscription.find(address?.id ?? "");
      subscription.remove(nic);
      const option =
        address?.properties?.deleteOption ?? (ip === undefined ? undefined : readPublicIp(ip).properties.deleteOption);
      if (ip !== undefined && option === "Delete") subscription.remove(ip);
    } else if (hadNic) this.reserveNic(vm);
    this.machines.delete(vm.id.toLowerCase());
  }

  private reserveNic(vm: ArmResource): void {
    const { world } = this.subscription;
    this.reservations.set(nicIdOf(vm).toLowerCase(), {
      vmId: vm.id,
      untilMs: world.now() + world.timings.nicReservedMs,
    });
  }

  /** Announces an eviction and carries it out thirty seconds later, as the VM's policy says. */
  evict(vm: ArmResource): void {
    const machine = this.machines.get(vm.id.toLowerCase());
    const { properties } = VmBody.parse(vm.body);
    const { world } = this.subscription;
    if (machine === undefined || properties.priority !== "Spot" || machine.evictionAtMs !== undefined) return;
    machine.evictionAtMs = world.now() + evictionNoticeMs;
    world.timeline.after(evictionNoticeMs, () => {
      if (this.subscription.find(vm.id) !== vm || vm.state === "Deleting") return;
      machine.evictionAtMs = undefined;
      if (properties.evictionPolicy === "Delete") this.beginDelete(vm);
      else this.setPower(vm, "deallocated");
    });
  }

  instanceView(vm: ArmResource): WireObject {
    const machine = this.machines.get(vm.id.toLowerCase());
    const time = new Date(machine?.poweredAtMs ?? vm.createdAtMs).toISOString();
    const state = vm.state.toLowerCase();
    return {
      computerName: VmBody.parse(vm.body).properties.osProfile.computerName,
      osName: machine?.power === "running" ? "ubuntu" : undefined,
      hyperVGeneration: "V2",
      disks: this.diskIds(vm).map(({ id }) => ({
        name: id.split("/").at(-1) ?? "",
        statuses: [
          { code: "ProvisioningState/succeeded", level: "Info", displayStatus: "Provisioning succeeded", time },
        ],
      })),
      statuses: [
        {
          // A failure's own code follows: `ProvisioningState/failed/AllocationFailed`.
          code: `ProvisioningState/${state}${machine?.failure === undefined ? "" : `/${machine.failure.code}`}`,
          level: vm.state === "Failed" ? "Error" : "Info",
          displayStatus: `Provisioning ${state}`,
          message: machine?.failure?.message,
          time,
        },
        ...(machine === undefined || machine.failure !== undefined
          ? []
          : [{ code: `PowerState/${machine.power}`, level: "Info", displayStatus: `VM ${machine.power}` }]),
      ],
    };
  }

  private properties(vm: ArmResource): WireObject {
    const { properties } = VmBody.parse(vm.body);
    const { imageReference, osDisk, dataDisks, diskControllerType } = properties.storageProfile;
    const [osId, ...dataIds] = this.diskIds(vm);
    const { customData: _customData, ...osProfile } = properties.osProfile;
    const { userData: _userData, ...shown } = properties;
    return {
      ...shown,
      provisioningState: vm.state,
      vmId: vm.guid,
      timeCreated: new Date(vm.createdAtMs).toISOString(),
      storageProfile: {
        imageReference: {
          ...imageReference,
          exactVersion: imageReference.version === "latest" ? imageVersions.at(-1) : imageReference.version,
        },
        osDisk: {
          ...osDisk,
          osType: "Linux",
          name: osId?.id.split("/").at(-1),
          diskSizeGB: osDisk.diskSizeGB ?? 30,
          managedDisk: { storageAccountType: "Premium_LRS", ...osDisk.managedDisk, id: osId?.id },
        },
        dataDisks: dataDisks.map((d, i) => ({
          ...d,
          name: dataIds[i]?.id.split("/").at(-1),
          managedDisk: { storageAccountType: "Premium_LRS", ...d.managedDisk, id: dataIds[i]?.id },
        })),
        diskControllerType: diskControllerType ?? "SCSI",
      },
      osProfile: { ...osProfile, secrets: [], allowExtensionOperations: true, requireGuestProvisionSignal: true },
    };
  }

  private beside(vm: ArmResource): WireObject {
    const { zones, identity } = VmBody.parse(vm.body);
    if (identity === undefined) return { zones };
    const assigned = Object.keys(identity.userAssignedIdentities ?? {});
    const uuid = (salt: string): string => `${salt}${vm.guid.slice(salt.length)}`;
    return {
      zones,
      identity: {
        type: identity.type,
        ...(identity.type.startsWith("SystemAssigned")
          ? { principalId: uuid("0000aaaa"), tenantId: "00000000-9999-8888-7777-666666666666" }
          : {}),
        ...(assigned.length === 0
          ? {}
          : {
              userAssignedIdentities: Object.fromEntries(
                assigned.map((id) => [id, { principalId: uuid("0000bbbb"), clientId: uuid("0000cccc") }]),
              ),
            }),
      },
    };
  }

  private vmSpec(vm: ArmResource): VmSpec {
    const { properties, zones } = VmBody.parse(vm.body);
    const size = vmSizes.get(properties.hardwareProfile.vmSize.toLowerCase())!; // `check` has found it
    const { imageReference: image } = properties.storageProfile;
    const nic = this.subscription.find(nicIdOf(vm));
    const config = nic === undefined ? undefined : readNic(nic).ipConfigurations[0]?.properties;
    const ip = this.subscription.find(config?.publicIPAddress?.id ?? "");
    return {
      cloud: "azure",
      id: vm.id.toLowerCase(),
      name: vm.name,
      region: vm.location ?? "",
      zone: zones?.[0] ?? "",
      machineType: size.name,
      arch: size.arch === "Arm64" ? "arm64" : "x86_64",
      vcpus: size.vcpus,
      image: `${image.publisher}:${image.offer}:${image.sku}:${image.version}`,
      userData: Buffer.from(properties.osProfile.customData ?? "", "base64").toString("utf8"),
      sshPublicKeys: (properties.osProfile.linuxConfiguration?.ssh?.publicKeys ?? []).map((k) => k.keyData),
      privateIp: config?.privateIPAddress ?? "",
      publicIp: ip === undefined ? undefined : readPublicIp(ip).properties.ipAddress,
      tags: vm.tags ?? {},
    };
  }

  private guestOf(vm: ArmResource): Guest {
    const { world } = this.subscription;
    return {
      // A machine that shuts itself down is "stopped": still there, still billed.
      poweredOff: () => {
        world.timeline.settle();
        if (this.powerOf(vm) === "running") this.setPower(vm, "stopped");
      },
      metadata: (request) => {
        world.timeline.settle();
        return this.metadata(vm, request);
      },
    };
  }

  private metadata(
    vm: ArmResource,
    request: { readonly path: string; readonly headers: Readonly<Record<string, string>> },
  ): HttpResponse {
    const url = new URL(request.path, "http://169.254.169.254");
    if (request.headers["metadata"]?.toLowerCase() !== "true")
      return jsonResponse(400, { error: "Bad request. Required metadata header not specified" });
    const at = this.machines.get(vm.id.toLowerCase())?.evictionAtMs;
    switch (url.pathname) {
      case "/metadata/scheduledevents":
        return jsonResponse(200, {
          DocumentIncarnation: at === undefined ? 1 : 2,
          Events:
            at === undefined
              ? []
              : [
                  {
                    EventId: vm.guid,
                    EventStatus: "Scheduled",
                    EventType: "Preempt",
                    ResourceType: "VirtualMachine",
                    Resources: [vm.name],
                    NotBefore: new Date(at).toUTCString(),
                    Description: "",
                    EventSource: "Platform",
                    DurationInSeconds: -1,
                  },
                ],
        });
      case "/metadata/instance": {
        const { properties, zones } = VmBody.parse(vm.body);
        return jsonResponse(200, {
          compute: {
            vmId: vm.guid,
            name: vm.name,
            resourceId: vm.id,
            resourceGroupName: vm.group,
            subscriptionId,
            location: vm.location,
            zone: zones?.[0] ?? "",
            vmSize: properties.hardwareProfile.vmSize,
            priority: properties.priority ?? "",
            tagsList: Object.entries(vm.tags ?? {}).map(([name, value]) => ({ name, value })),
          },
        });
      }
      default:
        return jsonResponse(404, { error: "Not found" });
    }
  }
}

const failureOf = (doom: { readonly code?: string; readonly message?: string }): CloudError => {
  const code = doom.code ?? "AllocationFailed";
  return new CloudError(409, code, doom.message ?? allocationMessage(code));
};

const nicIdIn = (body: VmBody): string => body.properties.networkProfile.networkInterfaces[0]?.id ?? "";
const nicIdOf = (vm: ArmResource): string => nicIdIn(VmBody.parse(vm.body));

function sizeOf(put: Put, body: VmBody): VmSize {
  const { vmSize } = body.properties.hardwareProfile;
  const size = vmSizes.get(vmSize.toLowerCase());
  if (size === undefined)
    throw new CloudError(
      400,
      "InvalidParameter",
      `The value ${vmSize} provided for the VM size is not valid. The valid sizes in the current region are: ${[...vmSizes.values()].map((s) => s.name).join(",")}.`,
    );
  const offering = zonesOffering(size, put.location ?? "");
  const zone = body.zones?.[0];
  if (offering === undefined || (zone !== undefined && !offering.includes(zone)))
    throw skuNotAvailable(size, put.location ?? "", body.zones);
  return size;
}

const skuNotAvailable = (size: VmSize, location: string, zones: readonly string[] | undefined): CloudError => {
  const where =
    zones?.[0] === undefined ? `location '${location}'` : `location '${location}' zones '${zones.join(",")}'`;
  return new CloudError(
    409,
    "SkuNotAvailable",
    `The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: ${size.name}' is currently not available in ${where}. Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details.`,
  );
};

function checkImage(body: VmBody, size: VmSize): void {
  const { imageReference: image } = body.properties.storageProfile;
  const line = findImageLine(image.publisher, image.offer, image.sku);
  if (line === undefined || (image.version !== "latest" && !imageVersions.includes(image.version)))
    throw new CloudError(
      404,
      "PlatformImageNotFound",
      `The platform image '${image.publisher}:${image.offer}:${image.sku}:${image.version}' is not available. Verify that all fields in the storage profile are correct.`,
    );
  if (line.arch !== size.arch)
    throw new CloudError(
      400,
      "BadRequest",
      `Cannot create a VM of size '${size.name}' because this VM size only supports a CPU Architecture of '${size.arch}', but an image or disk with CPU Architecture '${line.arch}' was given. Please check that the CPU Architecture of the image or disk is compatible with that of the VM size.`,
    );
  const confidential = body.properties.securityProfile?.securityType === "ConfidentialVM";
  if (confidential !== (size.confidential !== undefined) || (confidential && !line.confidential))
    throw new CloudError(
      400,
      "BadRequest",
      `The VM size '${size.name}', its security type and its image do not agree on confidential computing.`,
    );
}

function checkDisks(body: VmBody, size: VmSize): void {
  const { osDisk, dataDisks } = body.properties.storageProfile;
  const premium = [osDisk, ...dataDisks].find(
    ({ managedDisk }) => managedDisk?.storageAccountType?.startsWith("Premium") === true,
  );
  if (premium === undefined || size.premiumDisks) return;
  throw new CloudError(
    400,
    "InvalidParameter",
    `Requested operation cannot be performed because the VM size ${size.name} does not support the storage account type ${premium.managedDisk?.storageAccountType ?? ""} of disk '${premium.name ?? ""}'. Consider updating the VM to a size that supports Premium storage.`,
  );
}

const allocationMessage = (code: string): string =>
  ({
    AllocationFailed:
      "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
    ZonalAllocationFailed:
      "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
    OSProvisioningTimedOut:
      "OS Provisioning for VM did not finish in the allotted time. The VM may still finish provisioning successfully. Please check provisioning state later.",
  })[code] ??
  `Allocation failed (${code}). VM(s) with the constraints given could not be allocated, because they are too restrictive.`;

/** Of everything in a VM's body only tags may change here; a resize is not emulated. */
function changedProperty(before: VmBody, after: VmBody): string | undefined {
  const paths = (value: unknown, path: string): [string, string][] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => paths(inner, path === "" ? key : `${path}.${key}`))
      : [[path, JSON.stringify(value)]];
  const old = new Map(paths(before, ""));
  const now = new Map(paths(after, ""));
  const changed = [...new Set([...old.keys(), ...now.keys()])].find((path) => old.get(path) !== now.get(path));
  return changed?.replace(/^properties\./, "");
}
